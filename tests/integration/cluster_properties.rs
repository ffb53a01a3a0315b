//! Random clusters, to which random things happen.
//!
//! Debug builds look at the cluster's own invariants after every change (`cluster/audit.rs`): no pod without its group, no
//! GPU held by a pod that is gone, no engine without its pods. The laboratory looks at what it tells.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use proptest::prelude::*;
use towtank::kubernetes::{
    Action, Cause, ClusterSpec, ClusterStart, CompileCacheArg, DeleteRaceArg, DisruptionBudget, IntOrPercent,
    MaxUnavailableGate, OnSigterm, PodName, Rendezvous, RestartPolicy, RollingUpdate, TopologyKey,
    UpgradeSpec, UpgradeStrategy,
};

use super::cluster_harness::{Lab, at, deployment, pool, seconds, spec};

/// Something happens so many seconds after what happened before: which sort, and two numbers to choose by.
type Step = (u8, u16, u16, u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![0..3_u64, 0..120_u64, 0..1500_u64];
    prop::collection::vec((0..16_u8, any::<u16>(), any::<u16>(), gap), 0..20)
}

/// Choices for one deployment.
type Choice = ((u32, u32, u32, u8), (u8, u8, u8, u8), (bool, bool, u8, u8));

fn choices() -> impl Strategy<Value = Choice> {
    (
        (0..4_u32, 1..4_u32, 1..3_u32, any::<u8>()),
        (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()),
        (any::<bool>(), any::<bool>(), any::<u8>(), any::<u8>()),
    )
}

fn specs() -> impl Strategy<Value = ClusterSpec> {
    let deployments = prop::collection::vec(choices(), 1..3);
    (deployments, 0..4_u32, (any::<u8>(), any::<u8>(), any::<u8>()), any::<bool>()).prop_map(build)
}

/// A cluster in which everything that is asked for has room.
fn build(
    (choices, spare, (start, gate, pools), gang): (Vec<Choice>, u32, (u8, u8, u8), bool),
) -> ClusterSpec {
    let mut made = spec(1, 0, 1);
    made.deployments.clear();
    let mut nodes = spare;
    for (index, choice) in choices.into_iter().enumerate() {
        let ((replicas, size, per_node, strategy), (policy, sigterm, executor, cache), flags) = choice;
        let (leader_ready, budget, probe, partition) = flags;
        let mut one = deployment(replicas, size);
        one.name = ["m", "b"][index].into();
        one.gpus_per_pod = 8 / per_node;
        let (unavailable, surge) =
            [(1, 0), (0, 1), (1, 1), (2, 0), (2, 2), (0, 2)][usize::from(strategy % 6)];
        one.strategy = RollingUpdate {
            partition: u32::from(partition % 8 == 0),
            max_unavailable: IntOrPercent::Int(unavailable),
            max_surge: IntOrPercent::Int(surge),
        };
        // Somebody may ask for up to three groups.
        one.slots = 3 + surge;
        nodes += ((3 + surge) * size).div_ceil(per_node);
        one.restart_policy = [
            RestartPolicy::RecreateGroupOnPodRestart,
            RestartPolicy::RecreateGroupAfterStart,
            RestartPolicy::None,
        ][usize::from(policy % 3)];
        one.on_sigterm = [OnSigterm::Ignored, OnSigterm::Abort, OnSigterm::Drain][usize::from(sigterm % 3)];
        one.rendezvous = if size == 1 {
            Rendezvous::None
        } else {
            [Rendezvous::Ray, Rendezvous::Mp][usize::from(executor % 2)]
        };
        one.compile_cache =
            [CompileCacheArg::None, CompileCacheArg::Node, CompileCacheArg::Volume][usize::from(cache % 3)];
        if cache & 8 > 0 {
            one.startup.weight_load = None;
        }
        one.leader_ready = leader_ready;
        one.budget = budget.then_some(DisruptionBudget::MaxUnavailable(IntOrPercent::Int(1)));
        one.probe.successes = u32::from(probe % 3);
        made.deployments.push(one);
    }
    let nodes = nodes.max(1);
    made.start = [ClusterStart::Warm, ClusterStart::Nodes, ClusterStart::Nothing][usize::from(start % 3)];
    made.gate = [MaxUnavailableGate::Off, MaxUnavailableGate::V1_35, MaxUnavailableGate::V1_37]
        [usize::from(gate % 3)];
    made.delete_race = if gate & 8 > 0 { DeleteRaceArg::Legacy } else { DeleteRaceArg::Ideal };
    made.gang_scheduling = gang;
    let mut nodes = pool(nodes);
    nodes.repair_after = (pools & 1 > 0).then_some(seconds(600));
    nodes.node_ready = seconds(if pools & 2 > 0 { 100 } else { 30 });
    nodes.min = if pools & 4 > 0 { nodes.max } else { nodes.max / 2 };
    nodes.one_network = pools & 8 > 0;
    nodes.blocks = 1 + u32::from(pools & 32 > 0);
    nodes.storage.cache = pools & 64 > 0;
    nodes.storage.volume = (pools & 128 > 0).then_some(1e9);
    nodes.upgrade = UpgradeSpec {
        strategy: if start & 8 > 0 { UpgradeStrategy::BlueGreen } else { UpgradeStrategy::Surge },
        max_surge: u32::from(start >> 4 & 1),
        max_unavailable: 1,
        soak: seconds(20),
    };
    nodes.surge_nodes = nodes.upgrade.max_surge;
    made.pools = vec![nodes];
    made
}

fn action(spec: &ClusterSpec, lab: &Lab, (kind, a, b, _): Step) -> Action {
    let (a, b) = (usize::from(a), u32::from(b));
    let node = a % lab.cluster.nodes();
    let deployment = a % spec.deployments.len();
    let of = &spec.deployments[deployment];
    let pod = PodName { deployment, group: b % of.slots, worker: b / 7 % of.size };
    let repair = (b % 4 > 0).then(|| seconds(u64::from(b % 900)));
    match kind {
        0 => Action::LoseNode { node, repair, cause: Cause::Node },
        1 => Action::LoseGpu { node, gpu: b % 8, repair },
        2 => Action::LoseLink { node, left: f64::from(b % 3) / 2.0, repair },
        3 | 4 => Action::StopContainer(pod),
        5 => Action::Hang(pod),
        6 | 7 => Action::DeletePod(pod),
        8 => Action::Preempt { node },
        9 => {
            Action::Maintain { node, notice: seconds(u64::from(b % 100)), away: seconds(u64::from(b % 700)) }
        }
        10 => Action::LoseBlock { pool: 0, block: b % spec.pools[0].blocks, repair },
        11 => Action::Rollout { deployment },
        12 => Action::Scale { deployment, replicas: b % 4, by_hpa: b % 2 > 0 },
        13 => Action::Drain { node },
        14 => Action::Upgrade { pool: 0, upgrade: spec.pools[0].upgrade },
        _ if b % 3 == 0 => Action::OutOfService { node },
        _ if b % 3 == 1 => Action::Evict(pod),
        _ => Action::RepairNode { node },
    }
}

/// Lets the steps happen; the time after the last, and the times of rollouts.
fn live(lab: &mut Lab, spec: &ClusterSpec, steps: &[Step], from: u64) -> (u64, Vec<u64>) {
    let mut now = from;
    let mut rollouts = Vec::new();
    for step in steps {
        now += step.3;
        lab.run(now);
        let action = action(spec, lab, *step);
        if matches!(action, Action::Rollout { .. }) {
            rollouts.push(now);
        }
        lab.act(now, action);
    }
    (now, rollouts)
}

/// Paid seconds of all nodes as the events tell them: from a machine that was found, here at once, to its end.
fn told_to_be_paid(lab: &Lab, end: u64) -> f64 {
    let mut since = std::collections::BTreeMap::new();
    let mut paid = 0.0;
    for event in lab.events() {
        match event.kind {
            "node_provisioned" | "node_ready" => {
                since.entry(event.object.clone()).or_insert(event.at);
            }
            "node_removed" => {
                let gone = since.remove(&event.object);
                let from = gone.unwrap_or_else(|| panic!("{event:?}:\n{}", lab.story(0)));
                paid += (event.at - from).as_secs_f64();
            }
            _ => {}
        }
    }
    paid + since.values().map(|from| (at(end) - *from).as_secs_f64()).sum::<f64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_happens_the_books_are_right(spec in specs(), steps in steps()) {
        let mut lab = Lab::new(spec.clone());
        let (end, rollouts) = live(&mut lab, &spec, &steps, 0);
        lab.close(end);
        let paid = lab.paid();
        prop_assert!((paid - told_to_be_paid(&lab, end)).abs() < 1e-6, "{} {}", paid, told_to_be_paid(&lab, end));
        let account = lab.cluster.account();
        prop_assert!((0.0..=1.0).contains(&account.capacity_fraction()));
        for pair in account.downtimes().windows(2) {
            prop_assert!(pair[0].to <= pair[1].from && pair[0].from < pair[0].to);
        }
        for deployment in &spec.deployments {
            let written: Vec<_> = lab.events()
                .filter(|event| event.kind == "leader_statefulset" && event.object == deployment.name)
                .map(|event| (event.at, event.fields["partition"].as_u64().unwrap())).collect();
            for pair in written.windows(2) {
                let new_template = rollouts.iter().any(|s| at(*s) == pair[1].0);
                prop_assert!(new_template || pair[1].1 <= pair[0].1, "{:?}", written);
            }
        }
    }

    #[test]
    fn groups_come_back_once_everything_is_mended(spec in specs(), steps in steps()) {
        let mut lab = Lab::new(spec.clone());
        let (end, _) = live(&mut lab, &spec, &steps, 0);
        let rest = end + 2000;
        for node in 0..lab.cluster.nodes() {
            lab.act(rest, Action::RepairNode { node });
        }
        // A single process that hangs is noticed by nobody: somebody has to.
        for (deployment, spec) in spec.deployments.iter().enumerate().filter(|(_, spec)| spec.size == 1) {
            for group in 0..spec.slots {
                lab.act(rest, Action::StopContainer(PodName { deployment, group, worker: 0 }));
            }
        }
        lab.run(rest + 100_000);
        let mut slot = 0;
        for (index, deployment) in spec.deployments.iter().enumerate() {
            for group in 0..lab.cluster.replicas(index) {
                let serves = lab.serves(slot + group as usize);
                prop_assert!(serves, "{}-{group} does not:\n{}", deployment.name, lab.story(0));
            }
            slot += deployment.slots as usize;
        }
        prop_assert!(!lab.cluster.has_outage());
    }

    #[test]
    fn equal_clusters_go_on_alike(spec in specs(), before in steps(), after in steps()) {
        let run = || {
            let mut lab = Lab::new(spec.clone());
            let (now, _) = live(&mut lab, &spec, &before, 0);
            (lab, now)
        };
        let (mut first, now) = run();
        let (mut second, _) = run();
        prop_assert_eq!(&first.changes, &second.changes);
        let mut copy = first.clone();
        for lab in [&mut first, &mut second, &mut copy] {
            let (end, _) = live(lab, &spec, &after, now);
            lab.run(end + 5000);
        }
        prop_assert_eq!(&first.changes, &second.changes);
        prop_assert_eq!(&first.changes, &copy.changes);
    }

    #[test]
    fn time_may_pass_in_pieces(spec in specs(), steps in steps(), cuts in prop::collection::vec(0..20_000_u64, 0..20)) {
        // Asked for at instants at which nothing happens, a cluster does nothing.
        let mut whole = Lab::new(spec.clone());
        let (end, _) = live(&mut whole, &spec, &steps, 0);
        let mut cut = Lab::new(spec.clone());
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut now = 0;
        for step in &steps {
            let next = now + step.3;
            for s in cuts.iter().filter(|s| (now..next).contains(s)) {
                cut.run(*s);
                let time = cut.now;
                prop_assert!(cut.cluster.advance(time).is_empty());
            }
            now = next;
            cut.run(now);
            let action = action(&spec, &cut, *step);
            cut.act(now, action);
        }
        prop_assert_eq!(now, end);
        prop_assert_eq!(&whole.changes, &cut.changes);
    }

    #[test]
    fn exclusive_groups_never_share_a_block(spec in specs(), steps in steps()) {
        let mut spec = spec;
        spec.start = ClusterStart::Nodes;
        spec.gang_scheduling = false;
        spec.pools[0].blocks = 3;
        for deployment in &mut spec.deployments {
            deployment.exclusive = Some(TopologyKey::Block);
        }
        let mut lab = Lab::new(spec.clone());
        let mut now = 0;
        for step in &steps {
            now += step.3;
            lab.run(now);
            let action = action(&spec, &lab, *step);
            lab.act(now, action);
            let mut owner = std::collections::BTreeMap::new();
            for slot in 0..lab.cluster.slots() {
                for node in lab.node_of(slot).into_iter().flatten() {
                    let block = node % 3;
                    prop_assert_eq!(*owner.entry(block).or_insert(slot), slot, "{}", lab.story(0));
                }
            }
        }
    }
}
