//! vLLM's V1 engine core, the default since 0.8.
//!
//! Decodes are kept in aggregate, so a step costs the same whatever its size; `run_len`, `run_batch` and `advance` walk
//! many plain steps at once. What vLLM release by release does differently stands in [`Rules`].

mod admit;
mod apply;
mod cohort;
mod core;
mod entry;
mod kv;
mod leave;
mod rules;
mod run;
mod running;
mod schedule;
mod slow;
mod waiting;

use super::{
    Action, CaptureSizes, EngineConfig, EngineState, EngineStats, Executor, Finished, Outputs, Rejected,
    SchedulingPolicy, StepDetail, tally,
};

pub(super) use self::core::Engine;
pub use rules::{Cadence, EarlyReturn, FreeOrder, Rules};
