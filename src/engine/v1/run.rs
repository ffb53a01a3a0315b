//! Runs: stretches of steps in which nothing happens but decoding, applied in one piece.

use std::cmp::Reverse;

use super::{Engine, Outputs, core::Flight, rules::Cadence};
use crate::batch::Batch;
use crate::units::SimTime;

/// Pipelines deeper than this are walked step by step.
const COHORTS: usize = 32;

impl Engine {
    /// How many coming passes of the loop, `limit` at most, are plain: each dispatches the decodes of one cohort, waits and
    /// applies the oldest batch, and nobody is admitted, preempted, finished or given a first token.
    ///
    /// # Panics
    /// Never: the batches of a run hold decodes, as was just looked up.
    pub(in crate::engine) fn run_len(&self, limit: u32) -> u32 {
        let period = self.period();
        if !self.prefills.is_empty()
            || !(self.waiting.is_empty() || self.head_blocked)
            || !self.at_pass_start()
            || self.kv.has_twins()
            || period > COHORTS
            || !self.flights.iter().all(Flight::is_plain)
        {
            return 0;
        }
        let mut free = self.kv.free();
        let in_flight = self.flights.len();
        for pass in 0..limit {
            let Some((number, step)) = self.run_step(pass, period) else { return pass };
            let cohort = &self.cohorts[number as usize];
            let leaves = cohort.leaves.peek().is_some_and(|Reverse((due, ..))| *due <= step);
            let crossings = cohort.crossings(step);
            if cohort.size() == 0 || leaves || crossings > free {
                return pass;
            }
            free -= crossings;
            let (number, step) = match self.flights.get(pass as usize) {
                Some(flight) => (flight.cohort.expect("it holds decodes"), flight.step),
                None => self.run_step(pass - in_flight as u32, period).expect("an earlier pass of the run"),
            };
            let ends = &self.cohorts[number as usize].ends;
            if ends.peek().is_some_and(|Reverse((due, ..))| *due <= step) {
                return pass;
            }
        }
        limit
    }

    /// Cohorts in turn.
    fn period(&self) -> usize {
        match self.rules.cadence {
            Cadence::Returned => self.rules.batches_in_flight as usize,
            Cadence::Steps(steps) => steps as usize,
        }
    }

    /// The cohort that pass `pass` of a run schedules, and which step of it that is.
    fn run_step(&self, pass: u32, period: usize) -> Option<(u32, u64)> {
        let place = pass as usize % period;
        let number = match self.rules.cadence {
            Cadence::Returned if place == 0 => self.ready?,
            Cadence::Returned => self.flights[place - 1].cohort?,
            Cadence::Steps(steps) => ((self.calls + 1 + u64::from(pass)) % u64::from(steps)) as u32,
        };
        Some((number, self.cohorts[number as usize].scheduled + 1 + u64::from(pass) / period as u64))
    }

    /// The batch that pass `pass` of a run dispatches.
    ///
    /// # Panics
    /// If `pass` is not below [`Self::run_len`].
    pub(in crate::engine) fn run_batch(&self, pass: u32) -> Batch {
        let (number, step) = self.run_step(pass, self.period()).expect("the pass belongs to the run");
        let cohort = &self.cohorts[number as usize];
        let ahead = cohort.scheduled + 1..=step;
        let blocks = cohort.blocks() + ahead.map(|step| u64::from(cohort.crossings(step))).sum::<u64>();
        let (graph, padded_tokens) = self.capture_sizes.launch(cohort.size(), true);
        Batch {
            tokens: cohort.size(),
            padded_tokens,
            graph,
            decodes: cohort.size(),
            decode_context: cohort.context(step),
            decode_context_blocks: blocks * u64::from(self.kv.block_size()),
            prefills: Vec::new(),
            sampled_rows: cohort.size(),
            continues: false,
        }
    }

    /// Walks the first `results.len()` passes of a run, whose results are applied at those times.
    ///
    /// # Panics
    /// If the run is shorter.
    pub(in crate::engine) fn advance(&mut self, results: &[SimTime], out: &mut Outputs) {
        for now in results {
            let (number, step) = self.run_step(0, self.period()).expect("the pass belongs to the run");
            self.calls += 1;
            let cohort = &mut self.cohorts[number as usize];
            self.kv.take(cohort.crossings(step));
            cohort.step();
            let decodes = cohort.members.clone();
            self.count(u64::from(decodes.total()));
            self.ready = None;
            self.flights.push_back(Flight { cohort: Some(number), step, decodes, ..Flight::default() });
            let oldest = self.flights.pop_front().expect("one was just pushed");
            let number = oldest.cohort.expect("every batch of a run holds decodes");
            let cohort = &mut self.cohorts[number as usize];
            out.put_gaps(*now, cohort.last, &oldest.decodes);
            cohort.applied = oldest.step;
            cohort.last = *now;
            if self.rules.cadence == Cadence::Returned {
                self.ready = Some(number);
            }
        }
    }
}
