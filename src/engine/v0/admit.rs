//! Admission: prompts from the head of the queue (`core/scheduler.py` `_schedule_prefills`).

use super::{Budget, V0};
use crate::engine::{Outputs, lanes::Lanes};
use crate::units::SimTime;

/// What becomes of the head of the queue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head {
    /// So many of its tokens are computed.
    Starts(u32),
    /// It could never run.
    Ends,
}

impl V0 {
    /// Whether the head of a queue leaves it now.
    pub(super) fn head(&self, lanes: &Lanes, lane: usize, budget: Budget) -> Option<Head> {
        let queue = lanes.queue(lane);
        let tokens = lanes.sequence(*queue.waiting.front()?).len();
        if self.never(lanes, queue, tokens) {
            return Some(Head::Ends);
        }
        if self.admission_blocks(lanes, tokens) + self.watermark_blocks > queue.free || budget.seqs == 0 {
            return None;
        }
        let chunk = self.chunk(tokens, budget);
        (chunk > 0 && chunk <= budget.tokens).then_some(Head::Starts(chunk))
    }

    /// Tokens of a prompt that a step takes (`_get_num_new_tokens`): pieces only with chunked prefill and one step.
    pub(super) fn chunk(&self, tokens: u32, budget: Budget) -> u32 {
        match (self.chunked, self.steps) {
            (true, 1) => tokens.min(budget.tokens),
            (true, _) if tokens > budget.tokens => 0,
            _ => tokens,
        }
    }

    /// Admits as long as the budget and the blocks above the watermark last; nobody overtakes.
    pub(super) fn admit(
        &self,
        lanes: &mut Lanes,
        lane: usize,
        budget: &mut Budget,
        now: SimTime,
        out: &mut Outputs,
    ) -> Vec<(u32, u32)> {
        let mut chunks = Vec::new();
        while let Some(head) = self.head(lanes, lane, *budget) {
            match head {
                Head::Ends => {
                    let slot = lanes.queue(lane).waiting[0];
                    lanes.finish(slot, now, out);
                }
                Head::Starts(chunk) => {
                    let tokens = lanes.sequence(lanes.queue(lane).waiting[0]).len();
                    let slot = lanes.admit(lane, self.admission_blocks(lanes, tokens), now, out);
                    budget.tokens -= chunk;
                    budget.seqs -= 1;
                    chunks.push((slot, chunk));
                }
            }
        }
        chunks
    }
}
