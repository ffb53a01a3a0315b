//! The engine of any family behind one set of calls.

use super::{
    EngineConfig, EngineState, EngineStats, Family, Outputs, Rejected, StepDetail, lanes::LaneEngine,
    tensorrt_llm::NoEvict, v0::V0, v1,
};
use crate::batch::Batch;
use crate::request::{Request, RequestId};
use crate::units::{SimDuration, SimTime};

/// What the engine core does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends a batch to the workers; the caller polls again when the core is free.
    Dispatch(Batch),
    /// Blocks until the oldest batch in flight returns.
    WaitOldest,
    /// Does nothing for that long.
    PollAfter(SimDuration),
    /// Sleeps until an input.
    Idle,
}

/// An engine core with its scheduler, as a state machine: inputs are requests, polls and results, outputs are batches
/// and tokens; time is always an argument.
#[derive(Clone, Debug)]
pub struct Engine(Kind);

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a group has one, for good")]
enum Kind {
    V1(v1::Engine),
    V0(LaneEngine<V0>),
    TensorRtLlm(LaneEngine<NoEvict>),
}

/// The same call on whichever engine it is.
macro_rules! each {
    ($kind:expr, $engine:ident => $call:expr) => {
        match $kind {
            Kind::V1($engine) => $call,
            Kind::V0($engine) => $call,
            Kind::TensorRtLlm($engine) => $call,
        }
    };
}

impl Engine {
    /// An idle engine core.
    ///
    /// # Panics
    /// If `config` is not what start-up accepts: no blocks, no tokens a step.
    pub fn new(config: &EngineConfig) -> Self {
        assert!(config.num_gpu_blocks > 1 && config.block_size > 0 && config.max_num_batched_tokens > 0);
        Self(match config.family {
            Family::V1 => Kind::V1(v1::Engine::new(config)),
            Family::V0 => Kind::V0(V0::engine(config)),
            Family::TensorRtLlm => Kind::TensorRtLlm(NoEvict::engine(config)),
        })
    }

    /// A decode's input token was sampled this many dispatched batches before it.
    pub fn token_cadence(&self) -> usize {
        each!(&self.0, engine => engine.token_cadence())
    }

    /// Keeps the detail of each `schedule()` call for [`Self::take_detail`].
    pub fn record_steps(&mut self) {
        each!(&mut self.0, engine => engine.record_steps());
    }

    /// What the `schedule()` call behind the latest dispatch did, victims of calls that dispatched nothing included.
    pub fn take_detail(&mut self) -> StepDetail {
        each!(&mut self.0, engine => engine.take_detail())
    }

    /// Puts a request into the waiting queue; the next poll sees it.
    ///
    /// # Errors
    /// If the prompt is empty or leaves no room for an answer, or if nothing would ever admit it.
    ///
    /// # Panics
    /// If the id is in use.
    pub fn add(&mut self, request: Request) -> Result<(), Rejected> {
        each!(&mut self.0, engine => engine.add(request))
    }

    /// A client went away: taken out at the next poll, or before the next result is applied.
    pub fn abort(&mut self, id: RequestId) {
        each!(&mut self.0, engine => engine.abort(id));
    }

    /// One pass of the engine's loop up to where it would block. `oldest_done`: the oldest batch in flight has returned
    /// already.
    pub fn poll(&mut self, now: SimTime, oldest_done: bool, out: &mut Outputs) -> Action {
        match &mut self.0 {
            Kind::V1(engine) => engine.poll(now, oldest_done, out),
            Kind::V0(engine) => engine.poll(now, out),
            Kind::TensorRtLlm(engine) => engine.poll(now, out),
        }
    }

    /// The result of the oldest batch in flight is applied at `now`.
    ///
    /// # Panics
    /// If no batch is in flight.
    pub fn complete(&mut self, now: SimTime, out: &mut Outputs) {
        each!(&mut self.0, engine => engine.complete(now, out));
    }

    /// Whether the pass under way blocks until the oldest batch in flight returns: no input is looked at before.
    pub fn must_wait(&self) -> bool {
        each!(&self.0, engine => engine.must_wait())
    }

    /// How many coming passes of the loop, `limit` at most, are plain: each dispatches nothing but decodes, waits and
    /// applies the oldest batch, and nobody is admitted, preempted, finished or given a first token.
    pub fn run_len(&mut self, limit: u32) -> u32 {
        match &mut self.0 {
            Kind::V1(engine) => engine.run_len(limit),
            Kind::V0(engine) => engine.run_len(limit),
            Kind::TensorRtLlm(engine) => engine.run_len(limit),
        }
    }

    /// The batch that pass `pass` of a run dispatches.
    ///
    /// # Panics
    /// If `pass` is not below what [`Self::run_len`] said last.
    pub fn run_batch(&self, pass: u32) -> Batch {
        each!(&self.0, engine => engine.run_batch(pass))
    }

    /// Walks the first `results.len()` passes of a run, whose results are applied at those times.
    ///
    /// # Panics
    /// If the run is shorter.
    pub fn advance(&mut self, results: &[SimTime], out: &mut Outputs) {
        each!(&mut self.0, engine => engine.advance(results, out));
    }

    /// Tokens of a request's answer that are out, 0 if it is not here.
    pub fn output_tokens(&self, id: RequestId) -> u32 {
        each!(&self.0, engine => engine.output_tokens(id))
    }

    /// Queues and pool now.
    pub fn state(&self) -> EngineState {
        each!(&self.0, engine => engine.state())
    }

    /// Counters so far.
    pub fn stats(&self) -> EngineStats {
        each!(&self.0, engine => engine.stats())
    }
}
