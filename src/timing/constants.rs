//! Constants of the kernels as the catalogue states them.
//!
//! A GPU has its own where somebody measured its kernels; what nobody measured there is scaled from the H100 by the two
//! datasheets: streams by memory bandwidth, products by their peak rate, what is spread over the multiprocessors by
//! their number, launch floors and preparations not at all.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{DecodeAttention, Gemm, PrefillAttention, Schedule};
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::hardware::Gpu;

/// The GPU from which others are scaled: all its kernels were measured.
pub const MEASURED_GPU: &str = "H100-SXM5-80GB";

/// A product by cuBLAS; what the fields mean stands at [`Gemm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the runtime types say it")]
pub struct BlasConstants {
    pub floor_us: f64,
    pub split_us: f64,
    pub memory_tb_s: f64,
    pub compute_tflop_s: f64,
    pub exponent: f64,
}

/// A product by vLLM's CUTLASS kernels; what the fields mean stands at [`Gemm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the runtime types say it")]
pub struct CutlassConstants {
    pub floor_us: f64,
    pub row_ns: f64,
    pub row_k: f64,
    pub memory_tb_s: f64,
    pub compute_tflop_s: f64,
    pub exponent: f64,
}

/// Decode attention; what the fields mean stands at [`DecodeAttention`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the runtime types say it")]
pub struct DecodeConstants {
    pub floor_us: f64,
    pub log_us: f64,
    pub head_ns: f64,
    pub sequence_ns: f64,
    pub sequences_most: f64,
    pub memory_tb_s: f64,
    pub cached_tb_s: f64,
    pub exponent: f64,
}

/// Prefill attention; what the fields mean stands at [`PrefillAttention`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the runtime types say it")]
pub struct PrefillConstants {
    pub floor_us: f64,
    pub token_ns: f64,
    pub compute_tflop_s: f64,
    /// Per million (query head, head element, token).
    pub linear_us: f64,
    pub kv_head_ns: f64,
}

/// Sampling.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SamplingConstants {
    pub(super) floor_us: f64,
    pub(super) row_bytes_per_vocabulary: f64,
}

/// A GPU relative to the measured one.
struct Ratios {
    memory: f64,
    bf16: f64,
    fp8: f64,
    sms: f64,
}

impl Ratios {
    fn new(gpu: &Gpu, measured: &Gpu) -> Self {
        let bf16 = gpu.bf16_dense / measured.bf16_dense;
        let fp8 = gpu.fp8_dense.zip(measured.fp8_dense).map_or(bf16, |(gpu, measured)| gpu / measured);
        let memory = gpu.hbm_bandwidth / measured.hbm_bandwidth;
        Self { memory, bf16, fp8, sms: f64::from(gpu.sms) / f64::from(measured.sms) }
    }
}

/// All that were measured on one GPU.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    gemm_bf16: Option<Fact<BlasConstants>>,
    gemm_fp8: Option<Fact<CutlassConstants>>,
    decode_bf16_kv: Option<Fact<DecodeConstants>>,
    decode_fp8_kv: Option<Fact<DecodeConstants>>,
    prefill_bf16_kv: Option<Fact<PrefillConstants>>,
    prefill_fp8_kv: Option<Fact<PrefillConstants>>,
    elementwise: Option<Fact<f64>>,
    sampling: Option<Fact<SamplingConstants>>,
    #[serde(rename = "held_out")]
    _held_out: IgnoredAny,
}

/// The constants of one GPU, its own or scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelConstants {
    /// Products with BF16 weights.
    pub gemm_bf16: BlasConstants,
    /// Products with FP8 weights.
    pub gemm_fp8: CutlassConstants,
    /// Decode attention over a BF16 cache.
    pub decode_bf16_kv: DecodeConstants,
    /// Decode attention over an FP8 cache.
    pub decode_fp8_kv: DecodeConstants,
    /// Prefill attention with a BF16 cache.
    pub prefill_bf16_kv: PrefillConstants,
    /// Prefill attention with an FP8 cache.
    pub prefill_fp8_kv: PrefillConstants,
    /// Bandwidth of element-wise operations [TB/s].
    pub(super) elementwise: f64,
    /// Sampling.
    pub(super) sampling: SamplingConstants,
}

impl KernelConstants {
    /// The constants of a GPU.
    ///
    /// # Errors
    /// If the catalogue's kernels are incomplete.
    pub fn of(catalog: &Catalog, gpu: &Gpu) -> Result<Self, CatalogError> {
        let known = catalog.section("kernels")?.contains_key(&gpu.name);
        let own: Entry = if known { catalog.entry("kernels", &gpu.name)? } else { Entry::default() };
        let measured: Entry = catalog.entry("kernels", MEASURED_GPU)?;
        let ratios = Ratios::new(gpu, &Gpu::read(catalog, MEASURED_GPU)?);
        Ok(Self {
            gemm_bf16: pick("gemm_bf16", own.gemm_bf16, measured.gemm_bf16, |of| of.scaled(&ratios))?,
            gemm_fp8: pick("gemm_fp8", own.gemm_fp8, measured.gemm_fp8, |of| of.scaled(&ratios))?,
            decode_bf16_kv: pick("decode_bf16_kv", own.decode_bf16_kv, measured.decode_bf16_kv, |of| {
                of.scaled(&ratios)
            })?,
            decode_fp8_kv: pick("decode_fp8_kv", own.decode_fp8_kv, measured.decode_fp8_kv, |of| {
                of.scaled(&ratios)
            })?,
            prefill_bf16_kv: pick("prefill_bf16_kv", own.prefill_bf16_kv, measured.prefill_bf16_kv, |of| {
                of.scaled(&ratios)
            })?,
            prefill_fp8_kv: pick("prefill_fp8_kv", own.prefill_fp8_kv, measured.prefill_fp8_kv, |of| {
                of.scaled(&ratios)
            })?,
            elementwise: pick("elementwise", own.elementwise, measured.elementwise, |of| of * ratios.memory)?,
            sampling: pick("sampling", own.sampling, measured.sampling, |of| of)?,
        })
    }
}

/// A kernel's constants: the GPU's own, or the measured GPU's, scaled.
fn pick<T>(
    field: &str,
    own: Option<Fact<T>>,
    measured: Option<Fact<T>>,
    scale: impl FnOnce(T) -> T,
) -> Result<T, CatalogError> {
    let missing = || CatalogError::BadEntry {
        kind: "kernels".to_owned(),
        name: MEASURED_GPU.to_owned(),
        reason: format!("missing field `{field}`"),
    };
    let scaled = || measured.map(|fact| scale(fact.value)).ok_or_else(missing);
    own.map_or_else(scaled, |fact| Ok(fact.value))
}

impl BlasConstants {
    fn scaled(self, ratios: &Ratios) -> Self {
        Self {
            memory_tb_s: self.memory_tb_s * ratios.memory,
            compute_tflop_s: self.compute_tflop_s * ratios.bf16,
            ..self
        }
    }

    /// The formula for a GPU.
    pub fn gemm(&self, gpu: &Gpu) -> Gemm {
        Gemm {
            floor: self.floor_us * 1e3,
            memory: self.memory_tb_s * 1e3,
            compute: self.compute_tflop_s * 1e3,
            exponent: self.exponent,
            schedule: Schedule::Split { start: self.split_us * 1e3 },
            sms: f64::from(gpu.sms),
            weight_bytes: 2.0,
            activation_bytes: 2.0,
        }
    }
}

impl CutlassConstants {
    fn scaled(self, ratios: &Ratios) -> Self {
        Self {
            row_ns: self.row_ns / ratios.memory,
            memory_tb_s: self.memory_tb_s * ratios.memory,
            compute_tflop_s: self.compute_tflop_s * ratios.fp8,
            ..self
        }
    }

    /// The formula for a GPU.
    pub fn gemm(&self, gpu: &Gpu) -> Gemm {
        Gemm {
            floor: self.floor_us * 1e3,
            memory: self.memory_tb_s * 1e3,
            compute: self.compute_tflop_s * 1e3,
            exponent: self.exponent,
            schedule: Schedule::Rows { row: self.row_ns, row_k: self.row_k },
            sms: f64::from(gpu.sms),
            weight_bytes: 1.0,
            activation_bytes: 1.0,
        }
    }
}

impl DecodeConstants {
    fn scaled(self, ratios: &Ratios) -> Self {
        Self {
            head_ns: self.head_ns / ratios.sms,
            memory_tb_s: self.memory_tb_s * ratios.memory,
            cached_tb_s: self.cached_tb_s * ratios.memory,
            ..self
        }
    }

    /// The formula for a GPU.
    pub fn attention(&self, gpu: &Gpu) -> DecodeAttention {
        DecodeAttention {
            floor: self.floor_us * 1e3,
            log: self.log_us * 1e3,
            head: self.head_ns,
            sequence: self.sequence_ns,
            sequences_most: self.sequences_most,
            memory: self.memory_tb_s * 1e3,
            cached: self.cached_tb_s * 1e3,
            exponent: self.exponent,
            sms: f64::from(gpu.sms),
        }
    }
}

impl PrefillConstants {
    fn scaled(self, ratios: &Ratios) -> Self {
        Self {
            compute_tflop_s: self.compute_tflop_s * ratios.bf16,
            linear_us: self.linear_us / ratios.bf16,
            kv_head_ns: self.kv_head_ns / ratios.sms,
            ..self
        }
    }

    /// The formula.
    pub fn attention(&self) -> PrefillAttention {
        PrefillAttention {
            floor: self.floor_us * 1e3,
            token: self.token_ns,
            compute: self.compute_tflop_s * 1e3,
            linear: self.linear_us / 1e3,
            kv_head: self.kv_head_ns,
        }
    }
}
