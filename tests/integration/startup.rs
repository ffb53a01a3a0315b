//! How long a group takes to start: each stage's default, what a scenario may state, what each pod reads.

use std::path::Path;

use towtank::{
    catalog::Catalog,
    hardware::{Storage, StorageKind},
    kubernetes::{CompileCacheArg, Rendezvous, StartupArgs, StartupInputs, StartupTimes},
    scenario::{ResolvedStartup, ScenarioFile},
    units::SimDuration,
};

/// Llama 3.1 405B in BF16 on two nodes, as GKE's manifest has it.
const TWO_NODES: StartupInputs = StartupInputs {
    size: 2,
    executor: Rendezvous::Ray,
    tensor_parallel: 8,
    pipeline_parallel: 2,
    layers: 63,
    compiles: true,
    captures: true,
};

fn times(args: &StartupArgs, inputs: &StartupInputs) -> StartupTimes {
    StartupTimes::resolve(Some(args), &Catalog::builtin(), inputs).unwrap()
}

fn s(seconds: u64) -> SimDuration {
    SimDuration::from_secs(seconds)
}

fn near(duration: SimDuration, seconds: f64) -> bool {
    (duration.as_secs_f64() - seconds).abs() < 0.1
}

#[test]
fn every_stage_has_a_published_duration() {
    let unstated = StartupTimes::resolve(None, &Catalog::builtin(), &TWO_NODES).unwrap();
    assert_eq!(unstated, times(&StartupArgs::default(), &TWO_NODES));
    assert_eq!((unstated.node_ready, unstated.image_pull, unstated.image_cached), (s(360), s(230), s(1)));
    assert_eq!((unstated.container_start, unstated.distributed_init), (s(16), s(7 + 10 + 6)));
    assert_eq!((unstated.rendezvous_timeout, unstated.weight_load), (s(300), None));
    assert!(near(unstated.compile_cold, 71.1) && near(unstated.compile_warm, 7.5));
    assert!(near(unstated.graph_capture, 8.0 + 51.9));
}

#[test]
fn what_is_stated_goes_before_what_is_known() {
    let stated = StartupArgs {
        nodes: None,
        node_ready: Some(s(1)),
        image_pull: Some(s(2)),
        image_streaming: Some(true),
        image_cached: Some(true),
        container_start: Some(s(3)),
        distributed_init: Some(s(4)),
        rendezvous_timeout: Some(s(5)),
        weight_load: Some(s(6)),
        compile: Some(s(7)),
        compile_cache: None,
        graph_capture: Some(s(8)),
    };
    let times = times(&stated, &TWO_NODES);
    assert_eq!((times.node_ready, times.image_pull, times.container_start), (s(1), s(2), s(3)));
    assert_eq!((times.distributed_init, times.rendezvous_timeout), (s(4), s(5)));
    assert_eq!((times.weight_load, times.compile_cold, times.graph_capture), (Some(s(6)), s(7), s(8)));
    // What is there already never takes longer than what must be had.
    assert_eq!((times.image_cached, times.compile_warm), (s(1), s(7)));
}

#[test]
fn an_image_is_pulled_streamed_or_there() {
    let pull = |image_streaming, image_cached| {
        let args = StartupArgs { image_streaming, image_cached, ..StartupArgs::default() };
        times(&args, &TWO_NODES).image_pull
    };
    assert_eq!(pull(Some(false), Some(false)), s(230));
    assert_eq!(pull(Some(true), None), s(20));
    assert_eq!((pull(None, Some(true)), pull(Some(true), Some(true))), (s(8), s(8)));
}

#[test]
fn ranks_meet_as_the_executor_lets_them() {
    let meet = |inputs: StartupInputs| {
        let times = times(&StartupArgs::default(), &inputs);
        (times.distributed_init, times.rendezvous_timeout)
    };
    let one_node = StartupInputs { size: 1, executor: Rendezvous::Mp, pipeline_parallel: 1, ..TWO_NODES };
    assert_eq!(meet(StartupInputs { tensor_parallel: 1, executor: Rendezvous::None, ..one_node }).0, s(0));
    assert_eq!(meet(one_node), (s(7), s(600)));
    assert_eq!(meet(StartupInputs { executor: Rendezvous::Ray, ..one_node }), (s(17), s(300)));
    assert_eq!(meet(StartupInputs { executor: Rendezvous::Mp, ..TWO_NODES }), (s(13), s(600)));
    // Stages that are themselves spread over pods need a second communicator between machines.
    let wide = StartupInputs { size: 4, tensor_parallel: 16, ..TWO_NODES };
    assert_eq!(meet(wide).0, s(7 + 10 + 2 * 6));
    assert_eq!(
        meet(StartupInputs { size: 2, tensor_parallel: 16, pipeline_parallel: 1, ..TWO_NODES }).0,
        s(23)
    );
}

#[test]
fn compiling_and_capturing_go_through_both_published_starts() {
    let catalog = Catalog::builtin();
    let published = |entry: &str, path: &str| {
        let facts = catalog.facts("startup", entry).unwrap();
        facts.iter().find(|fact| fact.path == path).unwrap().fact.value.as_f64().unwrap()
    };
    let of = |layers| times(&StartupArgs::default(), &StartupInputs { layers, ..TWO_NODES });
    let (small, large) = ("vllm-8b-init-cold", "vllm-70b-fp8-tp8-breakdown");
    assert!(near(of(32).compile_cold, published(small, "compile")));
    assert!(near(of(80).compile_cold, published(large, "dynamo") + published(large, "torch_compile")));
    assert!(near(of(80).graph_capture, 8.0 + published(large, "cudagraph")));
    let init = of(32).compile_cold + of(32).graph_capture;
    assert!(near(init, published(small, "init_engine")), "profiling is the rest");
}

#[test]
fn an_engine_takes_no_time_for_what_it_does_not_do() {
    let stated = StartupArgs { compile: Some(s(60)), graph_capture: Some(s(60)), ..StartupArgs::default() };
    let eager = times(&stated, &StartupInputs { compiles: false, captures: false, ..TWO_NODES });
    assert_eq!((eager.compile_cold, eager.compile_warm, eager.graph_capture), (s(0), s(0), s(8)));
    let v0 = times(&StartupArgs::default(), &StartupInputs { compiles: false, ..TWO_NODES });
    assert!(v0.compile_cold == s(0) && near(v0.graph_capture, 59.9));
}

/// A placement of Llama 3.1 405B with these engine arguments, pool fields and placement fields.
fn file(engine: &str, size: u32, pool: &str, placement: &str) -> ScenarioFile {
    let text = format!(
        "name: start
duration: 10m
workloads: [{{name: chat, arrivals: {{process: poisson, rate: 1/s}}, lengths: {{input: 512, output: 128}}}}]
placements:
  - name: two
    node_pools: [{{name: a3, machine: a3-highgpu-8g, nodes: 4{pool}}}]
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-405B-Instruct
        engine: {{max_model_len: 16384, distributed_executor_backend: ray, {engine}}}
        leaderworkerset: {{leaderWorkerTemplate: {{size: {size}}}}}
{placement}"
    );
    ScenarioFile::parse("start.yaml", &text, Path::new(""), &[]).unwrap()
}

fn resolve(file: &ScenarioFile) -> (Storage, ResolvedStartup) {
    let placement = file.resolve(&Catalog::builtin()).unwrap().placements.remove(0);
    (placement.pools[0].storage, placement.deployments[0].startup.clone())
}

const TP8_PP2: &str = "tensor_parallel_size: 8, pipeline_parallel_size: 2";
const WHOLE_405B: u64 = 811_706_777_600;

#[test]
fn a_pod_downloads_everything_and_reads_what_it_holds() {
    let (storage, start) = resolve(&file(TP8_PP2, 2, "", ""));
    assert_eq!(
        (storage.kind, start.bytes_per_pod.as_slice()),
        (StorageKind::Hub, [WHOLE_405B; 2].as_slice())
    );
    assert_eq!(start.compile_cache, CompileCacheArg::None);
    let (volume, mounted) = resolve(&file(TP8_PP2, 2, ", storage: {kind: hyperdisk-ml}", ""));
    assert_eq!(
        (volume.kind, &mounted.bytes_per_pod),
        (StorageKind::HyperdiskMl, &mounted.cached_bytes_per_pod)
    );
    assert_eq!(mounted.bytes_per_pod, start.cached_bytes_per_pod);
    assert_eq!(mounted.bytes_per_pod.iter().sum::<u64>(), WHOLE_405B);
    assert!(mounted.bytes_per_pod.iter().all(|bytes| bytes.abs_diff(WHOLE_405B / 2) < 20_000));
    assert_eq!(mounted.times, times(&StartupArgs::default(), &TWO_NODES));
}

#[test]
fn pods_hold_stages_or_parts_of_them() {
    let bytes = |engine: &str, size| resolve(&file(engine, size, "", "")).1.cached_bytes_per_pod;
    // A stage over two pods: half of it each. Two stages in one pod: both.
    let quarters = bytes(TP8_PP2, 4);
    assert_eq!(quarters.iter().sum::<u64>(), WHOLE_405B);
    assert!(quarters[0] == quarters[1] && quarters[2] == quarters[3]);
    assert_eq!(bytes("tensor_parallel_size: 16", 2), [WHOLE_405B / 2; 2]);
    let stages = bytes("tensor_parallel_size: 4, pipeline_parallel_size: 4", 4);
    let pairs = bytes("tensor_parallel_size: 4, pipeline_parallel_size: 4", 2);
    assert_eq!(pairs, [stages[0] + stages[1], stages[2] + stages[3]]);
    assert!(stages[1] > stages[0], "the stages in the middle have 32 layers, the outer ones 31");
    // What becomes FP8 on the way is read in BF16.
    assert_eq!(bytes(&format!("{TP8_PP2}, quantization: fp8"), 2), bytes(TP8_PP2, 2));
}

#[test]
fn engines_that_do_not_compile_or_capture_are_known() {
    let start = |engine: &str| resolve(&file(&format!("{TP8_PP2}, {engine}"), 2, "", "")).1.times;
    let does = |times: StartupTimes| (times.compile_cold > s(0), times.graph_capture > s(8));
    assert_eq!(does(start("version: \"0.33\"")), (true, true));
    assert_eq!(does(start("enforce_eager: true")), (false, false));
    assert_eq!(does(start("version: \"0.6.3\"")), (false, true));
}

#[test]
fn a_placement_states_its_start_and_shows_it() {
    let stated =
        "    startup: {image_streaming: true, compile_cache: node, weight_load: 90s, distributed_init: 1m}";
    let pool = ", storage: {kind: gcs-fuse, cache: node}";
    let (storage, start) = resolve(&file(TP8_PP2, 2, pool, stated));
    assert!(storage.cache);
    assert_eq!((start.times.image_pull, start.times.distributed_init), (s(20), s(60)));
    assert_eq!((start.times.weight_load, start.compile_cache), (Some(s(90)), CompileCacheArg::Node));

    let file = file(TP8_PP2, 2, pool, stated);
    let shown = file.filled(&file.resolve(&Catalog::builtin()).unwrap()).placements.remove(0);
    assert_eq!(shown.node_pools[0].storage, Some(storage.args()));
    let startup = shown.startup.unwrap();
    assert_eq!((startup.node_ready, startup.container_start), (Some(s(360)), Some(s(16))));
    assert_eq!((startup.image_pull, startup.image_cached), (Some(s(20)), Some(false)));
    assert_eq!((startup.compile, startup.weight_load), (Some(start.times.compile_cold), Some(s(90))));
}

#[test]
fn deployments_that_differ_do_not_show_one_duration_for_all() {
    let second = "      - name: eager
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {enforce_eager: true}
";
    let file = file(TP8_PP2, 2, "", second);
    let shown = file.filled(&file.resolve(&Catalog::builtin()).unwrap()).placements.remove(0);
    let startup = shown.startup.unwrap();
    assert_eq!((startup.compile, startup.graph_capture, startup.distributed_init), (None, None, None));
    assert_eq!(startup.image_pull, Some(s(230)));
}
