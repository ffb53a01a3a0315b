//! A group on its way up: stages in their order, images, rendezvous, weights, caches, the probe.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{
    Action, Change, ClusterSpec, ClusterStart, CompileCacheArg, Rendezvous, RestartPolicy, StartStage,
};
use towtank::units::SimDuration;

use super::cluster_harness::{Lab, NEVER, deployment, pod, preload, seconds, spec};

fn cold(nodes: u32, replicas: u32, size: u32) -> ClusterSpec {
    ClusterSpec { start: ClusterStart::Nodes, ..spec(nodes, replicas, size) }
}

#[test]
fn stages_follow_one_another_and_add_up() {
    for (start, node_s) in [(ClusterStart::Nodes, 0), (ClusterStart::Nothing, 100)] {
        let mut lab = Lab::new(ClusterSpec { start, ..cold(2, 1, 2) });
        lab.run(1000);
        let told = lab.events().filter(|event| event.object == "m-0");
        let told: Vec<(f64, &str)> =
            told.map(|event| (event.at.as_secs_f64() - f64::from(node_s), event.kind)).collect();
        let mut expected = vec![
            (0.0 - f64::from(node_s), "pod_created"),
            (0.0, "pod_scheduled"),
            (0.0, "pod_pulling"),
            (55.0, "pod_started"),
            (55.0, "pod_initialising"),
            (65.0, "pod_loading"),
            (85.0, "pod_compiling"),
            (125.0, "pod_capturing"),
            (133.0, "pod_serving"),
            (140.0, "pod_ready"),
            (140.0, "group_ready"),
        ];
        if node_s > 0 {
            expected.insert(1, (-f64::from(node_s), "pod_pending"));
        }
        assert_eq!(told, expected);
        assert_eq!(lab.times("pod_ready", "m-0-1"), [f64::from(node_s) + 55.0], "workers have no probe");
        assert_eq!(lab.ups(0), [f64::from(node_s) + 133.0], "graphs are captured, the probe has not come by");
        let account = lab.close(1000);
        let [start] = account.starts() else { panic!("one start") };
        let stages: Vec<u64> = start.stages.iter().map(|stage| stage.as_nanos() / 1_000_000_000).collect();
        assert_eq!(stages, [node_s as u64, 50, 5, 10, 20, 40, 8, 7]);
        assert_eq!(start.recovery, None);
        assert_eq!(StartStage::ALL.len(), stages.len());
    }
}

#[test]
fn images_and_compiled_code_stay() {
    let mut lab = Lab::new(cold(2, 1, 2));
    lab.act(1000, Action::DeletePod(pod(0, 1))).run(2000);
    // 30 s of grace; image 1 s, container 5 s, 10 + 20 s, compiled code 4 s, 8 s; the probes at 21 s + 10 k.
    assert_eq!(lab.ups(0)[1], 1030.0 + 48.0);
    assert_eq!(lab.time_after(1001, "group_ready", "m-0"), 1030.0 + 51.0);
    let account = lab.close(2000);
    let stages: Vec<u64> =
        account.starts()[1].stages.iter().map(|stage| stage.as_nanos() / 1_000_000_000).collect();
    assert_eq!(stages, [0, 1, 5, 10, 20, 4, 8, 3]);
}

/// How long the code of a group's second start takes, moved to a node that is new to it or not.
fn compiles(cache: CompileCacheArg, moves: bool) -> SimDuration {
    let mut spec = cold(2, 1, 1);
    spec.deployments[0].compile_cache = cache;
    let mut lab = Lab::new(spec);
    let action = if moves { Action::Drain { node: 0 } } else { Action::DeletePod(pod(0, 0)) };
    lab.act(1000, action).run(3000);
    lab.close(3000).starts()[1].stages[StartStage::Compile as usize]
}

#[test]
fn what_survives_of_a_compilation_depends_on_where_it_is_kept() {
    use CompileCacheArg::{Node, None, Volume};
    let rows = [
        (None, false, 40),
        (None, true, 40),
        (Node, false, 4),
        (Node, true, 40),
        (Volume, false, 4),
        (Volume, true, 4),
    ];
    for (cache, moves, s) in rows {
        assert_eq!(compiles(cache, moves), seconds(s), "{cache:?}, moves: {moves}");
    }
}

#[test]
fn a_node_cache_goes_with_its_machine() {
    let mut spec = cold(1, 1, 1);
    spec.deployments[0].compile_cache = CompileCacheArg::Node;
    let mut lab = Lab::new(spec);
    lab.act(1000, Action::Maintain { node: 0, notice: seconds(60), away: seconds(300) }).run(3000);
    let account = lab.close(3000);
    // Local disks are lost, the boot disk with the image is not.
    let stages = account.starts()[1].stages;
    assert_eq!(stages[StartStage::Compile as usize], seconds(40));
    assert_eq!(stages[StartStage::ImagePull as usize], seconds(1));
}

#[test]
fn weights_share_a_volume_and_are_kept_where_the_pool_keeps_them() {
    // 20 GB a pod at 1 GB/s a node; the volume gives 1 GB/s to all.
    let run = |groups: u32, volume: Option<f64>| {
        let mut spec = cold(2, groups, 1);
        spec.deployments[0].startup.weight_load = None;
        spec.pools[0].storage.volume = volume;
        spec.pools[0].storage.cache = true;
        let mut lab = Lab::new(spec);
        lab.act(1000, Action::StopContainer(pod(0, 0))).run(2000);
        let account = lab.close(2000);
        let load =
            |index: usize| account.starts()[index].stages[StartStage::WeightLoad as usize].as_secs_f64();
        (load(0), load(groups as usize))
    };
    assert_eq!(run(1, Some(1e9)), (20.0, 2.0), "from the node's own copy at 10 GB/s");
    assert_eq!(run(2, Some(1e9)).0, 40.0);
    assert_eq!(run(2, None).0, 20.0);
}

#[test]
fn a_dead_reader_leaves_the_volume_to_others() {
    let mut spec = cold(2, 2, 1);
    spec.deployments[0].startup.weight_load = None;
    spec.pools[0].storage.volume = Some(1e9);
    let mut lab = Lab::new(spec);
    // Both read from 65 s on; at 75 s each has 5 GB, and one is alone for its last 15 GB.
    lab.act(75, super::cluster_harness::lose(1)).run(2000);
    assert_eq!(lab.times("pod_compiling", "m-0"), [90.0]);
    assert_eq!(lab.times("pod_compiling", "m-1"), NEVER);
}

/// The leader's node has the image, the worker's pulls it for 400 s: longer than the leader waits (300 s).
fn slow_image(policy: RestartPolicy) -> Lab {
    let mut spec = cold(2, 0, 2);
    let m = &mut spec.deployments[0];
    m.restart_policy = policy;
    m.gpus_per_pod = 4;
    m.startup.image_pull = seconds(400);
    let mut other = deployment(1, 1);
    (other.name, other.gpus_per_pod) = ("b".into(), 4);
    other.startup.image_pull = seconds(400);
    spec.deployments.push(other);
    let mut lab = Lab::new(spec);
    lab.act(500, Action::Scale { deployment: 0, replicas: 1, by_hpa: false }).run(5000);
    lab
}

#[test]
fn a_slow_image_keeps_a_group_from_ever_starting() {
    // LeaderWorkerSet issue 726: every 306 s (image there, container, 300 s of waiting) the leader gives up, and the
    // worker's pull begins anew.
    let lab = slow_image(RestartPolicy::RecreateGroupOnPodRestart);
    let recreated = lab.times("group_recreating", "m-0");
    assert_eq!(recreated[..3], [806.0, 1112.0, 1418.0]);
    assert_eq!(lab.ups(0), NEVER);
    // With RecreateGroupAfterStart the leader alone restarts, at 806 s; the worker comes at 905 s. When the engine is up and
    // the leader's probe succeeds, LeaderWorkerSet sees a leader that has restarted, and a group with nothing pending.
    let lab = slow_image(RestartPolicy::RecreateGroupAfterStart);
    assert_eq!(lab.times("pod_restarting", "m-0"), [806.0]);
    assert_eq!(lab.ups(0)[0], 905.0 + 78.0);
    assert_eq!(lab.times("group_recreating", "m-0").len(), 1);
    assert!(lab.serves(0));
}

#[test]
fn a_worker_that_joined_ray_waits_for_nothing() {
    // The third pod never comes: only the leader gives up, and with AfterStart alone.
    let mut spec = cold(2, 1, 3);
    spec.deployments[0].restart_policy = RestartPolicy::RecreateGroupAfterStart;
    let mut lab = Lab::new(spec.clone());
    lab.run(400);
    assert_eq!(lab.times("pod_restarting", "m-0"), [355.0]);
    // Its new head, at 360 s, knows nothing of the worker that had joined the old one.
    assert_eq!(lab.times("pod_restarting", "m-0-1"), [360.0]);
    // With torch.distributed each waits for all.
    spec.deployments[0].rendezvous = Rendezvous::Mp;
    let mut lab = Lab::new(spec);
    lab.run(400);
    assert_eq!(lab.times("pod_restarting", "m-0-1"), [355.0]);
}

#[test]
fn with_leader_ready_start_ups_are_serial() {
    let mut spec = cold(2, 1, 2);
    spec.deployments[0].leader_ready = true;
    let mut lab = Lab::new(spec);
    lab.run(1000);
    // The leader's container at 55 s, its probe 15 s later; then the worker's 55 s, then the engine.
    assert_eq!(lab.times("pod_created", "m-0-1"), [70.0]);
    assert_eq!(lab.ups(0), [70.0 + 55.0 + 78.0]);
    let able = lab.close(1000).starts()[0].ready;
    assert_eq!(able.as_secs_f64(), 203.0, "its leader was ready long before");
}

#[test]
fn a_probe_comes_by_every_period() {
    for (delay, period, successes, ready) in
        [(15, 10, 1, 140.0), (0, 1, 1, 133.0), (0, 30, 1, 145.0), (15, 10, 3, 160.0)]
    {
        let mut spec = cold(1, 1, 1);
        let probe = &mut spec.deployments[0].probe;
        (probe.initial_delay, probe.period, probe.successes) = (seconds(delay), seconds(period), successes);
        let mut lab = Lab::new(spec);
        lab.run(1000);
        assert_eq!(lab.times("pod_ready", "m-0"), [ready], "{delay} {period} {successes}");
        let endpoint = lab.changed(0, |change| *change == Change::Endpoint { slot: 0, ready: true });
        assert_eq!(endpoint, [ready]);
    }
}

#[test]
fn a_preloaded_image_takes_a_second() {
    let mut spec = cold(1, 1, 1);
    preload(&mut spec);
    let mut lab = Lab::new(spec);
    lab.run(1000);
    assert_eq!(lab.ups(0), [1.0 + 5.0 + 78.0]);
}
