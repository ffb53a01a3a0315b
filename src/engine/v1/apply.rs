//! A result is applied: tokens go out, requests that have their last one leave (`v1/core/sched/scheduler.py`
//! `update_from_output`).

use std::cmp::Reverse;

use super::{Engine, Outputs, core::Flight, entry::Status, rules::Cadence};
use crate::units::SimTime;

impl Engine {
    pub(super) fn apply(&mut self, flight: &Flight, now: SimTime, out: &mut Outputs) {
        if let Some(number) = flight.cohort {
            let cohort = &mut self.cohorts[number as usize];
            out.put_gaps(now, cohort.last, &flight.decodes);
            cohort.applied = flight.step;
            cohort.last = now;
        }
        for slot in &flight.firsts {
            let entry = self.entries[*slot as usize].as_ref().expect("those who left are not in the batch");
            let before = (entry.outputs + entry.in_flight > 0).then_some(entry.last_token);
            out.put_token(now, &entry.request, before);
        }
        for slot in &flight.chunks {
            if let Some(entry) = &mut self.entries[*slot as usize] {
                entry.stale_chunks = entry.stale_chunks.saturating_sub(1);
            }
        }
        self.note_twins(None);
        self.finish_due(flight, now, out);
        if let Some(number) = flight.cohort
            && self.rules.cadence == Cadence::Returned
        {
            if self.cohorts[number as usize].size() > 0 {
                debug_assert!(self.ready.is_none(), "every call of schedule() takes what is ready");
                self.ready = Some(number);
            } else {
                self.unused_cohorts.push(number);
            }
        }
    }

    /// Tokens of requests that were preempted or fell behind while this batch was out: delivered all the same. Returns whose
    /// last token that was.
    fn apply_stale(&mut self, flight: &Flight, now: SimTime, out: &mut Outputs) -> Vec<(u64, u32)> {
        let mut ended = Vec::new();
        for (seq, slot) in &flight.stale {
            let max_model_len = self.max_model_len;
            let lost = self.rules.preempted_tokens_lost;
            let entry = self.entry_mut(*slot);
            entry.in_flight -= 1;
            if lost && entry.status == Status::Waiting {
                continue;
            }
            entry.outputs += 1;
            out.put_token(now, &entry.request, (entry.outputs > 1).then_some(entry.last_token));
            entry.last_token = now;
            if entry.outputs == entry.stop_at(max_model_len) {
                ended.push((*seq, *slot));
            } else {
                self.has_one_more(*slot);
            }
        }
        ended
    }

    /// Without placeholders a token that comes back is one more to compute, for a request that was resumed before it came.
    fn has_one_more(&mut self, slot: u32) {
        let status = self.entry(slot).status;
        if status == Status::Waiting {
            self.head_blocked = false;
        }
        if status != Status::Prefill || self.rules.cadence != Cadence::Returned {
            return;
        }
        self.entry_mut(slot).target += 1;
        if !self.prefills.contains(&slot) {
            self.insert_prefill(slot);
        }
    }

    /// Everybody whose last token this was leaves, in the order of the batch: it decides the order of the free queue.
    fn finish_due(&mut self, flight: &Flight, now: SimTime, out: &mut Outputs) {
        let mut ended = self.apply_stale(flight, now, out);
        if ended.is_empty() {
            while let Some((_, slot)) = flight.cohort.and_then(|number| self.next_due(number)) {
                self.finish(slot, now, out);
            }
            return;
        }
        while let Some(due) = flight.cohort.and_then(|number| self.next_due(number)) {
            ended.push(due);
        }
        ended.sort_unstable();
        // Who fell behind and joined again may be due twice.
        ended.dedup();
        for (_, slot) in ended {
            self.finish(slot, now, out);
        }
    }

    /// The next member of a cohort that has its last token.
    fn next_due(&mut self, number: u32) -> Option<(u64, u32)> {
        let max_model_len = self.max_model_len;
        let cohort = &mut self.cohorts[number as usize];
        while let Some(Reverse((step, seq, slot))) = cohort.ends.peek().copied() {
            if step > cohort.applied {
                return None;
            }
            cohort.ends.pop();
            let due = self.entries[slot as usize].as_ref().is_some_and(|entry| {
                // Who fell behind and joined again has a later date, in the same place of the running order.
                entry.seq == seq
                    && matches!(entry.status, Status::Decode(member) | Status::Last(member)
                        if member.cohort == number && member.result(entry.stop_at(max_model_len)) == step)
            });
            if due {
                return Some((seq, slot));
            }
        }
        None
    }
}
