//! Which node a pod gets, or waits for: topology, gangs, cordons, taints, broken GPUs.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{
    Action, Cluster, ClusterSpec, ClusterStart, SubGroupType, Taint, Toleration, TolerationOperator,
    TopologyKey, Unplaced,
};

use super::cluster_harness::{Lab, NEVER, deployment, pod, seconds, spec};

fn cold(nodes: u32, replicas: u32, size: u32) -> ClusterSpec {
    ClusterSpec { start: ClusterStart::Nodes, ..spec(nodes, replicas, size) }
}

/// Four nodes in two blocks: 0 and 2, 1 and 3.
fn blocks(mut spec: ClusterSpec) -> ClusterSpec {
    spec.pools[0].blocks = 2;
    spec
}

#[test]
fn groups_have_their_domains_to_themselves() {
    for start in [ClusterStart::Warm, ClusterStart::Nodes] {
        let mut plain = blocks(cold(4, 2, 2));
        plain.start = start;
        let mut exclusive = plain.clone();
        exclusive.deployments[0].exclusive = Some(TopologyKey::Block);
        let places = |spec: ClusterSpec| {
            let mut lab = Lab::new(spec);
            lab.run(1000);
            (lab.node_of(0).unwrap(), lab.node_of(1).unwrap())
        };
        let by_leaders =
            if start == ClusterStart::Warm { (vec![0, 1], vec![2, 3]) } else { (vec![0, 2], vec![1, 3]) };
        assert_eq!(places(plain), by_leaders, "pods in the order of their creation");
        assert_eq!(places(exclusive), (vec![0, 2], vec![1, 3]));
    }
}

#[test]
fn workers_are_made_when_their_leader_has_a_node_and_follow_it() {
    // C16
    let mut exclusive = blocks(cold(4, 2, 2));
    exclusive.deployments[0].exclusive = Some(TopologyKey::Block);
    exclusive.pools[0].min = 4;
    let mut lab = Lab::new(ClusterSpec { start: ClusterStart::Nothing, ..exclusive });
    lab.run(1000);
    assert_eq!(lab.times("pod_created", "m-0"), [0.0]);
    assert_eq!(lab.times("pod_created", "m-0-1"), [100.0], "nodes are ready");
    assert_eq!(lab.node_of(1), Some(vec![1, 3]));
}

#[test]
fn a_block_that_is_too_small_is_waited_for_for_ever() {
    let mut spec = blocks(cold(4, 1, 3));
    spec.deployments[0].exclusive = Some(TopologyKey::Block);
    let mut lab = Lab::new(spec.clone());
    lab.run(10_000);
    assert_eq!(lab.times("pod_scheduled", "m-0-1").len(), lab.times("pod_created", "m-0-1").len());
    assert_eq!(lab.times("pod_scheduled", "m-0-2"), NEVER, "nodes of the other block are free");
    // From the first second it is an error.
    spec.start = ClusterStart::Warm;
    let Err(Unplaced::NoDomain { pod, .. }) = Cluster::new(spec) else { panic!("placed") };
    assert_eq!(pod, "m-0-2");
}

#[test]
fn a_leader_keeps_out_of_domains_of_others() {
    // One block, two groups: the second leader waits although nodes are free, until the first group is gone.
    let mut spec = cold(4, 2, 2);
    spec.deployments[0].exclusive = Some(TopologyKey::Block);
    let mut lab = Lab::new(spec);
    lab.run(500);
    assert_eq!(lab.times("pod_scheduled", "m-1"), NEVER);
    assert!(lab.serves(0));
}

#[test]
fn subgroups_stay_together() {
    let mut spec = blocks(cold(4, 1, 4));
    spec.deployments[0].subgroups = Some((2, SubGroupType::LeaderWorker));
    spec.deployments[0].subgroup_exclusive = Some(TopologyKey::Block);
    let mut lab = Lab::new(spec.clone());
    lab.run(1000);
    assert_eq!(lab.node_of(0), Some(vec![0, 2, 1, 3]), "leader and worker 1, workers 2 and 3");
    // A leader that is in no subgroup stands where it likes.
    let mut spec = blocks(cold(6, 1, 5));
    spec.deployments[0].subgroups = Some((2, SubGroupType::LeaderExcluded));
    spec.deployments[0].subgroup_exclusive = Some(TopologyKey::Block);
    let mut lab = Lab::new(spec);
    lab.run(1000);
    let nodes = lab.node_of(0).unwrap();
    assert_eq!((nodes[1] % 2, nodes[3] % 2), (nodes[2] % 2, nodes[4] % 2), "{nodes:?}");
    assert_ne!(nodes[1] % 2, nodes[3] % 2, "{nodes:?}");
}

#[test]
fn without_a_gang_groups_can_block_each_other() {
    let mut lab = Lab::new(cold(2, 2, 2));
    lab.run(3000);
    assert!(!lab.serves(0) && !lab.serves(1));
    assert_eq!((lab.times("pod_scheduled", "m-0")[0], lab.times("pod_scheduled", "m-1")[0]), (0.0, 0.0));
    let mut gang = cold(2, 2, 2);
    gang.gang_scheduling = true;
    let mut lab = Lab::new(gang.clone());
    lab.run(3000);
    assert!(lab.serves(0) && !lab.serves(1));
    assert_eq!(lab.times("pod_scheduled", "m-1"), NEVER);
    // C19: with LeaderReady `minMember` is 1, and leaders are bound alone.
    gang.deployments[0].leader_ready = true;
    let mut lab = Lab::new(gang);
    lab.run(100);
    assert_eq!(
        (lab.times("pod_scheduled", "m-0"), lab.times("pod_scheduled", "m-1")),
        (vec![0.0], vec![0.0])
    );
}

#[test]
fn a_gang_waits_for_room_for_all() {
    let mut spec = cold(3, 2, 2);
    spec.gang_scheduling = true;
    let mut lab = Lab::new(spec.clone());
    lab.run(1000);
    assert_eq!(lab.times("pod_scheduled", "m-1"), NEVER, "one node is free");
    spec.gang_scheduling = false;
    let mut lab = Lab::new(spec);
    lab.run(200);
    assert_eq!(lab.times("pod_scheduled", "m-1"), [0.0], "half a group holds a node");
    assert_eq!(lab.times("pod_pending", "m-1-1"), [0.0]);
}

#[test]
fn a_cordon_keeps_pods_off_and_outlives_a_reboot() {
    let mut lab = Lab::new(spec(2, 1, 1));
    lab.act(100, Action::Drain { node: 1 });
    lab.act(200, super::cluster_harness::lose_for(1, 100)).act(500, Action::Drain { node: 0 }).run(1000);
    assert_eq!(lab.times("pod_pending", "m-0"), [530.0]);
    lab.act(1000, Action::RepairNode { node: 1 }).run(2000);
    assert_eq!(lab.times("node_uncordoned", "n-1"), [1000.0]);
    assert_eq!(lab.node_of(0), Some(vec![1]));
}

#[test]
fn a_node_that_is_about_to_go_takes_only_who_tolerates_that() {
    let taint = Taint {
        key: "cloud.google.com/impending-node-termination".into(),
        value: "".into(),
        effect: towtank::kubernetes::TaintEffect::NoSchedule,
    };
    let own = Toleration {
        key: Some(taint.key.clone()),
        operator: TolerationOperator::Exists,
        value: String::new(),
        effect: None,
        seconds: None,
    };
    for (tolerates, scheduled) in [(false, vec![3900.0]), (true, vec![160.0])] {
        let mut spec = spec(1, 1, 1);
        if tolerates {
            spec.deployments[0].tolerations.push(own.clone());
        }
        let mut lab = Lab::new(spec);
        lab.act(100, Action::Maintain { node: 0, notice: seconds(3600), away: seconds(200) });
        lab.act(130, Action::DeletePod(pod(0, 0))).run(3950);
        assert_eq!(lab.times("pod_scheduled", "m-0")[..1], scheduled[..], "tolerates: {tolerates}");
    }
}

#[test]
fn a_broken_gpu_leaves_a_node_with_fewer() {
    let mut spec = spec(2, 4, 1);
    spec.deployments[0].gpus_per_pod = 4;
    let mut lab = Lab::new(spec.clone());
    // GPU 5 is of the second pod. Seven GPUs hold one pod of four.
    lab.act(100, Action::LoseGpu { node: 0, gpu: 5, repair: None }).run(1000);
    assert!(lab.serves(0) && !lab.serves(1) && lab.serves(2) && lab.serves(3));
    lab.act(1000, Action::RepairNode { node: 0 }).run(2000);
    assert!(lab.serves(1));
    // One that nobody uses hurts nobody.
    spec.deployments[0].replicas = 3;
    let mut lab = Lab::new(spec);
    lab.act(100, Action::LoseGpu { node: 1, gpu: 6, repair: None }).run(1000);
    assert!((0..3).all(|group| lab.serves(group)));
    assert_eq!(lab.downs(2), NEVER);
}

#[test]
fn pods_stay_in_their_pool() {
    let mut spec = cold(1, 1, 1);
    spec.pools.push(super::cluster_harness::pool(1));
    spec.pools[1].name = "o".into();
    let mut other = deployment(2, 1);
    (other.name, other.pool) = ("b".into(), 1);
    spec.deployments.push(other);
    let mut lab = Lab::new(spec);
    lab.run(1000);
    let node = |name: &str| {
        let told = lab.events().find(|event| event.kind == "pod_scheduled" && event.object == name);
        told.map(|event| event.fields["node"].as_str().unwrap().to_owned())
    };
    assert_eq!(node("m-0").as_deref(), Some("n-0"));
    assert_eq!(node("b-0").as_deref(), Some("o-0"));
    assert_eq!(node("b-1"), None);
}
