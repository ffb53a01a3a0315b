//! A resolved scenario written back into the words of the file: `check --show`.

use crate::engine::{DtypeArg, EngineArgs};
use crate::hardware::NodesArgs;
use crate::kubernetes::{CompileCacheArg, StartupArgs, StartupTimes};
use crate::model::Precision;
use crate::scenario::{
    PlacementArgs, Resolved, ResolvedDeployment, ResolvedPlacement, ResolvedPool, Scenario, ScenarioFile,
};
use crate::units::SimDuration;

impl ScenarioFile {
    /// The scenario with every default filled in; it resolves to `resolved` again.
    pub fn filled(&self, resolved: &Resolved) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.seed = resolved.seed;
        if let Some(slo) = &mut scenario.slo {
            slo.goodput = Some(slo.goodput());
        }
        for (placement, resolved) in scenario.placements.iter_mut().zip(&resolved.placements) {
            fill_placement(placement, resolved);
        }
        scenario
    }
}

fn fill_placement(placement: &mut PlacementArgs, resolved: &ResolvedPlacement) {
    for (pool, resolved) in placement.node_pools.iter_mut().zip(&resolved.pools) {
        let ResolvedPool { nodes, network, region, provisioning, commitment, discount, storage, .. } =
            resolved;
        pool.nodes.get_or_insert(NodesArgs::Fixed(*nodes));
        pool.network = Some(*network);
        pool.region = Some(region.clone());
        pool.provisioning = Some(*provisioning);
        pool.commitment = *commitment;
        pool.discount = Some(*discount);
        pool.storage = Some(storage.args());
    }
    placement.startup = Some(startup(placement.startup.unwrap_or_default(), &resolved.deployments));
    for (deployment, resolved) in placement.deployments.iter_mut().zip(&resolved.deployments) {
        deployment.engine = engine(&deployment.engine, resolved);
        let lws = &mut deployment.leaderworkerset;
        lws.replicas = Some(resolved.replicas);
        lws.leader_worker_template.get_or_insert_default().size = Some(resolved.size);
    }
}

/// The start as all deployments have it; what differs between them stays as stated, since a placement has one of each.
fn startup(stated: StartupArgs, deployments: &[ResolvedDeployment]) -> StartupArgs {
    let common = |stage: fn(&StartupTimes) -> SimDuration| {
        let mut stages = deployments.iter().map(|deployment| stage(&deployment.startup.times));
        let first = stages.next()?;
        stages.all(|other| other == first).then_some(first)
    };
    StartupArgs {
        nodes: stated.nodes,
        node_ready: common(|times| times.node_ready),
        image_pull: common(|times| times.image_pull),
        image_streaming: stated.image_streaming.or(Some(false)),
        image_cached: stated.image_cached.or(Some(false)),
        container_start: common(|times| times.container_start),
        distributed_init: common(|times| times.distributed_init).or(stated.distributed_init),
        rendezvous_timeout: common(|times| times.rendezvous_timeout).or(stated.rendezvous_timeout),
        weight_load: stated.weight_load,
        compile: common(|times| times.compile_cold).or(stated.compile),
        compile_cache: stated.compile_cache.or(Some(CompileCacheArg::None)),
        graph_capture: common(|times| times.graph_capture).or(stated.graph_capture),
    }
}

fn engine(stated: &EngineArgs, deployment: &ResolvedDeployment) -> EngineArgs {
    let engine = &deployment.engine;
    let mut filled = EngineArgs {
        backend: stated.backend,
        version: Some(engine.version),
        tensor_parallel_size: Some(deployment.layout.tensor_parallel),
        pipeline_parallel_size: Some(deployment.layout.pipeline_parallel),
        // A backend that vLLM chose is left out: stating it can turn a refusal to start into a start.
        distributed_executor_backend: stated.distributed_executor_backend,
        max_model_len: Some(engine.max_model_len),
        dtype: match engine.dtype {
            Precision::Bf16 => Some(DtypeArg::Bfloat16),
            Precision::Fp16 => Some(DtypeArg::Float16),
            Precision::Fp8 | Precision::Fp32 => stated.dtype,
        },
        quantization: stated.quantization,
        kv_cache_dtype: Some(engine.kv_cache_dtype),
        max_num_seqs: Some(engine.limits.max_num_seqs),
        max_num_batched_tokens: Some(engine.limits.max_num_batched_tokens),
        gpu_memory_utilization: Some(engine.gpu_memory_utilization),
        block_size: Some(engine.block_size),
        num_gpu_blocks_override: engine.num_gpu_blocks_override,
        enable_chunked_prefill: Some(engine.limits.enable_chunked_prefill),
        enable_prefix_caching: Some(engine.enable_prefix_caching),
        disable_hybrid_kv_cache_manager: stated.disable_hybrid_kv_cache_manager,
        long_prefill_token_threshold: Some(engine.long_prefill_token_threshold),
        scheduling_policy: Some(engine.scheduling_policy),
        async_scheduling: engine.async_scheduling,
        watermark: Some(engine.watermark),
        enforce_eager: Some(engine.enforce_eager),
        cudagraph_capture_sizes: (!engine.enforce_eager).then(|| engine.capture_sizes.clone()),
        num_scheduler_steps: Some(engine.num_scheduler_steps),
        max_seq_len_to_capture: Some(engine.max_seq_len_to_capture),
    };
    filled.take_pointless(engine.family());
    filled
}
