//! The loop over the lanes.

use std::{collections::VecDeque, fmt};

use super::{
    Action, EngineConfig, EngineState, EngineStats, Outputs, Rejected, Sequence, StepDetail,
    dispatch::Flight,
    lane::{Draft, Lane, Lanes, Queue},
    run::Run,
};
use crate::batch::{Batch, GraphMode};
use crate::request::{Request, RequestId};
use crate::units::SimTime;

/// A scheduler over lanes.
pub(in crate::engine) trait Policy: Clone + fmt::Debug {
    /// Refuses what could never be admitted.
    fn check(&self, lanes: &Lanes, request: &Request) -> Result<(), Rejected>;
    /// The queue that a new request goes to.
    fn deal(&self, lanes: &Lanes) -> usize;
    /// Who computes what in the next batch of a lane.
    fn schedule(&self, lanes: &mut Lanes, lane: usize, now: SimTime, out: &mut Outputs) -> Draft;
    /// Passes of a batch of decodes.
    fn passes(&self) -> u32;
    /// Whether the next batch of a lane, all of whose requests decode, would be anything but a token for each of them.
    fn changes(&self, lanes: &Lanes, lane: usize) -> bool;
    /// Free blocks without which a decode step takes victims, beyond those it takes.
    fn spare_blocks(&self) -> u32;
    /// How a batch is launched and how many tokens it then computes. `longest`: the longest context of a decode.
    fn launch(&self, batch: &Batch, longest: u32) -> (GraphMode, u32);
}

/// An engine core that works in lanes.
#[derive(Clone, Debug)]
pub(in crate::engine) struct LaneEngine<P> {
    pub(super) policy: P,
    pub(super) lanes: Lanes,
    /// Batches that a lane may have in flight.
    pub(super) depth: u32,
    /// The lane to look at first.
    pub(super) turn: usize,
    pub(super) flights: VecDeque<Flight>,
    /// Requests that no poll has seen yet.
    pub(super) incoming: Vec<u32>,
    pub(super) aborts: Vec<RequestId>,
    pub(super) must_wait: bool,
    pub(super) run: Run,
}

impl<P: Policy> LaneEngine<P> {
    /// An idle engine of `lanes` lanes behind `queues` queues that share the KV blocks evenly.
    pub(in crate::engine) fn new(
        policy: P,
        config: &EngineConfig,
        lanes: u32,
        queues: u32,
        depth: u32,
    ) -> Self {
        let lanes = Lanes {
            max_model_len: config.max_model_len,
            block_size: config.block_size,
            sequences: Vec::new(),
            queues: vec![Queue::new(config.num_gpu_blocks / queues); queues as usize],
            all: vec![Lane::default(); lanes as usize],
            stats: EngineStats::default(),
            detail: StepDetail::default(),
            recording: false,
        };
        Self {
            policy,
            lanes,
            depth,
            turn: 0,
            flights: VecDeque::new(),
            incoming: Vec::new(),
            aborts: Vec::new(),
            must_wait: false,
            run: Run::default(),
        }
    }

    /// One batch of each lane lies between two of the same.
    pub(in crate::engine) fn token_cadence(&self) -> usize {
        self.lanes.all.len()
    }

    pub(in crate::engine) fn record_steps(&mut self) {
        self.lanes.recording = true;
    }

    pub(in crate::engine) fn take_detail(&mut self) -> StepDetail {
        std::mem::take(&mut self.lanes.detail)
    }

    pub(in crate::engine) fn add(&mut self, request: Request) -> Result<(), Rejected> {
        let prompt_tokens = request.prompt_tokens;
        let max_model_len = self.lanes.max_model_len;
        if prompt_tokens == 0 {
            return Err(Rejected::EmptyPrompt);
        }
        if prompt_tokens >= max_model_len {
            return Err(Rejected::PromptTooLong { prompt_tokens, max_model_len });
        }
        self.policy.check(&self.lanes, &request)?;
        let slot = request.id.0;
        let sequences = &mut self.lanes.sequences;
        if sequences.len() <= slot as usize {
            sequences.resize(slot as usize + 1, None);
        }
        assert!(sequences[slot as usize].is_none(), "request id {slot} is in use");
        sequences[slot as usize] = Some(Sequence::new(request));
        self.incoming.push(slot);
        Ok(())
    }

    pub(in crate::engine) fn abort(&mut self, id: RequestId) {
        self.aborts.push(id);
    }

    /// Takes in what is new, then sends the batch of the next lane that has room and something to do.
    pub(in crate::engine) fn poll(&mut self, now: SimTime, out: &mut Outputs) -> Action {
        if self.must_wait {
            return Action::WaitOldest;
        }
        self.apply_aborts(out);
        for slot in std::mem::take(&mut self.incoming) {
            let queue = self.policy.deal(&self.lanes);
            self.lanes.queues[queue].waiting.push_back(slot);
            self.lanes.sequence_mut(slot).queue = Some(queue);
        }
        for lane in self.in_turn() {
            if !self.may_dispatch(lane) {
                continue;
            }
            if let Some((batch, flight)) = self.next_batch(lane, now, out) {
                self.lanes.all[lane].in_flight += 1;
                self.flights.push_back(flight);
                self.turn = (lane + 1) % self.lanes.all.len();
                self.must_wait = !self.in_turn().any(|lane| self.may_dispatch(lane));
                return Action::Dispatch(batch);
            }
        }
        if self.flights.is_empty() {
            return Action::Idle;
        }
        self.must_wait = true;
        Action::WaitOldest
    }

    /// What a lane computes next, if it computes anything.
    fn next_batch(&mut self, lane: usize, now: SimTime, out: &mut Outputs) -> Option<(Batch, Flight)> {
        if self.lanes.all[lane].round.left > 0 {
            return Some(self.lanes.continue_round(lane, &self.policy));
        }
        loop {
            let preemptions = self.lanes.stats.preemptions;
            let draft = self.policy.schedule(&mut self.lanes, lane, now, out);
            if !draft.chunks.is_empty() || !draft.decodes.is_empty() {
                return Some(self.lanes.dispatch(lane, &draft, &self.policy));
            }
            // Who made the last of the list give way, and was the last itself, begins anew at once.
            if preemptions == self.lanes.stats.preemptions {
                return None;
            }
        }
    }

    /// All lanes, the one in turn first.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = usize> + use<P> {
        let (turn, lanes) = (self.turn, self.lanes.all.len());
        (0..lanes).map(move |place| (turn + place) % lanes)
    }

    /// Whether a lane has room for a batch and anybody to put into it.
    pub(super) fn may_dispatch(&self, lane: usize) -> bool {
        let Lane { running, in_flight, .. } = &self.lanes.all[lane];
        *in_flight < self.depth && !(running.is_empty() && self.lanes.queue(lane).waiting.is_empty())
    }

    pub(in crate::engine) fn complete(&mut self, now: SimTime, out: &mut Outputs) {
        self.must_wait = false;
        self.apply_aborts(out);
        let flight = self.flights.pop_front().expect("a batch is in flight");
        self.lanes.all[flight.lane].in_flight -= 1;
        self.turn = flight.lane;
        let finished = out.finished.len();
        self.lanes.apply(&flight.tokens, now, out);
        // Tokens on the way to somebody who has ended are for nobody.
        for ended in &out.finished[finished..] {
            self.leave_flights(ended.id.0);
        }
    }

    pub(in crate::engine) fn must_wait(&self) -> bool {
        self.must_wait
    }

    fn apply_aborts(&mut self, out: &mut Outputs) {
        for id in std::mem::take(&mut self.aborts) {
            if self.lanes.sequences.get(id.0 as usize).is_some_and(Option::is_some) {
                self.incoming.retain(|slot| *slot != id.0);
                self.leave_flights(id.0);
                self.lanes.forget(id.0);
                out.aborted.push(id);
            }
        }
    }

    fn leave_flights(&mut self, slot: u32) {
        for flight in &mut self.flights {
            flight.tokens.retain(|token| *token != slot);
        }
    }

    pub(in crate::engine) fn output_tokens(&self, id: RequestId) -> u32 {
        let sequence = self.lanes.sequences.get(id.0 as usize).and_then(Option::as_ref);
        sequence.map_or(0, |sequence| sequence.outputs)
    }

    pub(in crate::engine) fn state(&self) -> EngineState {
        let queues = &self.lanes.queues;
        let waiting: usize = queues.iter().map(|queue| queue.waiting.len()).sum();
        EngineState {
            running: self.lanes.all.iter().map(|lane| lane.running.len() as u32).sum(),
            waiting: (waiting + self.incoming.len()) as u32,
            free_blocks: queues.iter().map(|queue| queue.free).sum(),
            usable_blocks: queues.iter().map(|queue| queue.blocks).sum(),
        }
    }

    pub(in crate::engine) fn stats(&self) -> EngineStats {
        self.lanes.stats
    }
}
