//! The kernels of one GPU.

use super::{Attention, Gemm, KernelConstants, Sustained};
use crate::catalog::{Catalog, CatalogError};
use crate::hardware::Gpu;

/// Every kernel a step uses, on one GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    /// Products with BF16 weights.
    pub gemm_bf16: Gemm,
    /// Products with FP8 weights; on a GPU without FP8 the weights are widened on the way.
    pub gemm_fp8: Gemm,
    /// Attention over a BF16 cache.
    pub bf16_kv: Attention,
    /// Attention over an FP8 cache.
    pub fp8_kv: Attention,
    /// Bandwidth of element-wise operations [B/ns].
    pub elementwise: f64,
    /// Fixed time of sampling [ns].
    pub sampling_floor: f64,
    /// Bytes that sampling moves per row and entry of the vocabulary.
    pub sampling_bytes: f64,
}

impl Kernels {
    /// The kernels of a GPU.
    ///
    /// # Errors
    /// If the catalogue's kernels are incomplete.
    pub fn of(catalog: &Catalog, gpu: &Gpu) -> Result<Self, CatalogError> {
        let constants = KernelConstants::of(catalog, gpu)?;
        let gemm_bf16 = constants.gemm_bf16.gemm(gpu);
        let gemm_fp8 = match gpu.fp8_dense {
            Some(_) => constants.gemm_fp8.gemm(gpu),
            None => Gemm { weight_bytes: 1.0, ..gemm_bf16.clone() },
        };
        Ok(Self {
            gemm_bf16,
            gemm_fp8,
            bf16_kv: Attention {
                decode: constants.decode_bf16_kv.attention(gpu),
                prefill: constants.prefill_bf16_kv.attention(),
            },
            fp8_kv: Attention {
                decode: constants.decode_fp8_kv.attention(gpu),
                prefill: constants.prefill_fp8_kv.attention(),
            },
            elementwise: constants.elementwise * 1e3,
            sampling_floor: constants.sampling.floor_us * 1e3,
            sampling_bytes: constants.sampling.row_bytes_per_vocabulary,
        })
    }

    /// The same on a GPU that serves.
    #[must_use]
    pub fn sustained(mut self, parts: Sustained) -> Self {
        self.gemm_bf16.compute *= parts.bf16;
        self.gemm_fp8.compute *= parts.fp8;
        self
    }
}
