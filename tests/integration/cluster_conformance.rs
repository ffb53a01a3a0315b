//! What LeaderWorkerSet's own tests say of pods and time (`test/integration/controllers/leaderworkerset_test.go` and e2e).
//!
//! Others of these cases: the rollouts in `cluster_rollouts.rs`, the policies in `cluster_restarts.rs`, exclusive placement
//! and gangs in `cluster_placement.rs`.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{Action, ClusterStart, RestartPolicy};

use super::cluster_harness::{Lab, NEVER, pod, spec};

fn scale(replicas: u32) -> Action {
    Action::Scale { deployment: 0, replicas, by_hpa: false }
}

/// (type, status, ready groups, leaders) of every change of a condition.
fn conditions(lab: &Lab) -> Vec<(String, String, u64, u64)> {
    let told = lab.events().filter(|event| event.kind == "lws_condition");
    told.map(|event| {
        let text = |field: &str| event.fields[field].as_str().unwrap().to_owned();
        let number = |field: &str| event.fields[field].as_u64().unwrap();
        (text("type"), text("status"), number("ready"), number("replicas"))
    })
    .collect()
}

#[test]
fn two_groups_of_four_are_created_at_once() {
    // C1
    let mut cold = spec(8, 2, 4);
    cold.start = ClusterStart::Nodes;
    let mut lab = Lab::new(cold);
    lab.run(1000);
    let created: Vec<&str> =
        lab.events().filter(|event| event.kind == "pod_created").map(|event| event.object.as_str()).collect();
    assert_eq!(created, ["m-0", "m-1", "m-0-1", "m-0-2", "m-0-3", "m-1-1", "m-1-2", "m-1-3"]);
    assert_eq!(lab.written(0), [(0, 2)]);
    let told = conditions(&lab);
    assert_eq!(told[0], ("Progressing".into(), "True".into(), 0, told[0].3));
    let flips: Vec<_> = told.iter().skip(1).map(|row| (row.0.as_str(), row.1.as_str(), row.2)).collect();
    assert_eq!(flips, [("Available", "True", 2), ("Progressing", "False", 2)]);
}

#[test]
fn with_leader_ready_workers_come_when_their_leader_is() {
    // C2: leaders 0 and 1 find nodes at once, 2 and 3 only at 300 s.
    let mut cold = spec(8, 4, 2);
    cold.start = ClusterStart::Nodes;
    cold.deployments[0].leader_ready = true;
    let mut lab = Lab::new(cold);
    for node in 2..8 {
        lab.act(0, Action::Drain { node });
    }
    // The first four leaders already have their nodes: those of 2 and 3 are evicted and wait.
    lab.run(60);
    assert_eq!(lab.times("pod_created", "m-0-1"), NEVER);
    for node in 2..8 {
        lab.act(300, Action::RepairNode { node });
    }
    lab.run(2000);
    let workers: Vec<f64> =
        (0..4).map(|group| lab.times("pod_created", &format!("m-{group}-1"))[0]).collect();
    let leaders: Vec<f64> = (0..4).map(|group| lab.times("pod_ready", &format!("m-{group}"))[0]).collect();
    assert_eq!(workers, leaders, "each waits for its own leader");
    // Container at 55 s, first probe 15 s later.
    assert_eq!(workers[..2], [70.0, 70.0]);
    assert!(workers[2] > 300.0 && workers[3] > 300.0);
}

#[test]
fn groups_of_one_have_no_workers() {
    // C3
    let mut lab = Lab::new(spec(2, 2, 1));
    lab.run(100);
    assert!(lab.serves(0) && lab.serves(1));
    assert_eq!(conditions(&lab), [("Available".into(), "True".into(), 2, 2)]);
}

#[test]
fn a_deleted_worker_recreates_every_pod_of_its_group_and_no_other() {
    // C4
    let mut lab = Lab::new(spec(8, 2, 4));
    lab.act(100, Action::DeletePod(pod(0, 1))).run(1000);
    let times = |name: &str| (lab.times("pod_deleted", name), lab.times("pod_created", name));
    for name in ["m-0", "m-0-1", "m-0-2", "m-0-3"] {
        assert_eq!(times(name), (vec![130.0], vec![130.0]), "{name}");
    }
    assert_eq!(times("m-1"), (vec![], vec![]));
}

#[test]
fn without_a_policy_only_the_deleted_pod_is_made_again() {
    // C5
    let mut spec = spec(4, 1, 4);
    spec.deployments[0].restart_policy = RestartPolicy::None;
    let mut lab = Lab::new(spec);
    lab.act(100, Action::DeletePod(pod(0, 1))).run(1000);
    assert_eq!(lab.times("pod_created", "m-0-1"), [130.0]);
    for name in ["m-0", "m-0-2", "m-0-3"] {
        assert_eq!(lab.times("pod_created", name), NEVER, "{name}");
        assert_eq!(lab.times("pod_deleting", name), NEVER, "{name}");
    }
}

#[test]
fn after_start_tolerates_losses_while_a_pod_is_pending() {
    // C6: worker 2 finds no node; worker 1 is deleted.
    let mut spec = spec(3, 1, 3);
    spec.start = ClusterStart::Nodes;
    spec.deployments[0].restart_policy = RestartPolicy::RecreateGroupAfterStart;
    let mut lab = Lab::new(spec);
    lab.act(0, Action::Drain { node: 2 }).act(0, Action::DeletePod(pod(0, 2)));
    lab.act(60, Action::DeletePod(pod(0, 1))).run(200);
    assert_eq!(lab.times("pod_deleting", "m-0"), NEVER);
    assert_eq!(lab.times("group_recreating", "m-0"), NEVER);
    lab.act(200, Action::RepairNode { node: 2 }).run(1000);
    assert!(lab.serves(0));
    assert_eq!(lab.times("pod_created", "m-0").len(), 1);
    // Everything runs: now a deletion counts.
    lab.act(1000, Action::DeletePod(pod(0, 1))).run(2000);
    assert_eq!(lab.times("group_recreating", "m-0"), [1000.0]);
}

#[test]
fn scaling_down_takes_the_highest_groups_leader_first() {
    // C15
    let mut lab = Lab::new(spec(8, 4, 2));
    lab.act(100, scale(3)).run(1000);
    assert_eq!(lab.written(100), [(0, 3)]);
    assert_eq!(lab.times("pod_deleting", "m-3"), [100.0]);
    assert_eq!(lab.times("pod_deleting", "m-3-1"), [130.0], "its grace begins when the leader is gone");
    assert_eq!(lab.times("pod_deleted", "m-3-1"), [160.0]);
    assert!((0..3).all(|group| lab.serves(group)));
    // Several at once, to zero, and up again.
    lab.act(1000, scale(0)).run(2000);
    for group in 0..3 {
        assert_eq!(lab.times("pod_deleting", &format!("m-{group}")), [1000.0]);
        assert!(!lab.cluster.exists(group));
    }
    lab.act(2000, scale(2)).run(3000);
    assert!(lab.serves(0) && lab.serves(1));
    // What was scaled away is no outage: these are new groups.
    let account = lab.close(3000);
    assert_eq!(account.starts().iter().filter(|start| start.recovery.is_some()).count(), 0);
    lab.act(3000, Action::Scale { deployment: 0, replicas: 3, by_hpa: true }).run(4000);
    assert_eq!(lab.times("hpa_scaled", "m"), [3000.0]);
    assert_eq!(lab.cluster.replicas(0), 3);
}

#[test]
fn scaling_down_does_not_look_at_health() {
    // The group that is away is not the one that goes.
    let mut lab = Lab::new(spec(4, 2, 2));
    lab.act(100, Action::DeletePod(pod(0, 1))).act(110, scale(1)).run(1000);
    assert_eq!(lab.times("pod_deleting", "m-1"), [110.0]);
    lab.close(1000);
    let downtimes = lab.cluster.account().downtimes();
    assert_eq!(downtimes.len(), 1);
    assert_eq!(downtimes[0].from.as_secs_f64(), 110.0);
}

#[test]
fn what_is_deleted_comes_back() {
    // C17, as far as pods go.
    let mut lab = Lab::new(spec(2, 1, 2));
    for round in 1..6 {
        let at = round * 1000;
        lab.act(at, Action::DeletePod(pod(0, (round % 2) as u32))).run(at + 500);
        assert!(lab.serves(0), "{}", lab.story(at));
    }
}
