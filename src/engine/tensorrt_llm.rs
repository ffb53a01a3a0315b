//! TensorRT-LLM's executor: in-flight batching that never evicts.
//!
//! A request is admitted only if the blocks of its prompt and its longest answer are free of promises, so whoever runs
//! can run to its end (`GUARANTEED_NO_EVICT`, the default capacity scheduler). A batch holds the next token of everybody
//! who runs, then prompts in the order of arrival while the token budget lasts; a prompt that does not fit waits for
//! the next batch unless prompts may be computed in pieces. A pipeline has a micro-batch a stage; a request stays in the
//! one it was admitted to. The overlap scheduler of the `PyTorch` backend sends a batch before the one before returns.
//!
//! The rules are recalled from `capacityScheduler.cpp`, `microBatchScheduler.cpp` and `py_executor.py`. Limits: no
//! block reuse, no beams, no host offload; one scheduling policy.

mod defaults;

use super::{
    CaptureSizes, EngineConfig, Outputs, Rejected,
    lanes::{Draft, LaneEngine, Lanes, Policy},
};
use crate::batch::{Batch, GraphMode};
use crate::request::Request;
use crate::units::SimTime;

pub use defaults::TensorRtDefaults;

/// The schedulers of capacity and of micro-batches.
#[derive(Clone, Debug)]
pub(super) struct NoEvict {
    chunked: bool,
    max_batch_size: u32,
    max_num_tokens: u32,
    capture_sizes: CaptureSizes,
}

impl NoEvict {
    /// The engine: a lane a micro-batch slot.
    pub(super) fn engine(config: &EngineConfig) -> LaneEngine<Self> {
        let stages = config.pipeline_parallel_size;
        let overlap = stages == 1 && config.async_scheduling == Some(true);
        let policy = Self {
            chunked: config.enable_chunked_prefill,
            max_batch_size: config.max_num_seqs,
            max_num_tokens: config.max_num_batched_tokens,
            capture_sizes: config.capture_sizes.clone(),
        };
        LaneEngine::new(policy, config, stages, 1, if overlap { 2 } else { 1 })
    }

    /// Blocks of a request at its longest.
    fn promise(lanes: &Lanes, request: &Request) -> u32 {
        lanes.blocks(request.prompt_tokens + request.length_limit(lanes.max_model_len))
    }

    /// Tokens of a prompt with `left` to compute that a batch takes from a budget; pieces are whole blocks but for the last.
    fn chunk(&self, lanes: &Lanes, left: u32, budget: u32) -> u32 {
        match left {
            _ if left <= budget => left,
            _ if self.chunked => budget - budget % lanes.block_size,
            _ => 0,
        }
    }

    /// Tokens of the head of the queue that a batch of `rows` requests takes from a budget.
    fn head(&self, lanes: &Lanes, lane: usize, rows: u32, budget: u32) -> Option<u32> {
        let queue = lanes.queue(lane);
        let sequence = lanes.sequence(*queue.waiting.front()?);
        let promised = queue.promised + Self::promise(lanes, &sequence.request);
        if rows >= self.max_batch_size || promised > queue.blocks {
            return None;
        }
        let chunk = self.chunk(lanes, sequence.request.prompt_tokens, budget);
        (chunk > 0).then_some(chunk)
    }
}

impl Policy for NoEvict {
    fn check(&self, lanes: &Lanes, request: &Request) -> Result<(), Rejected> {
        let prompt_tokens = request.prompt_tokens;
        if !self.chunked && prompt_tokens > self.max_num_tokens {
            let max_num_batched_tokens = self.max_num_tokens;
            return Err(Rejected::LongerThanStep { prompt_tokens, max_num_batched_tokens });
        }
        let (needed, usable) = (Self::promise(lanes, request), lanes.queue(0).blocks);
        if needed > usable { Err(Rejected::NeverFits { needed, usable }) } else { Ok(()) }
    }

    fn deal(&self, _: &Lanes) -> usize {
        0
    }

    fn schedule(&self, lanes: &mut Lanes, lane: usize, now: SimTime, out: &mut Outputs) -> Draft {
        let mut draft = Draft { passes: 1, ..Draft::default() };
        let mut budget = self.max_num_tokens;
        let running = lanes.all[lane].running.clone();
        let (prompts, decodes): (Vec<u32>, Vec<u32>) =
            running.into_iter().partition(|slot| lanes.sequence(*slot).is_prefill());
        for slot in decodes {
            let sequence = lanes.sequence(slot);
            if budget > 0 && sequence.may_decode(lanes.max_model_len) {
                lanes.grow(lane, slot, lanes.blocks(sequence.len()));
                budget -= 1;
                draft.decodes.push(slot);
            }
        }
        for slot in prompts {
            let sequence = lanes.sequence(slot);
            let chunk = self.chunk(lanes, sequence.target - sequence.computed, budget);
            if chunk > 0 {
                budget -= chunk;
                draft.chunks.push((slot, chunk));
            }
        }
        while let Some(chunk) = self.head(lanes, lane, lanes.all[lane].running.len() as u32, budget) {
            let sequence = lanes.sequence(lanes.queue(lane).waiting[0]);
            let promise = Self::promise(lanes, &sequence.request);
            let slot = lanes.admit(lane, lanes.blocks(sequence.request.prompt_tokens), now, out);
            lanes.sequence_mut(slot).promised = promise;
            lanes.queue_mut(lane).promised += promise;
            budget -= chunk;
            draft.chunks.push((slot, chunk));
        }
        draft
    }

    fn passes(&self) -> u32 {
        1
    }

    fn changes(&self, lanes: &Lanes, lane: usize) -> bool {
        let rows = lanes.all[lane].running.len() as u32;
        rows > self.max_num_tokens || self.head(lanes, lane, rows, self.max_num_tokens - rows).is_some()
    }

    /// What a decode takes was promised to it.
    fn spare_blocks(&self) -> u32 {
        0
    }

    fn launch(&self, batch: &Batch, _: u32) -> (GraphMode, u32) {
        self.capture_sizes.launch(batch.tokens, batch.prefills.is_empty())
    }
}
