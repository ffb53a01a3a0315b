//! Kernels that are known come back as what they are, and those of the catalogue hold on rows they were not fitted to.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use towtank::{
    batch::{Batch, Chunk},
    catalog::Catalog,
    hardware::Gpu,
    study::{KernelCalibration, KernelError, KernelInputs, calibrate_kernels},
    timing::{AttentionShape, Curve, Gemm, KernelConstants, Kernels, LocalLinks},
};

const H100: &str = "H100-SXM5-80GB";

/// A directory of its own for a test.
fn place(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("towtank-kernels-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn calibrate(catalog: &Catalog, gpu: &str, files: &[PathBuf]) -> Result<KernelCalibration, KernelError> {
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let inputs = KernelInputs { gpu, files: &files, source: None, date: Some("2026-11") };
    calibrate_kernels(catalog, &inputs)
}

/// The sample of measured rows.
fn sample() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kernels");
    let tables = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut tables: Vec<_> = tables.filter(|path| path.extension().is_some_and(|is| is == "csv")).collect();
    tables.sort();
    tables
}

#[test]
fn the_catalogues_kernels_hold_on_measured_rows_they_were_not_fitted_to() {
    let found = calibrate(&Catalog::builtin(), H100, &sample()).unwrap();
    // Some 50 rows a kernel say less than the whole tables do; what those say stands in the catalogue.
    let bounds = [
        ("gemm_bf16", 0.08, 0.2),
        ("gemm_fp8", 0.055, 0.15),
        ("decode_bf16_kv", 0.05, 0.15),
        ("decode_fp8_kv", 0.05, 0.12),
        ("prefill_bf16_kv", 0.08, 0.24),
        ("prefill_fp8_kv", 0.11, 0.34),
        ("peer", 0.05, 0.14),
        ("nccl", 0.07, 0.12),
        ("all_gather", 0.07, 0.12),
        ("send", 0.04, 0.1),
    ];
    assert_eq!(found.kernels.len(), bounds.len());
    for (of, (kernel, median, p90)) in found.kernels.iter().zip(bounds) {
        assert_eq!(of.kernel, kernel);
        assert!(of.before.n >= 8 && of.rows == of.fitted + of.before.n, "{of:?}");
        assert!(of.before.median_abs < median && of.before.p90_abs < p90, "{of:?}");
    }
}

#[test]
fn the_catalogues_collectives_are_what_the_command_writes() {
    let catalog = Catalog::builtin();
    let found = calibrate(&catalog, H100, &sample()).unwrap();
    let facts = catalog.facts("collectives", "nvlink4-h100").unwrap();
    // The sample has all rows of these.
    for kernel in ["peer", "nccl", "all_gather"] {
        for path in [kernel.to_owned(), format!("held_out.{kernel}")] {
            let fact = facts.iter().find(|listed| listed.path == path).unwrap();
            let pointer = format!("/collectives/nvlink4-h100/{}/value", path.replace('.', "/"));
            assert_eq!(Some(&fact.fact.value), found.overlay.pointer(&pointer), "{path}");
        }
    }
}

/// What the catalogue should say, and tables of kernels that take just as long.
const TRUTH: &str = r#"{
    "kernels": {"H100-SXM5-80GB": {
        "gemm_bf16": {"value": {"floor_us": 4, "split_us": 3, "memory_tb_s": 2.2, "compute_tflop_s": 600, "exponent": 3}},
        "gemm_fp8": {"value": {"floor_us": 6, "row_ns": 3, "row_k": 6000, "memory_tb_s": 2, "compute_tflop_s": 1000, "exponent": 2}},
        "decode_bf16_kv": {"value": {"floor_us": 8, "log_us": 1, "head_ns": 40, "sequence_ns": 12, "sequences_most": 200,
            "memory_tb_s": 2.4, "cached_tb_s": 5, "exponent": 1.4}},
        "prefill_fp8_kv": {"value": {"floor_us": 9, "token_ns": 9, "compute_tflop_s": 400, "linear_us": 2, "kv_head_ns": 1.5}}
    }},
    "collectives": {"nvlink4-h100": {
        "nccl": {"value": {"8": {"floor_us": 20, "ramp_us": 30, "ramp_mb": 2, "bandwidth_gb_s": 150}}},
        "send": {"value": {"floor_us": 5, "ramp_us": 6, "ramp_mb": 0.5, "bandwidth_gb_s": 300}}
    }}
}"#;

/// Values two apart, `count` of them.
fn powers(start: u32, count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(move |power| start << power)
}

fn gemm_table(bf16: &Gemm, fp8: &Gemm) -> String {
    let mut text = "gemm_dtype,m,n,k,latency_ms\n".to_owned();
    for (m, n, k) in
        powers(1, 14).flat_map(|m| powers(256, 7).flat_map(move |n| powers(256, 7).map(move |k| (m, n, k))))
    {
        for (name, gemm) in [("bfloat16", bf16), ("fp8", fp8)] {
            let time = gemm.time(f64::from(m), f64::from(n), f64::from(k)) / 1e6;
            writeln!(text, "{name},{m},{n},{k},{time}").unwrap();
        }
    }
    text + "int8,1,256,256,0.004\n"
}

/// Times of calls with heads of 128.
fn attention_table(kv: &str, tokens: &str, time: impl Fn(&AttentionShape, u32, u32) -> f64) -> String {
    let mut text = format!(
        "kernel_source,attn_dtype,kv_cache_dtype,batch_size,{tokens},num_heads,num_key_value_heads,head_dim,latency_ms\n"
    );
    let element = if kv == "fp8" { 1.0 } else { 2.0 };
    for (count, length, (heads, kv_heads)) in powers(1, 11).flat_map(|count| {
        powers(16, 10).flat_map(move |l| [(4, 1), (16, 8)].map(move |heads| (count, l, heads)))
    }) {
        let shape = AttentionShape {
            query_width: f64::from(heads) * 128.0,
            kv_heads: f64::from(kv_heads),
            kv_bytes: 2.0 * f64::from(kv_heads) * 128.0 * element,
        };
        let time = time(&shape, count, length) / 1e6;
        writeln!(text, "fa3,bfloat16,{kv},{count},{length},{heads},{kv_heads},128,{time}").unwrap();
    }
    text
}

/// Times of messages after `lead`, in the unit of `scale` ns.
fn message_table(header: &str, lead: &str, tail: &str, (curve, scale): (&Curve, f64)) -> String {
    let row = |bytes: u32| format!("{lead}{bytes},{}{tail}\n", curve.time(f64::from(bytes)) / scale);
    let sizes = powers(256, 21).flat_map(|bytes| [bytes, bytes + bytes / 2]);
    header.to_owned() + "\n" + &sizes.map(row).collect::<String>()
}

/// Tables of the kernels of a catalogue, one a format.
fn tables(dir: &Path, catalog: &Catalog) -> Vec<PathBuf> {
    let gpu = Gpu::read(catalog, H100).unwrap();
    let kernels = Kernels::of(catalog, &gpu).unwrap();
    let links = LocalLinks::of(catalog, "nvlink4-h100").unwrap();
    let decode = |shape: &AttentionShape, count: u32, length: u32| {
        let context = u64::from(count) * u64::from(length);
        let batch = Batch {
            decodes: count,
            decode_context: context,
            decode_context_blocks: context,
            ..Batch::empty()
        };
        kernels.bf16_kv.decode.repeated(shape, &batch, gpu.l2_cache.unwrap())
    };
    let prefill = |shape: &AttentionShape, count: u32, length: u32| {
        let chunk = Chunk { tokens: length, context: 0 };
        kernels.fp8_kv.time(shape, &Batch { prefills: vec![chunk; count as usize], ..Batch::empty() })
    };
    let nccl = "op_name,nccl_dtype,num_gpus,message_elements,message_bytes,latency_ms";
    let vidur = "num_workers,devices_per_node,bytes,time_ms,network";
    let texts = [
        ("gemm.csv", gemm_table(&kernels.gemm_bf16, &kernels.gemm_fp8)),
        ("decode.csv", attention_table("bfloat16", "kv_len", decode)),
        ("prefill.csv", attention_table("fp8", "isl", prefill)),
        ("nccl.csv", message_table(nccl, "all_reduce,half,8,0,", "", (links.nccl.at(8), 1e6))),
        ("send_recv.csv", message_table(vidur, "2,2,", ",h100_dgx", (&links.send, 1e6))),
    ];
    let write = |(name, text): (&str, String)| {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    texts.into_iter().map(write).collect()
}

fn catalog_with(overlay: &Value) -> Catalog {
    let mut catalog = Catalog::builtin();
    catalog.extend("calibration", &overlay.to_string()).unwrap();
    catalog
}

#[test]
fn known_kernels_are_found_again() {
    let dir = place("known");
    let truth: Value = serde_json::from_str(TRUTH).unwrap();
    let real = catalog_with(&truth);
    let found = calibrate(&Catalog::builtin(), H100, &tables(&dir, &real)).unwrap();
    assert_eq!(found.kernels.len(), 6);
    for of in &found.kernels {
        assert!(of.before.median_abs > 0.05 && of.after.p90_abs < 0.01, "{of:?}");
    }
    assert_eq!(found.remarks, ["gemm.csv: 1 row is about no kernel of the model on H100-SXM5-80GB"]);
    // Every constant of the truth, wherever it stands.
    let mut pending = vec![(String::new(), truth)];
    let mut compared = 0;
    while let Some((path, value)) = pending.pop() {
        match value {
            Value::Object(fields) => {
                pending.extend(fields.into_iter().map(|(key, value)| (format!("{path}/{key}"), value)));
            }
            value => {
                let (real, got) = (value.as_f64().unwrap(), found.overlay.pointer(&path).unwrap());
                let got = got.as_f64().unwrap();
                assert!((got / real - 1.0).abs() < 0.02, "{path}: {got} for {real}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 32);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_table_of_another_gpu_makes_an_entry_of_its_own() {
    let dir = place("other");
    let catalog = Catalog::builtin();
    let a100 = Gpu::read(&catalog, "A100-SXM4-80GB").unwrap();
    let slow = Gemm { compute: 150e3, ..Kernels::of(&catalog, &a100).unwrap().gemm_bf16 };
    let path = dir.join("gemm.csv");
    let text = gemm_table(&slow, &slow);
    let bf16: Vec<_> = text.lines().filter(|line| !line.starts_with("fp8")).collect();
    fs::write(&path, bf16.join("\n")).unwrap();
    let found = calibrate(&catalog, &a100.name, &[path]).unwrap();
    let after = catalog_with(&found.overlay);
    let of = |catalog: &Catalog, gpu: &str| {
        KernelConstants::of(catalog, &Gpu::read(catalog, gpu).unwrap()).unwrap()
    };
    let compute = of(&after, &a100.name).gemm_bf16.compute_tflop_s;
    assert!((compute / 150.0 - 1.0).abs() < 0.01, "{compute}");
    assert_eq!(of(&after, &a100.name).decode_bf16_kv, of(&catalog, &a100.name).decode_bf16_kv);
    assert_eq!(of(&after, H100), of(&catalog, H100));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_the_rows_cannot_tell_stays() {
    let dir = place("few");
    let path = dir.join("send_recv.csv");
    // Messages so short that all of them take as long.
    let mut text = "num_workers,devices_per_node,bytes,time_ms,network\n".to_owned();
    for kib in 1..40 {
        writeln!(text, "2,2,{},0.012,h100_dgx", kib * 64).unwrap();
    }
    fs::write(&path, text).unwrap();
    let found = calibrate(&Catalog::builtin(), H100, &[path]).unwrap();
    let of = |catalog: &Catalog| LocalLinks::of(catalog, "nvlink4-h100").unwrap().send;
    let (before, after) = (of(&Catalog::builtin()), of(&catalog_with(&found.overlay)));
    assert!((after.time(1024.0) / 12e3 - 1.0).abs() < 0.01, "{after:?}");
    assert!((after.bandwidth / before.bandwidth - 1.0).abs() < 0.1, "{after:?}");
    fs::remove_dir_all(dir).unwrap();
}

fn towtank(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_towtank")).current_dir(dir).args(args).output().unwrap()
}

#[test]
fn bad_tables_are_refused_with_their_place_and_nothing_is_written() {
    let dir = place("bad");
    let apex = "gpu,num_nodes,num_gpus_per_node,dtype,size(kb),time(us)\nH100-SXM-80GB,1,2,half,1,6.0\n";
    let cases = [
        (
            "a.csv",
            "gemm_dtype,m,n,k,latency_ms\nbfloat16,1,256,256,0.003\nbfloat16,0,256,256,0.003\n",
            "a.csv:3: column `m`: `0`, expected a whole number of at least 1",
        ),
        (
            "b.csv",
            "gemm_dtype,m,n,k,latency_ms\nbfloat16,1,256,256,-1\n",
            "b.csv:2: column `latency_ms`: `-1`, expected a positive time",
        ),
        (
            "c.csv",
            "m,n\n1,2\n",
            "c.csv: columns `m,n`, expected those of one of: gemm_dtype,m,n,k,latency_ms; kv_cache",
        ),
        (
            "d.csv",
            "gemm_dtype,m,n,k,latency_ms\nbfloat16,1,256\n",
            "d.csv: line 2: 3 columns: expected 5 as in the header",
        ),
        ("e.csv", "gemm_dtype,m,n,k,latency_ms\nbfloat16,1,256,256,0.003\n", "gemm_bf16: "),
        (
            "f.csv",
            "gemm_dtype,m,n,k,latency_ms\nint8,1,256,256,0.003\n",
            "f.csv: no row is about a kernel of the model on H100",
        ),
        ("g.csv", apex, "g.csv: expected a name with `all_reduce`, `all_gather` or `send_recv`"),
        ("h.csv", "", "h.csv: columns ``, expected"),
        (
            "i.csv",
            "op_name,nccl_dtype,num_gpus,message_elements,message_bytes,latency_ms\nall_reduce,half,2,1,many,0.1\n",
            "i.csv:2: column `message_bytes`: `many`, expected a whole number of bytes",
        ),
    ];
    for (name, text, expected) in cases {
        fs::write(dir.join(name), text).unwrap();
        let output = towtank(&dir, &["calibrate", name]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.starts_with(&format!("error: {expected}")), "{error}");
    }
    let refused = |args: &[&str], expected: &str| {
        let output = towtank(&dir, args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    refused(&["calibrate", "a.csv", "run.json"], "not both at once");
    refused(&["calibrate", "a.txt"], "not both at once and nothing else");
    refused(&["calibrate", "run.json"], "--scenario SCENARIO");
    refused(&["calibrate", "none.csv"], "none.csv: ");
    refused(&["calibrate", "a.csv", "--gpu", "H1000"], "no gpus named `H1000`");
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kernels/allreduce_custom.csv");
    let peer = peer.to_str().unwrap();
    refused(&["calibrate", peer, "--gpu", "H100-NVL-94GB"], "no machine of the catalogue has H100-NVL-94GB");
    refused(&["calibrate", peer, "--gpu", "L4"], "peer: GPUs of this kind do not see each other's memory");
    refused(&["calibrate", "a.csv", "--set", "seed=1"], "--set seed=1: tables of kernels have no scenario");
    refused(&["calibrate", "a.csv", "--gpu", H100, "--scenario", "s.yaml"], "cannot be used with");
    assert!(!dir.join("calibration.json").exists());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_command_writes_what_a_run_can_use() {
    let dir = place("command");
    tables(&dir, &catalog_with(&serde_json::from_str(TRUTH).unwrap()));
    let all = ["calibrate", "gemm.csv", "decode.csv", "nccl.csv", "send_recv.csv", "--source", "my cluster"];
    let run = |more: &[&str]| {
        let output = towtank(&dir, &[&all[..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let table = run(&[]);
    assert!(table.contains("gemm_bf16") && table.contains("send"), "{table}");
    let first = fs::read(dir.join("calibration.json")).unwrap();
    let csv = run(&["--format", "csv"]);
    assert!(csv.starts_with("kernel,rows,fitted,held_out,median_before,p90_before,bias_before,"), "{csv}");
    let json: Value = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    assert_eq!(json["kernels"][0]["kernel"], "gemm_bf16");
    assert_eq!(fs::read(dir.join("calibration.json")).unwrap(), first);
    let listed =
        towtank(&dir, &["catalog", "kernels", H100, "--catalog", "calibration.json", "--format", "json"]);
    let facts: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let of = |name: &str| facts.iter().find(|fact| fact["fact"] == name).unwrap();
    let source = "towtank calibrate on 70 % of the rows of my cluster: gemm.csv";
    assert_eq!(of("gemm_bf16")["source"], source);
    assert!(of("held_out.gemm_bf16")["value"]["p90_abs"].as_f64().unwrap() < 0.01);
    assert!(of("gemm_bf16")["date"].as_str().unwrap().starts_with("20"));
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/llama-3.1-405b-bf16-vs-fp8.yaml");
    let simulated = |more: &[&str]| {
        let run = ["run", scenario.to_str().unwrap(), "--format", "csv", "--out", "results"];
        let output = towtank(&dir, &[&run[..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_ne!(simulated(&[]), simulated(&["--catalog", "calibration.json"]));
    fs::remove_dir_all(dir).unwrap();
}
