//! vLLM as a pure state machine: queues, KV cache, preemption, batches in flight, memory budget and start-up refusals.
//!
//! An [`Engine`] is one engine core with its scheduler. It lives by four calls: `add` and `abort` put things into it, `poll`
//! walks its loop up to the point where it would block and may dispatch a [`Batch`](crate::batch::Batch), `complete`
//! applies the oldest batch's result. It never asks the time and knows nothing of durations.
//!
//! Decodes are kept in aggregate, so a step costs the same whatever its size; `run_len`, `run_batch` and `advance` walk
//! many plain steps at once. What vLLM release by release does differently stands in [`Rules`].
//!
//! Limits: one engine core (no data parallelism), one KV-cache group (full attention), no speculative decoding, no `LoRA`.

mod admit;
mod apply;
mod args;
mod capture;
mod cohort;
mod config;
mod core;
mod defaults;
mod entry;
mod kv;
mod leave;
mod memory;
mod outputs;
mod rules;
mod run;
mod running;
mod schedule;
mod slow;
mod tally;
mod waiting;

pub use self::core::{Action, Engine};
pub use args::*;
pub use capture::CaptureSizes;
pub use config::{EngineConfig, Executor, SchedulingPolicy};
pub use defaults::{
    BadBatchLimits, BatchLimitArgs, BatchLimits, DEFAULT_BLOCK_SIZE, batch_limits, capture_sizes,
    gpu_memory_utilization,
};
pub use memory::{
    DoesNotFit, MemoryFacts, MemoryInputs, MemoryPlan, StageMemory, check_world_size, plan_memory,
};
pub use outputs::{EngineState, EngineStats, Finished, Gap, Outputs, Rejected, StepDetail};
pub use rules::{Cadence, EarlyReturn, FreeOrder, Rules};
