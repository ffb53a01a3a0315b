//! Nodes come and go: capacity that is scarce, pools that scale, lifetimes, windows, spot, maintenance.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{Action, CapacityWait, Cause, Cluster, ClusterSpec, ClusterStart, Unplaced};

use super::cluster_harness::{Lab, NEVER, at, lose_for, pod, seconds, spec};

fn scale(replicas: u32) -> Action {
    Action::Scale { deployment: 0, replicas, by_hpa: false }
}

/// Groups of one pod on a pool of {min, max} nodes.
fn scaling(min: u32, max: u32, replicas: u32) -> ClusterSpec {
    let mut spec = spec(max, replicas, 1);
    spec.pools[0].min = min;
    spec.deployments[0].slots = 8;
    spec
}

#[test]
fn capacity_comes_in_minutes_in_hours_or_never() {
    let within = |points: &[(u64, f64)]| CapacityWait {
        within: points.iter().map(|(s, chance)| (seconds(*s), *chance)).collect(),
    };
    let run = |wait| {
        let mut spec = spec(1, 1, 1);
        spec.start = ClusterStart::Nothing;
        spec.pools[0].wait = wait;
        let mut lab = Lab::new(spec);
        lab.run(100_000);
        let ready = lab.times("node_ready", "n-0");
        lab.close(100_000);
        (ready.first().copied(), lab.paid())
    };
    assert_eq!(run(CapacityWait::default()), (Some(100.0), 100_000.0));
    // Certain within ten minutes, and within ten hours: the same quantile of either.
    let (minutes, paid) = run(within(&[(600, 1.0)]));
    let (hours, _) = run(within(&[(36_000, 1.0)]));
    let wait = minutes.unwrap() - 100.0;
    assert!(wait > 0.0 && wait < 600.0);
    assert!((hours.unwrap() - 100.0 - 60.0 * wait).abs() < 1e-3);
    assert!((paid - (100_000.0 - wait)).abs() < 1e-6, "a machine costs from when it was found");
    let (never, paid) = run(within(&[(600, 1e-9)]));
    assert_eq!((never, paid), (None, 0.0));
}

#[test]
fn equal_seeds_find_capacity_at_equal_times() {
    let run = |seed| {
        let mut spec = spec(2, 2, 1);
        spec.start = ClusterStart::Nothing;
        spec.seed = seed;
        spec.pools[0].wait = CapacityWait { within: vec![(seconds(6000), 1.0)] };
        let mut lab = Lab::new(spec);
        lab.run(10_000);
        (lab.times("node_ready", "n-0"), lab.times("node_ready", "n-1"))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert_ne!(run(1).0, run(1).1, "each node waits for itself");
}

#[test]
fn a_pool_grows_for_pods_that_wait_and_shrinks_when_nodes_are_empty() {
    let mut lab = Lab::new(scaling(1, 3, 1));
    lab.act(100, scale(3)).run(1000);
    assert_eq!(
        (lab.times("node_provisioned", "n-1"), lab.times("node_provisioned", "n-2")),
        (vec![100.0], vec![100.0])
    );
    assert_eq!(lab.times("pod_scheduled", "m-2"), [200.0]);
    lab.act(1000, scale(1)).run(3000);
    // The pods are gone at 1030 s, the nodes ten minutes later.
    for node in ["n-1", "n-2"] {
        assert_eq!(lab.times("node_removed", node), [1630.0]);
    }
    assert_eq!(lab.times("node_removed", "n-0"), NEVER);
    lab.close(3000);
    assert_eq!(lab.paid(), 3000.0 + 2.0 * (1630.0 - 100.0));
    let hours = lab.hours(1);
    assert_eq!(hours.starting.as_secs_f64(), 100.0 + 97.0, "the machine, then a start without the image");
    assert_eq!(hours.spare.as_secs_f64(), 600.0);
}

#[test]
fn a_pool_asks_for_no_more_than_it_may_and_no_more_than_pods_need() {
    let mut lab = Lab::new(scaling(1, 3, 1));
    lab.act(100, scale(6)).run(2000);
    let asked = lab.events().filter(|event| event.kind == "node_provisioned").count();
    assert_eq!(asked, 2);
    // Two pods of four GPUs fit into one node that is on its way.
    let mut spec = scaling(1, 3, 2);
    spec.deployments[0].gpus_per_pod = 4;
    let mut lab = Lab::new(spec);
    lab.act(100, scale(4)).run(2000);
    let asked = lab.events().filter(|event| event.kind == "node_provisioned").count();
    assert_eq!(asked, 1);
}

#[test]
fn an_empty_node_that_the_pool_needed_goes_when_it_does_not_any_more() {
    // n-0 is empty and broken for pods of eight GPUs: the pool's smallest size keeps it until n-1 comes.
    let mut spec = scaling(1, 2, 0);
    spec.deployments[0].replicas = 0;
    let mut lab = Lab::new(spec);
    lab.act(10, Action::LoseGpu { node: 0, gpu: 0, repair: None }).run(2000);
    assert_eq!(lab.times("node_removed", "n-0"), NEVER);
    lab.act(2000, scale(1)).run(4000);
    assert_eq!(lab.times("node_removed", "n-0"), [2600.0]);
    assert!(lab.serves(0));
}

#[test]
fn a_scaling_pool_from_nothing() {
    let mut spec = scaling(0, 2, 2);
    spec.start = ClusterStart::Nothing;
    let mut lab = Lab::new(spec.clone());
    lab.run(1000);
    assert!(lab.serves(0) && lab.serves(1));
    // Warm, it has the nodes that it needs.
    spec.start = ClusterStart::Warm;
    let mut lab = Lab::new(spec);
    lab.run(100);
    assert!(lab.serves(0) && lab.serves(1));
    lab.close(100);
    assert_eq!(lab.paid(), 200.0);
}

#[test]
fn flex_start_nodes_end_after_seven_days() {
    let week = 7 * 86_400;
    let mut spec = spec(1, 1, 1);
    spec.pools[0].lifetime = Some(spec.control_plane.flex_start_lifetime);
    let mut lab = Lab::new(spec);
    // What befalls the machine meanwhile does not prolong its life.
    lab.act(1000, lose_for(0, 20))
        .act(100_000, Action::Maintain { node: 0, notice: seconds(60), away: seconds(60) });
    lab.run(week + 1000);
    let week = week as f64;
    assert_eq!(lab.times("node_expired", "n-0"), [week - 30.0], "the warning");
    assert_eq!(lab.times("pod_deleting", "m-0").last(), Some(&(week - 30.0)));
    assert_eq!(lab.times("node_removed", "n-0"), [week]);
    assert_eq!(lab.times("node_provisioned", "n-0"), [week]);
    assert_eq!(lab.times("node_ready", "n-0"), [0.0, week + 100.0]);
    assert!(lab.serves(0));
    let account = lab.close(7 * 86_400 + 1000);
    assert_eq!(account.starts().last().unwrap().recovery.unwrap().cause, Cause::Expiry);
}

#[test]
fn a_reservation_has_nodes_in_its_window_only() {
    let mut spec = spec(2, 1, 1);
    spec.start = ClusterStart::Nodes;
    spec.pools[0].window = Some((at(1000), Some(at(5000))));
    let mut lab = Lab::new(spec.clone());
    lab.run(10_000);
    assert_eq!(lab.times("node_ready", "n-0"), [1100.0]);
    assert_eq!(lab.times("pod_pending", "m-0")[0], 0.0);
    assert_eq!(lab.times("node_expired", "n-0"), [4970.0]);
    assert_eq!(lab.times("node_removed", "n-0"), [5000.0]);
    assert_eq!(lab.times("node_removed", "n-1"), [5000.0]);
    assert!(!lab.serves(0));
    lab.close(10_000);
    assert_eq!(lab.paid(), 2.0 * 4000.0);
    // A scaling pool does not grow outside of it either.
    let mut scaling = spec.clone();
    scaling.pools[0].min = 0;
    let mut lab = Lab::new(scaling);
    lab.run(10_000);
    let asked: Vec<f64> = lab.times("node_provisioned", "n-0");
    assert_eq!(asked, [1000.0]);
    // Warm from the first second, it must be open then.
    spec.start = ClusterStart::Warm;
    assert!(matches!(Cluster::new(spec.clone()), Err(Unplaced::PoolFull { .. })));
    spec.pools[0].window = Some((at(0), None));
    assert!(Cluster::new(spec).is_ok());
}

#[test]
fn a_spot_node_gives_its_pods_fifteen_seconds_and_itself_thirty() {
    let mut spec = spec(2, 1, 1);
    spec.pools[0].spot = true;
    spec.pools[0].min = 1;
    spec.pools[0].max = 1;
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Preempt { node: 0 }).run(1000);
    assert_eq!(lab.times("pod_deleting", "m-0"), [100.0]);
    assert_eq!(lab.times("pod_deleted", "m-0"), [115.0], "of its 30 s of grace");
    assert_eq!(lab.times("node_removed", "n-0"), [130.0]);
    assert_eq!(lab.times("node_provisioned", "n-0"), [130.0]);
    assert_eq!(lab.times("pod_scheduled", "m-0"), [230.0]);
    // A new machine: 50 + 5 + 10 + 20 s, code from the volume 4 s, 8 s; probes at 300 s + 10 k.
    assert_eq!(lab.time_after(200, "group_ready", "m-0"), 330.0);
    let account = lab.close(1000);
    assert_eq!(account.faults()[&Cause::Spot], 1);
    let recovery = account.starts()[0].recovery.unwrap();
    assert_eq!((recovery.cause, recovery.fault), (Cause::Spot, at(100)));
    assert_eq!(account.downtimes()[0].cause, Some(Cause::Spot));
}

#[test]
fn a_spot_node_goes_whatever_becomes_of_it_after_the_warning() {
    let mut lab = Lab::new(spec(1, 1, 1));
    lab.act(100, Action::Preempt { node: 0 }).act(110, super::cluster_harness::lose(0)).run(1000);
    assert_eq!(lab.times("node_removed", "n-0"), [130.0]);
    assert!(lab.serves(0));
    // A second warning is none.
    let mut lab = Lab::new(spec(1, 1, 1));
    lab.act(100, Action::Preempt { node: 0 }).act(110, Action::Preempt { node: 0 }).run(1000);
    assert_eq!(lab.times("node_removed", "n-0"), [130.0]);
}

#[test]
fn pods_that_need_longer_than_their_share_are_cut_off() {
    // Draining takes as long as the shutdown lets it: 15 s.
    let mut spec = spec(1, 1, 1);
    spec.deployments[0].on_sigterm = towtank::kubernetes::OnSigterm::Drain;
    spec.deployments[0].grace = seconds(3600);
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Preempt { node: 0 }).run(1000);
    assert_eq!(lab.downs(0), [115.0]);
}

#[test]
fn a_maintained_host_stops_after_its_warning_and_comes_back() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, Action::Maintain { node: 1, notice: seconds(3600), away: seconds(600) }).run(10_000);
    assert_eq!(lab.times("node_maintenance", "n-1"), [100.0]);
    assert_eq!(lab.times("node_not_ready", "n-1"), [3700.0]);
    assert_eq!(lab.times("pod_deleted", "m-0-1")[0], 3700.0, "its machine said so: nobody is stuck");
    assert_eq!(lab.times("node_repaired", "n-1"), [4300.0]);
    assert!(lab.serves(0));
    assert_eq!(lab.node_of(0), Some(vec![0, 1]));
    let account = lab.close(10_000);
    let recovery = account.starts()[0].recovery.unwrap();
    assert_eq!((recovery.cause, recovery.fault), (Cause::Maintenance, at(3700)));
    assert_eq!(lab.hours(1).down.as_secs_f64(), 600.0);
    // A spare node shortens it.
    let mut lab = Lab::new(spec(3, 1, 2));
    lab.act(100, Action::Maintain { node: 1, notice: seconds(3600), away: seconds(600) }).run(10_000);
    assert_eq!(lab.node_of(0), Some(vec![0, 2]));
}

#[test]
fn a_reboot_during_the_warning_does_not_put_maintenance_off() {
    let mut lab = Lab::new(spec(1, 1, 1));
    lab.act(100, Action::Maintain { node: 0, notice: seconds(3600), away: seconds(600) });
    lab.act(500, lose_for(0, 20)).run(10_000);
    assert_eq!(lab.times("node_not_ready", "n-0"), [3700.0]);
    assert_eq!(lab.times("node_repaired", "n-0"), [520.0, 4300.0]);
    assert!(lab.serves(0));
}

#[test]
fn a_host_that_is_away_when_its_warning_is_over_takes_pods_once_it_is_back() {
    let mut lab = Lab::new(spec(1, 1, 1));
    lab.act(100, Action::Maintain { node: 0, notice: seconds(60), away: seconds(600) });
    lab.act(120, lose_for(0, 1000)).run(10_000);
    assert_eq!(lab.times("fault_missed", "n-0"), [160.0]);
    assert_eq!(lab.times("node_repaired", "n-0"), [1120.0]);
    assert!(lab.serves(0));
}

#[test]
fn two_groups_on_one_node_go_together() {
    let mut spec = spec(1, 2, 1);
    spec.deployments[0].gpus_per_pod = 4;
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Preempt { node: 0 }).run(1000);
    assert!(lab.serves(0) && lab.serves(1));
    assert_eq!((lab.downs(0), lab.downs(1)), (vec![115.0], vec![115.0]));
    lab.act(1000, Action::DeletePod(pod(1, 0))).run(2000);
    assert_eq!(lab.downs(0).len(), 1);
}
