//! A node falls silent: who notices when, what is evicted, what stays stuck, and what sets it free.
//!
//! Rules: vLLM `ray_executor.py` and `VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS`; Kubernetes `nodelifecycle`, `tainteviction` and
//! `podgc`; LeaderWorkerSet issue 508.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use std::borrow::Cow;

use towtank::kubernetes::{
    Action, Change, ClusterSpec, Rendezvous, RestartPolicy, TaintEffect, Toleration, TolerationOperator,
    UNREACHABLE,
};

use super::cluster_harness::{Lab, NEVER, deployment, facts, lose, lose_for, pool, seconds, spec};

#[test]
fn survivors_notice_by_executor_and_by_which_end_is_lost() {
    // (executor, lost node, end of the engine after a loss at 100 s)
    let cases = [
        (Rendezvous::Ray, 1, 120.0),
        (Rendezvous::Ray, 0, 160.0),
        (Rendezvous::Mp, 1, 400.0),
        (Rendezvous::Mp, 0, 400.0),
    ];
    for (executor, node, end) in cases {
        let mut spec = spec(2, 1, 2);
        spec.deployments[0].rendezvous = executor;
        let mut lab = Lab::new(spec);
        lab.act(100, lose(node)).run(1000);
        let frozen = lab.changed(0, |change| *change == Change::EngineFrozen { slot: 0 });
        assert_eq!((frozen, lab.downs(0)), (vec![100.0], vec![end]), "{executor:?}, node {node}");
        assert_eq!(lab.time_after(0, "group_recreating", "m-0"), end, "{executor:?}, node {node}");
    }
}

#[test]
fn nobody_notices_a_group_that_is_lost_as_a_whole() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, lose(1)).act(110, lose(0)).run(1000);
    assert_eq!(lab.downs(0), NEVER);
    // The head's end is noticed by its workers, whatever it knew of others.
    let mut lab = Lab::new(spec(3, 1, 3));
    lab.act(100, lose(2)).act(110, lose(0)).run(1000);
    assert_eq!(lab.downs(0), [170.0]);
    // An earlier loss that others still notice counts.
    let mut lab = Lab::new(spec(3, 1, 3));
    lab.act(100, lose(0)).act(150, lose(2)).run(1000);
    assert_eq!(lab.downs(0), [160.0]);
}

#[test]
fn a_block_is_lost_at_once() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, Action::LoseBlock { pool: 0, block: 0, repair: None }).run(1000);
    assert_eq!(lab.downs(0), NEVER, "nobody is left to notice");
    assert_eq!(lab.events().filter(|event| event.kind == "fault").count(), 2);
}

/// One group of one pod, which has nobody to notice that it is gone.
fn alone(nodes: u32) -> ClusterSpec {
    spec(nodes, 1, 1)
}

#[test]
fn not_ready_comes_after_a_grace_that_grew_in_1_32() {
    for (minor, seconds) in [(31, 140.0), (32, 150.0)] {
        let mut spec = alone(1);
        spec.control_plane = facts(minor);
        let mut lab = Lab::new(spec);
        lab.act(100, lose(0)).run(1000);
        assert_eq!(lab.times("node_not_ready", "n-0"), [seconds]);
        assert_eq!(lab.times("pod_unready", "m-0"), [seconds]);
    }
}

fn tolerates(seconds: Option<u32>) -> Toleration {
    Toleration {
        key: Some(Cow::Borrowed(UNREACHABLE)),
        operator: TolerationOperator::Exists,
        value: String::new(),
        effect: Some(TaintEffect::NoExecute),
        seconds,
    }
}

#[test]
fn pods_are_evicted_when_they_bore_the_taint_for_long_enough() {
    let cases =
        [(None, vec![450.0]), (Some(tolerates(Some(0))), vec![150.0]), (Some(tolerates(None)), vec![])];
    for (own, evicted) in cases {
        let mut spec = alone(1);
        if let Some(own) = &own {
            spec.deployments[0].tolerations = vec![own.clone()];
        }
        let mut lab = Lab::new(spec);
        lab.act(100, lose(0)).run(5000);
        assert_eq!(lab.times("pod_evicted", "m-0"), evicted, "{own:?}");
        assert_eq!(lab.times("pod_deleting", "m-0"), evicted, "{own:?}");
        assert_eq!(lab.times("pod_deleted", "m-0"), NEVER, "{own:?}: nobody confirms the end");
    }
}

#[test]
fn a_node_that_comes_back_begins_to_be_tolerated_anew() {
    let mut spec = alone(1);
    spec.deployments[0].restart_policy = RestartPolicy::None;
    let mut lab = Lab::new(spec);
    // Not ready at 150 s and at 250 s: the first taint would have evicted the pod at 450 s.
    lab.act(100, lose_for(0, 90)).act(200, lose(0)).run(2000);
    assert_eq!(lab.times("node_not_ready", "n-0"), [150.0, 250.0]);
    assert_eq!(lab.times("pod_evicted", "m-0"), [550.0]);
}

#[test]
fn a_short_absence_restarts_containers_and_so_the_group() {
    let mut lab = Lab::new(alone(1));
    lab.act(100, lose_for(0, 20)).run(1000);
    assert_eq!(lab.times("node_not_ready", "n-0"), NEVER);
    assert_eq!(lab.times("pod_restarting", "m-0"), [120.0]);
    assert_eq!(lab.times("group_recreating", "m-0"), [120.0]);
    // Container restart counted: recreated at once, image there, 51 s.
    assert_eq!(lab.time_after(121, "group_ready", "m-0"), 171.0);
    // Without a policy the container starts in place.
    let mut spec = alone(1);
    spec.deployments[0].restart_policy = RestartPolicy::None;
    let mut lab = Lab::new(spec);
    lab.act(100, lose_for(0, 20)).run(1000);
    assert_eq!(lab.times("pod_created", "m-0"), NEVER);
    assert_eq!(lab.ups(0), [120.0 + 5.0 + 10.0 + 20.0 + 4.0 + 8.0]);
}

#[test]
fn what_was_under_way_on_a_node_begins_anew_when_it_is_back() {
    let mut spec = alone(1);
    spec.start = towtank::kubernetes::ClusterStart::Nodes;
    // While the image comes: 50 s again. While the container starts: 5 s again.
    for (lost, back, up) in [(20, 30, 30 + 50 + 5 + 78), (52, 60, 60 + 5 + 78)] {
        let mut lab = Lab::new(spec.clone());
        lab.act(lost, lose_for(0, back - lost)).run(1000);
        assert_eq!(lab.ups(0), [f64::from(up as u32)], "lost at {lost} s");
        assert_eq!(lab.times("group_recreating", "m-0"), NEVER);
    }
}

/// The worker's node dies at 100 s; when the group's leader object is at last gone.
fn stuck_until(mut spec: ClusterSpec, acts: &[(u64, Action)]) -> Vec<f64> {
    spec.deployments[0].rendezvous = Rendezvous::Ray;
    let mut lab = Lab::new(spec);
    lab.run(100);
    for (s, action) in acts {
        lab.act(*s, *action);
    }
    lab.run(20_000);
    // The healthy leader stopped when the loss was noticed; its object waits.
    assert_eq!(lab.times("pod_deleting", "m-0"), [120.0]);
    lab.times("pod_deleted", "m-0").into_iter().take(1).collect()
}

#[test]
fn a_group_is_stuck_until_somebody_speaks_for_the_dead_node() {
    assert_eq!(stuck_until(spec(3, 1, 2), &[(100, lose(1))]), NEVER, "auto-repair is off");
    assert_eq!(stuck_until(spec(3, 1, 2), &[(100, lose_for(1, 5000))]), [5100.0], "the node is back");
    assert_eq!(stuck_until(spec(3, 1, 2), &[(100, lose(1)), (900, Action::RepairNode { node: 1 })]), [900.0]);
    let mut repaired = spec(3, 1, 2);
    repaired.pools[0].repair_after = Some(seconds(600));
    // Not ready at 150 s, node object gone at 750 s, orphans collected 60 s later.
    assert_eq!(stuck_until(repaired.clone(), &[(100, lose(1))]), [810.0]);
    // A machine that is there before the orphans are collected takes their place.
    repaired.pools[0].node_ready = seconds(30);
    assert_eq!(stuck_until(repaired, &[(100, lose(1))]), [780.0]);
    // The collector comes round every 20 s.
    let taint = Action::OutOfService { node: 1 };
    assert_eq!(stuck_until(spec(3, 1, 2), &[(100, lose(1)), (205, taint)]), [220.0], "after NotReady");
    assert_eq!(stuck_until(spec(3, 1, 2), &[(100, lose(1)), (130, taint)]), [160.0], "before NotReady");
}

#[test]
fn out_of_service_evicts_and_then_collects() {
    let mut lab = Lab::new(alone(2));
    lab.act(100, lose(0)).act(205, Action::OutOfService { node: 0 }).run(1000);
    assert_eq!(lab.times("pod_evicted", "m-0"), [205.0]);
    assert_eq!(lab.times("pod_deleted", "m-0"), [220.0]);
    assert_eq!(lab.node_of(0), Some(vec![1]));
    // On a node that works the taint evicts as any taint does, and the pod gets its grace.
    let mut lab = Lab::new(alone(2));
    lab.act(100, Action::OutOfService { node: 0 }).run(1000);
    assert_eq!(
        (lab.times("pod_evicted", "m-0"), lab.times("pod_deleted", "m-0")),
        (vec![100.0], vec![130.0])
    );
    assert_eq!(lab.node_of(0), Some(vec![1]));
}

#[test]
fn a_repaired_node_is_a_new_machine_under_the_old_name() {
    let mut spec = alone(1);
    spec.pools[0].repair_after = Some(seconds(600));
    let mut lab = Lab::new(spec);
    lab.act(100, lose(0)).run(3000);
    assert_eq!(lab.times("node_removed", "n-0"), [750.0]);
    assert_eq!(lab.times("node_ready", "n-0"), [0.0, 850.0]);
    // It has neither the image nor anything else: 50 + 5 + 10 + 20 s, compiled code from the volume, 8 s.
    assert_eq!(lab.ups(0), [850.0 + 50.0 + 5.0 + 42.0]);
    lab.close(3000);
    // Nobody pays between the end of the old machine and the beginning of the new one.
    assert_eq!(lab.paid(), 3000.0, "a machine is found at once here");
}

#[test]
fn gpus_of_healthy_nodes_are_free_meanwhile() {
    let mut spec = spec(2, 1, 2);
    let mut other = deployment(0, 1);
    (other.name, other.slots) = ("b".into(), 1);
    spec.deployments.push(other);
    let mut lab = Lab::new(spec);
    lab.act(90, Action::Scale { deployment: 1, replicas: 1, by_hpa: false });
    lab.act(100, lose(1)).run(1000);
    assert_eq!(lab.times("pod_pending", "b-0"), [90.0]);
    // The leader's container is gone at 120 s, its object is not.
    assert_eq!(lab.times("pod_scheduled", "b-0"), [120.0]);
    assert_eq!(lab.times("pod_deleted", "m-0"), NEVER);
}

#[test]
fn a_spare_node_helps_only_when_the_dead_pod_is_gone() {
    let mut spec = spec(3, 1, 2);
    spec.pools[0].repair_after = Some(seconds(600));
    let mut lab = Lab::new(spec);
    lab.act(100, lose(1)).run(3000);
    assert_eq!(lab.times("pod_created", "m-0"), [810.0]);
    assert_eq!(lab.node_of(0), Some(vec![0, 2]));
    // The spare node pulls the image: 865 running, 907 up, the leader's probes at 816 + 15 + 10 k.
    assert_eq!(lab.time_after(200, "group_ready", "m-0"), 911.0);
}

#[test]
fn a_silent_node_takes_pods_until_it_is_known_to_be_gone() {
    let mut lab = Lab::new(alone(2));
    // The spare node is dead, and nobody knows, when the group's pod is to move there.
    lab.act(100, lose(1)).act(110, Action::Drain { node: 0 }).run(1000);
    assert_eq!(lab.times("pod_scheduled", "m-0"), [140.0]);
    assert_eq!(lab.times("node_not_ready", "n-1"), [150.0]);
    assert_eq!(lab.times("pod_evicted", "m-0"), [110.0, 450.0]);
    assert!(!lab.serves(0));
}

#[test]
fn evictions_are_ten_seconds_apart() {
    let mut lab = Lab::new(spec(6, 6, 1));
    lab.act(100, lose(0)).act(100, lose(3)).run(1000);
    assert_eq!(lab.times("pod_evicted", "m-0"), [450.0]);
    assert_eq!(lab.times("pod_evicted", "m-3"), [460.0]);
}

#[test]
fn most_of_a_small_cluster_is_never_evicted() {
    let pools = |nodes| {
        let mut spec = spec(nodes, nodes, 1);
        spec.pools = vec![pool(nodes)];
        spec
    };
    // 3 of 4 nodes are 75 %: nothing, until one of them is back.
    let mut lab = Lab::new(pools(4));
    lab.act(100, lose(0)).act(100, lose(1)).act(100, lose_for(2, 1001)).run(5000);
    let evicted: Vec<f64> =
        (0..2).flat_map(|group| lab.times("pod_evicted", &format!("m-{group}"))).collect();
    assert_eq!(evicted, [1405.0, 1415.0]);
    // 2 of 2 are too few nodes for that rule, 3 of 6 too small a share.
    let mut lab = Lab::new(pools(2));
    lab.act(100, lose(0)).act(100, lose(1)).run(5000);
    assert_eq!(lab.times("pod_evicted", "m-1"), [460.0]);
    let mut lab = Lab::new(pools(6));
    lab.act(100, lose(0)).act(100, lose(1)).act(100, lose(2)).run(5000);
    assert_eq!(lab.times("pod_evicted", "m-2"), [470.0]);
}
