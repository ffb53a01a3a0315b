//! When the host core and the stages of one group are busy: a max-plus recurrence.
//!
//! Server 0 is the engine core, then come the stages in order. A step starts on a server when the step reached it and
//! the server finished the step before. Whether host time is hidden or exposed is not decided anywhere: with one
//! batch in flight the core works while the stages wait, with two it works while they compute.

use super::StepTime;
use crate::batch::Batch;
use crate::units::{SimDuration, SimTime};

/// Occupancy of one group's servers.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    /// When each stage has finished what it was given.
    stage_free: Vec<SimTime>,
    /// When the last stages of recent steps ended, the oldest first: where stage 0 finds its next input tokens.
    sampled: Vec<SimTime>,
    /// Position in `sampled` of the step that the next one depends on.
    cursor: usize,
    /// When the engine core, and then each stage, worked for the latest step; where somebody wants to know.
    spans: Option<Vec<Span>>,
}

/// From when to when.
pub(super) type Span = (SimTime, SimTime);

/// One step's passage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    /// When the engine core is free again.
    pub(super) host_end: SimTime,
    /// When the engine core has the result.
    pub(super) result: SimTime,
    /// What all stages worked for it, summed.
    pub(super) work: SimDuration,
}

impl Pipeline {
    /// `cadence`: a decode's input token was sampled that many steps before it. It binds only under asynchronous
    /// scheduling, where the engine core dispatches without waiting (vLLM `v1/worker/gpu/pp_utils.py`).
    pub(super) fn new(stages: usize, cadence: usize) -> Self {
        Self {
            stage_free: vec![SimTime::ZERO; stages],
            sampled: vec![SimTime::ZERO; cadence],
            cursor: 0,
            spans: None,
        }
    }

    /// From now on the spans of each step are kept until the next.
    pub(super) fn keep_spans(&mut self) {
        self.spans = Some(Vec::new());
    }

    /// When the engine core, and then each stage, worked for the latest step.
    pub(super) fn take_spans(&mut self) -> Vec<Span> {
        self.spans.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Time stood still for so long.
    pub(super) fn delay(&mut self, by: SimDuration) {
        self.stage_free.iter_mut().chain(&mut self.sampled).for_each(|time| *time += by);
    }

    /// Sends a step through that the engine core begins to prepare at `now`; adds what each stage worked to `busy`.
    pub(super) fn dispatch<T: StepTime>(
        &mut self,
        now: SimTime,
        batch: &Batch,
        timing: &mut T,
        busy: &mut [SimDuration],
    ) -> Passage {
        let host_end = now + timing.host(batch);
        let mut ready = host_end;
        if batch.decodes > 0 {
            ready = ready.max(self.sampled[self.cursor]);
        }
        let mut end = ready;
        let mut work = SimDuration::ZERO;
        if let Some(spans) = &mut self.spans {
            spans.clear();
            spans.push((now, host_end));
        }
        for (stage, free) in self.stage_free.iter_mut().enumerate() {
            if stage > 0 {
                ready = end + timing.transfer(stage - 1, batch);
            }
            let duration = timing.stage(stage, batch);
            let start = ready.max(*free);
            end = start + duration;
            if let Some(spans) = &mut self.spans {
                spans.push((start, end));
            }
            *free = end;
            busy[stage] += duration;
            work += duration;
        }
        self.sampled[self.cursor] = end;
        self.cursor = (self.cursor + 1) % self.sampled.len();
        Passage { host_end, result: end + timing.token_return(), work }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constant times [ms].
    #[derive(Clone)]
    struct Constant {
        host: u64,
        stages: Vec<u64>,
        transfer: u64,
    }

    impl StepTime for Constant {
        fn host(&mut self, _: &Batch) -> SimDuration {
            SimDuration::from_millis(self.host)
        }
        fn stage(&mut self, stage: usize, _: &Batch) -> SimDuration {
            SimDuration::from_millis(self.stages[stage])
        }
        fn transfer(&mut self, _: usize, _: &Batch) -> SimDuration {
            SimDuration::from_millis(self.transfer)
        }
        fn token_return(&self) -> SimDuration {
            SimDuration::ZERO
        }
    }

    fn decode() -> Batch {
        Batch {
            tokens: 1,
            padded_tokens: 1,
            decodes: 1,
            decode_context: 1,
            sampled_rows: 1,
            ..Batch::empty()
        }
    }

    #[test]
    fn one_batch_in_flight_exposes_the_host_two_hide_it() {
        let mut timing = Constant { host: 2, stages: vec![10], transfer: 0 };
        let mut busy = [SimDuration::ZERO];
        let mut exposed = Pipeline::new(1, 1);
        let mut now = SimTime::ZERO;
        for _ in 0..5 {
            now = exposed.dispatch(now, &decode(), &mut timing, &mut busy).result;
        }
        assert_eq!(now.as_nanos(), 5 * 12_000_000);
        let mut hidden = Pipeline::new(1, 1);
        let first = hidden.dispatch(SimTime::ZERO, &decode(), &mut timing, &mut busy);
        let mut waiting_for = first.result;
        let mut last = hidden.dispatch(first.host_end, &decode(), &mut timing, &mut busy);
        for _ in 0..3 {
            let next = hidden.dispatch(waiting_for, &decode(), &mut timing, &mut busy);
            waiting_for = last.result;
            last = next;
        }
        assert_eq!(last.result.as_nanos(), 2_000_000 + 5 * 10_000_000);
    }

    #[test]
    fn a_decode_waits_for_the_token_sampled_a_cadence_ago() {
        let mut timing = Constant { host: 0, stages: vec![4, 4], transfer: 1 };
        let mut busy = [SimDuration::ZERO; 2];
        let mut pipeline = Pipeline::new(2, 2);
        let ends: Vec<u64> = (0..4)
            .map(|_| {
                pipeline.dispatch(SimTime::ZERO, &decode(), &mut timing, &mut busy).result.as_nanos()
                    / 1_000_000
            })
            .collect();
        // Two cohorts: the second follows 4 ms behind, the third step reuses the first one's tokens at 9 ms.
        assert_eq!(ends, [9, 13, 18, 22]);
    }
}
