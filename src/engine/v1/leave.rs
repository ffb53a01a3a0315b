//! How requests leave the running list: preempted, fallen behind, finished, aborted.

use super::{
    Engine, Finished, Outputs,
    entry::{Entry, Member, Status},
    rules::Cadence,
};
use crate::units::SimTime;

impl Engine {
    /// Blocks of a running request that have their hash: full, and of tokens known when it was last scheduled
    /// (`v1/core/kv_cache_manager.py` `cache_blocks`).
    /// `served`: the cohort that the step being put together has served.
    pub(super) fn hashed_blocks(&self, slot: u32, served: Option<u32>) -> u32 {
        let entry = self.entry(slot);
        let in_step = matches!(entry.status, Status::Decode(member) if Some(member.cohort) == served);
        self.blocks_and_hashed(entry, in_step).1
    }

    /// Where several requests compute the same blocks at a time, writes down which copy came first. `served` as above.
    pub(super) fn note_twins(&mut self, served: Option<u32>) {
        if !self.kv.has_twins() {
            return;
        }
        let mut open: Vec<_> = self
            .kv
            .twins()
            .map(|(layer, maker)| (self.entry(maker).seq, layer, self.hashed_blocks(maker, served)))
            .collect();
        open.sort_unstable();
        for (_, layer, hashed) in open {
            self.kv.note(layer, hashed);
        }
    }

    /// What a running request holds: all its blocks, and how many of them have their hash. `served`: the step being put
    /// together has already given this decode its block.
    fn blocks_and_hashed(&self, entry: &Entry, served: bool) -> (u32, u32) {
        let member = match entry.status {
            Status::Waiting => return (0, 0),
            Status::Prefill => {
                let hashed = entry.known.max(self.landed_tokens(entry, None)) / self.kv.block_size();
                return (self.kv.blocks(entry.computed), hashed);
            }
            Status::Decode(member) | Status::Last(member) => member,
        };
        let (step, _) = self.last_scheduled(entry, member, served);
        let blocks = self.cohorts[member.cohort as usize].member_blocks(member.base, step);
        (blocks, self.known_tokens(entry, member, served) / self.kv.block_size())
    }

    /// The step of its cohort that a decode was last scheduled in, and how many results were applied by then.
    fn last_scheduled(&self, entry: &Entry, member: Member, served: bool) -> (u64, u64) {
        let cohort = &self.cohorts[member.cohort as usize];
        match entry.status {
            Status::Last(_) => (member.result(entry.length_limit(self.max_model_len)), member.applied),
            _ if served => (cohort.scheduled + 1, cohort.applied),
            _ => (cohort.scheduled, cohort.applied_at_schedule),
        }
    }

    /// Tokens of a decode that were computed and known when it was last scheduled.
    fn known_tokens(&self, entry: &Entry, member: Member, served: bool) -> u32 {
        let (step, applied) = self.last_scheduled(entry, member, served);
        // Results of before it joined count for nothing.
        let tokens = |step: u64| (member.base + step.cast_signed()).max(0) as u32;
        tokens(step).min(tokens(applied + 1).max(entry.known)).max(self.landed_tokens(entry, Some(member)))
    }

    /// Asynchronous scheduling gives blocks their hashes with every token that comes back, the last one included, before
    /// the request may be freed: as far as no computed token is still on its way (`update_from_output` calls
    /// `cache_blocks`; until 0.32 `AsyncScheduler._update_request_with_output` did).
    fn landed_tokens(&self, entry: &Entry, member: Option<Member>) -> u32 {
        if self.rules.cadence == Cadence::Returned {
            return 0;
        }
        let computed = match member {
            Some(member) => {
                let landed = self.cohorts[member.cohort as usize].applied.max(member.joined - 1);
                (member.base + landed.cast_signed()).max(0) as u32
            }
            None => entry.computed,
        };
        computed.saturating_sub(entry.in_flight)
    }

    /// Takes a decode out of its cohort; tokens on their way become stragglers that arrive one by one.
    fn leave_cohort(&mut self, slot: u32, member: Member) {
        let last_step = match self.entry(slot).status {
            Status::Last(_) => {
                let limit = self.entry(slot).length_limit(self.max_model_len);
                (member.origin + i64::from(limit)).cast_unsigned()
            }
            _ => u64::MAX,
        };
        let class = self.entry(slot).request.class;
        let cohort = &mut self.cohorts[member.cohort as usize];
        if last_step == u64::MAX {
            cohort.leave(&member, class);
        }
        let (applied, last) = (cohort.applied, cohort.last);
        let seq = self.entry(slot).seq;
        let mut in_flight = 0;
        for flight in self.flights.iter_mut().filter(|flight| flight.cohort == Some(member.cohort)) {
            if flight.step < member.joined || flight.step > last_step {
                continue;
            }
            if flight.step == member.joined {
                flight.firsts.retain(|first| *first != slot);
            } else {
                flight.decodes.remove(class);
            }
            flight.stale.push((seq, slot));
            in_flight += 1;
        }
        let entry = self.entry_mut(slot);
        entry.in_flight += in_flight;
        if applied >= member.joined {
            entry.outputs = (applied.cast_signed() - member.origin) as u32;
            entry.last_token = last;
        }
        self.drop_dead_dues(member.cohort);
    }

    /// Preemption by recomputation: every block goes, the request returns to the head of the queue (`_preempt_request`).
    pub(super) fn preempt(&mut self, slot: u32, served: bool) {
        let (blocks, hashed) = self.blocks_and_hashed(self.entry(slot), served);
        let computed = match self.entry(slot).status {
            Status::Decode(member) | Status::Last(member) => {
                let step = self.cohorts[member.cohort as usize].scheduled;
                self.leave_cohort(slot, member);
                (member.base + step.cast_signed()) as u32
            }
            _ => {
                self.prefills.retain(|prefill| *prefill != slot);
                self.entry(slot).computed
            }
        };
        self.release(slot, blocks, hashed);
        let chunks = self.flights.iter().filter(|flight| flight.chunks.contains(&slot)).count() as u32;
        let entry = self.entries[slot as usize].as_mut().expect("a running request is known");
        entry.status = Status::Waiting;
        entry.stale_chunks = chunks;
        entry.computed = computed;
        entry.preemptions += 1;
        self.waiting.push_preempted(slot, &entry.request);
        self.left_running();
        self.stats.preemptions += 1;
        if self.recording {
            let id = self.entry(slot).request.id;
            self.detail.preempted.push(id);
        }
    }

    /// An eligible decode that this step has no token for goes on alone, as a prompt with one token left.
    pub(super) fn fall_behind(&mut self, slot: u32, member: Member) {
        let step = self.cohorts[member.cohort as usize].scheduled;
        let known = self.known_tokens(self.entry(slot), member, false);
        self.leave_cohort(slot, member);
        let entry = self.entry_mut(slot);
        entry.status = Status::Prefill;
        entry.known = known;
        entry.computed = (member.base + step.cast_signed()) as u32;
        entry.target = entry.computed + 1;
        self.insert_prefill(slot);
    }

    /// Puts a running request among those with tokens left to schedule, at its place in the running order.
    pub(super) fn insert_prefill(&mut self, slot: u32) {
        let seq = self.entry(slot).seq;
        let place = self.prefills.partition_point(|other| self.entry(*other).seq < seq);
        self.prefills.insert(place, slot);
    }

    /// A request has its last token.
    pub(super) fn finish(&mut self, slot: u32, now: SimTime, out: &mut Outputs) {
        let entry = self.entry(slot);
        out.finished.push(Finished {
            id: entry.request.id,
            at: now,
            output_tokens: entry.stop_at(self.max_model_len),
            cached_tokens: entry.cached,
            preemptions: entry.preemptions,
        });
        self.drop_request(slot);
    }

    /// A request is gone, wherever it was, and so is every token of it that is still on its way.
    pub(super) fn drop_request(&mut self, slot: u32) {
        let status = self.entry(slot).status;
        let (blocks, hashed) = self.blocks_and_hashed(self.entry(slot), false);
        match status {
            Status::Waiting => self.waiting.remove(slot),
            Status::Prefill => self.prefills.retain(|prefill| *prefill != slot),
            Status::Decode(member) | Status::Last(member) => self.leave_cohort(slot, member),
        }
        for flight in &mut self.flights {
            flight.stale.retain(|(_, stale)| *stale != slot);
        }
        if status != Status::Waiting {
            self.release(slot, blocks, hashed);
        }
        let entry = self.entries[slot as usize].take().expect("the request is known");
        if let Some(path) = &entry.path {
            self.kv.forget(path);
        }
        if status == Status::Waiting {
            self.head_blocked = false;
        } else {
            self.left_running();
        }
    }

    fn release(&mut self, slot: u32, blocks: u32, hashed: u32) {
        let entry = self.entries[slot as usize].as_mut().expect("a running request is known");
        let holding = std::mem::take(&mut entry.holding);
        let path = entry.path.take().expect("a running request has a path");
        self.kv.release(&path, holding, blocks, hashed);
        self.entry_mut(slot).path = Some(path);
    }

    fn left_running(&mut self) {
        self.head_blocked = false;
        let entries = &self.entries;
        self.running.left(|seq, slot| {
            entries[slot as usize]
                .as_ref()
                .is_some_and(|entry| entry.seq == seq && entry.status != Status::Waiting)
        });
    }

    /// Keeps the earliest entries of a cohort's two heaps true.
    fn drop_dead_dues(&mut self, number: u32) {
        let entries = &self.entries;
        let cohort = &mut self.cohorts[number as usize];
        let dead = |seq: u64, slot: u32| {
            !entries[slot as usize].as_ref().is_some_and(|entry| {
                entry.seq == seq
                    && matches!(entry.status, Status::Decode(member) | Status::Last(member) if member.cohort == number)
            })
        };
        for heap in [&mut cohort.ends, &mut cohort.leaves] {
            while heap.peek().is_some_and(|std::cmp::Reverse((_, seq, slot))| dead(*seq, *slot)) {
                heap.pop();
            }
        }
    }
}
