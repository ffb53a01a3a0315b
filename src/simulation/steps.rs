//! Every dispatched batch, for `steps.jsonl`.

use std::collections::VecDeque;

use crate::engine::{EngineState, Finished, StepDetail};
use crate::request::RequestId;
use crate::units::SimTime;

/// One line of `steps.jsonl`; requests by id.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The poll: when `schedule()` ran.
    pub(super) polled: SimTime,
    /// When its result was applied.
    pub(super) ended: SimTime,
    pub(super) detail: StepDetail,
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
    pub(super) fn dispatched(&mut self, polled: SimTime, detail: Option<StepDetail>, state: EngineState) {
        let Some(detail) = detail else {
            self.in_flight.push_back(None);
            return;
        };
        let step = Step { polled, ended: polled, detail, finished: Vec::new(), state };
        self.in_flight.push_back(Some(step));
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
