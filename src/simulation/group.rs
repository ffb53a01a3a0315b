//! One group: an engine, the timing of its stages and the occupancy of its pipeline, advanced lazily.
//!
//! A group is moved only when somebody gives it an input or asks for its next visible event. Between inputs it walks
//! from poll to result by itself. A run of plain decode steps is computed ahead as a list of result times and
//! applied in one piece; an input in the middle keeps the steps polled before it and forgets the rest, so cutting a run
//! anywhere changes nothing.

use std::collections::VecDeque;

use super::{
    order::{Moment, Rank},
    pipeline::Pipeline,
    step_time::StepTime,
    steps::{Step, StepRecorder},
};
use crate::batch::Batch;
use crate::engine::{Action, Engine, EngineState, EngineStats, Outputs, Rejected};
use crate::request::{Request, RequestId};
use crate::units::{SimDuration, SimTime};

/// Steps of a run planned at once.
const PLAN: u32 = 64;

/// What happens next if nobody interferes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The engine core is idle until an input.
    Input,
    /// It runs its loop at this time.
    Poll(SimTime),
    /// It waits for the oldest batch, whose result it has at this time.
    Result(SimTime),
}

/// How a group spent its time.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Work per stage.
    pub stage_busy: Vec<SimDuration>,
    /// Stage time that prompts took: what a step lasts beyond its decodes alone.
    pub prefill: SimDuration,
    /// Stage time that decodes took.
    pub decode: SimDuration,
    /// Time with at least one request inside.
    pub serving: SimDuration,
}

/// The part of a group that a planned run changes besides its engine.
#[derive(Clone, Debug)]
struct Track {
    pipeline: Pipeline,
    /// Results of the batches in flight, oldest first.
    in_flight: VecDeque<SimTime>,
    usage: Usage,
}

/// Engine, timing and pipeline of one LeaderWorkerSet replica.
#[derive(Clone, Debug)]
pub struct Group<T> {
    engine: Engine,
    timing: T,
    track: Track,
    next: Next,
    /// Result times of the coming steps of a run; empty when none is planned.
    plan: Vec<SimTime>,
    /// `track` as it will be behind the last planned step.
    planned: Track,
    serving_since: Option<SimTime>,
    idle_since: SimTime,
    recorder: Option<StepRecorder>,
}

impl Track {
    /// One pass of the pipeline; returns when the engine core is free again.
    fn dispatch<T: StepTime>(&mut self, now: SimTime, batch: &Batch, timing: &mut T) -> SimTime {
        let passage = self.pipeline.dispatch(now, batch, timing, &mut self.usage.stage_busy);
        let decode = if batch.prefills.is_empty() {
            passage.work
        } else {
            decodes_alone(batch, timing, self.usage.stage_busy.len()).min(passage.work)
        };
        self.usage.decode += decode;
        self.usage.prefill += passage.work - decode;
        self.in_flight.push_back(passage.result);
        passage.host_end
    }

    /// One iteration of a run: poll, dispatch, wait for the oldest batch. Returns when its result is applied.
    fn run_step<T: StepTime>(&mut self, poll: SimTime, batch: &Batch, timing: &mut T) -> SimTime {
        let host_end = self.dispatch(poll, batch, timing);
        let oldest = self.in_flight.pop_front().expect("a run has a batch in flight");
        oldest.max(host_end)
    }
}

/// Stage time of a mixed step without its prompts.
fn decodes_alone<T: StepTime>(batch: &Batch, timing: &mut T, stages: usize) -> SimDuration {
    if batch.decodes == 0 {
        return SimDuration::ZERO;
    }
    let alone = Batch {
        tokens: batch.decodes,
        padded_tokens: batch.decodes,
        prefills: Vec::new(),
        sampled_rows: batch.decodes,
        ..*batch
    };
    (0..stages).map(|stage| timing.stage(stage, &alone)).sum()
}

impl<T: StepTime> Group<T> {
    /// An idle group of `stages` pipeline stages.
    pub fn new(engine: Engine, timing: T, stages: usize) -> Self {
        let usage = Usage {
            stage_busy: vec![SimDuration::ZERO; stages],
            prefill: SimDuration::ZERO,
            decode: SimDuration::ZERO,
            serving: SimDuration::ZERO,
        };
        let pipeline = Pipeline::new(stages, engine.token_cadence());
        let track = Track { pipeline, in_flight: VecDeque::new(), usage };
        Self {
            engine,
            timing,
            planned: track.clone(),
            track,
            next: Next::Input,
            plan: Vec::new(),
            serving_since: None,
            idle_since: SimTime::ZERO,
            recorder: None,
        }
    }

    /// Keeps every dispatched batch for `steps.jsonl`; each step is then walked one by one.
    pub fn record_steps(&mut self) {
        self.engine.record_steps();
        self.track.pipeline.keep_spans();
        self.recorder = Some(StepRecorder::default());
    }

    /// From now on steps take as long as `timing` says.
    pub fn retime(&mut self, timing: T) {
        self.plan.clear();
        self.timing = timing;
    }

    /// Gives the engine a request at `now`, everything before `now` being done.
    ///
    /// # Errors
    /// If the engine refuses the prompt.
    pub fn add(&mut self, request: Request, now: SimTime) -> Result<(), Rejected> {
        self.plan.clear();
        self.engine.add(request)?;
        self.wake(now);
        Ok(())
    }

    /// Tells the engine that a client went away.
    pub fn abort(&mut self, id: RequestId, now: SimTime) {
        self.plan.clear();
        self.engine.abort(id);
        self.wake(now);
    }

    fn wake(&mut self, now: SimTime) {
        if self.next == Next::Input {
            self.next = Next::Poll(now);
        }
        self.serving_since.get_or_insert(now);
    }

    /// Goes on at `now` after it stood still since `since`, with whatever it was given meanwhile.
    pub fn thaw(&mut self, since: SimTime, now: SimTime) {
        let by = now - since;
        let later = |at: SimTime| if at < since { at } else { at + by };
        self.plan.clear();
        self.track.pipeline.delay(by);
        self.track.in_flight.iter_mut().for_each(|result| *result = later(*result));
        if let Some(recorder) = &mut self.recorder {
            recorder.delay(since, by);
        }
        self.next = match self.next {
            Next::Input => Next::Input,
            Next::Poll(_) if self.track.in_flight.is_empty() => Next::Poll(now),
            Next::Poll(at) => Next::Poll(later(at)),
            Next::Result(at) => Next::Result(later(at)),
        };
        // Standing still is not serving.
        self.serving_since = self.serving_since.map(|at| if at < since { at + by } else { now });
    }

    /// Whether it will do something by itself.
    pub fn is_awake(&self) -> bool {
        self.next != Next::Input
    }

    /// When this group next does something others could notice, at the earliest; a run is planned up to `horizon`.
    pub fn next_event(&mut self, horizon: Moment) -> Option<Moment> {
        match self.next {
            Next::Input => None,
            Next::Result(at) => Some(Moment::new(at, Rank::Result)),
            Next::Poll(at) => {
                if self.plan.is_empty() {
                    self.plan_run(at, horizon);
                }
                let end = self.plan.last().map(|end| Moment::new(*end, Rank::Result));
                Some(end.unwrap_or(Moment::new(at, Rank::Poll)))
            }
        }
    }

    /// Does the one thing [`Self::next_event`] announced.
    pub fn step(&mut self, out: &mut Outputs) {
        match self.next {
            Next::Input => {}
            Next::Result(at) => self.complete(at, out),
            Next::Poll(at) if self.plan.is_empty() => self.poll(at, out),
            Next::Poll(_) => self.apply_run(self.plan.len(), out),
        }
    }

    /// Does everything that happens before `until`.
    pub fn advance(&mut self, until: Moment, out: &mut Outputs) {
        loop {
            match self.next {
                Next::Result(at) if Moment::new(at, Rank::Result) < until => self.complete(at, out),
                Next::Poll(at) if Moment::new(at, Rank::Poll) < until => {
                    if self.plan.is_empty() {
                        self.plan_run(at, until);
                    }
                    match self.plan.partition_point(|end| Moment::new(*end, Rank::Result) < until) {
                        0 => self.poll(at, out),
                        steps => self.apply_run(steps, out),
                    }
                }
                _ => return,
            }
        }
    }

    /// Works out the result times of the coming plain decode steps whose polls lie before `horizon`.
    fn plan_run(&mut self, first_poll: SimTime, horizon: Moment) {
        if self.recorder.is_some() {
            return;
        }
        let steps = self.engine.run_len(PLAN);
        // One step is cheaper walked than planned.
        if steps < 2 {
            return;
        }
        self.planned.clone_from(&self.track);
        let mut poll = first_poll;
        for step in 0..steps {
            if Moment::new(poll, Rank::Poll) >= horizon {
                break;
            }
            poll = self.planned.run_step(poll, &self.engine.run_batch(step), &mut self.timing);
            self.plan.push(poll);
        }
    }

    /// Applies the first `steps` of the plan and forgets the rest.
    fn apply_run(&mut self, steps: usize, out: &mut Outputs) {
        if steps == self.plan.len() {
            std::mem::swap(&mut self.track, &mut self.planned);
        } else {
            let Next::Poll(mut poll) = self.next else { unreachable!("a run begins with a poll") };
            for step in 0..steps as u32 {
                poll = self.track.run_step(poll, &self.engine.run_batch(step), &mut self.timing);
            }
        }
        self.engine.advance(&self.plan[..steps], out);
        self.next = Next::Poll(self.plan[steps - 1]);
        self.plan.clear();
    }

    /// One pass of the engine-core loop.
    fn poll(&mut self, now: SimTime, out: &mut Outputs) {
        self.plan.clear();
        let oldest_done = self.track.in_flight.front().is_some_and(|result| *result <= now);
        self.next = match self.engine.poll(now, oldest_done, out) {
            Action::Dispatch(batch) => {
                let host_end = self.track.dispatch(now, &batch, &mut self.timing);
                if let Some(recorder) = &mut self.recorder {
                    // What an empty call preempted is told with the next batch.
                    let detail = (!batch.is_empty()).then(|| self.engine.take_detail());
                    let spans = self.track.pipeline.take_spans();
                    recorder.dispatched(now, &batch, detail, spans, self.engine.state());
                }
                // A pass that goes on to wait does not look at its inputs in between.
                if self.engine.must_wait() { self.oldest(host_end) } else { Next::Poll(host_end) }
            }
            Action::WaitOldest => self.oldest(now),
            Action::PollAfter(delay) => Next::Poll(now + delay),
            Action::Idle => {
                if let Some(since) = self.serving_since.take() {
                    self.track.usage.serving += now - since;
                    self.idle_since = now;
                }
                Next::Input
            }
        };
    }

    /// Waiting for the oldest batch from `now` on.
    fn oldest(&self, now: SimTime) -> Next {
        let result = *self.track.in_flight.front().expect("the engine waits for a batch it dispatched");
        Next::Result(result.max(now))
    }

    fn complete(&mut self, now: SimTime, out: &mut Outputs) {
        self.track.in_flight.pop_front();
        let finished_before = out.finished.len();
        self.engine.complete(now, out);
        if let Some(recorder) = &mut self.recorder {
            recorder.completed(now, &out.finished[finished_before..]);
        }
        self.next = Next::Poll(now);
    }

    /// Tokens of a request's answer that are out.
    pub fn output_tokens(&self, id: RequestId) -> u32 {
        self.engine.output_tokens(id)
    }

    /// The steps recorded since the last call.
    pub(super) fn take_steps(&mut self) -> Vec<Step> {
        self.recorder.as_mut().map(StepRecorder::take).unwrap_or_default()
    }

    /// What the engine's queues and cache hold now.
    pub fn state(&self) -> EngineState {
        self.engine.state()
    }

    /// What the engine counted.
    pub fn stats(&self) -> EngineStats {
        self.engine.stats()
    }

    /// How the group spent its time up to `now`, which may lie within its latest stretch of serving: a client that gave
    /// up is gone before the engine lets go.
    pub fn usage(&self, now: SimTime) -> Usage {
        let mut usage = self.track.usage.clone();
        if let Some(since) = self.serving_since {
            usage.serving += now - since;
        } else if self.idle_since > now {
            usage.serving = usage.serving - (self.idle_since - now);
        }
        usage
    }
}
