//! A result is applied: tokens go out, requests that have their last one leave.

use super::{Gap, Outputs, lane::Lanes};
use crate::units::SimTime;

/// How many requests got a token, by the time of their token before and their class: in the order of the batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps(Vec<(SimTime, u16, u32)>);

impl Gaps {
    /// One more.
    pub(super) fn add(&mut self, last: SimTime, class: u16) {
        self.add_many(last, class, 1);
    }

    fn add_many(&mut self, last: SimTime, class: u16, more: u32) {
        match self.0.iter_mut().find(|(at, other, _)| *at == last && *other == class) {
            Some((.., count)) => *count += more,
            None => self.0.push((last, class, more)),
        }
    }

    /// Everybody has a token now.
    pub(super) fn put(&mut self, now: SimTime, out: &mut Outputs) {
        let mut after = Self::default();
        for (last, class, count) in self.0.drain(..) {
            out.gaps.push(Gap { at: now, gap: now - last, count, class });
            after.add_many(now, class, count);
        }
        *self = after;
    }
}

impl Lanes {
    /// Gives a token to each of the requests.
    pub(super) fn apply(&mut self, tokens: &[u32], now: SimTime, out: &mut Outputs) {
        let mut gaps = Gaps::default();
        let mut ended = Vec::new();
        let max_model_len = self.max_model_len;
        for slot in tokens {
            let sequence = self.sequence_mut(*slot);
            sequence.in_flight -= 1;
            sequence.outputs += 1;
            if sequence.outputs == 1 {
                out.first_tokens.push((sequence.request.id, now));
            } else {
                gaps.add(sequence.last_token, sequence.request.class);
            }
            sequence.last_token = now;
            if sequence.outputs == sequence.request.stop_at(max_model_len) {
                ended.push(*slot);
            }
        }
        gaps.put(now, out);
        for slot in ended {
            self.finish(slot, now, out);
        }
    }
}
