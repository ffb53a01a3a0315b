//! Serving engines as pure state machines: queues, KV cache, preemption, batches in flight, memory budget and start-up
//! refusals.
//!
//! An [`Engine`] is one engine core with its scheduler. It lives by four calls: `add` and `abort` put things into it, `poll`
//! walks its loop up to the point where it would block and may dispatch a [`Batch`](crate::batch::Batch), `complete`
//! applies the oldest batch's result. It never asks the time and knows nothing of durations. `run_len`, `run_batch` and
//! `advance` walk many plain decode steps at once.
//!
//! There are three siblings behind it: vLLM's V1 engine (`v1`), its V0 engine (`v0`), and TensorRT-LLM's executor
//! (`tensorrt_llm`). The latter two share `lanes`.
//!
//! Limits: one engine core (no data parallelism), one KV-cache group (full attention), no speculative decoding, no `LoRA`.

mod args;
mod capture;
mod command;
mod config;
mod defaults;
mod dispatch;
mod family;
mod lanes;
mod memory;
mod outputs;
mod tally;
mod tensorrt_llm;
mod v0;
mod v1;

pub use args::*;
pub use capture::CaptureSizes;
pub use command::{CommandError, NNODES_SINCE, ServeCommand, Server, UnknownFlag, flag};
pub use config::{EngineConfig, Executor, SchedulingPolicy};
pub use defaults::{
    BadBatchLimits, BatchLimitArgs, BatchLimits, DEFAULT_BLOCK_SIZE, DEFAULT_SEQ_LEN_TO_CAPTURE,
    V0_WATERMARK, batch_limits, capture_sizes, gpu_memory_utilization,
};
pub use dispatch::{Action, Engine};
pub use family::{Backend, Family};
pub use memory::{
    DoesNotFit, MemoryFacts, MemoryInputs, MemoryPlan, StageMemory, check_world_size, plan_memory,
};
pub use outputs::{EngineState, EngineStats, Finished, Gap, Outputs, Rejected, StepDetail};
pub use tensorrt_llm::TensorRtDefaults;
pub use v1::{Cadence, EarlyReturn, FreeOrder, Rules};
