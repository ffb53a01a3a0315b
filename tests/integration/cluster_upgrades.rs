//! Drains, disruption budgets, upgrades of a pool.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{
    Action, Cause, ClusterSpec, DisruptionBudget, IntOrPercent, RestartPolicy, UpgradeSpec, UpgradeStrategy,
};

use super::cluster_harness::{Lab, NEVER, at, lose, lose_for, pod, seconds, spec};

fn surge(max_surge: u32, max_unavailable: u32, soak_s: u64) -> UpgradeSpec {
    UpgradeSpec { strategy: UpgradeStrategy::Surge, max_surge, max_unavailable, soak: seconds(soak_s) }
}

fn blue_green(soak_s: u64) -> UpgradeSpec {
    UpgradeSpec {
        strategy: UpgradeStrategy::BlueGreen,
        max_surge: 0,
        max_unavailable: 0,
        soak: seconds(soak_s),
    }
}

fn with(mut spec: ClusterSpec, upgrade: UpgradeSpec) -> ClusterSpec {
    spec.pools[0].upgrade = upgrade;
    spec.pools[0].surge_nodes = upgrade.max_surge;
    spec
}

fn upgraded(spec: ClusterSpec, upgrade: UpgradeSpec, until: u64) -> Lab {
    let mut lab = Lab::new(with(spec, upgrade));
    lab.act(100, Action::Upgrade { pool: 0, upgrade }).run(until);
    lab
}

#[test]
fn a_drain_cordons_and_evicts() {
    let mut lab = Lab::new(spec(3, 1, 2));
    lab.act(100, Action::Drain { node: 1 }).run(1000);
    assert_eq!(lab.times("node_cordoned", "n-1"), [100.0]);
    assert_eq!(lab.times("pod_evicted", "m-0-1"), [100.0]);
    // The first eviction recreates the whole group.
    assert_eq!(lab.times("group_recreating", "m-0"), [100.0]);
    assert_eq!(lab.node_of(0), Some(vec![0, 2]));
    let account = lab.close(1000);
    assert_eq!(account.starts()[0].recovery.unwrap().cause, Cause::Drain);
}

#[test]
fn a_budget_blocks_evictions_which_ask_again_every_five_seconds() {
    // Two groups of one pod, one of which must stay.
    let mut spec = spec(3, 2, 1);
    spec.deployments[0].budget = Some(DisruptionBudget::MinAvailable(IntOrPercent::Int(1)));
    let mut lab = Lab::new(spec.clone());
    lab.act(100, Action::DeletePod(pod(0, 0))).act(102, Action::Drain { node: 1 }).run(1000);
    // Group 0 is back on its node at 181 s; the drain asked at 102, 107, ... s.
    assert_eq!(lab.times("pod_evicted", "m-1"), [182.0]);
    let mut lab = Lab::new(spec.clone());
    lab.act(100, Action::DeletePod(pod(0, 0))).act(102, Action::Evict(pod(1, 0))).run(1000);
    assert_eq!(lab.times("pod_evicted", "m-1"), [182.0]);
    assert_eq!(lab.times("node_cordoned", "n-1"), NEVER);
    // Nothing may go: a drain waits for ever.
    spec.deployments[0].budget = Some(DisruptionBudget::MaxUnavailable(IntOrPercent::Int(0)));
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Drain { node: 1 }).run(20_000);
    assert_eq!(lab.times("pod_evicted", "m-1"), NEVER);
}

#[test]
fn a_pod_that_has_not_started_is_protected_by_no_budget() {
    let mut spec = spec(2, 2, 1);
    spec.start = towtank::kubernetes::ClusterStart::Nodes;
    spec.deployments[0].budget = Some(DisruptionBudget::MaxUnavailable(IntOrPercent::Int(0)));
    let mut lab = Lab::new(spec);
    lab.act(10, Action::Evict(pod(0, 0))).run(1000);
    assert_eq!(lab.times("pod_evicted", "m-0"), [10.0]);
}

#[test]
fn a_pod_that_is_not_ready_goes_if_enough_others_are() {
    let mut spec = spec(3, 3, 1);
    spec.deployments[0].budget = Some(DisruptionBudget::MinAvailable(IntOrPercent::Int(2)));
    spec.deployments[0].restart_policy = RestartPolicy::None;
    let mut lab = Lab::new(spec.clone());
    // Group 0 restarts in place until 151 s. The other two are enough: it goes, and they do not.
    lab.act(100, Action::StopContainer(pod(0, 0)));
    lab.act(120, Action::Evict(pod(0, 0))).act(121, Action::Evict(pod(1, 0))).run(130);
    assert_eq!(lab.times("pod_evicted", "m-0"), [120.0]);
    assert_eq!(lab.times("pod_evicted", "m-1"), NEVER);
    // With one of them away it stays.
    spec.deployments[0].budget = Some(DisruptionBudget::MinAvailable(IntOrPercent::Int(3)));
    let mut lab = Lab::new(spec);
    lab.act(100, Action::StopContainer(pod(0, 0))).act(120, Action::Evict(pod(0, 0))).run(140);
    assert_eq!(lab.times("pod_evicted", "m-0"), NEVER);
}

#[test]
fn an_upgrade_asks_no_budget_after_an_hour() {
    let mut spec = spec(1, 1, 1);
    spec.deployments[0].budget = Some(DisruptionBudget::MaxUnavailable(IntOrPercent::Int(0)));
    let lab = upgraded(spec, surge(1, 0, 0), 10_000);
    // The new node is ready at 200 s.
    assert_eq!(lab.times("node_cordoned", "n-0"), [200.0]);
    assert_eq!(lab.times("pod_evicted", "m-0"), [3800.0]);
    assert_eq!(lab.times("upgrade_finished", "n"), [3830.0]);
    assert_eq!(lab.node_of(0), Some(vec![1]));
}

#[test]
fn a_surge_upgrade_goes_node_by_node() {
    let lab = upgraded(spec(2, 2, 1), surge(1, 0, 50), 3000);
    // New node 100 s, old pod 30 s, soak 50 s; then the next.
    assert_eq!(lab.times("node_ready", "n-2"), [200.0]);
    assert_eq!(lab.times("node_removed", "n-0"), [230.0]);
    assert_eq!(lab.times("node_provisioned", "n-0"), [280.0], "the next new node takes the free name");
    assert_eq!(lab.times("node_removed", "n-1"), [410.0]);
    assert_eq!(lab.times("upgrade_finished", "n"), [460.0]);
    assert!(lab.serves(0) && lab.serves(1));
}

#[test]
fn surge_lanes_work_side_by_side() {
    let lab = upgraded(spec(4, 4, 1), surge(2, 0, 0), 3000);
    let removed: Vec<f64> = (0..4).map(|node| lab.times("node_removed", &format!("n-{node}"))[0]).collect();
    assert_eq!(removed, [230.0, 230.0, 360.0, 360.0]);
    // Without surge the old node itself is made anew: minutes with a group less.
    let mut lab = upgraded(spec(1, 1, 1), surge(0, 1, 0), 3000);
    assert_eq!(lab.times("pod_evicted", "m-0"), [100.0]);
    assert_eq!(lab.times("node_removed", "n-0"), [130.0]);
    assert_eq!(lab.times("node_ready", "n-0"), [0.0, 230.0]);
    let account = lab.close(3000);
    let [down] = account.downtimes()[..] else { panic!("one stretch without a group") };
    // 230 + 50 + 5 s, the probes at 300 s + 10 k, the engine 42 s after its container.
    assert_eq!((down.from, down.to, down.cause), (at(100), at(330), Some(Cause::Upgrade)));
}

#[test]
fn a_group_over_two_nodes_is_away_twice() {
    let mut lab = upgraded(spec(2, 1, 2), surge(1, 0, 0), 3000);
    let account = lab.close(3000);
    // Leader and worker move one after the other; in between the group is ready for no time.
    let faults: Vec<_> = account.starts().iter().map(|start| start.recovery.unwrap()).collect();
    assert_eq!(faults.iter().map(|recovery| recovery.fault).collect::<Vec<_>>(), [at(200), at(330)]);
    assert!(faults.iter().all(|recovery| recovery.cause == Cause::Upgrade));
    assert!(lab.serves(0));
}

#[test]
fn more_surge_than_there_is_room_for_waits() {
    let mut lab = Lab::new(spec(2, 2, 1));
    lab.act(100, Action::Upgrade { pool: 0, upgrade: surge(5, 0, 0) }).run(3000);
    // There is one name more than nodes: the second node is drained once the first has gone.
    assert!(lab.times("pod_evicted", "m-1")[0] > lab.times("node_removed", "n-0")[0]);
    assert_eq!(lab.times("upgrade_finished", "n").len(), 1);
    assert!(lab.serves(0) && lab.serves(1));
}

#[test]
fn blue_green_makes_all_new_nodes_first_and_keeps_the_old_ones_for_the_soak() {
    let mut lab = upgraded(spec(2, 2, 1), blue_green(1000), 5000);
    assert_eq!((lab.times("node_ready", "n-2"), lab.times("node_ready", "n-3")), (vec![200.0], vec![200.0]));
    // All old ones are cordoned, then drained one after the other.
    assert_eq!(
        (lab.times("pod_evicted", "m-0"), lab.times("pod_evicted", "m-1")),
        (vec![200.0], vec![230.0])
    );
    assert_eq!(
        (lab.times("node_removed", "n-0"), lab.times("node_removed", "n-1")),
        (vec![1260.0], vec![1260.0])
    );
    assert_eq!(lab.times("upgrade_finished", "n"), [1260.0]);
    lab.close(5000);
    assert_eq!(lab.paid(), 2.0 * 5000.0 + 2.0 * 1160.0);
    assert!(lab.serves(0) && lab.serves(1));
}

#[test]
fn an_upgrade_gets_over_the_loss_of_a_node_that_it_drains() {
    let mut spec = spec(2, 2, 1);
    spec.deployments[0].budget = Some(DisruptionBudget::MinAvailable(IntOrPercent::Int(2)));
    spec.deployments[0].restart_policy = RestartPolicy::None;
    let mut lab = Lab::new(with(spec.clone(), surge(1, 0, 0)));
    // The drain of n-0 waits for the budget when its machine reboots; the cordon and the drain outlive that.
    lab.act(100, Action::Upgrade { pool: 0, upgrade: surge(1, 0, 0) }).act(500, lose_for(0, 20)).run(20_000);
    assert_eq!(lab.times("upgrade_finished", "n").len(), 1, "{}", lab.story(100));
    assert!(lab.serves(0) && lab.serves(1));
    // Or dies: auto-repair makes a new one, which is replaced like any other.
    spec.pools[0].repair_after = Some(seconds(600));
    let mut lab = Lab::new(with(spec, surge(1, 0, 0)));
    lab.act(100, Action::Upgrade { pool: 0, upgrade: surge(1, 0, 0) }).act(500, lose(0)).run(20_000);
    assert_eq!(lab.times("upgrade_finished", "n").len(), 1, "{}", lab.story(100));
    assert!(lab.serves(0) && lab.serves(1));
}

#[test]
fn an_upgrade_of_a_scaling_pool_adds_no_more_nodes_than_its_surge() {
    let mut spec = with(spec(2, 2, 1), surge(1, 0, 0));
    spec.pools[0].min = 1;
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Upgrade { pool: 0, upgrade: surge(1, 0, 0) }).run(5000);
    assert!(lab.serves(0) && lab.serves(1), "{}", lab.story(100));
    lab.close(5000);
    assert!(lab.paid() <= 2.0 * 5000.0 + 500.0, "{}", lab.paid());
}
