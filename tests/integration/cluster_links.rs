//! Networks between the nodes of a group, hangs, GPUs, blocks: engines that stand still, and who notices.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{Action, Cause, Change, ClusterStart, Rendezvous};

use super::cluster_harness::{Lab, NEVER, at, lose, pod, seconds, spec};

fn link(node: usize, left: f64, repair: Option<u64>) -> Action {
    Action::LoseLink { node, left, repair: repair.map(seconds) }
}

fn networks(lab: &Lab) -> Vec<(f64, f64)> {
    let told = lab.changes.iter().filter_map(|(time, change)| match change {
        Change::Network { slot: 0, left } => Some((time.as_secs_f64(), *left)),
        _ => None,
    });
    told.collect()
}

fn frozen(lab: &Lab) -> (Vec<f64>, Vec<f64>) {
    (
        lab.changed(0, |change| *change == Change::EngineFrozen { slot: 0 }),
        lab.changed(0, |change| *change == Change::EngineThawed { slot: 0 }),
    )
}

#[test]
fn a_slow_link_slows_its_group() {
    let mut lab = Lab::new(spec(3, 1, 2));
    lab.act(100, link(1, 0.5, Some(1000))).act(200, link(0, 0.25, None)).run(3000);
    assert_eq!(networks(&lab), [(100.0, 0.5), (200.0, 0.25), (1100.0, 0.25)]);
    lab.act(3000, Action::RepairNode { node: 0 });
    assert_eq!(networks(&lab).last(), Some(&(3000.0, 1.0)));
    assert!(lab.serves(0) && lab.downs(0).is_empty());
    // A node without pods: nobody is slower.
    let mut lab = Lab::new(spec(3, 1, 2));
    lab.act(100, link(2, 0.5, None)).run(1000);
    assert_eq!(networks(&lab), []);
}

#[test]
fn an_engine_starts_on_the_network_it_finds() {
    let mut cold = spec(2, 1, 2);
    cold.start = ClusterStart::Nodes;
    let mut lab = Lab::new(cold);
    lab.act(10, link(1, 0.5, None)).run(1000);
    let up = lab.changes.iter().find(|(_, change)| matches!(change, Change::EngineUp { .. }));
    assert!(matches!(up, Some((_, Change::EngineUp { network: 0.5, .. }))));
}

#[test]
fn a_dead_link_hangs_a_spanning_group_until_it_is_mended_or_noticed() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, link(1, 0.0, Some(200))).run(3000);
    assert_eq!(frozen(&lab), (vec![100.0], vec![300.0]));
    assert_eq!(lab.downs(0), NEVER);
    let account = lab.close(3000);
    assert_eq!(account.starts().len(), 0, "nothing was started");
    let [down] = account.downtimes()[..] else { panic!("one stretch") };
    assert_eq!((down.from, down.to, down.cause), (at(100), at(300), Some(Cause::Nic)));
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, link(1, 0.0, Some(350))).run(3000);
    assert_eq!(frozen(&lab), (vec![100.0], vec![]));
    assert_eq!(lab.downs(0), [400.0], "the RPC time-out");
    // The group is recreated meanwhile and finds the link dead, until it is mended.
    assert!(lab.serves(0) && lab.ups(0)[0] > 450.0);
    assert_eq!(lab.close(3000).starts()[0].recovery.unwrap().cause, Cause::Nic);
}

#[test]
fn a_group_within_a_node_needs_no_network() {
    let mut spec = spec(2, 1, 2);
    spec.deployments[0].gpus_per_pod = 4;
    let mut lab = Lab::new(spec);
    assert_eq!(lab.node_of(0), Some(vec![0, 0]));
    lab.act(100, link(0, 0.0, None)).run(3000);
    assert_eq!(frozen(&lab), (vec![], vec![]));
    assert!(lab.serves(0));
}

#[test]
fn where_the_only_network_dies_the_node_is_lost() {
    let mut spec = spec(2, 1, 2);
    spec.pools[0].one_network = true;
    let mut lab = Lab::new(spec);
    lab.act(100, link(1, 0.0, Some(1000))).run(3000);
    assert_eq!(lab.downs(0), [120.0], "Ray misses the node");
    assert_eq!(lab.times("node_not_ready", "n-1"), [150.0]);
    let account = lab.close(3000);
    assert_eq!(account.faults()[&Cause::Nic], 1);
    assert_eq!(account.starts()[0].recovery.unwrap().cause, Cause::Nic);
}

#[test]
fn a_mended_link_frees_only_what_it_held() {
    // An engine that hangs besides goes on hanging.
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, link(1, 0.0, Some(100))).act(150, Action::Hang(pod(0, 0))).run(1000);
    assert_eq!(frozen(&lab), (vec![100.0], vec![]));
    assert_eq!(lab.downs(0), [400.0]);
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, Action::Hang(pod(0, 0))).act(150, link(1, 0.0, Some(100))).run(1000);
    assert_eq!(lab.downs(0), [400.0]);
    // And so does one that lost a node, whose link is of no use to it.
    let mut lab = Lab::new(spec(3, 1, 2));
    lab.act(100, link(1, 0.0, Some(55))).act(140, lose(1)).run(1000);
    assert_eq!(frozen(&lab).1, NEVER);
    assert_eq!(lab.downs(0), [160.0]);
    // Two dead links: both must be mended.
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, link(0, 0.0, Some(50))).act(120, link(1, 0.0, Some(100))).run(1000);
    assert_eq!(frozen(&lab), (vec![100.0], vec![220.0]));
}

#[test]
fn a_start_waits_for_the_link_and_then_goes_on() {
    // Containers run at 55 s, processes have met at 65, weights are there at 85, code at 125, graphs at 133 s.
    for broken in [20, 60, 70, 100, 130] {
        let mut cold = spec(2, 1, 2);
        cold.start = ClusterStart::Nodes;
        let mut lab = Lab::new(cold);
        lab.act(broken, link(1, 0.0, Some(150))).run(1000);
        assert!(lab.serves(0), "broken at {broken} s:\n{}", lab.story(0));
        let up = lab.ups(0)[0];
        let mended = (broken + 150) as f64;
        assert!(up >= mended && up <= mended + 68.0, "broken at {broken} s, up at {up} s");
        assert_eq!(lab.times("pod_restarting", "m-0"), NEVER);
    }
}

#[test]
fn a_hang_is_noticed_by_the_rpc_time_out_only() {
    for executor in [Rendezvous::Ray, Rendezvous::Mp] {
        let mut spec = spec(2, 1, 2);
        spec.deployments[0].rendezvous = executor;
        let mut lab = Lab::new(spec);
        lab.act(100, Action::Hang(pod(0, 1))).run(1000);
        assert_eq!((frozen(&lab).0, lab.downs(0)), (vec![100.0], vec![400.0]));
        // The probe stays green: requests are sent there all the time.
        let away = lab.changed(0, |change| *change == Change::Endpoint { slot: 0, ready: false });
        assert_eq!(away, [400.0]);
        let account = lab.close(1000);
        let recovery = account.starts()[0].recovery.unwrap();
        assert_eq!(
            (recovery.cause, recovery.fault, recovery.detection),
            (Cause::Hang, at(100), seconds(300))
        );
    }
}

#[test]
fn a_gpu_takes_its_process_along() {
    // (executor, node, when it is noticed)
    for (executor, node, down) in
        [(Rendezvous::Ray, 0, 100.0), (Rendezvous::Ray, 1, 105.0), (Rendezvous::Mp, 1, 100.0)]
    {
        let mut spec = spec(4, 1, 2);
        spec.deployments[0].rendezvous = executor;
        let mut lab = Lab::new(spec);
        lab.act(100, Action::LoseGpu { node, gpu: 0, repair: None }).run(1000);
        assert_eq!(lab.downs(0), [down], "{executor:?} {node}");
        assert!(lab.serves(0) && !lab.node_of(0).unwrap().contains(&node));
        let account = lab.close(1000);
        assert_eq!(account.starts()[0].recovery.unwrap().cause, Cause::Gpu);
    }
}

#[test]
fn a_lost_block_takes_its_groups_along() {
    let mut spec = spec(4, 2, 2);
    spec.pools[0].blocks = 2;
    spec.deployments[0].exclusive = Some(towtank::kubernetes::TopologyKey::Block);
    let mut lab = Lab::new(spec);
    lab.act(100, Action::LoseBlock { pool: 0, block: 1, repair: Some(seconds(500)) }).run(3000);
    assert!(lab.serves(0) && lab.serves(1));
    assert_eq!(lab.downs(0), NEVER);
    assert_eq!(lab.downs(1), [600.0], "its processes end when the machines are back");
    assert_eq!(lab.close(3000).starts()[0].recovery.unwrap().cause, Cause::Block);
}

#[test]
fn what_is_dead_cannot_fail_again() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, lose(0)).act(110, Action::StopContainer(pod(0, 0))).act(111, Action::Hang(pod(0, 1)));
    lab.act(112, link(0, 0.0, None))
        .act(113, Action::LoseGpu { node: 0, gpu: 0, repair: None })
        .act(114, lose(0));
    lab.run(1000);
    assert_eq!(lab.downs(0), [160.0]);
    assert_eq!(lab.times("pod_restarting", "m-0"), NEVER);
    assert_eq!(lab.close(1000).faults().values().sum::<u64>(), 1);
}
