//! Rollouts, with real terminations and starts: what is written to the leaders' StatefulSet, and how long it takes.
//!
//! The tables are those of `lws_rollout.rs` (W1 to W21), where pods come and go in no time.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{
    Action, ClusterSpec, IntOrPercent,
    IntOrPercent::{Int, Percent},
    MaxUnavailableGate::{self, Off, V1_35, V1_37},
    OnSigterm, RestartPolicy, RollingUpdate,
};

use super::cluster_harness::{Lab, at as at_s, lose, pod, preload, spec};

fn rolling(replicas: u32, unavailable: IntOrPercent, surge: IntOrPercent, size: u32) -> ClusterSpec {
    let strategy = RollingUpdate { partition: 0, max_unavailable: unavailable, max_surge: surge };
    let groups = replicas + strategy.resolved(replicas).1;
    let mut spec = spec(groups * size, replicas, size);
    spec.deployments[0].strategy = strategy;
    spec.deployments[0].slots = groups;
    spec
}

/// A new template at 100 s.
fn rollout(mut spec: ClusterSpec, gate: MaxUnavailableGate) -> Lab {
    spec.gate = gate;
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Rollout { deployment: 0 }).run(3000);
    lab
}

fn ready(lab: &Lab, group: u32) -> f64 {
    lab.times("group_ready", &format!("m-{group}")).last().copied().unwrap()
}

#[test]
fn what_is_written_is_what_the_tables_say() {
    type Row = (u32, IntOrPercent, IntOrPercent, u32, &'static [MaxUnavailableGate], &'static [(u64, u64)]);
    let (all, gated) = (&[Off, V1_35, V1_37][..], &[V1_35, V1_37][..]);
    let rows: [Row; 13] = [
        (4, Int(1), Int(0), 1, all, &[(4, 4), (3, 4), (2, 4), (1, 4), (0, 4)]),
        (4, Int(1), Int(0), 2, all, &[(4, 4), (3, 4), (2, 4), (1, 4), (0, 4)]),
        (4, Int(0), Int(1), 1, all, &[(4, 5), (3, 5), (2, 5), (1, 5), (0, 5), (0, 4)]),
        (4, Int(0), Int(1), 2, all, &[(4, 5), (3, 5), (2, 5), (1, 5), (0, 5), (0, 4)]),
        (4, Int(2), Int(0), 1, &[Off], &[(4, 4), (2, 4), (1, 4), (0, 4)]),
        (4, Int(2), Int(0), 1, gated, &[(4, 4), (2, 4), (0, 4)]),
        (4, Int(2), Int(0), 2, &[Off], &[(4, 4), (2, 4), (1, 4), (0, 4)]),
        (4, Int(2), Int(0), 2, gated, &[(4, 4), (2, 4), (0, 4)]),
        (4, Int(1), Int(1), 2, all, &[(4, 5), (3, 5), (2, 5), (1, 5), (0, 5), (0, 4)]),
        (4, Int(1), Int(1), 1, &[Off], &[(4, 5), (3, 5), (2, 5), (1, 5), (0, 5), (0, 4)]),
        // Group 3 is ready before the surge group above it, which needs an image: then both count, and 2 and 1 go together.
        (4, Int(1), Int(1), 1, gated, &[(4, 5), (3, 5), (1, 5), (0, 4)]),
        (4, Int(2), Int(2), 2, gated, &[(4, 6), (2, 6), (0, 6), (0, 4)]),
        (1, Int(0), Int(1), 2, all, &[(1, 2), (0, 2), (0, 1)]),
    ];
    for (replicas, unavailable, surge, size, gates, written) in rows {
        for gate in gates {
            let lab = rollout(rolling(replicas, unavailable, surge, size), *gate);
            let at = format!("{replicas} groups of {size}, {unavailable:?}, {surge:?}, {gate:?}");
            assert_eq!(lab.written(100), written, "{at}");
            assert!((0..replicas).all(|group| lab.serves(group as usize)), "{at}");
            let mut made = lab.events().filter(|event| event.kind == "pod_created" && event.at >= at_s(100));
            assert!(made.all(|event| event.fields["revision"] == 2), "{at}");
        }
    }
}

#[test]
fn waves_of_a_quarter_up_and_a_quarter_down() {
    // W21: old pods end at once and new ones take as long everywhere, so that groups come in waves of four.
    let mut spec = rolling(8, Percent(25), Percent(25), 1);
    preload(&mut spec);
    spec.deployments[0].on_sigterm = OnSigterm::Abort;
    for gate in [V1_35, V1_37] {
        let lab = rollout(spec.clone(), gate);
        assert_eq!(lab.written(100), [(8, 10), (6, 10), (2, 10), (0, 8)], "{gate:?}");
        assert_eq!(ready(&lab, 0), 100.0 + 3.0 * 51.0, "three waves");
    }
    // Without the gate one leader goes at a time, once the surge groups are there.
    assert_eq!(ready(&rollout(spec, Off), 0), 100.0 + 9.0 * 51.0);
}

#[test]
fn waves_take_as_long_as_their_starts() {
    // A group of one pod is away for 30 s of grace and 51 s of start; of two pods for 30 s more, the workers' grace. A surge
    // group begins at once on a node without the image: 50 + 5 s, 42 s to the engine, probes at 70 s + 10 k: 100 s.
    let rows = [
        (Int(1), Int(0), Off, 1, 100.0 + 4.0 * 81.0),
        (Int(1), Int(0), V1_37, 1, 100.0 + 4.0 * 81.0),
        (Int(2), Int(0), V1_37, 1, 100.0 + 2.0 * 81.0),
        (Int(2), Int(0), Off, 1, 100.0 + 4.0 * 81.0),
        (Int(4), Int(0), V1_37, 1, 100.0 + 81.0),
        (Int(1), Int(0), Off, 2, 100.0 + 4.0 * 111.0),
        (Int(0), Int(1), Off, 1, 100.0 + 100.0 + 4.0 * 81.0),
    ];
    for (unavailable, surge, gate, size, done) in rows {
        let lab = rollout(rolling(4, unavailable, surge, size), gate);
        assert_eq!(ready(&lab, 0), done, "{unavailable:?}, {surge:?}, {gate:?}, size {size}");
    }
}

#[test]
fn with_surge_all_groups_are_there_all_the_time() {
    let mut lab = rollout(rolling(4, Int(0), Int(1), 2), Off);
    assert_eq!(lab.close(3000).capacity_fraction(), 1.0);
    // One group and U = 1, S = 1: no surge, and minutes without any (W9).
    let mut lab = rollout(rolling(1, Int(1), Int(1), 2), Off);
    assert_eq!(lab.written(100), [(1, 1), (0, 1)]);
    assert_eq!(lab.close(3000).downtimes().len(), 1);
}

#[test]
fn the_partition_stands_while_the_top_group_is_not_ready() {
    // W6: of the two surge groups only the lower one is ready; the node of the upper one is gone.
    let mut spec = rolling(4, Int(2), Int(2), 1);
    spec.gate = V1_37;
    preload(&mut spec);
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Rollout { deployment: 0 }).act(110, lose(5)).run(180);
    assert!(lab.serves(4) && !lab.serves(5));
    assert_eq!(lab.written(100), [(4, 6), (2, 6)]);
    // Groups 2 and 3 are new: the two that are left may be away at once, so surge is given back, and they go.
    lab.run(3000);
    assert_eq!(lab.written(101), [(2, 4), (0, 4)]);
    assert!((0..4).all(|group| lab.serves(group)));
}

#[test]
fn an_old_group_that_fails_below_the_partition_comes_back_old() {
    let mut lab = Lab::new(rolling(4, Int(1), Int(0), 2));
    lab.act(100, Action::Rollout { deployment: 0 }).act(110, Action::DeletePod(pod(0, 1))).run(200);
    let revision = |name: &str| {
        let created = lab.events().filter(|event| event.kind == "pod_created" && event.object == name);
        created.map(|event| event.fields["revision"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((revision("m-0"), revision("m-0-1")), (vec![1], vec![1]), "the group of before the rollout");
    assert_eq!((revision("m-3"), revision("m-3-1")), (vec![2], vec![2]));
    lab.run(3000);
    let partitions: Vec<u64> = lab.written(100).iter().map(|(partition, _)| *partition).collect();
    assert!(partitions.windows(2).all(|pair| pair[1] <= pair[0]), "{partitions:?}");
    assert_eq!(partitions.last(), Some(&0));
    // At or above the partition a group comes back new.
    let mut lab = Lab::new(rolling(4, Int(1), Int(0), 2));
    lab.act(100, Action::Rollout { deployment: 0 }).act(300, Action::DeletePod(pod(3, 1))).run(340);
    assert_eq!(lab.time_after(300, "pod_created", "m-3"), 330.0);
    let last =
        lab.events().filter(|event| event.kind == "pod_created" && event.object == "m-3").last().unwrap();
    assert_eq!(last.fields["revision"], 2);
}

#[test]
fn a_rollout_restarts_a_group_once() {
    // C7: workers of the old group 3 are collected after their leader; that recreates nothing.
    let mut lab = rollout(rolling(4, Int(1), Int(0), 2), Off);
    assert_eq!(lab.cluster.account().group_restarts(), 0);
    assert_eq!(lab.times("pod_deleting", "m-3").len(), 1);
    lab.act(3000, Action::DeletePod(pod(3, 1))).run(4000);
    assert_eq!(lab.cluster.account().group_restarts(), 1);
    assert_eq!(lab.times("group_recreating", "m-3"), [3000.0]);
}

#[test]
fn a_users_partition_keeps_the_lower_groups_old() {
    let mut spec = rolling(6, Int(1), Int(0), 1);
    spec.deployments[0].strategy.partition = 4;
    let mut lab = rollout(spec, Off);
    // W19: at rest the user's partition, then from the top.
    assert_eq!(lab.written(0), [(4, 6), (6, 6), (5, 6), (4, 6)]);
    let replaced = |group| !lab.times("pod_deleting", &format!("m-{group}")).is_empty();
    assert_eq!((0..6).map(replaced).collect::<Vec<_>>(), [false, false, false, false, true, true]);
    let available =
        lab.events().filter(|event| event.kind == "lws_condition" && event.fields["type"] == "Available");
    assert_eq!(available.last().unwrap().fields["status"], "True", "with mixed versions");
    lab.run(3000);
    // A group below the partition comes back old even after the rollout.
    lab.act(3000, Action::DeletePod(pod(1, 0))).run(4000);
    let last =
        lab.events().filter(|event| event.kind == "pod_created" && event.object == "m-1").last().unwrap();
    assert_eq!(last.fields["revision"], 1);
}

#[test]
fn a_surge_group_stays_while_the_users_partition_does() {
    // W20: n = 3, S = 1, L = 2.
    let mut spec = rolling(3, Int(1), Int(1), 1);
    spec.deployments[0].strategy.partition = 2;
    let lab = rollout(spec, V1_37);
    assert_eq!(lab.written(100).last(), Some(&(2, 4)));
    assert!(lab.serves(3));
}

#[test]
fn scaling_up_and_down_in_the_middle_of_a_rollout() {
    // W17 (C13): n = 4, S = 2, U = 1; then 6, then 2.
    let mut spec = rolling(6, Int(1), Int(2), 1);
    spec.deployments[0].replicas = 4;
    spec.gate = V1_37;
    let scale = |replicas| Action::Scale { deployment: 0, replicas, by_hpa: false };
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Rollout { deployment: 0 });
    assert_eq!(lab.written(100), [(4, 6), (3, 6)]);
    lab.act(110, scale(6)).run(120);
    assert_eq!(lab.written(101), [(3, 8)]);
    lab.act(205, scale(2));
    let from = lab.written(205);
    assert_eq!(from.last(), Some(&(1, 3)), "{from:?}");
    lab.run(3000);
    assert_eq!(lab.written(206), [(0, 2)], "2 and 1 are ready at once");
    assert!(lab.serves(0) && lab.serves(1) && !lab.serves(2));
}

#[test]
fn a_second_template_begins_again_from_the_top() {
    // W18: the partition rises once with a new template, and only then.
    let mut spec = rolling(4, Int(1), Int(2), 1);
    spec.gate = V1_37;
    let mut lab = Lab::new(spec);
    lab.act(100, Action::Rollout { deployment: 0 }).act(220, Action::Rollout { deployment: 0 }).run(3000);
    let written = lab.written(100);
    let rises = written.windows(2).filter(|pair| pair[1].0 > pair[0].0).count();
    assert_eq!((rises, written.last()), (1, Some(&(0, 4))), "{written:?}");
    let last = lab.events().filter(|event| event.kind == "pod_created").last().unwrap();
    assert_eq!(last.fields["revision"], 3);
}

#[test]
fn broken_old_groups_stop_a_rollout_only_under_the_first_gate() {
    // C20 (kubernetes issue 137409): both old groups lack a GPU and crash at every start; two nodes are spare.
    for (gate, done) in [(Off, true), (V1_37, true), (V1_35, false)] {
        let mut spec = rolling(2, Int(0), Int(1), 1);
        spec.pools[0].min = 5;
        spec.pools[0].max = 5;
        spec.gate = gate;
        spec.deployments[0].restart_policy = RestartPolicy::None;
        let mut lab = Lab::new(spec);
        for node in 0..2 {
            lab.act(50, Action::LoseGpu { node, gpu: 0, repair: None });
        }
        lab.act(100, Action::Rollout { deployment: 0 }).run(6000);
        let served = (lab.serves(0), lab.serves(1));
        assert_eq!(served, (done, done), "{gate:?}: {:?}", lab.written(100));
    }
}
