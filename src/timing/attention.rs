//! Time of attention in one layer on one GPU.
//!
//! Decode is a stream over the KV cache with a cost per (sequence, KV head) on top, which is first-order from 64
//! sequences on; the number of query heads does not matter. Prefill is a rate with costs linear in the tokens of each
//! query head and of each KV head, which say that half of the peak is reached at about a thousand tokens.

use crate::batch::{Batch, Chunk};

/// Constants of decode attention for one KV precision.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeAttention {
    /// Time of the smallest call [ns].
    pub floor: f64,
    /// Time per doubling of the mean context [ns].
    pub log: f64,
    /// Context at which the logarithm starts to count [tokens].
    pub log_tokens: f64,
    /// Time per (sequence, KV head) [ns].
    pub head: f64,
    /// Achieved memory bandwidth [B/ns].
    pub memory: f64,
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

/// Attention of one layer on one GPU: constants and the shape they apply to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attention {
    pub(super) decode: DecodeAttention,
    pub(super) prefill: PrefillAttention,
    /// Query heads of the GPU times the head size.
    pub(super) query_width: f64,
    /// KV heads of the GPU.
    pub(super) kv_heads: f64,
    /// KV bytes per token, layer and GPU.
    pub(super) kv_bytes: f64,
}

impl Attention {
    /// Time of the one call that serves the decodes and the chunks of a batch [ns]: its floor counts once.
    pub(super) fn time(&self, batch: &Batch) -> f64 {
        let (mut floor, mut busy) = (0.0_f64, 0.0);
        if batch.decodes > 0 {
            floor = self.decode.floor;
            busy = self.decode_busy(batch);
        }
        if !batch.prefills.is_empty() {
            floor = floor.max(self.prefill.floor);
            busy += self.prefill_busy(&batch.prefills);
        }
        floor + busy
    }

    /// KV bytes the decodes of a batch read in one layer on one GPU.
    pub(super) fn streamed(&self, batch: &Batch) -> f64 {
        batch.decode_context_blocks as f64 * self.kv_bytes
    }

    fn decode_busy(&self, batch: &Batch) -> f64 {
        let sequences = f64::from(batch.decodes);
        let mean = batch.decode_context as f64 / sequences;
        let walk = self.decode.log * (1.0 + mean / self.decode.log_tokens).log2();
        walk + self.decode.head * sequences * self.kv_heads + self.streamed(batch) / self.decode.memory
    }

    fn prefill_busy(&self, chunks: &[Chunk]) -> f64 {
        let mut busy = 0.0;
        let (mut tokens, mut longest) = (0.0, 0.0_f64);
        for chunk in chunks {
            let (new, prior) = (f64::from(chunk.tokens), f64::from(chunk.context));
            let compute = 4.0 * self.query_width * new * (prior + new / 2.0) / self.prefill.compute;
            // A short chunk on a long prefix is bound by reading the cache, as a decode is.
            let read = (prior + new) * self.kv_bytes / self.decode.memory;
            busy += compute.max(read);
            tokens += new;
            longest = longest.max(new);
        }
        let per_token = self.prefill.linear * self.query_width + self.prefill.kv_head * self.kv_heads;
        busy + self.prefill.token * longest + per_token * tokens
    }
}
