//! The engine core: what it holds, and its loop.

use std::collections::VecDeque;

use super::{
    Action, CaptureSizes, EngineConfig, EngineState, EngineStats, Outputs, Rejected, StepDetail,
    cohort::Cohort,
    entry::{Entry, Status},
    kv::KvPool,
    rules::{Cadence, EarlyReturn, Rules},
    running::Running,
    tally::Tally,
    waiting::Waiting,
};
use crate::request::{Request, RequestId};
use crate::units::{SimDuration, SimTime};

/// The loop rests this long after a pass that ran nothing while requests remain (`v1/engine/core.py`
/// `_process_engine_step`).
const NAP: SimDuration = SimDuration::from_millis(1);

/// A batch in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight {
    /// The cohort whose decodes are in it, or that its prompts join, and which step of the cohort it is.
    pub(super) cohort: Option<u32>,
    pub(super) step: u64,
    /// Decodes whose token is expected in step with their cohort.
    pub(super) decodes: Tally,
    /// Requests whose prompt ends in it, in running order.
    pub(super) firsts: Vec<u32>,
    /// Requests that were preempted or fell behind since: their token still comes.
    /// With the place in the running order that they had.
    pub(super) stale: Vec<(u64, u32)>,
    /// Requests with a chunk in it that does not end their prompt.
    pub(super) chunks: Vec<u32>,
}

impl Flight {
    /// Whether nothing but decodes is in it.
    pub(super) fn is_plain(&self) -> bool {
        self.decodes.total() > 0 && self.firsts.is_empty() && self.stale.is_empty() && self.chunks.is_empty()
    }
}

/// vLLM's V1 engine core with its scheduler, as a state machine: inputs are requests, polls and results, outputs are
/// batches and tokens; time is always an argument.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Engine {
    pub(super) rules: Rules,
    pub(super) capture_sizes: CaptureSizes,
    pub(super) max_num_seqs: u32,
    pub(super) max_num_batched_tokens: u32,
    pub(super) max_model_len: u32,
    pub(super) chunked_prefill: bool,
    pub(super) prefill_threshold: u32,
    pub(super) watermark_blocks: u32,
    /// By request id.
    pub(super) entries: Vec<Option<Entry>>,
    pub(super) waiting: Waiting,
    pub(super) running: Running,
    /// Running requests with tokens of their prompt left, in running order.
    pub(super) prefills: Vec<u32>,
    pub(super) cohorts: Vec<Cohort>,
    pub(super) unused_cohorts: Vec<u32>,
    /// The cohort that has returned and not been scheduled again; synchronous scheduling only.
    pub(super) ready: Option<u32>,
    pub(super) kv: KvPool,
    pub(super) flights: VecDeque<Flight>,
    /// Calls of `schedule()`.
    pub(super) calls: u64,
    /// The head of the queue cannot be admitted, and nothing but decodes has happened since that was found.
    pub(super) head_blocked: bool,
    pub(super) stats: EngineStats,
    pub(super) detail: StepDetail,
    pub(super) recording: bool,
    aborts: Vec<RequestId>,
    must_wait: bool,
    nap: bool,
    pass_was_empty: bool,
}

impl Engine {
    /// An idle engine core.
    ///
    /// # Panics
    /// If `config` is not what start-up accepts: no blocks, no tokens a step.
    pub(in crate::engine) fn new(config: &EngineConfig) -> Self {
        assert!(config.num_gpu_blocks > 1 && config.block_size > 0 && config.max_num_batched_tokens > 0);
        let rules = Rules::of(config);
        let usable = config.num_gpu_blocks - 1;
        let cohorts = match rules.cadence {
            Cadence::Returned => 0,
            Cadence::Steps(steps) => steps,
        };
        Self {
            rules,
            capture_sizes: config.capture_sizes.clone(),
            max_num_seqs: config.max_num_seqs,
            max_num_batched_tokens: config.max_num_batched_tokens,
            max_model_len: config.max_model_len,
            chunked_prefill: config.enable_chunked_prefill,
            prefill_threshold: config.long_prefill_token_threshold,
            watermark_blocks: (config.watermark * f64::from(config.num_gpu_blocks)) as u32,
            entries: Vec::new(),
            waiting: Waiting::new(rules.policy),
            running: Running::default(),
            prefills: Vec::new(),
            cohorts: vec![Cohort::new(config.block_size); cohorts as usize],
            unused_cohorts: Vec::new(),
            ready: None,
            kv: KvPool::new(usable, config.block_size, rules.free_order, config.enable_prefix_caching),
            flights: VecDeque::new(),
            calls: 0,
            head_blocked: false,
            stats: EngineStats::default(),
            detail: StepDetail::default(),
            recording: false,
            aborts: Vec::new(),
            must_wait: false,
            nap: false,
            pass_was_empty: false,
        }
    }

    /// A decode's input token was sampled this many dispatched batches before it.
    pub(in crate::engine) fn token_cadence(&self) -> usize {
        match self.rules.cadence {
            Cadence::Returned => self.rules.batches_in_flight as usize,
            Cadence::Steps(steps) => steps as usize,
        }
    }

    /// Keeps the detail of each `schedule()` call for [`Self::take_detail`].
    pub(in crate::engine) fn record_steps(&mut self) {
        self.recording = true;
    }

    /// What the `schedule()` call behind the latest dispatch did, victims of calls that dispatched nothing included.
    pub(in crate::engine) fn take_detail(&mut self) -> StepDetail {
        std::mem::take(&mut self.detail)
    }

    /// Puts a request into the waiting queue; the next poll sees it.
    ///
    /// # Errors
    /// If the prompt is empty or leaves no room for an answer.
    ///
    /// # Panics
    /// If the id is in use.
    pub(in crate::engine) fn add(&mut self, request: Request) -> Result<(), Rejected> {
        let prompt_tokens = request.prompt_tokens;
        if prompt_tokens == 0 {
            return Err(Rejected::EmptyPrompt);
        }
        if prompt_tokens >= self.max_model_len {
            return Err(Rejected::PromptTooLong { prompt_tokens, max_model_len: self.max_model_len });
        }
        // Behind a head that is blocked in arrival order, one more changes nothing.
        if !matches!(self.waiting, Waiting::Fcfs(..)) || self.waiting.is_empty() {
            self.head_blocked = false;
        }
        let slot = request.id.0;
        self.waiting.push(slot, &request);
        if self.entries.len() <= slot as usize {
            self.entries.resize(slot as usize + 1, None);
        }
        let place = &mut self.entries[slot as usize];
        assert!(place.is_none(), "request id {slot} is in use");
        *place = Some(Entry::new(request));
        Ok(())
    }

    /// A client went away: taken out at the next poll, or before the next result is applied.
    pub(in crate::engine) fn abort(&mut self, id: RequestId) {
        self.aborts.push(id);
    }

    /// One pass of the engine-core loop up to where it would block (`v1/engine/core.py` `step`,
    /// `step_with_batch_queue`). `oldest_done`: the oldest batch in flight has returned already.
    pub(in crate::engine) fn poll(&mut self, now: SimTime, oldest_done: bool, out: &mut Outputs) -> Action {
        if self.must_wait {
            return Action::WaitOldest;
        }
        self.apply_aborts(out);
        if std::mem::take(&mut self.nap) {
            return Action::PollAfter(NAP);
        }
        let room = self.rules.batches_in_flight as usize - self.flights.len();
        if room == 0 || !self.has_requests() {
            if self.flights.is_empty() {
                return Action::Idle;
            }
            self.must_wait = true;
            self.pass_was_empty = true;
            return Action::WaitOldest;
        }
        let preemptions = self.stats.preemptions;
        let (batch, flight) = self.schedule(now, out);
        let empty = batch.is_empty();
        if empty && preemptions == self.stats.preemptions && self.is_stuck() {
            return Action::Idle;
        }
        let queue = self.rules.batches_in_flight > 1 && self.rules.early_return != EarlyReturn::NonEmpty;
        if empty && !queue {
            // Nothing to run and nothing enqueued.
            self.must_wait = !self.flights.is_empty();
            self.pass_was_empty = true;
            return if self.must_wait { Action::WaitOldest } else { Action::PollAfter(NAP) };
        }
        self.flights.push_back(flight);
        self.pass_was_empty = empty;
        let returns = room > 1
            && match self.rules.early_return {
                EarlyReturn::NonEmpty => true,
                EarlyReturn::OldestPending => !empty && !oldest_done,
                EarlyReturn::RoomLeft => !empty || self.has_requests(),
            };
        self.must_wait = !returns;
        self.nap = returns && empty;
        Action::Dispatch(batch)
    }

    /// The result of the oldest batch in flight is applied at `now`.
    ///
    /// # Panics
    /// If no batch is in flight.
    pub(in crate::engine) fn complete(&mut self, now: SimTime, out: &mut Outputs) {
        self.must_wait = false;
        self.apply_aborts(out);
        let flight = self.flights.pop_front().expect("a batch is in flight");
        self.apply(&flight, now, out);
        self.nap = self.pass_was_empty
            && self.has_requests()
            && self.rules.early_return != EarlyReturn::NonEmpty
            && self.rules.batches_in_flight > 1;
    }

    /// Whether the pass under way blocks until the oldest batch in flight returns: no input is looked at before.
    pub(in crate::engine) fn must_wait(&self) -> bool {
        self.must_wait
    }

    /// Nothing runs, nothing is in flight, and still the head of the queue does not fit: only an input can change that. vLLM
    /// would look again every millisecond for ever. Possible where `num_gpu_blocks_override` leaves less than one
    /// sequence needs.
    fn is_stuck(&self) -> bool {
        self.running.len() == 0 && self.flights.is_empty()
    }

    fn apply_aborts(&mut self, out: &mut Outputs) {
        for id in std::mem::take(&mut self.aborts) {
            if self.entries.get(id.0 as usize).is_some_and(Option::is_some) {
                self.drop_request(id.0);
                out.aborted.push(id);
            }
        }
    }

    pub(super) fn has_requests(&self) -> bool {
        self.running.len() > 0 || !self.waiting.is_empty()
    }

    /// Whether the next thing to do is an ordinary pass of the loop with every batch but one in flight.
    pub(super) fn at_pass_start(&self) -> bool {
        !self.must_wait
            && !self.nap
            && self.aborts.is_empty()
            && self.flights.len() + 1 == self.rules.batches_in_flight as usize
    }

    pub(super) fn entry(&self, slot: u32) -> &Entry {
        self.entries[slot as usize].as_ref().expect("the request is known")
    }

    pub(super) fn entry_mut(&mut self, slot: u32) -> &mut Entry {
        self.entries[slot as usize].as_mut().expect("the request is known")
    }

    /// Tokens of a request's answer that are out, 0 if it is not here.
    pub(in crate::engine) fn output_tokens(&self, id: RequestId) -> u32 {
        let entry = self.entries.get(id.0 as usize).and_then(Option::as_ref);
        entry.map_or(0, |entry| match entry.status {
            Status::Decode(member) | Status::Last(member) => {
                let applied = self.cohorts[member.cohort as usize].applied;
                (applied.cast_signed() - member.origin).max(i64::from(entry.outputs)) as u32
            }
            _ => entry.outputs,
        })
    }

    /// Queues and pool now.
    pub(in crate::engine) fn state(&self) -> EngineState {
        EngineState {
            running: self.running.len(),
            waiting: self.waiting.len() as u32,
            free_blocks: self.kv.free(),
            usable_blocks: self.kv.usable(),
        }
    }

    /// Counters so far.
    pub(in crate::engine) fn stats(&self) -> EngineStats {
        self.stats
    }
}
