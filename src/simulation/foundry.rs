//! Makes engines: configuration by deployment, timing by where the pods stand.

use std::collections::BTreeMap;

use super::group::Group;
use crate::engine::{
    CaptureSizes, Engine, EngineConfig, Executor, ExecutorArg, SchedulingPolicy, SchedulingPolicyArg,
};
use crate::scenario::{ResolvedDeployment, ResolvedPlacement, rank_nodes};
use crate::timing::Timing;

/// What engines of one placement are made from.
#[derive(Clone, Debug)]
pub(super) struct Foundry {
    /// A configuration a deployment.
    configs: Vec<EngineConfig>,
    /// Timings made so far, by (deployment, node of each rank, bandwidth left as bits).
    timings: BTreeMap<(usize, Vec<u32>, u64), Timing>,
    /// Engines keep every batch for `steps.jsonl`.
    record_steps: bool,
}

impl Foundry {
    pub(super) fn new(placement: &ResolvedPlacement, record_steps: bool) -> Self {
        let configs = placement.deployments.iter().map(engine_config).collect();
        Self { configs, timings: BTreeMap::new(), record_steps }
    }

    pub(super) fn max_model_len(&self, deployment: usize) -> u32 {
        self.configs[deployment].max_model_len
    }

    /// How long steps of a group take whose pods stand on `nodes`, with that part of the bandwidth between them left.
    pub(super) fn timing(
        &mut self,
        placement: &ResolvedPlacement,
        deployment: usize,
        nodes: &[usize],
        network: f64,
    ) -> Timing {
        let resolved = &placement.deployments[deployment];
        let ranks = rank_nodes(nodes, resolved.layout.gpus() / resolved.size);
        let key = (deployment, ranks, network.to_bits());
        if let Some(known) = self.timings.get(&key) {
            return known.clone();
        }
        let timing = Timing::new(&resolved.timing.placed(&key.1, network));
        self.timings.insert(key, timing.clone());
        timing
    }

    /// A new engine of a group whose pods stand on `nodes`.
    pub(super) fn group(
        &mut self,
        placement: &ResolvedPlacement,
        deployment: usize,
        nodes: &[usize],
        network: f64,
    ) -> Group<Timing> {
        let timing = self.timing(placement, deployment, nodes, network);
        let stages = placement.deployments[deployment].layout.pipeline_parallel as usize;
        let mut group = Group::new(Engine::new(&self.configs[deployment]), timing, stages);
        if self.record_steps {
            group.record_steps();
        }
        group
    }
}

fn engine_config(deployment: &ResolvedDeployment) -> EngineConfig {
    let engine = &deployment.engine;
    let memory = deployment.memory.as_ref().expect("a deployment that does not fit is not run");
    EngineConfig {
        family: engine.family(),
        version: engine.version,
        scheduling_policy: match engine.scheduling_policy {
            SchedulingPolicyArg::Fcfs => SchedulingPolicy::Fcfs,
            SchedulingPolicyArg::Priority => SchedulingPolicy::Priority,
        },
        max_num_seqs: engine.limits.max_num_seqs,
        max_num_batched_tokens: engine.limits.max_num_batched_tokens,
        max_model_len: engine.max_model_len,
        block_size: engine.block_size,
        num_gpu_blocks: memory.num_gpu_blocks,
        enable_chunked_prefill: engine.limits.enable_chunked_prefill,
        enable_prefix_caching: engine.enable_prefix_caching,
        long_prefill_token_threshold: engine.long_prefill_token_threshold,
        watermark: engine.watermark,
        async_scheduling: engine.async_scheduling,
        pipeline_parallel_size: deployment.layout.pipeline_parallel,
        executor: match engine.executor {
            ExecutorArg::Ray => Executor::Ray,
            ExecutorArg::Uni | ExecutorArg::Mp => Executor::Mp,
        },
        num_scheduler_steps: engine.num_scheduler_steps,
        capture_sizes: CaptureSizes::of(engine.capture_sizes.clone()),
        max_seq_len_to_capture: engine.max_seq_len_to_capture,
    }
}
