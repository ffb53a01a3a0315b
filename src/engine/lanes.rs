//! What V0 and TensorRT-LLM have in common: lanes.
//!
//! A lane is vLLM V0's virtual engine or a micro-batch slot of TensorRT-LLM: a list of running requests of its own and
//! one batch in flight, so that as many lanes as stages keep a pipeline busy. Lanes either have a queue and a share of
//! the KV cache each, or share both. A lane is scheduled again when its batch has returned; [`Policy`] says who then
//! computes how many tokens.
//!
//! Requests are kept one by one, so a step that changes something costs as much as a lane has requests. A run of plain
//! decode steps is summed up once (`run.rs`) and costs the same as one such step.

mod dispatch;
mod engine;
mod lane;
mod result;
mod run;
mod sequence;

use super::{Action, EngineConfig, EngineState, EngineStats, Finished, Gap, Outputs, Rejected, StepDetail};

pub(super) use engine::{LaneEngine, Policy};
pub(super) use lane::{Draft, Lanes, Queue};
pub(super) use sequence::Sequence;
