//! What the oracle is told, and what follows from the release of vLLM.

use towtank::units::Version;

/// `--scheduling-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Fcfs,
    Priority,
}

/// One engine core.
#[derive(Clone, Debug)]
pub(crate) struct OracleConfig {
    pub(crate) version: Version,
    pub(crate) policy: Policy,
    pub(crate) max_num_seqs: u32,
    pub(crate) max_num_batched_tokens: u32,
    pub(crate) max_model_len: u32,
    pub(crate) block_size: u32,
    /// The null block included.
    pub(crate) num_gpu_blocks: u32,
    pub(crate) chunked_prefill: bool,
    pub(crate) prefix_caching: bool,
    pub(crate) long_prefill_token_threshold: u32,
    pub(crate) watermark: f64,
    /// `None`: the release's default.
    pub(crate) async_scheduling: Option<bool>,
    pub(crate) pipeline_parallel_size: u32,
    /// Ray instead of multiprocessing.
    pub(crate) ray: bool,
}

impl OracleConfig {
    fn since(&self, minor: u16) -> bool {
        self.version >= Version::new(0, minor, 0)
    }

    /// On by default since 0.16; Ray's compiled graph never could, and 0.33 dropped it (`config/vllm.py`).
    pub(crate) fn is_async(&self) -> bool {
        if self.ray && !self.since(33) {
            return false;
        }
        self.since(10) && self.async_scheduling.unwrap_or(self.since(16))
    }

    /// The V2 model runner, default since 0.25.
    pub(crate) fn v2_runner(&self) -> bool {
        self.since(25)
    }

    /// `max_concurrent_batches` (`config/vllm.py`).
    pub(crate) fn batches_in_flight(&self) -> usize {
        let stages = self.pipeline_parallel_size as usize;
        if !self.is_async() {
            stages
        } else if stages == 1 {
            2
        } else if self.v2_runner() {
            stages + 1
        } else {
            stages
        }
    }

    /// `scheduler_reserve_full_isl`.
    pub(crate) fn full_prompt_gate(&self) -> bool {
        self.since(20)
    }

    /// `BlockPool.free_blocks` puts unhashed blocks in front.
    pub(crate) fn unhashed_first(&self) -> bool {
        self.since(28)
    }

    /// `long_prefill_token_threshold` does not bind a request that is alone.
    pub(crate) fn lone_prefill_unbound(&self) -> bool {
        self.since(31)
    }

    /// Without chunked prefill 0.11 sets a prompt above the budget aside; later releases stop admitting.
    pub(crate) fn sets_oversized_aside(&self) -> bool {
        !self.since(13)
    }

    /// A PRIORITY victim before the request in turn moves the index back.
    pub(crate) fn fixes_index(&self) -> bool {
        self.since(33)
    }

    /// 0.8: empty batches are not enqueued.
    pub(crate) fn enqueues_empty(&self) -> bool {
        self.since(9)
    }

    /// Up to 0.22 a pass returns early only after a non-empty batch, and while the oldest is not done.
    pub(crate) fn returns_early_for_empty(&self) -> bool {
        self.since(23)
    }

    /// Blocks kept free when a request is admitted beside others.
    pub(crate) fn watermark_blocks(&self) -> usize {
        (self.watermark * f64::from(self.num_gpu_blocks)).floor() as usize
    }
}
