//! What changed between releases of vLLM, as a table of since-rules: any minor release resolves.
//!
//! Each rule was read in the sources of the release named, between 0.8.5 and 0.33.0.

use super::{EngineConfig, Executor, SchedulingPolicy};
use crate::units::Version;

/// Where freed blocks go in the free queue (`v1/core/block_pool.py`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeOrder {
    /// All to the back, a request's last block first.
    Append,
    /// Blocks without a hash to the front, hashed ones to the back.
    UnhashedFirst,
}

/// When a pass of the engine-core loop returns before a result (`v1/engine/core.py` `step_with_batch_queue`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyReturn {
    /// 0.8: whenever a batch was dispatched; empty batches are not.
    NonEmpty,
    /// 0.9 to 0.22: a non-empty batch was dispatched, there is room, and the oldest is not done yet.
    OldestPending,
    /// Later: there is room, and the batch was non-empty or requests remain.
    RoomLeft,
}

/// How a decode becomes eligible again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// When its batch has returned.
    Returned,
    /// Without waiting, every so many calls of `schedule()` (`v1/core/sched/async_scheduler.py`).
    Steps(u32),
}

/// The rules one engine core follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A request is admitted only if its whole prompt fits now (`scheduler_reserve_full_isl`, since 0.20).
    pub full_prompt_gate: bool,
    /// Since 0.24 unhashed blocks are used again first.
    pub free_order: FreeOrder,
    /// Since 0.31 `long_prefill_token_threshold` does not bind a request that is alone.
    pub lone_prefill_unbound: bool,
    /// Since 0.12 a prompt that exceeds the budget without chunked prefill stops admission; before, it was set aside.
    pub oversized_prompt_blocks: bool,
    /// Since 0.28 a victim before the request in turn moves the index back; before, one request was passed over.
    pub victim_moves_index: bool,
    /// Since 0.33 the requests behind one that preempts itself under PRIORITY are still looked at.
    pub own_victim_goes_on: bool,
    /// From 0.18 to 0.30 requests that were skipped wait in a queue of their own, in front of the other.
    pub skipped_first: bool,
    /// Since 0.27 a preempted request is not admitted while tokens of it are in flight.
    pub stale_waits: bool,
    /// Until 0.9 the token of a request that is preempted when the token comes back is lost.
    pub preempted_tokens_lost: bool,
    /// Loop rule of the batch queue.
    pub early_return: EarlyReturn,
    /// Decode cadence.
    pub cadence: Cadence,
    /// Batches in flight (`config/vllm.py` `max_concurrent_batches`).
    pub batches_in_flight: u32,
    /// Queue order.
    pub policy: SchedulingPolicy,
}

const fn since(major: u16, minor: u16) -> Version {
    Version::new(major, minor, 0)
}

impl Rules {
    /// The rules of `config`'s release, executor and layout.
    pub fn of(config: &EngineConfig) -> Self {
        let version = config.version;
        let stages = config.pipeline_parallel_size;
        let asynchronous = Self::async_scheduling(config);
        // The V2 model runner, default for dense models since 0.25, broadcasts sampled tokens to all stages.
        let v2_runner = version >= since(0, 25);
        let batches_in_flight = match (asynchronous, stages) {
            (true, 1) => 2,
            (true, stages) if v2_runner => stages + 1,
            (_, stages) => stages,
        };
        let cadence = match asynchronous {
            true if v2_runner => Cadence::Steps(stages),
            true => Cadence::Steps(1),
            false => Cadence::Returned,
        };
        let early_return = if version < since(0, 9) {
            EarlyReturn::NonEmpty
        } else if version < since(0, 23) {
            EarlyReturn::OldestPending
        } else {
            EarlyReturn::RoomLeft
        };
        Self {
            full_prompt_gate: version >= since(0, 20),
            free_order: if version >= since(0, 24) { FreeOrder::UnhashedFirst } else { FreeOrder::Append },
            lone_prefill_unbound: version >= since(0, 31),
            oversized_prompt_blocks: version >= since(0, 12),
            victim_moves_index: version >= since(0, 28),
            own_victim_goes_on: version >= since(0, 33),
            skipped_first: version >= since(0, 18) && version < since(0, 31),
            stale_waits: version >= since(0, 27),
            preempted_tokens_lost: version < since(0, 10),
            early_return,
            cadence,
            batches_in_flight,
            policy: config.scheduling_policy,
        }
    }

    /// Whether the scheduler runs ahead of the results: by default since 0.16, and never under Ray's compiled graph,
    /// which 0.32 was the last to have (`config/vllm.py`, `v1/executor/ray_executor.py`).
    pub fn async_scheduling(config: &EngineConfig) -> bool {
        let possible = config.executor != Executor::Ray || config.version >= since(0, 33);
        let default = config.version >= since(0, 16);
        possible && config.version >= since(0, 10) && config.async_scheduling.unwrap_or(default)
    }
}
