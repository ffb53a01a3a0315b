//! A result is applied: tokens go out, requests that have their last one leave (`v1/core/sched/scheduler.py`
//! `update_from_output`).

use std::cmp::Reverse;

use super::{Engine, Gap, Outputs, core::Flight, entry::Status, rules::Cadence};
use crate::units::SimTime;

impl Engine {
    pub(super) fn apply(&mut self, flight: &Flight, now: SimTime, out: &mut Outputs) {
        if let Some(number) = flight.cohort {
            let cohort = &mut self.cohorts[number as usize];
            if flight.decodes > 0 {
                out.gaps.push(Gap { at: now, gap: now - cohort.last, count: flight.decodes });
            }
            cohort.applied = flight.step;
            cohort.last = now;
        }
        for slot in &flight.firsts {
            let entry = self.entries[*slot as usize].as_ref().expect("those who left are not in the batch");
            if entry.outputs + entry.in_flight == 0 {
                out.first_tokens.push((entry.request.id, now));
            } else {
                out.gaps.push(Gap { at: now, gap: now - entry.last_token, count: 1 });
            }
        }
        self.apply_stale(flight, now, out);
        if let Some(number) = flight.cohort {
            self.finish_due(number, now, out);
            if self.rules.cadence == Cadence::Returned {
                if self.cohorts[number as usize].size > 0 {
                    debug_assert!(self.ready.is_none(), "every call of schedule() takes what is ready");
                    self.ready = Some(number);
                } else {
                    self.unused_cohorts.push(number);
                }
            }
        }
    }

    /// Tokens of requests that were preempted or fell behind while this batch was out: delivered all the same.
    fn apply_stale(&mut self, flight: &Flight, now: SimTime, out: &mut Outputs) {
        for slot in &flight.stale {
            let max_model_len = self.max_model_len;
            let entry = self.entry_mut(*slot);
            entry.in_flight -= 1;
            entry.outputs += 1;
            let id = entry.request.id;
            if entry.outputs == 1 {
                out.first_tokens.push((id, now));
            } else {
                out.gaps.push(Gap { at: now, gap: now - entry.last_token, count: 1 });
            }
            entry.last_token = now;
            if entry.outputs == entry.stop_at(max_model_len) {
                self.finish(*slot, now, out);
            }
        }
    }

    /// Everybody whose last token this was, in running order.
    fn finish_due(&mut self, number: u32, now: SimTime, out: &mut Outputs) {
        while let Some(Reverse((step, seq, slot))) = self.cohorts[number as usize].ends.peek().copied() {
            if step > self.cohorts[number as usize].applied {
                return;
            }
            self.cohorts[number as usize].ends.pop();
            let due = self.entries[slot as usize].as_ref().is_some_and(|entry| {
                entry.seq == seq
                    && matches!(entry.status, Status::Decode(member) | Status::Last(member)
                        if member.cohort == number)
            });
            if due {
                self.finish(slot, now, out);
            }
        }
    }
}
