//! Runs: stretches of passes in which nothing happens but decoding, summed up once and applied in one piece.

use super::{LaneEngine, Outputs, Policy, dispatch::Flight, lane::Lanes, result::Gaps};
use crate::batch::Batch;
use crate::units::SimTime;

/// A planned run.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    batches: Vec<Batch>,
    /// Places in `tracks`: the lane that is scheduled first, then those of the batches in flight, then in turn again.
    order: Vec<usize>,
    tracks: Vec<Track>,
}

/// What a run needs to know of a lane.
#[derive(Clone, Debug, Default)]
struct Track {
    lane: usize,
    queue: usize,
    /// Batches that may still be scheduled, and results that may be applied before one ends a request.
    batches: u32,
    results: u32,
    /// Rows of a batch; of the next one: sum of contexts, the same in whole blocks, the longest.
    rows: u32,
    context: u64,
    blocks: u64,
    longest: u32,
    /// Rows that begin a block with the batch of that remainder.
    phase: Vec<u32>,
    gaps: Gaps,
}

impl Track {
    fn row(&mut self, context: u32, block_size: u32) {
        self.rows += 1;
        self.context += u64::from(context);
        self.blocks += u64::from(context.div_ceil(block_size));
        self.longest = self.longest.max(context);
        let phase = (1 - i64::from(context)).rem_euclid(i64::from(block_size));
        self.phase[phase as usize] += 1;
    }

    /// Rows that begin a block with batch number `batch`, counted from 0.
    fn crossings(&self, batch: u32) -> u32 {
        self.phase[batch as usize % self.phase.len()]
    }

    fn batch<P: Policy>(&mut self, number: u32, block_size: u32, policy: &P) -> Batch {
        if number > 0 {
            self.blocks += u64::from(self.crossings(number));
        }
        let mut batch = Batch {
            tokens: self.rows,
            decodes: self.rows,
            decode_context: self.context + u64::from(number) * u64::from(self.rows),
            decode_context_blocks: self.blocks * u64::from(block_size),
            sampled_rows: self.rows,
            continues: policy.passes() > 1,
            ..Batch::empty()
        };
        (batch.graph, batch.padded_tokens) = policy.launch(&batch, self.longest + number);
        batch
    }
}

impl Lanes {
    /// Who gets a token from each plain batch of a lane.
    fn members(&self, lane: usize, passes: u32) -> &[u32] {
        let lane = &self.all[lane];
        if passes > 1 { &lane.round.members } else { &lane.running }
    }

    /// Sums a lane up, unless its next batch is more than decodes.
    fn track<P: Policy>(&self, lane: usize, policy: &P) -> Option<Track> {
        let passes = policy.passes();
        let phase = vec![0; self.block_size as usize];
        let mut track = Track {
            lane,
            queue: self.queue_of(lane),
            batches: u32::MAX,
            results: u32::MAX,
            phase,
            ..Track::default()
        };
        for slot in self.members(lane, passes) {
            let sequence = self.sequence(*slot);
            let request = &sequence.request;
            if sequence.is_prefill() {
                return None;
            }
            track.results = track.results.min(request.stop_at(self.max_model_len) - sequence.outputs);
            let left = request.length_limit(self.max_model_len) - sequence.outputs - sequence.in_flight;
            track.batches = track.batches.min(left);
            track.gaps.add(sequence.last_token, request.class);
            if passes == 1 {
                track.row(sequence.len(), self.block_size);
            }
        }
        if passes > 1 {
            let round = &self.all[lane].round;
            track.batches = round.left;
            round.rows.iter().for_each(|context| track.row(*context, self.block_size));
        } else if policy.changes(self, lane) {
            return None;
        }
        // A lane whose requests have all gone sends nothing.
        (track.rows > 0).then_some(track)
    }
}

impl<P: Policy> LaneEngine<P> {
    pub(in crate::engine) fn run_len(&mut self, limit: u32) -> u32 {
        self.run = self.begin_run().unwrap_or_default();
        self.extend_run(limit);
        self.run.batches.len() as u32
    }

    /// The lanes of a run, if every pass from here on sends the batch of one lane and waits for that of another.
    fn begin_run(&self) -> Option<Run> {
        let passes = self.policy.passes();
        let quiet = !self.must_wait && self.aborts.is_empty() && self.incoming.is_empty();
        let whole = |flight: &Flight| {
            flight.plain && flight.tokens.len() == self.lanes.members(flight.lane, passes).len()
        };
        if !quiet || !self.flights.iter().all(whole) {
            return None;
        }
        let mut open = self.in_turn().filter(|lane| self.may_dispatch(*lane));
        let first = open.next()?;
        if open.next().is_some() || self.lanes.all[first].in_flight + 1 < self.depth {
            return None;
        }
        let mut run = Run::default();
        for lane in std::iter::once(first).chain(self.flights.iter().map(|flight| flight.lane)) {
            let known = run.tracks.iter().position(|track| track.lane == lane);
            let place = if let Some(place) = known {
                place
            } else {
                run.tracks.push(self.lanes.track(lane, &self.policy)?);
                run.tracks.len() - 1
            };
            run.order.push(place);
        }
        Some(run)
    }

    /// Plans passes as long as they are plain.
    fn extend_run(&mut self, limit: u32) {
        let Run { batches, order, tracks } = &mut self.run;
        let mut free: Vec<u32> = self.lanes.queues.iter().map(|queue| queue.free).collect();
        let mut scheduled = vec![0; tracks.len()];
        let mut applied = vec![0; tracks.len()];
        while !order.is_empty() && batches.len() < limit as usize {
            let pass = batches.len();
            let place = order[pass % order.len()];
            let track = &mut tracks[place];
            if scheduled[place] == track.batches {
                return;
            }
            if self.policy.passes() == 1 {
                let taken = track.crossings(scheduled[place]);
                if taken + self.policy.spare_blocks() > free[track.queue] {
                    return;
                }
                free[track.queue] -= taken;
            }
            let batch = track.batch(scheduled[place], self.lanes.block_size, &self.policy);
            scheduled[place] += 1;
            // With a batch of every other lane in flight, the oldest is that of the lane which is next.
            let oldest = order[(pass + 1) % order.len()];
            if applied[oldest] + 1 == tracks[oldest].results {
                return;
            }
            applied[oldest] += 1;
            batches.push(batch);
        }
    }

    pub(in crate::engine) fn run_batch(&self, pass: u32) -> Batch {
        self.run.batches[pass as usize].clone()
    }

    pub(in crate::engine) fn advance(&mut self, results: &[SimTime], out: &mut Outputs) {
        let Run { order, mut tracks, .. } = std::mem::take(&mut self.run);
        assert!(!order.is_empty(), "a run was planned");
        let passes = self.policy.passes();
        let mut scheduled = vec![0; tracks.len()];
        let mut applied = vec![(0, SimTime::ZERO); tracks.len()];
        for (pass, now) in results.iter().enumerate() {
            let place = order[pass % order.len()];
            let track = &tracks[place];
            if passes == 1 {
                self.lanes.queues[track.queue].free -= track.crossings(scheduled[place]);
            }
            self.lanes.count(track.rows as usize);
            scheduled[place] += 1;
            let oldest = order[(pass + 1) % order.len()];
            tracks[oldest].gaps.put(*now, out);
            applied[oldest] = (applied[oldest].0 + 1, *now);
        }
        for (place, track) in tracks.iter().enumerate() {
            self.lanes.move_on(track.lane, passes, scheduled[place], applied[place]);
        }
        self.turn_flights(&order, &tracks, results.len());
    }

    /// The batches in flight after so many passes.
    fn turn_flights(&mut self, order: &[usize], tracks: &[Track], passes: usize) {
        let lane = |pass: usize| tracks[order[pass % order.len()]].lane;
        self.turn = lane(passes);
        for flight in self.flights.drain(..) {
            self.lanes.all[flight.lane].in_flight -= 1;
        }
        for pass in passes + 1..passes + order.len() {
            let lane = lane(pass);
            let tokens = self.lanes.members(lane, self.policy.passes()).to_vec();
            self.lanes.all[lane].in_flight += 1;
            self.flights.push_back(Flight { lane, tokens, plain: true });
        }
    }
}

impl Lanes {
    /// Writes down for each request of a lane what a run did to it.
    fn move_on(&mut self, lane: usize, passes: u32, scheduled: u32, (applied, last): (u32, SimTime)) {
        let members = self.members(lane, passes).to_vec();
        let block_size = self.block_size;
        for slot in members {
            let sequence = self.sequence_mut(slot);
            if scheduled > 0 && passes == 1 {
                sequence.seen = sequence.len() + scheduled - 1;
                sequence.blocks = sequence.seen.div_ceil(block_size);
            }
            sequence.outputs += applied;
            sequence.in_flight = sequence.in_flight + scheduled - applied;
            if applied > 0 {
                sequence.last_token = last;
            }
        }
        let round = &mut self.all[lane].round;
        round.left -= scheduled.min(round.left);
        round.rows.iter_mut().for_each(|context| *context += scheduled);
    }
}
