//! Those who run: a slot for each, taken from the tail where blocks are missing (`core/scheduler.py`
//! `_schedule_running`).

use std::collections::VecDeque;

use super::{Budget, V0};
use crate::engine::lanes::Lanes;

/// What became of the running list.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// Who decodes.
    pub(super) decodes: Vec<u32>,
    /// Pieces of prompts under way: (request, tokens).
    pub(super) chunks: Vec<(u32, u32)>,
    /// Who comes after.
    left: VecDeque<u32>,
    /// Victims, in order.
    preempted: Vec<u32>,
}

impl Served {
    /// Victims go to the head of the queue, the oldest first.
    pub(super) fn requeue(&self, lanes: &mut Lanes, lane: usize) {
        for slot in &self.preempted {
            lanes.queue_mut(lane).waiting.push_front(*slot);
        }
    }
}

impl V0 {
    /// Serves the running list of a lane in its order.
    pub(super) fn serve(&self, lanes: &mut Lanes, lane: usize, budget: &mut Budget) -> Served {
        let mut served =
            Served { left: std::mem::take(&mut lanes.all[lane].running).into(), ..Served::default() };
        while let Some(slot) = served.left.front().copied() {
            let sequence = lanes.sequence(slot);
            let prefill = sequence.is_prefill();
            let left = sequence.target - sequence.computed;
            let tokens = if prefill { self.chunk(left, *budget) } else { 1 };
            // Whoever runs was admitted into a step that had a token for everybody.
            debug_assert!(tokens > 0);
            served.left.pop_front();
            if !self.make_room(lanes, lane, slot, &mut served) {
                break;
            }
            if self.chunked {
                budget.tokens -= tokens;
                budget.seqs = budget.seqs.saturating_sub(1);
            }
            if prefill {
                served.chunks.push((slot, tokens));
            } else {
                served.decodes.push(slot);
            }
        }
        served
    }

    /// Gives a request the slots of its next batch; while blocks are missing the last of the list gives up its own,
    /// at last the request itself.
    fn make_room(&self, lanes: &mut Lanes, lane: usize, slot: u32, served: &mut Served) -> bool {
        while self.touched(lanes, slot) > lanes.queue(lane).free {
            let victim = served.left.pop_back().unwrap_or(slot);
            lanes.preempt(victim);
            served.preempted.push(victim);
            if victim == slot {
                return false;
            }
        }
        let sequence = lanes.sequence_mut(slot);
        sequence.seen = sequence.len();
        let upto = sequence.seen + self.lookahead(sequence.is_prefill());
        lanes.grow(lane, slot, lanes.blocks(upto));
        true
    }

    fn lookahead(&self, prefill: bool) -> u32 {
        if prefill { self.prompt_lookahead() } else { self.steps - 1 }
    }

    /// Blocks that its new slots lie in, taken to be new ones all (`core/block/block_table.py`
    /// `get_num_blocks_touched_by_append_slots`).
    fn touched(&self, lanes: &Lanes, slot: u32) -> u32 {
        let sequence = lanes.sequence(slot);
        let new = sequence.len() - sequence.seen + self.lookahead(sequence.is_prefill());
        let first = lanes.block_size - sequence.seen % lanes.block_size;
        match new {
            0 if first == lanes.block_size => 0,
            _ => 1 + new.saturating_sub(first).div_ceil(lanes.block_size),
        }
    }
}
