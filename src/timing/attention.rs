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
        let (mut floor, mut busy) = (0.0_f64, 0.0);
        if batch.decodes > 0 {
            floor = self.decode.floor;
            busy = self.decode.busy(shape, batch, self.decode.memory);
        }
        if !batch.prefills.is_empty() {
            floor = floor.max(self.prefill.floor);
            busy += self.prefill_busy(shape, &batch.prefills);
        }
        floor + busy
    }

    fn prefill_busy(&self, shape: &AttentionShape, chunks: &[Chunk]) -> f64 {
        let mut busy = 0.0;
        let (mut tokens, mut longest) = (0.0, 0.0_f64);
        for chunk in chunks {
            let (new, prior) = (f64::from(chunk.tokens), f64::from(chunk.context));
            let compute = 4.0 * shape.query_width * new * (prior + new / 2.0) / self.prefill.compute;
            // A short chunk on a long prefix is bound by reading the cache, as a decode is.
            let read = (prior + new) * shape.kv_bytes / self.decode.memory;
            busy += compute.max(read);
            tokens += new;
            longest = longest.max(new);
        }
        let per_token = self.prefill.linear * shape.query_width + self.prefill.kv_head * shape.kv_heads;
        busy + self.prefill.token * longest + per_token * tokens
    }
}

impl AttentionShape {
    /// KV bytes that the decodes of a batch read.
    pub(super) fn streamed(&self, batch: &Batch) -> f64 {
        batch.decode_context_blocks as f64 * self.kv_bytes
    }
}

impl DecodeAttention {
    /// Time of the decodes of a batch as a benchmark sees it that makes the same call over and over [ns]: what a cache of
    /// `cache` bytes can hold comes from there.
    pub fn repeated(&self, shape: &AttentionShape, batch: &Batch, cache: f64) -> f64 {
        let rate = if shape.streamed(batch) <= cache { self.cached } else { self.memory };
        self.floor + self.busy(shape, batch, rate)
    }

    /// Time beyond the floor while the cache is read at `rate` [ns].
    fn busy(&self, shape: &AttentionShape, batch: &Batch, rate: f64) -> f64 {
        let sequences = f64::from(batch.decodes);
        let mean = batch.decode_context as f64 / sequences;
        let walk = self.log * (1.0 + mean / WALK_TOKENS).log2();
        let prepare = self.sequence * sequences.min(self.sequences_most);
        let waves = self.head * (sequences * shape.kv_heads - self.sms).max(0.0);
        let stream = shape.streamed(batch) / rate;
        walk + prepare + smooth_max(waves, stream, self.exponent)
    }
}
