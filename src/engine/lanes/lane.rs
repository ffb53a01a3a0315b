//! Lanes, the queues before them and the blocks they share.

use std::collections::VecDeque;

use super::{EngineStats, Finished, Outputs, Sequence, StepDetail};
use crate::units::SimTime;

/// Who waits, and the blocks of those who run.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Queue {
    pub(in crate::engine) waiting: VecDeque<u32>,
    /// KV blocks there are, those nobody holds, and those promised to somebody who runs.
    pub(in crate::engine) blocks: u32,
    pub(in crate::engine) free: u32,
    pub(in crate::engine) promised: u32,
}

/// A virtual engine or a micro-batch slot.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Lane {
    /// In the order in which its scheduler looks at them.
    pub(in crate::engine) running: Vec<u32>,
    /// Batches in flight.
    pub(super) in_flight: u32,
    /// What is left of a batch that takes several passes.
    pub(super) round: Round,
}

/// A batch that goes through the model several times before the scheduler looks again.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    /// Passes to come.
    pub(super) left: u32,
    /// Who takes part and has not ended.
    pub(super) members: Vec<u32>,
    /// Context of each of its rows at the next pass [tokens]; a row stays when its request has ended.
    pub(super) rows: Vec<u32>,
}

/// What a scheduler decided.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Draft {
    /// Pieces of prompts: (request, tokens).
    pub(in crate::engine) chunks: Vec<(u32, u32)>,
    /// Requests that compute one token.
    pub(in crate::engine) decodes: Vec<u32>,
    /// Passes of the batch.
    pub(in crate::engine) passes: u32,
}

/// Everything a scheduler sees and changes.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Lanes {
    pub(in crate::engine) max_model_len: u32,
    pub(in crate::engine) block_size: u32,
    /// By request id.
    pub(super) sequences: Vec<Option<Sequence>>,
    /// One a lane, or one for all.
    pub(in crate::engine) queues: Vec<Queue>,
    pub(in crate::engine) all: Vec<Lane>,
    pub(super) stats: EngineStats,
    pub(super) detail: StepDetail,
    pub(super) recording: bool,
}

impl Queue {
    pub(super) fn new(blocks: u32) -> Self {
        Self { waiting: VecDeque::new(), blocks, free: blocks, promised: 0 }
    }
}

impl Lanes {
    pub(in crate::engine) fn sequence(&self, slot: u32) -> &Sequence {
        self.sequences[slot as usize].as_ref().expect("the request is known")
    }

    pub(in crate::engine) fn sequence_mut(&mut self, slot: u32) -> &mut Sequence {
        self.sequences[slot as usize].as_mut().expect("the request is known")
    }

    /// The queue before a lane.
    pub(in crate::engine) fn queue(&self, lane: usize) -> &Queue {
        &self.queues[self.queue_of(lane)]
    }

    pub(in crate::engine) fn queue_mut(&mut self, lane: usize) -> &mut Queue {
        let queue = self.queue_of(lane);
        &mut self.queues[queue]
    }

    pub(super) fn queue_of(&self, lane: usize) -> usize {
        lane.min(self.queues.len() - 1)
    }

    /// Blocks that so many tokens need.
    pub(in crate::engine) fn blocks(&self, tokens: u32) -> u32 {
        tokens.div_ceil(self.block_size)
    }

    /// Makes a running request hold that many blocks, if it holds fewer.
    pub(in crate::engine) fn grow(&mut self, lane: usize, slot: u32, blocks: u32) {
        let sequence = self.sequence_mut(slot);
        let more = blocks.saturating_sub(sequence.blocks);
        sequence.blocks += more;
        let queue = self.queue_mut(lane);
        queue.free = queue.free.checked_sub(more).expect("the scheduler looked for free blocks before");
    }

    /// Moves the head of the queue into the lane, with that many blocks in its hands.
    pub(in crate::engine) fn admit(
        &mut self,
        lane: usize,
        blocks: u32,
        now: SimTime,
        out: &mut Outputs,
    ) -> u32 {
        let slot = self.queue_mut(lane).waiting.pop_front().expect("somebody waits");
        self.all[lane].running.push(slot);
        let sequence = self.sequences[slot as usize].as_mut().expect("a waiting request is known");
        sequence.lane = Some(lane);
        sequence.target = sequence.len();
        sequence.seen = sequence.target;
        sequence.computed = 0;
        self.stats.recomputed_tokens += u64::from(std::mem::take(&mut sequence.lost));
        if !sequence.scheduled_before {
            sequence.scheduled_before = true;
            out.scheduled.push((sequence.request.id, now));
        }
        self.grow(lane, slot, blocks);
        slot
    }

    /// Takes every block from a request that was just taken out of its lane; the caller puts it back into the queue.
    pub(in crate::engine) fn preempt(&mut self, slot: u32) {
        self.let_go(slot);
        let sequence = self.sequence_mut(slot);
        debug_assert_eq!(sequence.in_flight, 0, "a lane is scheduled when its batch has returned");
        // The token that was sampled last has no cache yet.
        sequence.lost = if sequence.is_prefill() { sequence.computed } else { sequence.len() - 1 };
        sequence.preemptions += 1;
        sequence.lane = None;
        let id = sequence.request.id;
        self.stats.preemptions += 1;
        if self.recording {
            self.detail.preempted.push(id);
        }
    }

    /// A request ends with the tokens that are out.
    pub(in crate::engine) fn finish(&mut self, slot: u32, now: SimTime, out: &mut Outputs) {
        let sequence = self.sequence(slot);
        out.finished.push(Finished {
            id: sequence.request.id,
            at: now,
            output_tokens: sequence.outputs,
            cached_tokens: 0,
            preemptions: sequence.preemptions,
        });
        self.forget(slot);
    }

    /// A request is gone, wherever it was.
    pub(super) fn forget(&mut self, slot: u32) {
        let sequence = self.sequence(slot);
        match (sequence.lane, sequence.queue) {
            (Some(lane), _) => {
                let lane = &mut self.all[lane];
                lane.running.retain(|running| *running != slot);
                lane.round.members.retain(|member| *member != slot);
                if lane.round.members.is_empty() {
                    lane.round = Round::default();
                }
            }
            (None, Some(queue)) => self.queues[queue].waiting.retain(|waiting| *waiting != slot),
            (None, None) => {}
        }
        self.let_go(slot);
        self.sequences[slot as usize] = None;
    }

    /// Gives back what a request holds.
    fn let_go(&mut self, slot: u32) {
        let sequence = self.sequence_mut(slot);
        let blocks = std::mem::take(&mut sequence.blocks);
        let promised = std::mem::take(&mut sequence.promised);
        if let Some(queue) = sequence.queue {
            self.queues[queue].free += blocks;
            self.queues[queue].promised -= promised;
        }
    }

    /// Blocks that somebody holds.
    pub(super) fn used(&self) -> u32 {
        self.queues.iter().map(|queue| queue.blocks - queue.free).sum()
    }
}
