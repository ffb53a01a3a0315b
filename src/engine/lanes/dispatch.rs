//! From a scheduler's decision to a batch on its way.

use super::{
    engine::Policy,
    lane::{Draft, Lanes, Round},
};
use crate::batch::{Batch, Chunk};

/// A batch in flight.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) lane: usize,
    /// Who gets a token from it, in the order of the batch.
    pub(super) tokens: Vec<u32>,
    /// Whether every lane mate only decodes in it.
    pub(super) plain: bool,
}

impl Batch {
    /// Adds a request that computes one token and attends to so many, that one included.
    fn decode(&mut self, context: u32, block_size: u32) {
        self.tokens += 1;
        self.decodes += 1;
        self.decode_context += u64::from(context);
        self.decode_context_blocks += u64::from(context.next_multiple_of(block_size));
    }
}

impl Lanes {
    /// Sends what a scheduler decided for a lane.
    pub(super) fn dispatch<P: Policy>(&mut self, lane: usize, draft: &Draft, policy: &P) -> (Batch, Flight) {
        let mut batch = Batch::empty();
        let mut longest = 0;
        let mut tokens = Vec::with_capacity(draft.chunks.len() + draft.decodes.len());
        for (slot, chunk) in &draft.chunks {
            let block_size = self.block_size;
            let sequence = self.sequence_mut(*slot);
            let context = sequence.computed;
            sequence.computed += chunk;
            if !sequence.is_prefill() {
                sequence.in_flight += 1;
                tokens.push(*slot);
            }
            if *chunk == 1 {
                batch.decode(context + 1, block_size);
            } else {
                batch.tokens += chunk;
                batch.prefills.push(Chunk { tokens: *chunk, context });
            }
        }
        for slot in &draft.decodes {
            let block_size = self.block_size;
            let sequence = self.sequence_mut(*slot);
            let context = sequence.len();
            sequence.in_flight += 1;
            longest = longest.max(context);
            batch.decode(context, block_size);
            tokens.push(*slot);
        }
        batch.sampled_rows = tokens.len() as u32;
        (batch.graph, batch.padded_tokens) = policy.launch(&batch, longest);
        if self.recording {
            let decodes = draft.decodes.iter().map(|slot| (*slot, 1));
            let all = draft.chunks.iter().copied().chain(decodes);
            self.detail.scheduled =
                all.map(|(slot, tokens)| (self.sequence(slot).request.id, tokens)).collect();
        }
        self.all[lane].round = match draft.passes {
            1 => Round::default(),
            passes => {
                let rows = tokens.iter().map(|slot| self.sequence(*slot).len()).collect();
                Round { left: passes - 1, members: tokens.clone(), rows }
            }
        };
        self.count(draft.chunks.len() + draft.decodes.len());
        (batch, Flight { lane, tokens, plain: draft.chunks.is_empty() })
    }

    /// The next pass of a batch that takes several. Requests that have ended are computed on.
    pub(super) fn continue_round<P: Policy>(&mut self, lane: usize, policy: &P) -> (Batch, Flight) {
        let block_size = self.block_size;
        let round = &mut self.all[lane].round;
        round.left -= 1;
        let mut batch = Batch { continues: true, ..Batch::empty() };
        let mut longest = 0;
        for context in &mut round.rows {
            longest = longest.max(*context);
            batch.decode(*context, block_size);
            *context += 1;
        }
        batch.sampled_rows = batch.decodes;
        (batch.graph, batch.padded_tokens) = policy.launch(&batch, longest);
        let tokens = round.members.clone();
        for slot in &tokens {
            self.sequence_mut(*slot).in_flight += 1;
        }
        if self.recording {
            self.detail.scheduled = tokens.iter().map(|slot| (self.sequence(*slot).request.id, 1)).collect();
        }
        self.count(batch.decodes as usize);
        (batch, Flight { lane, tokens, plain: true })
    }

    /// Counts a step of that many requests.
    pub(super) fn count(&mut self, requests: usize) {
        let used = self.used();
        self.stats.steps += 1;
        self.stats.batch_sum += requests as u64;
        self.stats.batch_max = self.stats.batch_max.max(requests as u32);
        self.stats.used_blocks_sum += u128::from(used);
        self.stats.used_blocks_max = self.stats.used_blocks_max.max(used);
    }
}
