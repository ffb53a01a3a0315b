//! vLLM's own defaults, by release and GPU (`engine/arg_utils.py`, `config/cache.py`, `config/vllm.py`).

use thiserror::Error;

use super::{CaptureSizes, Family};
use crate::hardware::{Gpu, GpuArchitecture};
use crate::units::Version;

/// Tokens in a KV block unless stated.
pub const DEFAULT_BLOCK_SIZE: u32 = 16;

const GIB: u64 = 1 << 30;
/// The first release with a row for GPUs of 160 GiB and more among those read (not in 0.20).
const LARGE_GPU_ROW: Version = Version::new(0, 33, 0);
/// The first release with 0.92 instead of 0.90.
const UTILIZATION_092: Version = Version::new(0, 20, 0);
/// The first release that captures every 16th size above 256 instead of every 8th (recalled).
const COARSE_CAPTURE: Version = Version::new(0, 12, 0);
/// V0 turned chunked prefill on by itself above this context [tokens].
const V0_LONG_CONTEXT: u32 = 32_768;

/// `max_seq_len_to_capture` of V0 unless stated [tokens].
pub const DEFAULT_SEQ_LEN_TO_CAPTURE: u32 = 8192;
/// Part of the blocks that V0 leaves free when it admits (`core/block_manager.py`).
pub const V0_WATERMARK: f64 = 0.01;

/// `gpu_memory_utilization`.
pub fn gpu_memory_utilization(version: Version) -> f64 {
    if version < UTILIZATION_092 { 0.90 } else { 0.92 }
}

/// What a user may have set of the sizes of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchLimitArgs {
    /// `max_num_batched_tokens`.
    pub max_num_batched_tokens: Option<u32>,
    /// `max_num_seqs`.
    pub max_num_seqs: Option<u32>,
    /// `enable_chunked_prefill`.
    pub enable_chunked_prefill: Option<bool>,
    /// `num_scheduler_steps`; V0.
    pub num_scheduler_steps: Option<u32>,
}

/// Sizes of a batch with every default filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Token budget of a step.
    pub max_num_batched_tokens: u32,
    /// Most running sequences.
    pub max_num_seqs: u32,
    /// Prompts may be computed in pieces.
    pub enable_chunked_prefill: bool,
}

/// Sizes of a batch vLLM refuses (`config/scheduler.py`, `verify_max_model_len`), in its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadBatchLimits {
    /// A whole prompt must fit in a step when prompts are not computed in pieces.
    #[error(
        "max_num_batched_tokens ({tokens}) is smaller than max_model_len ({max_model_len}). This effectively limits \
         the maximum sequence length to max_num_batched_tokens and makes vLLM reject longer sequences. Please \
         increase max_num_batched_tokens or decrease max_model_len."
    )]
    SmallerThanModelLen {
        /// `max_num_batched_tokens`.
        tokens: u32,
        /// `max_model_len`.
        max_model_len: u32,
    },
    /// Every running sequence must fit in a step with one token.
    #[error("max_num_batched_tokens ({tokens}) must be greater than or equal to max_num_seqs ({sequences}).")]
    SmallerThanSequences {
        /// `max_num_batched_tokens`.
        tokens: u32,
        /// `max_num_seqs`.
        sequences: u32,
    },
}

impl BatchLimits {
    /// Checks the sizes as vLLM does before it starts.
    ///
    /// # Errors
    /// If vLLM refuses them.
    pub fn check(self, max_model_len: u32) -> Result<(), BadBatchLimits> {
        let tokens = self.max_num_batched_tokens;
        if tokens < max_model_len && !self.enable_chunked_prefill {
            return Err(BadBatchLimits::SmallerThanModelLen { tokens, max_model_len });
        }
        if tokens < self.max_num_seqs {
            return Err(BadBatchLimits::SmallerThanSequences { tokens, sequences: self.max_num_seqs });
        }
        Ok(())
    }
}

/// `max_num_batched_tokens`, `max_num_seqs` and chunked prefill of `vllm serve`.
///
/// What a user sets stays as it is, except that `max_num_seqs` never exceeds a defaulted token budget.
pub fn batch_limits(
    family: Family,
    version: Version,
    gpu: &Gpu,
    max_model_len: u32,
    set: BatchLimitArgs,
) -> BatchLimits {
    if family == Family::V0 {
        return v0_batch_limits(version, max_model_len, set);
    }
    let enable_chunked_prefill = set.enable_chunked_prefill.unwrap_or(true);
    let memory = gpu.total_memory().get();
    let (tokens, sequences) = if memory >= 160 * GIB && version >= LARGE_GPU_ROW {
        (16_384, 1024)
    } else if memory >= 70 * GIB && !gpu.is_a100() {
        (8192, 1024)
    } else {
        (2048, 256)
    };
    let max_num_seqs = set.max_num_seqs.unwrap_or(sequences);
    let max_num_batched_tokens = set.max_num_batched_tokens.unwrap_or_else(|| {
        let wanted = if enable_chunked_prefill { tokens } else { tokens.max(max_model_len) };
        let most = u64::from(max_num_seqs) * u64::from(max_model_len);
        u64::from(wanted).min(most) as u32
    });
    let max_num_seqs =
        if set.max_num_seqs.is_none() { max_num_seqs.min(max_num_batched_tokens) } else { max_num_seqs };
    BatchLimits { max_num_batched_tokens, max_num_seqs, enable_chunked_prefill }
}

/// V0: chunked prefill only by request or for long contexts; without it, or with several steps a schedule, a step takes
/// a whole prompt (`config.py` `SchedulerConfig`, 0.6.3).
fn v0_batch_limits(version: Version, max_model_len: u32, set: BatchLimitArgs) -> BatchLimits {
    let enable_chunked_prefill = set.enable_chunked_prefill.unwrap_or(max_model_len > V0_LONG_CONTEXT);
    // 512 until 0.6.4, 2048 after (recalled).
    let chunk = if version < Version::new(0, 6, 5) { 512 } else { 2048 };
    let several_steps = set.num_scheduler_steps.is_some_and(|steps| steps > 1);
    let default = if enable_chunked_prefill && !several_steps { chunk } else { max_model_len.max(2048) };
    BatchLimits {
        max_num_batched_tokens: set.max_num_batched_tokens.unwrap_or(default),
        max_num_seqs: set.max_num_seqs.unwrap_or(256),
        enable_chunked_prefill,
    }
}

/// Batch sizes CUDA graphs are captured for, ascending.
///
/// Up to `min(2 * max_num_seqs, 512)` (1024 on Blackwell) and never above the token budget: 1, 2, 4, every 8th below
/// 256, every 16th from there; since then also the two limits themselves if they lie within. V0 captures every 8th up to
/// `max_num_seqs` (`worker/model_runner.py`, 0.6.3).
pub fn capture_sizes(family: Family, version: Version, gpu: &Gpu, limits: BatchLimits) -> Vec<u32> {
    if family == Family::V0 {
        return v0_capture_sizes(limits.max_num_seqs);
    }
    let tokens = limits.max_num_batched_tokens;
    let most = if gpu.architecture == GpuArchitecture::Blackwell { 1024 } else { 512 };
    let largest = limits.max_num_seqs.saturating_mul(2).min(most).min(tokens);
    let mut sizes: Vec<u32> = if version < COARSE_CAPTURE {
        [1, 2, 4].into_iter().chain((8..=largest).step_by(8)).collect()
    } else {
        let list = CaptureSizes::up_to(largest);
        list.sizes().iter().copied().chain([tokens, limits.max_num_seqs]).collect()
    };
    sizes.retain(|size| *size <= largest);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// As far as a batch of every sequence, padded, needs.
fn v0_capture_sizes(max_num_seqs: u32) -> Vec<u32> {
    let all = [1, 2, 4].into_iter().chain((8..).step_by(8));
    let mut sizes: Vec<u32> = all.clone().take_while(|size| *size < max_num_seqs).collect();
    sizes.extend(all.skip(sizes.len()).take(1));
    sizes
}
