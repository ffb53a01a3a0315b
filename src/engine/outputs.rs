//! What an engine hands back: tokens, ends, counters.

use thiserror::Error;

use super::tally::Tally;
use crate::request::{Request, RequestId};
use crate::units::{SimDuration, SimTime};

/// Why a request never enters the queue (`v1/engine/input_processor.py`); a client sees HTTP 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejected {
    /// Nothing to compute.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// No room for a single new token.
    #[error("the prompt has {prompt_tokens} tokens, max_model_len is {max_model_len}")]
    PromptTooLong {
        /// Length of the prompt [tokens].
        prompt_tokens: u32,
        /// The model's limit [tokens].
        max_model_len: u32,
    },
    /// Without chunked prefill a prompt is computed in one step.
    #[error("the prompt has {prompt_tokens} tokens, a step takes {max_num_batched_tokens}")]
    LongerThanStep {
        /// Length of the prompt [tokens].
        prompt_tokens: u32,
        /// Token budget of a step.
        max_num_batched_tokens: u32,
    },
    /// The KV cache could not hold it even if it were alone.
    #[error("the request needs {needed} KV blocks, {usable} can be had")]
    NeverFits {
        /// Blocks that must be free to admit it.
        needed: u32,
        /// Blocks that can ever be.
        usable: u32,
    },
}

/// A request that has its last token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Which.
    pub id: RequestId,
    /// When its last token was ready.
    pub at: SimTime,
    /// Tokens of its answer.
    pub output_tokens: u32,
    /// Prompt tokens found in the prefix cache when it was first admitted.
    pub cached_tokens: u32,
    /// How often it lost its KV cache.
    pub preemptions: u32,
}

/// Requests that received a token, and how long after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When the token was ready.
    pub at: SimTime,
    /// Time since the request's token before.
    pub gap: SimDuration,
    /// How many requests had that gap.
    pub count: u32,
    /// Their class.
    pub class: u16,
}

/// What happened since the caller last emptied this.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Requests scheduled for the first time, and when.
    pub scheduled: Vec<(RequestId, SimTime)>,
    /// First tokens.
    pub first_tokens: Vec<(RequestId, SimTime)>,
    /// Every token but first ones, by the gap before it.
    pub gaps: Vec<Gap>,
    /// Requests that ended by themselves.
    pub finished: Vec<Finished>,
    /// Requests that were aborted and are gone.
    pub aborted: Vec<RequestId>,
}

impl Outputs {
    /// A token at `at` of a request whose token before, if this is not its first, came at `before`.
    pub(super) fn put_token(&mut self, at: SimTime, request: &Request, before: Option<SimTime>) {
        let Request { id, class, .. } = *request;
        match before {
            None => self.first_tokens.push((id, at)),
            Some(before) => self.gaps.push(Gap { at, gap: at - before, count: 1, class }),
        }
    }

    /// Tokens at `at` of decodes whose tokens before came at `before`.
    pub(super) fn put_gaps(&mut self, at: SimTime, before: SimTime, decodes: &Tally) {
        let gaps = decodes.iter().map(|(class, count)| Gap { at, gap: at - before, count, class });
        self.gaps.extend(gaps);
    }
}

/// Queues and pool at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineState {
    /// Requests in the running list.
    pub running: u32,
    /// Requests in the waiting queue, preempted ones included.
    pub waiting: u32,
    /// KV blocks that can be taken, the null block left out.
    pub free_blocks: u32,
    /// KV blocks there are, the null block left out.
    pub usable_blocks: u32,
}

impl EngineState {
    /// Share of the KV blocks in use.
    pub fn kv_cache_usage(&self) -> f64 {
        1.0 - f64::from(self.free_blocks) / f64::from(self.usable_blocks.max(1))
    }
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Batches dispatched, empty ones left out.
    pub steps: u64,
    /// Steps in which the V1 engine had to look at every running request. The other engines schedule from lists and
    /// count none.
    pub slow_steps: u64,
    /// Requests thrown back into the queue.
    pub preemptions: u64,
    /// Tokens computed again because of that.
    pub recomputed_tokens: u64,
    /// Tokens looked up in the prefix cache by requests admitted for the first time.
    pub prefix_queries: u64,
    /// Of those, tokens found.
    pub prefix_hits: u64,
    /// Sum over steps of blocks in use after scheduling.
    pub used_blocks_sum: u128,
    /// Largest number of blocks in use.
    pub used_blocks_max: u32,
    /// Sum over steps of requests in the batch.
    pub batch_sum: u64,
    /// Most requests in one batch.
    pub batch_max: u32,
}

/// One `schedule()` call, request by request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepDetail {
    /// Tokens scheduled, in schedule order.
    pub scheduled: Vec<(RequestId, u32)>,
    /// Victims, in order of preemption.
    pub preempted: Vec<RequestId>,
}
