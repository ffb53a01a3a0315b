//! Scenarios of every engine: which one runs, what it takes for granted, what it refuses.

use std::path::Path;

use towtank::{
    catalog::Catalog,
    engine::Family,
    metrics::Simulated,
    scenario::{ResolvedEngine, ScenarioFile},
};

use super::{conservation::scheduled_once, runs};

/// A short burst against one node.
fn scenario(engine: &str) -> String {
    format!(
        "name: siblings
seed: 3
workloads:
  - name: chat
    arrivals: {{process: poisson, rate: 40/s}}
    num_prompts: 60
    lengths: {{input: {{uniform: [20, 900]}}, output: {{uniform: [2, 90]}}}}
placements:
  - name: one
    node_pools: [{{name: a3, machine: a3-highgpu-8g, nodes: 1, region: us-central1}}]
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {{{engine}}}
"
    )
}

fn resolved(engine: &str) -> ResolvedEngine {
    runs::resolved(&scenario(engine), &[]).placements[0].deployments[0].engine.clone()
}

fn run(engine: &str) -> Simulated {
    runs::run(&runs::resolved(&scenario(engine), &[]), 0)
}

/// What `check` or `run` says against it.
fn refusal(engine: &str) -> String {
    let file = ScenarioFile::parse("test.yaml", &scenario(engine), Path::new(""), &[]).unwrap();
    let refused = file.resolve(&Catalog::builtin()).map(|_| ()).and_then(|()| file.supported());
    refused.expect_err(engine).to_string()
}

const V0: &str = "version: \"0.6.3\", max_model_len: 8192";
const TENSORRT: &str = "backend: tensorrt-llm, version: \"1.0\", max_model_len: 8192";

#[test]
fn the_backend_and_the_version_choose_the_engine() {
    let cases = [
        ("version: \"0.8\"", Family::V1),
        ("version: \"0.7.3\", max_model_len: 8192", Family::V0),
        ("backend: vllm", Family::V1),
        ("backend: tensorrt-llm, version: \"0.14\"", Family::TensorRtLlm),
        ("backend: tensorrt-llm", Family::TensorRtLlm),
    ];
    for (engine, family) in cases {
        assert_eq!(resolved(engine).family(), family, "{engine}");
    }
}

#[test]
fn every_engine_answers_every_request() {
    let cases = [
        V0.to_owned(),
        format!("{V0}, num_scheduler_steps: 8"),
        format!("{V0}, enable_chunked_prefill: true"),
        format!("{V0}, pipeline_parallel_size: 2, tensor_parallel_size: 2"),
        TENSORRT.to_owned(),
        format!("{TENSORRT}, pipeline_parallel_size: 4"),
        "backend: tensorrt-llm, version: \"0.14\", max_model_len: 8192".to_owned(),
    ];
    for engine in cases {
        let run = run(&engine);
        let counts = run.metrics.overall().requests;
        assert_eq!((counts.completed, counts.failed, counts.rejected), (60, 0, 0), "{engine}");
        assert_eq!(run.deployments[0].engine.slow_steps, 0);
        assert!(run.deployments[0].engine.kv_usage_max > 0.0);
    }
}

/// Every token is scheduled once, but for those that V0's preemptions cost.
#[test]
fn no_engine_computes_a_token_twice_without_need() {
    let cases = [
        (format!("{V0}, num_gpu_blocks_override: 600"), true),
        (format!("{V0}, num_gpu_blocks_override: 600, num_scheduler_steps: 8"), true),
        (format!("{V0}, num_gpu_blocks_override: 600, enable_chunked_prefill: true"), true),
        (format!("{TENSORRT}, num_gpu_blocks_override: 300"), false),
        (format!("{TENSORRT}, num_gpu_blocks_override: 300, enable_chunked_prefill: true"), false),
    ];
    for (engine, preempts) in cases {
        let run = run(&engine);
        scheduled_once(&run);
        assert_eq!(run.deployments[0].engine.preemptions > 0, preempts, "{engine}");
    }
}

/// V0's host time is in the open, TensorRT-LLM has none.
#[test]
fn host_time_tells_the_engines_apart() {
    let seconds = |engine: &str| run(engine).end.as_secs_f64();
    let (v0, steps) = (seconds(V0), seconds(&format!("{V0}, num_scheduler_steps: 8")));
    let (v1, tensorrt) = (seconds("version: \"0.8.5\", max_model_len: 8192"), seconds(TENSORRT));
    assert!(tensorrt < v1 && v1 < steps && steps < v0, "{tensorrt} {v1} {steps} {v0}");
}

#[test]
fn defaults_are_those_of_the_engine() {
    let v0 = resolved(V0);
    assert_eq!((v0.limits.max_num_seqs, v0.limits.max_num_batched_tokens), (256, 8192));
    assert!(!v0.limits.enable_chunked_prefill && !v0.enable_prefix_caching);
    assert_eq!((v0.watermark, v0.num_scheduler_steps, v0.max_seq_len_to_capture), (0.01, 1, 8192));
    assert_eq!((v0.capture_sizes.len(), v0.capture_sizes.last()), (35, Some(&256)));
    let long = "version: \"0.6.3\", max_model_len: 65536";
    assert_eq!(
        (resolved(long).limits.enable_chunked_prefill, resolved(long).limits.max_num_batched_tokens),
        (true, 512)
    );
    let steps = resolved(&format!("{long}, num_scheduler_steps: 8"));
    assert_eq!(steps.limits.max_num_batched_tokens, 65_536, "several steps do not cut prompts up");
    let tensorrt = resolved(TENSORRT);
    assert_eq!((tensorrt.limits.max_num_seqs, tensorrt.limits.max_num_batched_tokens), (2048, 8192));
    assert_eq!(
        (tensorrt.block_size, tensorrt.gpu_memory_utilization, tensorrt.async_scheduling),
        (32, 0.9, Some(true))
    );
    let older = resolved("backend: tensorrt-llm, version: \"0.17\", max_model_len: 8192");
    assert_eq!((older.block_size, older.async_scheduling), (64, Some(false)));
}

#[test]
fn the_kv_cache_of_tensorrt_llm_is_a_part_of_what_is_left() {
    let plan = |engine: &str| {
        let resolved = runs::resolved(&scenario(engine), &[]);
        resolved.placements[0].deployments[0].memory.clone().unwrap()
    };
    let (most, half) = (plan(TENSORRT), plan(&format!("{TENSORRT}, gpu_memory_utilization: 0.45")));
    let stage = &most.stages[0];
    let left = stage.kv_cache.get() + stage.free.get();
    assert!((stage.kv_available.get() as f64 / left as f64 - 0.9).abs() < 1e-6);
    assert!((f64::from(most.num_gpu_blocks) / f64::from(half.num_gpu_blocks) - 2.0).abs() < 1e-3);
    let large = scenario(TENSORRT).replace("Llama-3.1-8B", "Llama-3.1-70B");
    let refused = runs::resolved(&large, &[]).placements[0].does_not_fit().unwrap();
    assert!(refused.contains("CUDA out of memory while loading the weights"), "{refused}");
}

#[test]
fn what_means_nothing_to_an_engine_is_refused() {
    let cases = [
        (TENSORRT, "long_prefill_token_threshold: 64", "means nothing to TensorRT-LLM"),
        (TENSORRT, "scheduling_policy: priority", "means nothing to TensorRT-LLM"),
        (TENSORRT, "distributed_executor_backend: ray", "means nothing to TensorRT-LLM"),
        (TENSORRT, "num_scheduler_steps: 8", "means nothing to TensorRT-LLM"),
        (V0, "async_scheduling: true", "means nothing to vLLM's V0 engine"),
        (V0, "watermark: 0.5", "means nothing to vLLM's V0 engine"),
        ("version: \"0.33\"", "num_scheduler_steps: 8", "means nothing to vLLM's V1 engine"),
        ("version: \"0.33\"", "max_seq_len_to_capture: 4096", "means nothing to vLLM's V1 engine"),
        ("backend: tensorrt-llm, version: \"0.17\"", "async_scheduling: true", "has no overlap scheduler"),
        (TENSORRT, "enable_prefix_caching: true", "prefix caching of TensorRT-LLM is not simulated"),
        (V0, "enable_prefix_caching: true", "prefix caching of vLLM's V0 engine is not simulated"),
        (V0, "scheduling_policy: priority", "priorities of vLLM's V0 engine are not simulated"),
        (
            V0,
            "num_scheduler_steps: 8, enable_chunked_prefill: true, pipeline_parallel_size: 2",
            "Multi-Step Chunked-Prefill is not supported for pipeline-parallel-size > 1",
        ),
    ];
    for (engine, field, message) in cases {
        let refused = refusal(&format!("{engine}, {field}"));
        let name = field.split(':').next().unwrap();
        assert!(refused.contains(message) && refused.contains(name), "{field}: {refused}");
    }
}

#[test]
fn the_filled_scenario_resolves_to_the_same() {
    for engine in [V0, TENSORRT, "version: \"0.33\""] {
        let catalog = Catalog::builtin();
        let file = ScenarioFile::parse("test.yaml", &scenario(engine), Path::new(""), &[]).unwrap();
        let resolved = file.resolve(&catalog).unwrap();
        let filled = serde_json::to_string(&file.filled(&resolved)).unwrap();
        let again = ScenarioFile::parse("filled.json", &filled, Path::new(""), &[]).unwrap();
        let again = again.resolve(&catalog).unwrap();
        let engine =
            |resolved: &towtank::scenario::Resolved| resolved.placements[0].deployments[0].engine.clone();
        assert_eq!(engine(&again), engine(&resolved));
    }
}
