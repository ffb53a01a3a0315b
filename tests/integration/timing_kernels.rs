//! The kernel formulas against measured times: a few production shapes per kernel, none of them chosen by its error.

use std::{collections::BTreeMap, fs};

use towtank::{
    batch::{Batch, GraphMode},
    catalog::Catalog,
    hardware::Gpu,
    model::Precision,
    timing::{Dimensions, Kernels, LocalLinks, Timing},
};

use crate::timing::{h100, inputs};

/// One row: the kernel, what it was run with, the measured time [us].
struct Row {
    kernel: String,
    args: [f64; 4],
    measured: f64,
}

fn rows() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/timing/h100_kernels.csv");
    let text = fs::read_to_string(path).unwrap();
    let parse = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |index: usize| cells[index].parse::<f64>().unwrap();
        let args = [number(1), number(2), number(3), number(4)];
        Row { kernel: cells[0].to_owned(), args, measured: number(5) }
    };
    text.lines().skip(1).map(parse).collect()
}

fn predicted(row: &Row, kernels: &Kernels, links: &LocalLinks) -> f64 {
    let [a, b, c, d] = row.args;
    let ns = match row.kernel.as_str() {
        "gemm_bf16" => kernels.gemm_bf16.time(a, b, c),
        "gemm_fp8" => kernels.gemm_fp8.time(a, b, c),
        "decode_bf16_kv" => attention(a, b, c, d, 2, true),
        "decode_fp8_kv" => attention(a, b, c, d, 1, true),
        "prefill_bf16_kv" => attention(a, b, c, d, 2, false),
        "prefill_fp8_kv" => attention(a, b, c, d, 1, false),
        "peer" => links.peer.as_ref().unwrap().at(a as u32).time(b),
        "nccl" => links.nccl.at(a as u32).time(b),
        other => panic!("no kernel `{other}`"),
    };
    ns / 1e3
}

/// What one more layer adds beyond its products, by the difference of two models that share everything else [ns].
fn attention(batch: f64, length: f64, heads: f64, kv_heads: f64, kv_bytes: u32, decode: bool) -> f64 {
    let model = Dimensions {
        hidden: 1024,
        intermediate: 1024,
        heads: heads as u32,
        kv_heads: kv_heads as u32,
        head_dim: 128,
        vocabulary: 1024,
    };
    let (count, length) = (batch as u32, length as u32);
    let tokens = if decode { count } else { count * length };
    let without = Batch { tokens, padded_tokens: tokens, graph: GraphMode::Full, ..Batch::empty() };
    let context = u64::from(count) * u64::from(length);
    let with = if decode {
        Batch { decodes: count, decode_context: context, decode_context_blocks: context, ..without.clone() }
    } else {
        let chunk = towtank::batch::Chunk { tokens: length, context: 0 };
        Batch { prefills: vec![chunk; count as usize], ..without.clone() }
    };
    let mut inputs = inputs(model, Precision::Bf16, &[1], 1);
    inputs.kv_element_bytes = kv_bytes;
    inputs.overheads.fp8_kv_stream = 1.0;
    inputs.overheads.worker_sequence = 0.0;
    let mut timing = Timing::new(&inputs);
    (timing.stage(0, &with).as_nanos() - timing.stage(0, &without).as_nanos()) as f64
}

#[test]
fn kernel_formulas_hold_on_measured_shapes() {
    let catalog = Catalog::builtin();
    let kernels = Kernels::of(&catalog, &h100()).unwrap();
    let links = LocalLinks::of(&catalog, "nvlink4-h100").unwrap();
    let mut errors: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows() {
        let error = (predicted(&row, &kernels, &links) / row.measured - 1.0).abs();
        errors.entry(row.kernel).or_default().push(error);
    }
    assert_eq!(errors.len(), 8);
    for (kernel, mut errors) in errors {
        errors.sort_by(f64::total_cmp);
        let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        println!(
            "{kernel}: median {:.1} %, worst {:.1} % of {}",
            median * 100.0,
            worst * 100.0,
            errors.len()
        );
        assert!(median < 0.12 && worst < 0.4, "{kernel}: median {median}, worst {worst}");
    }
}

#[test]
fn other_gpus_scale_by_their_datasheet() {
    let catalog = Catalog::builtin();
    let of = |name| Kernels::of(&catalog, &Gpu::read(&catalog, name).unwrap()).unwrap();
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
}
