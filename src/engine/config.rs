//! What an engine core must know before its first step, every default filled in.

use super::{CaptureSizes, Family};
use crate::units::Version;

/// Order of the waiting queue and choice of victims (`--scheduling-policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchedulingPolicy {
    /// First come, first served.
    #[default]
    Fcfs,
    /// Smaller priority first, then arrival.
    Priority,
}

/// How the engine core drives its workers (`--distributed-executor-backend`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Executor {
    /// Processes, over shared memory and sockets.
    #[default]
    Mp,
    /// Ray actors.
    Ray,
}

/// One engine core.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Which scheduler.
    pub family: Family,
    /// Release of it whose rules apply.
    pub version: Version,
    /// Queue order.
    pub scheduling_policy: SchedulingPolicy,
    /// Requests running at once.
    pub max_num_seqs: u32,
    /// Tokens scheduled a step.
    pub max_num_batched_tokens: u32,
    /// Prompt and answer together [tokens].
    pub max_model_len: u32,
    /// Tokens a KV block holds.
    pub block_size: u32,
    /// KV blocks; under V1 the reserved null block is one of them.
    pub num_gpu_blocks: u32,
    /// Prompts may be computed in pieces.
    pub enable_chunked_prefill: bool,
    /// Full blocks are kept for later requests.
    pub enable_prefix_caching: bool,
    /// Longest piece of a prompt while others wait or run; 0 for no limit.
    pub long_prefill_token_threshold: u32,
    /// Share of the blocks that must stay free when a request is admitted.
    pub watermark: f64,
    /// Asked for explicitly, or `None` for the release's own default.
    pub async_scheduling: Option<bool>,
    /// Pipeline stages.
    pub pipeline_parallel_size: u32,
    /// Forward passes a call of the scheduler; V0.
    pub num_scheduler_steps: u32,
    /// Who runs the workers.
    pub executor: Executor,
    /// Batch sizes with a captured CUDA graph.
    pub capture_sizes: CaptureSizes,
    /// Longest context that a CUDA graph covers [tokens]; V0.
    pub max_seq_len_to_capture: u32,
}
