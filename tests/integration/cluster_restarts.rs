//! What becomes of a group when one of its pods fails or is deleted: the table of LeaderWorkerSet's restart policies.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{Action, ClusterStart, OnSigterm, Rendezvous, RestartPolicy};

use super::cluster_harness::{Lab, NEVER, pod, seconds, spec};

use Rendezvous::{Mp, Ray};
use RestartPolicy::{
    None as Alone, RecreateGroupAfterStart as AfterStart, RecreateGroupOnPodRestart as OnRestart,
};

struct Outcome {
    anew: bool,
    /// When the leader pod and the worker pod exist anew.
    leader: Option<f64>,
    worker: Option<f64>,
    ready: f64,
}

fn after(policy: RestartPolicy, executor: Rendezvous, action: Action) -> Outcome {
    let mut spec = spec(2, 1, 2);
    spec.deployments[0].restart_policy = policy;
    spec.deployments[0].rendezvous = executor;
    let mut lab = Lab::new(spec);
    lab.act(100, action).run(2000);
    assert!(lab.serves(0), "{}", lab.story(100));
    Outcome {
        anew: lab.cluster.account().group_restarts() == 1,
        leader: lab.times("pod_created", "m-0").first().copied(),
        worker: lab.times("pod_created", "m-0-1").first().copied(),
        ready: lab.time_after(101, "group_ready", "m-0"),
    }
}

#[test]
fn the_table_of_policies() {
    let exit = |worker| Action::StopContainer(pod(0, worker));
    let delete = |worker| Action::DeletePod(pod(0, worker));
    // (policy, executor, action, made anew, new leader, new worker, ready). A new pair of pods takes 51 s.
    let rows = [
        // A worker's container exits: the group goes at once. Ray's leader lives until it notices, 5 s later.
        (OnRestart, Ray, exit(1), true, Some(105.0), Some(105.0), 156.0),
        (OnRestart, Mp, exit(1), true, Some(100.0), Some(100.0), 151.0),
        (AfterStart, Ray, exit(1), true, Some(105.0), Some(105.0), 156.0),
        // It starts again, the leader 5 s later, and from 110 s on a start in place with probes at 125 s, 135 s ...
        (Alone, Ray, exit(1), false, None, None, 155.0),
        // A leader's: Ray's worker ignores SIGTERM for 30 s.
        (OnRestart, Ray, exit(0), true, Some(130.0), Some(130.0), 181.0),
        (OnRestart, Mp, exit(0), true, Some(100.0), Some(100.0), 151.0),
        // In place: the worker exits when the new head, at 105 s, does not know it; 110 s, 152 s, probes at 120 s + 10 k.
        (Alone, Ray, exit(0), false, None, None, 160.0),
        // A worker is deleted: in the foreground all go together.
        (OnRestart, Ray, delete(1), true, Some(130.0), Some(130.0), 181.0),
        (OnRestart, Mp, delete(1), true, Some(130.0), Some(130.0), 181.0),
        (AfterStart, Ray, delete(1), true, Some(130.0), Some(130.0), 181.0),
        // Only that pod: 136 s; the leader notices at 135 s, runs again at 140 s, its probes at 155 s + 10 k.
        (Alone, Ray, delete(1), false, None, Some(130.0), 185.0),
        // The leader is deleted: by ownership the group goes in any case, leader first, then the workers.
        (OnRestart, Ray, delete(0), true, Some(130.0), Some(160.0), 211.0),
        (AfterStart, Ray, delete(0), true, Some(130.0), Some(160.0), 211.0),
        (Alone, Ray, delete(0), true, Some(130.0), Some(160.0), 211.0),
    ];
    for (policy, executor, action, anew, leader, worker, ready) in rows {
        let found = after(policy, executor, action);
        let found = (found.anew, found.leader, found.worker, found.ready);
        assert_eq!(found, (anew, leader, worker, ready), "{policy:?}, {executor:?}, {action:?}");
    }
}

#[test]
fn the_leader_is_deleted_in_the_foreground_with_kubernetes_words() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, Action::DeletePod(pod(0, 1))).run(1000);
    let event = lab.events().find(|event| event.kind == "group_recreating").unwrap();
    assert_eq!(event.fields["reason"], "RecreateGroup");
    let message = "Worker pod m-0-1 failed, deleted leader pod m-0 to recreate group 0";
    assert_eq!(event.fields["message"], message);
    // Both old pods end in parallel, and the new leader comes when the last of them is gone.
    assert_eq!(lab.times("pod_deleting", "m-0"), [100.0]);
    assert_eq!(lab.times("pod_deleted", "m-0"), [130.0]);
    assert_eq!(lab.times("group_recreating", "m-0"), [100.0], "once");
}

#[test]
fn teardown_in_the_foreground_is_parallel_and_in_the_background_serial() {
    // (executor, SIGTERM, preStop): (new leader, new workers) after a worker and after the leader was deleted.
    let rows = [
        (Ray, OnSigterm::Ignored, 0, (30.0, 30.0), (30.0, 60.0)),
        (Ray, OnSigterm::Ignored, 10, (30.0, 30.0), (30.0, 60.0)),
        (Ray, OnSigterm::Abort, 0, (0.0, 0.0), (0.0, 0.0)),
        (Ray, OnSigterm::Abort, 10, (10.0, 10.0), (10.0, 20.0)),
        // With multiprocessing a worker's container ends with its engine.
        (Mp, OnSigterm::Ignored, 0, (30.0, 30.0), (30.0, 30.0)),
    ];
    for (executor, on_sigterm, pre_stop, foreground, background) in rows {
        for (worker, expected) in [(1, foreground), (0, background)] {
            let mut spec = spec(3, 1, 3);
            let deployment = &mut spec.deployments[0];
            deployment.rendezvous = executor;
            deployment.on_sigterm = on_sigterm;
            deployment.pre_stop = seconds(pre_stop);
            let mut lab = Lab::new(spec);
            lab.act(100, Action::DeletePod(pod(0, worker))).run(1000);
            let made = |name| lab.time_after(100, "pod_created", name) - 100.0;
            let found = (made("m-0"), made("m-0-2"));
            assert_eq!(found, expected, "{executor:?}, {on_sigterm:?}, preStop {pre_stop} s, pod {worker}");
            assert!(lab.serves(0));
        }
    }
}

#[test]
fn names_of_old_workers_block_new_ones() {
    let mut lab = Lab::new(spec(4, 1, 2));
    lab.act(100, Action::DeletePod(pod(0, 0))).run(1000);
    assert_eq!(lab.times("pod_created", "m-0"), [130.0]);
    assert_eq!(lab.times("pod_deleting", "m-0-1"), [130.0], "the old worker learns of it now");
    assert_eq!(lab.times("pod_deleted", "m-0-1"), [160.0]);
    assert_eq!(lab.times("pod_created", "m-0-1"), [160.0]);
    assert_eq!(lab.times("group_recreating", "m-0"), NEVER, "a stale worker recreates nothing (issue 804)");
}

#[test]
fn a_draining_engine_ends_with_its_last_request_or_its_grace() {
    for (drained, gone) in [(Some(112), 112.0), (None, 130.0)] {
        let mut spec = spec(2, 1, 2);
        spec.deployments[0].on_sigterm = OnSigterm::Drain;
        spec.deployments[0].pre_stop = seconds(5);
        let mut lab = Lab::new(spec);
        lab.act(100, Action::DeletePod(pod(0, 1))).run(105);
        let asked =
            lab.changed(0, |change| matches!(change, towtank::kubernetes::Change::EngineDraining { .. }));
        assert_eq!(asked, [105.0]);
        if let Some(s) = drained {
            lab.drained(s, 0);
        }
        lab.run(1000);
        assert_eq!(lab.downs(0), [gone]);
        assert_eq!(lab.times("pod_created", "m-0"), [gone]);
    }
}

#[test]
fn a_crash_loop_is_slowed_down_and_forgiven() {
    let mut spec = spec(1, 1, 1);
    spec.deployments[0].restart_policy = Alone;
    let mut lab = Lab::new(spec);
    for s in 100..1200 {
        lab.act(s, Action::StopContainer(pod(0, 0)));
    }
    let crashes = lab.times("pod_restarting", "m-0");
    let gaps: Vec<f64> = crashes.windows(2).map(|pair| pair[1] - pair[0] - 5.0).collect();
    assert_eq!(gaps, [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]);
    // Ten minutes without a crash: the next restart is at once.
    lab.act(3000, Action::StopContainer(pod(0, 0))).run(3006).act(3006, Action::StopContainer(pod(0, 0)));
    assert_eq!(lab.times("pod_restarting", "m-0").last(), Some(&3006.0));
    assert_eq!(lab.cluster.account().group_restarts(), 0);
}

#[test]
fn after_start_lets_a_restart_pass_while_a_pod_is_pending_and_answers_it_later() {
    let run = |policy| {
        let mut spec = spec(2, 1, 2);
        spec.start = ClusterStart::Nodes;
        spec.deployments[0].restart_policy = policy;
        let mut lab = Lab::new(spec);
        // The worker finds no node until 200 s; the leader runs from 55 s on.
        lab.act(0, Action::Drain { node: 1 }).act(0, Action::DeletePod(pod(0, 1)));
        lab.act(100, Action::StopContainer(pod(0, 0))).act(200, Action::RepairNode { node: 1 }).run(2000);
        assert!(lab.serves(0), "{}", lab.story(0));
        lab
    };
    let lab = run(AfterStart);
    // The leader ran again at 105 s, the worker at 255 s, the engine at 333 s. The next event of the leader is that its
    // probe succeeds, at 340 s: it has restarted and nothing is pending any more.
    assert_eq!(lab.times("group_recreating", "m-0"), [340.0]);
    assert_eq!(lab.times("group_ready", "m-0"), [340.0, 421.0]);
    let lab = run(Alone);
    assert_eq!(lab.times("group_recreating", "m-0"), NEVER);
    assert_eq!(lab.times("group_ready", "m-0"), [340.0]);
    let lab = run(OnRestart);
    assert_eq!(lab.times("group_recreating", "m-0").last(), Some(&100.0));
}

#[test]
fn only_a_legacy_controller_misses_a_pod_that_goes_without_grace() {
    use towtank::kubernetes::DeleteRaceArg;
    for (race, recreated) in [(DeleteRaceArg::Ideal, 1), (DeleteRaceArg::Legacy, 0)] {
        let mut spec = spec(3, 1, 2);
        spec.delete_race = race;
        spec.start = ClusterStart::Nodes;
        let mut lab = Lab::new(spec);
        // The worker's machine stops while its image comes: the pod is gone at once, another takes its name.
        lab.act(20, Action::Maintain { node: 1, notice: seconds(0), away: seconds(1000) }).run(1000);
        assert!(lab.serves(0));
        assert_eq!(lab.cluster.account().group_restarts(), recreated, "{race:?}");
        assert_eq!(lab.times("pod_created", "m-0").len() as u64, 1 + recreated, "{race:?}");
        assert_eq!(lab.times("pod_created", "m-0-1"), [0.0, 20.0], "{race:?}");
    }
}

#[test]
fn a_process_without_its_gpu_never_comes_up() {
    let lose = Action::LoseGpu { node: 1, gpu: 3, repair: Some(seconds(400)) };
    let mut in_place = spec(2, 1, 2);
    in_place.deployments[0].restart_policy = Alone;
    let mut lab = Lab::new(in_place);
    lab.act(100, lose).run(5000);
    // The leader learns of it at 105 s, and then finds the GPU missing at every start until it is back.
    assert_eq!(lab.downs(0), [105.0]);
    assert!(lab.ups(0)[0] > 500.0 && lab.ups(0).len() == 1, "{}", lab.story(100));
    assert!(lab.times("pod_restarting", "m-0").len() > 3);
    // A recreated group finds a node that offers seven GPUs, and waits for the eighth.
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, lose).run(5000);
    assert_eq!(lab.times("pod_scheduled", "m-0-1"), [500.0]);
    let mut lab = Lab::new(spec(3, 1, 2));
    lab.act(100, lose).run(5000);
    assert_eq!(lab.node_of(0), Some(vec![0, 2]));
}
