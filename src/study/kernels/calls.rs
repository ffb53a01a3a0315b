//! What was measured: a kernel, how it was called, and the time it took.

use super::split;
use crate::batch::{Batch, Chunk};
use crate::timing::AttentionShape;

/// A kernel of the model, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kernel {
    GemmBf16,
    GemmFp8,
    DecodeBf16,
    DecodeFp8,
    PrefillBf16,
    PrefillFp8,
    Peer,
    Nccl,
    AllGather,
    Send,
}

impl Kernel {
    /// Its name in the catalogue.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GemmBf16 => "gemm_bf16",
            Self::GemmFp8 => "gemm_fp8",
            Self::DecodeBf16 => "decode_bf16_kv",
            Self::DecodeFp8 => "decode_fp8_kv",
            Self::PrefillBf16 => "prefill_bf16_kv",
            Self::PrefillFp8 => "prefill_fp8_kv",
            Self::Peer => "peer",
            Self::Nccl => "nccl",
            Self::AllGather => "all_gather",
            Self::Send => "send",
        }
    }

    /// Whether it goes over a link: its constants belong to the link and not to the GPU.
    pub(super) fn is_collective(self) -> bool {
        matches!(self, Self::Peer | Self::Nccl | Self::AllGather | Self::Send)
    }

    /// Whether each number of GPUs has constants of its own.
    pub(super) fn by_gpus(self) -> bool {
        self.is_collective() && self != Self::Send
    }
}

/// How a kernel was called.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Product { m: f64, n: f64, k: f64 },
    Attention { shape: AttentionShape, batch: Batch },
    Message { gpus: u32, bytes: f64 },
}

/// Sequences that attend at once, all of one length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequences {
    pub(super) count: u32,
    pub(super) tokens: u32,
    pub(super) heads: u32,
    pub(super) kv_heads: u32,
    pub(super) head_dim: u32,
    /// Bytes of an element of the cache.
    pub(super) kv_bytes: u32,
}

/// One measured time.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) kernel: Kernel,
    pub(super) call: Call,
    /// [ns]
    pub(super) measured: f64,
    /// The file it came from, by its place among them.
    pub(super) file: usize,
    /// Kept out of the fit.
    pub(super) held_out: bool,
}

impl Row {
    pub(super) fn product(kernel: Kernel, [m, n, k]: [u32; 3], measured: f64) -> Self {
        let call = Call::Product { m: f64::from(m), n: f64::from(n), k: f64::from(k) };
        Self::new(kernel, call, &[m, n, k].map(u64::from), measured)
    }

    pub(super) fn message(kernel: Kernel, gpus: u32, bytes: u64, measured: f64) -> Self {
        let call = Call::Message { gpus, bytes: bytes as f64 };
        Self::new(kernel, call, &[u64::from(gpus), bytes], measured)
    }

    pub(super) fn decode(kernel: Kernel, of: Sequences, measured: f64) -> Self {
        let context = u64::from(of.count) * u64::from(of.tokens);
        let batch = Batch {
            decodes: of.count,
            decode_context: context,
            decode_context_blocks: context,
            ..Batch::empty()
        };
        Self::attention(kernel, of, batch, measured)
    }

    pub(super) fn prefill(kernel: Kernel, of: Sequences, measured: f64) -> Self {
        let chunk = Chunk { tokens: of.tokens, context: 0 };
        let batch = Batch { prefills: vec![chunk; of.count as usize], ..Batch::empty() };
        Self::attention(kernel, of, batch, measured)
    }

    fn attention(kernel: Kernel, of: Sequences, batch: Batch, measured: f64) -> Self {
        let shape = AttentionShape {
            query_width: f64::from(of.heads) * f64::from(of.head_dim),
            kv_heads: f64::from(of.kv_heads),
            kv_bytes: 2.0 * f64::from(of.kv_heads) * f64::from(of.head_dim) * f64::from(of.kv_bytes),
        };
        let numbers = [of.count, of.tokens, of.heads, of.kv_heads, of.head_dim].map(u64::from);
        Self::new(kernel, Call::Attention { shape, batch }, &numbers, measured)
    }

    fn new(kernel: Kernel, call: Call, numbers: &[u64], measured: f64) -> Self {
        Self { kernel, call, measured, file: 0, held_out: split::held_out(kernel.name(), numbers) }
    }

    /// GPUs that took part, where each number of them has constants of its own.
    pub(super) fn gpus(&self) -> Option<u32> {
        match self.call {
            Call::Message { gpus, .. } if self.kernel.by_gpus() => Some(gpus),
            _ => None,
        }
    }
}
