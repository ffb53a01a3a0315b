//! The kernels of GPUs: measured where somebody did, scaled by the datasheet where nobody did.

use towtank::{
    batch::Batch,
    catalog::Catalog,
    hardware::Gpu,
    model::Precision,
    timing::{AttentionShape, Gemm, Kernels, LocalLinks, Timing},
};

use crate::timing::{LLAMA_70B, decode, h100, inputs};

fn kernels(catalog: &Catalog, gpu: &str) -> Kernels {
    Kernels::of(catalog, &Gpu::read(catalog, gpu).unwrap()).unwrap()
}

#[test]
fn other_gpus_scale_by_their_datasheet() {
    let catalog = Catalog::builtin();
    let of = |name| kernels(&catalog, name);
    let (measured, faster) = (of("H100-SXM5-80GB"), of("H200-SXM-141GB"));
    // H200: the same chip with faster memory. Reading weights gains, computing does not.
    let ratio =
        |m: f64| faster.gemm_bf16.time(m, 8192.0, 8192.0) / measured.gemm_bf16.time(m, 8192.0, 8192.0);
    assert!(ratio(16.0) < 0.8, "{}", ratio(16.0));
    assert!((0.97..=1.0).contains(&ratio(8192.0)), "{}", ratio(8192.0));
    // A100: no FP8 units, so FP8 weights are smaller to read but no faster to compute with.
    let a100 = of("A100-SXM4-80GB");
    let (narrow, wide) = (&a100.gemm_fp8, &a100.gemm_bf16);
    assert!(narrow.time(1.0, 8192.0, 8192.0) < 0.7 * wide.time(1.0, 8192.0, 8192.0));
    assert!(narrow.time(8192.0, 8192.0, 8192.0) > 0.95 * wide.time(8192.0, 8192.0, 8192.0));
    // The whole machine computes as fast as its datasheet says, however many multiprocessors it has.
    let large = |kernels: &Kernels| kernels.gemm_bf16.time(16384.0, 16384.0, 16384.0);
    assert!((large(&a100) / large(&measured) / (989.0 / 312.0) - 1.0).abs() < 0.01);
}

#[test]
fn what_was_measured_on_a_gpu_goes_before_what_is_scaled() {
    let mut catalog = Catalog::builtin();
    let own = r#"{"kernels": {"A100-SXM4-80GB": {"gemm_bf16": {
        "value": {"floor_us": 9, "split_us": 2, "memory_tb_s": 1.7, "compute_tflop_s": 250, "exponent": 2},
        "unit": "as the names say", "source": "test", "date": "2026"
    }}}}"#;
    let before = kernels(&catalog, "A100-SXM4-80GB");
    catalog.extend("test", own).unwrap();
    let after = kernels(&catalog, "A100-SXM4-80GB");
    let expected = Gemm { floor: 9000.0, memory: 1700.0, compute: 250e3, exponent: 2.0, ..before.gemm_bf16 };
    assert_eq!(after.gemm_bf16.memory.to_bits(), expected.memory.to_bits());
    assert_eq!(after.bf16_kv, before.bf16_kv);
    assert_eq!(kernels(&catalog, "A100-SXM4-40GB"), kernels(&Catalog::builtin(), "A100-SXM4-40GB"));
    let typo = r#"{"kernels": {"A100-SXM4-80GB": {"gemm_fp16": 1}}}"#;
    catalog.extend("test", typo).unwrap();
    let error = Kernels::of(&catalog, &Gpu::read(&catalog, "A100-SXM4-80GB").unwrap()).unwrap_err();
    assert!(error.to_string().contains("unknown field `gemm_fp16`"), "{error}");
}

#[test]
fn products_of_few_tiles_wait_for_one_tile() {
    let kernels = kernels(&Catalog::builtin(), "H100-SXM5-80GB");
    let bf16 = |m, n, k| kernels.gemm_bf16.time(m, n, k);
    let fp8 = |m, n, k| kernels.gemm_fp8.time(m, n, k);
    // 132 multiprocessors: as long as all tiles run at once, more of them cost next to nothing.
    assert!(fp8(64.0, 1024.0, 16384.0) < 1.1 * fp8(64.0, 256.0, 16384.0));
    // A tile more than the rows need is paid for: 65 rows take the tiles of 128.
    assert!(fp8(65.0, 256.0, 16384.0) > 1.5 * fp8(64.0, 256.0, 16384.0));
    // cuBLAS cuts a long k and CUTLASS does not.
    assert!(bf16(64.0, 256.0, 16384.0) < 0.6 * fp8(64.0, 256.0, 16384.0));
    assert!(bf16(0.0, 256.0, 256.0).abs() < 1e-12 && fp8(0.0, 256.0, 256.0).abs() < 1e-12);
}

#[test]
fn only_a_repeated_call_finds_its_cache_in_the_gpu() {
    let kernels = kernels(&Catalog::builtin(), "H100-SXM5-80GB");
    let attention = &kernels.bf16_kv;
    let shape = AttentionShape { query_width: 8192.0, kv_heads: 8.0, kv_bytes: 4096.0 };
    let times =
        |batch: &Batch| (attention.decode.repeated(&shape, batch, 50e6), attention.time(&shape, batch));
    let (repeated, cold) = times(&decode(8, 1024));
    assert!(repeated < 0.8 * cold, "{repeated} {cold}");
    let (repeated, cold) = times(&decode(64, 1024));
    assert!((repeated - cold).abs() < 1e-9, "{repeated} {cold}");
}

#[test]
fn a_stage_asks_for_the_attention_of_its_share_of_heads() {
    let mut inputs = inputs(LLAMA_70B, Precision::Bf16, &[80], 4);
    inputs.overheads.worker_sequence = 0.0;
    let mut timing = Timing::new(&inputs);
    let batch = decode(64, 2048);
    let without = Batch { decodes: 0, decode_context: 0, decode_context_blocks: 0, ..batch.clone() };
    let measured = timing.stage(0, &batch).as_nanos() as f64 - timing.stage(0, &without).as_nanos() as f64;
    let shape =
        AttentionShape { query_width: 16.0 * 128.0, kv_heads: 2.0, kv_bytes: 2.0 * 2.0 * 128.0 * 2.0 };
    let expected = 80.0 * Kernels::of(&Catalog::builtin(), &h100()).unwrap().bf16_kv.time(&shape, &batch);
    assert!((measured / expected - 1.0).abs() < 1e-3, "{measured} {expected}");
}

#[test]
fn a_link_without_a_curve_for_sending_takes_its_straight_line() {
    let catalog = Catalog::builtin();
    let of = |name| LocalLinks::of(&catalog, name).unwrap().send;
    assert!((of("nvlink3-a100").time(240e3) - 9000.0).abs() < 1e-6, "8 us and 240 kB at 240 GB/s");
    assert!(of("nvlink4-h100").ramp > 0.0);
}
