//! vLLM as a pure state machine.

mod args;
mod defaults;
mod memory;

pub use args::*;
pub use defaults::{
    BatchLimitArgs, BatchLimits, DEFAULT_BLOCK_SIZE, batch_limits, capture_sizes, gpu_memory_utilization,
};
pub use memory::{
    DoesNotFit, MemoryFacts, MemoryInputs, MemoryPlan, StageMemory, check_world_size, plan_memory,
};
