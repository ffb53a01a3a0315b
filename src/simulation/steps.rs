//! Every dispatched batch, for `steps.jsonl`.

use std::collections::VecDeque;

use super::pipeline::Span;
use crate::batch::Batch;
use crate::engine::{EngineState, Finished, StepDetail};
use crate::request::RequestId;
use crate::units::{SimDuration, SimTime};

/// One line of `steps.jsonl`; requests by id.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The poll: when `schedule()` ran.
    pub(super) polled: SimTime,
    /// When its result was applied.
    pub(super) ended: SimTime,
    pub(super) detail: StepDetail,
    /// When the engine core, and then each stage, worked for it.
    pub(super) spans: Vec<Span>,
    /// Requests that compute something.
    pub(super) batch_size: u32,
    /// What they compute, and of that in pieces of prompts [tokens].
    pub(super) tokens: u32,
    pub(super) prefill_tokens: u32,
    /// Those that sampled their last token.
    pub(super) finished: Vec<RequestId>,
    /// Queues and pool after scheduling.
    pub(super) state: EngineState,
}

/// Steps in flight and steps done. An empty batch gets no line; what its `schedule()` preempted stands on the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct StepRecorder {
    in_flight: VecDeque<Option<Step>>,
    done: Vec<Step>,
}

impl StepRecorder {
    /// A batch was dispatched; an empty one has no detail.
    pub(super) fn dispatched(
        &mut self,
        polled: SimTime,
        batch: &Batch,
        detail: Option<StepDetail>,
        spans: Vec<Span>,
        state: EngineState,
    ) {
        let step = detail.map(|detail| Step {
            polled,
            ended: polled,
            detail,
            spans,
            batch_size: batch.decodes + batch.prefills.len() as u32,
            tokens: batch.tokens,
            prefill_tokens: batch.prefills.iter().map(|chunk| chunk.tokens).sum(),
            finished: Vec::new(),
            state,
        });
        self.in_flight.push_back(step);
    }

    /// What was under way since `since` stood still for so long.
    pub(super) fn delay(&mut self, since: SimTime, by: SimDuration) {
        for (start, end) in self.in_flight.iter_mut().flatten().flat_map(|step| &mut step.spans) {
            for at in [start, end].into_iter().filter(|at| **at >= since) {
                *at += by;
            }
        }
    }

    /// The oldest batch's result was applied.
    pub(super) fn completed(&mut self, now: SimTime, finished: &[Finished]) {
        if let Some(Some(mut step)) = self.in_flight.pop_front() {
            step.ended = now;
            step.finished = finished.iter().map(|finished| finished.id).collect();
            self.done.push(step);
        }
    }

    /// The finished lines since the last call.
    pub(super) fn take(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.done)
    }
}
