//! Time of attention in one layer on one GPU.
//!
//! Decode is a stream over the KV cache. One block of threads serves a (sequence, KV head); those beyond the first wave
//! over the multiprocessors cost time of their own, which the stream partly hides, and preparing the call costs time
//! per sequence. The number of query heads does not matter. Prefill is a rate with costs linear in the tokens of each
//! query head and of each KV head, which say that half of the peak is reached at about a thousand tokens.

use super::maximum::smooth_max;
use crate::batch::{Batch, Chunk};

/// Context from which on walking it costs time [tokens]: less than that is one step of the kernel's loop.
const WALK_TOKENS: f64 = 64.0;

/// Constants of decode attention for one KV precision.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeAttention {
    /// Time of the smallest call [ns].
    pub floor: f64,
    /// Time per doubling of the mean context [ns].
    pub log: f64,
    /// Time per (sequence, KV head) beyond the first wave [ns].
    pub head: f64,
    /// Time per sequence [ns].
    pub sequence: f64,
    /// Most sequences that cost `sequence`.
    pub sequences_most: f64,
    /// Achieved memory bandwidth [B/ns].
    pub memory: f64,
    /// Achieved bandwidth of what the cache of the GPU still holds from the call before [B/ns]. Benchmarks see it,
    /// a model does not: its other layers come in between.
    pub cached: f64,
    /// Exponent of the smooth maximum of stream and waves.
    pub exponent: f64,
    /// Multiprocessors of the GPU.
    pub sms: f64,
}

/// Constants of prefill attention for one KV precision.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefillAttention {
    /// Time of the smallest call [ns].
    pub floor: f64,
    /// Time per token of the longest chunk [ns].
    pub token: f64,
    /// Achieved rate [FLOP/ns].
    pub compute: f64,
    /// Time per (query head, head element, token) [ns].
    pub linear: f64,
    /// Time per (KV head, token) [ns].
    pub kv_head: f64,
}

/// The part of a layer's attention that one GPU has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionShape {
    /// Query heads times the head size.
    pub query_width: f64,
    /// KV heads.
    pub kv_heads: f64,
    /// KV bytes per token and layer.
    pub kv_bytes: f64,
}

/// Attention over a cache of one precision.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Of sequences that decode.
    pub decode: DecodeAttention,
    /// Of chunks of prompts.
    pub prefill: PrefillAttention,
}

impl Attention {
    /// Time of the one call that serves the decodes and the chunks of a batch [ns]: its floor counts once.
    pub fn time(&self, shape: &AttentionShape, batch: &Batch) -> f64 {
        self.time_within(shape, batch, None)
    }

    /// The same in a layer in which a token sees no more than `window` tokens, its own included.
    pub fn time_within(&self, shape: &AttentionShape, batch: &Batch, window: Option<u32>) -> f64 {
        let (mut floor, mut busy) = (0.0_f64, 0.0);
        if batch.decodes > 0 {
            floor = self.decode.floor;
            busy = self.decode.busy(shape, &Decodes::of(batch, window), self.decode.memory);
        }
        if !batch.prefills.is_empty() {
            floor = floor.max(self.prefill.floor);
            busy += self.prefill_busy(shape, &batch.prefills, window);
        }
        floor + busy
    }

    fn prefill_busy(&self, shape: &AttentionShape, chunks: &[Chunk], window: Option<u32>) -> f64 {
        let mut busy = 0.0;
        let (mut tokens, mut longest) = (0.0, 0.0_f64);
        for chunk in chunks {
            let (new, prior) = (f64::from(chunk.tokens), f64::from(chunk.context));
            let compute =
                4.0 * shape.query_width * new * mean_seen(prior, new, window) / self.prefill.compute;
            // A short chunk on a long prefix is bound by reading the cache, as a decode is.
            let reach = window.map_or(prior, |window| prior.min(f64::from(window)));
            let read = (reach + new) * shape.kv_bytes / self.decode.memory;
            busy += compute.max(read);
            tokens += new;
            longest = longest.max(new);
        }
        let per_token = self.prefill.linear * shape.query_width + self.prefill.kv_head * shape.kv_heads;
        busy + self.prefill.token * longest + per_token * tokens
    }
}

/// Tokens that each of `new` tokens behind `prior` others sees, in the mean.
fn mean_seen(prior: f64, new: f64, window: Option<u32>) -> f64 {
    let Some(window) = window.map(f64::from) else { return prior + new / 2.0 };
    let all_seen = (window - prior).clamp(0.0, new);
    (all_seen * (prior + all_seen / 2.0) + (new - all_seen) * window) / new
}

/// What the decodes of a batch see.
struct Decodes {
    sequences: f64,
    /// Tokens.
    context: f64,
    /// Tokens of the blocks they lie in.
    stored: f64,
}

impl Decodes {
    /// A window cuts off what the mean context has beyond it: of sequences shorter and longer than the window that is too
    /// little, for the batch does not say how many there are of each.
    fn of(batch: &Batch, window: Option<u32>) -> Self {
        let sequences = f64::from(batch.decodes);
        let (context, stored) = (batch.decode_context as f64, batch.decode_context_blocks as f64);
        let Some(window) = window else { return Self { sequences, context, stored } };
        let seen = context.min(sequences * f64::from(window));
        Self { sequences, context: seen, stored: stored - (context - seen) }
    }
}

impl AttentionShape {
    /// KV bytes that the decodes of a batch read in a layer with that window.
    pub(super) fn streamed(&self, batch: &Batch, window: Option<u32>) -> f64 {
        self.bytes(&Decodes::of(batch, window))
    }

    fn bytes(&self, decodes: &Decodes) -> f64 {
        decodes.stored * self.kv_bytes
    }
}

impl DecodeAttention {
    /// Time of the decodes of a batch as a benchmark sees it that makes the same call over and over [ns]: what a cache of
    /// `cache` bytes can hold comes from there.
    pub fn repeated(&self, shape: &AttentionShape, batch: &Batch, cache: f64) -> f64 {
        let decodes = Decodes::of(batch, None);
        let rate = if shape.bytes(&decodes) <= cache { self.cached } else { self.memory };
        self.floor + self.busy(shape, &decodes, rate)
    }

    /// Time beyond the floor while the cache is read at `rate` [ns].
    fn busy(&self, shape: &AttentionShape, decodes: &Decodes, rate: f64) -> f64 {
        let sequences = decodes.sequences;
        let mean = decodes.context / sequences;
        let walk = self.log * (1.0 + mean / WALK_TOKENS).log2();
        let prepare = self.sequence * sequences.min(self.sequences_most);
        let waves = self.head * (sequences * shape.kv_heads - self.sms).max(0.0);
        let stream = shape.bytes(decodes) / rate;
        walk + prepare + smooth_max(waves, stream, self.exponent)
    }
}
