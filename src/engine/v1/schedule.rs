//! `schedule()`: who computes how many tokens in the next step (`v1/core/sched/scheduler.py`).
//!
//! Running requests come first, in the order of their admission; then waiting ones, as long as nobody was preempted. Where
//! tokens and blocks suffice for everybody running, the order does not matter and the decodes of the step are taken as
//! a sum. Where they do not, first come first served takes victims from the tail, which is as cheap; every other case
//! goes through the running list one by one (`slow.rs`).

use super::{
    Engine, Outputs,
    cohort::Cohort,
    core::Flight,
    entry::{Member, Status},
    rules::Cadence,
};
use crate::batch::{Batch, Chunk};
use crate::engine::SchedulingPolicy;
use crate::units::SimTime;

/// A step as it is put together.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The cohort whose turn it is.
    pub(super) cohort: Option<u32>,
    /// Tokens left to schedule.
    pub(super) budget: u32,
    /// Longest chunk; 0 for no limit.
    pub(super) threshold: u32,
    /// Chunks, decodes of the cohort left out: (request, tokens, tokens before it).
    pub(super) chunks: Vec<(u32, u32, u32)>,
    pub(super) preempted: bool,
}

impl Engine {
    /// One call of `schedule()`.
    pub(super) fn schedule(&mut self, now: SimTime, out: &mut Outputs) -> (Batch, Flight) {
        self.calls += 1;
        let cohort = match self.rules.cadence {
            Cadence::Returned => self.ready.take(),
            Cadence::Steps(steps) => Some((self.calls % u64::from(steps)) as u32),
        };
        let alone = self.running.len() + self.waiting.len() as u32 <= 1;
        let threshold = if alone && self.rules.lone_prefill_unbound { 0 } else { self.prefill_threshold };
        let mut draft = Draft { cohort, budget: self.max_num_batched_tokens, threshold, ..Draft::default() };
        self.schedule_running(&mut draft);
        self.note_twins(draft.cohort);
        if !draft.preempted {
            self.admit(&mut draft, now, out);
        }
        self.dispatch(&draft)
    }

    fn schedule_running(&mut self, draft: &mut Draft) {
        let (decodes, crossings) = draft.cohort.map_or((0, 0), |cohort| {
            let cohort = &self.cohorts[cohort as usize];
            (cohort.size(), cohort.crossings(cohort.scheduled + 1))
        });
        let (mut tokens, mut blocks) = (u64::from(decodes), u64::from(crossings));
        for slot in &self.prefills {
            let want = self.chunk(*slot, draft.threshold);
            tokens += u64::from(want);
            blocks += u64::from(self.chunk_blocks(*slot, want));
        }
        let enough = tokens <= u64::from(draft.budget) && blocks <= u64::from(self.kv.free());
        if enough
            || (self.rules.policy == SchedulingPolicy::Fcfs
                && decodes <= draft.budget
                && self.prefills_are_last())
        {
            self.schedule_decodes(draft, decodes, crossings);
            self.schedule_prefills(draft);
        } else {
            self.stats.slow_steps += 1;
            self.schedule_one_by_one(draft);
        }
    }

    /// Whether every prompt under way stands behind every decode in the running list.
    fn prefills_are_last(&self) -> bool {
        let mut prefills = self.prefills.iter().rev();
        let running = self.running.list().iter().rev().filter(|(seq, slot)| self.runs(*seq, *slot));
        running.take(self.prefills.len()).all(|(_, slot)| prefills.next() == Some(slot))
    }

    /// All decodes of the step's cohort, victims taken from the tail while blocks are missing.
    fn schedule_decodes(&mut self, draft: &mut Draft, decodes: u32, crossings: u32) {
        let Some(cohort) = draft.cohort.filter(|_| decodes > 0) else { return };
        if crossings <= self.kv.free() {
            self.kv.take(crossings);
        } else {
            self.take_from_the_tail(draft, cohort, crossings);
        }
        draft.budget -= self.cohorts[cohort as usize].size();
    }

    /// Takes blocks one request after the other, as the running list has them: whoever finds none makes the last of the
    /// list give up its own, perhaps itself.
    fn take_from_the_tail(&mut self, draft: &mut Draft, cohort: u32, crossings: u32) {
        let step = self.cohorts[cohort as usize].scheduled + 1;
        let mut served = 0;
        loop {
            let missing = self.cohorts[cohort as usize].crossings(step) - served;
            let take = missing.min(self.kv.free());
            self.kv.take(take);
            served += take;
            debug_assert!(served <= crossings);
            if take == missing {
                return;
            }
            let victim = self.running.last().expect("whoever misses a block runs");
            self.preempt(victim, false);
            draft.preempted = true;
        }
    }

    /// The prompts under way, in order, while the budget lasts.
    fn schedule_prefills(&mut self, draft: &mut Draft) {
        let mut next = 0;
        while next < self.prefills.len() && draft.budget > 0 {
            let slot = self.prefills[next];
            let tokens = self.chunk(slot, draft.threshold).min(draft.budget);
            let blocks = self.chunk_blocks(slot, tokens);
            while blocks > self.kv.free() {
                let victim = self.running.last().expect("a prompt under way runs");
                self.preempt(victim, false);
                draft.preempted = true;
                if victim == slot {
                    return;
                }
            }
            self.kv.take(blocks);
            next += usize::from(!self.serve_chunk(draft, slot, tokens));
        }
    }

    /// Tokens a prompt under way would like to compute.
    pub(super) fn chunk(&self, slot: u32, threshold: u32) -> u32 {
        let entry = self.entry(slot);
        let left = entry.target - entry.computed;
        if threshold > 0 { left.min(threshold) } else { left }
    }

    /// New blocks that many more tokens need.
    pub(super) fn chunk_blocks(&self, slot: u32, tokens: u32) -> u32 {
        let computed = self.entry(slot).computed;
        self.kv.blocks(computed + tokens) - self.kv.blocks(computed)
    }

    /// Schedules a chunk; returns whether it ends the prompt, which then leaves `prefills`.
    pub(super) fn serve_chunk(&mut self, draft: &mut Draft, slot: u32, tokens: u32) -> bool {
        let entry = self.entry_mut(slot);
        draft.chunks.push((slot, tokens, entry.computed));
        entry.computed += tokens;
        entry.known = entry.computed.min(entry.request.prompt_tokens + entry.outputs);
        let ends = entry.chunk_ends();
        draft.budget -= tokens;
        if ends {
            self.prefills.retain(|prefill| *prefill != slot);
        }
        ends
    }

    /// Puts the step on its way: the cohort steps, prompts that end join it.
    fn dispatch(&mut self, draft: &Draft) -> (Batch, Flight) {
        let (ends, chunks): (Vec<u32>, Vec<u32>) =
            draft.chunks.iter().map(|(slot, ..)| *slot).partition(|slot| self.entry(*slot).chunk_ends());
        let (alone, firsts): (Vec<u32>, Vec<u32>) = ends.iter().partition(|slot| self.goes_alone(**slot));
        let decodes = draft.cohort.map_or(0, |cohort| self.cohorts[cohort as usize].size());
        let mut batch = Batch { decodes, sampled_rows: decodes + ends.len() as u32, ..Batch::empty() };
        let mut flight = Flight { chunks, ..Flight::default() };
        for slot in alone {
            let entry = self.entry_mut(slot);
            entry.in_flight += 1;
            flight.stale.push((entry.seq, slot));
        }
        if decodes > 0 || !firsts.is_empty() {
            let number = draft.cohort.unwrap_or_else(|| self.new_cohort());
            let cohort = &mut self.cohorts[number as usize];
            cohort.step();
            batch.decode_context = cohort.context(cohort.scheduled);
            batch.decode_context_blocks = cohort.blocks() * u64::from(self.kv.block_size());
            flight = Flight {
                cohort: Some(number),
                step: cohort.scheduled,
                decodes: cohort.members.clone(),
                ..flight
            };
            if self.recording {
                self.record(draft, Some(number));
            }
            self.join(number, &firsts);
            self.leave_after_last_step(number);
            flight.firsts = firsts;
        } else {
            if let (Some(number), Cadence::Returned) = (draft.cohort, self.rules.cadence) {
                self.unused_cohorts.push(number);
            }
            if self.recording {
                self.record(draft, None);
            }
        }
        for (_, tokens, context) in &draft.chunks {
            if *tokens == 1 {
                batch.decodes += 1;
                batch.decode_context += u64::from(context + 1);
                batch.decode_context_blocks +=
                    u64::from(self.kv.blocks(context + 1)) * u64::from(self.kv.block_size());
            } else {
                batch.prefills.push(Chunk { tokens: *tokens, context: *context });
            }
        }
        batch.tokens = self.max_num_batched_tokens - draft.budget;
        if !batch.is_empty() {
            (batch.graph, batch.padded_tokens) =
                self.capture_sizes.launch(batch.tokens, batch.prefills.is_empty());
            self.count(u64::from(decodes) + draft.chunks.len() as u64);
        }
        (batch, flight)
    }

    /// Whether a request that samples in this step has earlier tokens in flight. Without placeholders for them, which
    /// asynchronous scheduling has, it is scheduled again for each that comes back, and steps with nobody: a resumed
    /// request of before 0.27.
    fn goes_alone(&self, slot: u32) -> bool {
        self.rules.cadence == Cadence::Returned && self.entry(slot).in_flight > 0
    }

    /// Counts a step of that many requests.
    pub(super) fn count(&mut self, requests: u64) {
        let used = self.kv.usable() - self.kv.free();
        self.stats.steps += 1;
        self.stats.batch_sum += requests;
        self.stats.batch_max = self.stats.batch_max.max(requests as u32);
        self.stats.used_blocks_sum += u128::from(used);
        self.stats.used_blocks_max = self.stats.used_blocks_max.max(used);
    }

    fn new_cohort(&mut self) -> u32 {
        let number = self.unused_cohorts.pop().unwrap_or_else(|| {
            self.cohorts.push(Cohort::new(self.kv.block_size()));
            self.cohorts.len() as u32 - 1
        });
        debug_assert_eq!(self.cohorts[number as usize].size(), 0);
        number
    }

    /// Requests whose prompt ends in this step decode with the cohort from the next one on.
    fn join(&mut self, number: u32, firsts: &[u32]) {
        let asynchronous = self.rules.cadence != Cadence::Returned;
        for slot in firsts {
            let max_model_len = self.max_model_len;
            let entry = self.entries[*slot as usize].as_mut().expect("it was just scheduled");
            let cohort = &mut self.cohorts[number as usize];
            let step = cohort.scheduled;
            let origin = step.cast_signed() - 1 - i64::from(entry.outputs + entry.in_flight);
            let member = Member {
                cohort: number,
                base: i64::from(entry.target) - step.cast_signed(),
                origin,
                joined: step,
                applied: 0,
            };
            entry.status = Status::Decode(member);
            cohort.join(&member, entry.request.class);
            let due = |tokens: u32| {
                std::cmp::Reverse(((origin + i64::from(tokens)).cast_unsigned(), entry.seq, *slot))
            };
            cohort.ends.push(due(entry.stop_at(max_model_len)));
            if asynchronous {
                cohort.leaves.push(due(entry.length_limit(max_model_len)));
            }
        }
    }

    /// Asynchronous scheduling does not run past the length limit: whoever has its last token on the way is not
    /// scheduled again (`v1/core/sched/async_scheduler.py`).
    pub(super) fn leave_after_last_step(&mut self, number: u32) {
        let max_model_len = self.max_model_len;
        while let Some(std::cmp::Reverse((step, seq, slot))) =
            self.cohorts[number as usize].leaves.peek().copied()
        {
            if step > self.cohorts[number as usize].scheduled {
                return;
            }
            self.cohorts[number as usize].leaves.pop();
            let cohort = &mut self.cohorts[number as usize];
            let Some(entry) = self.entries[slot as usize].as_mut().filter(|entry| entry.seq == seq) else {
                continue;
            };
            if let Status::Decode(mut member) = entry.status
                && member.cohort == number
                && member.result(entry.length_limit(max_model_len)) == step
            {
                cohort.leave(&member, entry.request.class);
                member.applied = cohort.applied_at_schedule;
                entry.status = Status::Last(member);
            }
        }
    }

    /// Writes down who was scheduled, in schedule order: the running list has it, admissions at its end.
    fn record(&mut self, draft: &Draft, cohort: Option<u32>) {
        let mut scheduled = Vec::new();
        for (seq, slot) in self.running.list() {
            if !self.runs(*seq, *slot) {
                continue;
            }
            let entry = self.entry(*slot);
            let chunk = draft.chunks.iter().find(|(chunk, ..)| chunk == slot).map(|(_, tokens, _)| *tokens);
            let decode = matches!(entry.status, Status::Decode(member) if Some(member.cohort) == cohort);
            if let Some(tokens) = chunk.or(decode.then_some(1)) {
                scheduled.push((entry.request.id, tokens));
            }
        }
        self.detail.scheduled = scheduled;
    }

    /// Whether the request in `slot` runs at place `seq` of the running order.
    pub(super) fn runs(&self, seq: u64, slot: u32) -> bool {
        self.entries[slot as usize]
            .as_ref()
            .is_some_and(|entry| entry.seq == seq && entry.status != Status::Waiting)
    }
}
