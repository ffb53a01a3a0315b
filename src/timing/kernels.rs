//! Kernel constants of one GPU, read from the catalogue.
//!
//! One set was measured, on the H100; another GPU gets it scaled by its datasheet: streams by memory bandwidth,
//! products by their peak rate, what is spread over the multiprocessors by their number, launch floors not at all.

use serde::Deserialize;

use super::{DecodeAttention, Gemm, PrefillAttention};
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::hardware::Gpu;

/// The measured set.
const MEASURED: &str = "h100-sxm";

/// Constants of every kernel a step uses, for one GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    /// Products with BF16 weights.
    pub gemm_bf16: Gemm,
    /// Products with FP8 weights; on a GPU without FP8 the weights are widened on the way.
    pub gemm_fp8: Gemm,
    /// Decode attention over a BF16 cache.
    pub decode_bf16_kv: DecodeAttention,
    /// Decode attention over an FP8 cache.
    pub decode_fp8_kv: DecodeAttention,
    /// Prefill attention with a BF16 cache.
    pub prefill_bf16_kv: PrefillAttention,
    /// Prefill attention with an FP8 cache.
    pub prefill_fp8_kv: PrefillAttention,
    /// Bandwidth of element-wise operations [B/ns].
    pub elementwise: f64,
    /// Fixed time of sampling [ns].
    pub sampling_floor: f64,
    /// Bytes that sampling moves per row and entry of the vocabulary.
    pub sampling_bytes: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    gemm_bf16: Fact<GemmData>,
    gemm_fp8: Fact<GemmData>,
    decode_bf16_kv: Fact<DecodeData>,
    decode_fp8_kv: Fact<DecodeData>,
    prefill_bf16_kv: Fact<PrefillData>,
    prefill_fp8_kv: Fact<PrefillData>,
    measured_on: Fact<GpuData>,
    elementwise: Fact<f64>,
    sampling: Fact<SamplingData>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GemmData {
    floor_us: f64,
    serial_ns_per_k: f64,
    row_ns: f64,
    row_k: f64,
    memory_tb_s: f64,
    compute_tflop_s: f64,
    exponent: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecodeData {
    floor_us: f64,
    log_us: f64,
    log_tokens: f64,
    head_us: f64,
    memory_tb_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrefillData {
    floor_us: f64,
    token_ns: f64,
    compute_tflop_s: f64,
    /// Per million (query head, head element, token).
    linear_us: f64,
    kv_head_ns: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GpuData {
    memory_tb_s: f64,
    bf16_tflop_s: f64,
    fp8_tflop_s: f64,
    sms: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SamplingData {
    floor_us: f64,
    row_bytes_per_vocabulary: f64,
}

/// A GPU relative to the measured one.
struct Ratios {
    memory: f64,
    bf16: f64,
    sms: f64,
}

impl Kernels {
    /// The constants for a GPU.
    ///
    /// # Errors
    /// If the catalogue's calibration is incomplete.
    pub fn of(catalog: &Catalog, gpu: &Gpu) -> Result<Self, CatalogError> {
        let entry: Entry = catalog.entry("kernels", MEASURED)?;
        let measured = &entry.measured_on.value;
        let ratios = Ratios {
            memory: gpu.hbm_bandwidth / 1e12 / measured.memory_tb_s,
            bf16: gpu.bf16_dense / 1e12 / measured.bf16_tflop_s,
            sms: f64::from(gpu.sms) / measured.sms,
        };
        let gemm_bf16 = gemm(&entry.gemm_bf16.value, ratios.bf16, &ratios, 2.0);
        let gemm_fp8 = match gpu.fp8_dense {
            Some(fp8) => gemm(&entry.gemm_fp8.value, fp8 / 1e12 / measured.fp8_tflop_s, &ratios, 1.0),
            None => Gemm { weight_bytes: 1.0, ..gemm_bf16.clone() },
        };
        Ok(Self {
            gemm_bf16,
            gemm_fp8,
            decode_bf16_kv: decode(&entry.decode_bf16_kv.value, &ratios),
            decode_fp8_kv: decode(&entry.decode_fp8_kv.value, &ratios),
            prefill_bf16_kv: prefill(&entry.prefill_bf16_kv.value, &ratios),
            prefill_fp8_kv: prefill(&entry.prefill_fp8_kv.value, &ratios),
            elementwise: entry.elementwise.value * 1e3 * ratios.memory,
            sampling_floor: entry.sampling.value.floor_us * 1e3,
            sampling_bytes: entry.sampling.value.row_bytes_per_vocabulary,
        })
    }
}

fn gemm(data: &GemmData, rate: f64, ratios: &Ratios, bytes: f64) -> Gemm {
    Gemm {
        floor: data.floor_us * 1e3,
        // The loop over k runs on one multiprocessor: it is as fast as that one is.
        serial: data.serial_ns_per_k * ratios.sms / rate,
        row: data.row_ns / ratios.memory,
        row_k: data.row_k,
        memory: data.memory_tb_s * 1e3 * ratios.memory,
        compute: data.compute_tflop_s * 1e3 * rate,
        exponent: data.exponent,
        weight_bytes: bytes,
        activation_bytes: bytes,
    }
}

fn decode(data: &DecodeData, ratios: &Ratios) -> DecodeAttention {
    DecodeAttention {
        floor: data.floor_us * 1e3,
        log: data.log_us * 1e3,
        log_tokens: data.log_tokens,
        head: data.head_us * 1e3 / ratios.sms,
        memory: data.memory_tb_s * 1e3 * ratios.memory,
    }
}

fn prefill(data: &PrefillData, ratios: &Ratios) -> PrefillAttention {
    PrefillAttention {
        floor: data.floor_us * 1e3,
        token: data.token_ns,
        compute: data.compute_tflop_s * 1e3 * ratios.bf16,
        linear: data.linear_us * 1e3 / 1e6 / ratios.bf16,
        kv_head: data.kv_head_ns / ratios.sms,
    }
}
