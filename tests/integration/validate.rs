//! Published measurements become scenarios, and what comes out is held against them.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;
use towtank::{
    catalog::Catalog,
    study::{FitOptions, MeasurementsError, Monitor, Row, Validation, fit_rows, validate},
};

const HEADER: &str = "id,quality,source,engine,engine_version,model,weight_dtype,kv_dtype,gpu,gpus_per_node,nodes,TP,PP,\
                      max_num_seqs_or_batch,max_num_batched_tokens,input_tokens,output_tokens,length_dist,num_requests,\
                      arrival,metric,value,unit,notes";

/// Rows of one benchmark, made up: what a client of eight threads sees of an 8B model.
fn row(id: &str, change: &[(&str, &str)]) -> String {
    let mut cells = [
        ("id", id),
        ("quality", "A"),
        ("source", "example.org/bench"),
        ("engine", "vLLM"),
        ("engine_version", "0.19.1"),
        ("model", "meta-llama/Llama-3.1-8B-Instruct"),
        ("weight_dtype", "BF16"),
        ("kv_dtype", "BF16"),
        ("gpu", "H100-SXM-80GB"),
        ("gpus_per_node", "8"),
        ("nodes", "1"),
        ("TP", "1"),
        ("PP", "1"),
        ("max_num_seqs_or_batch", ""),
        ("max_num_batched_tokens", ""),
        ("input_tokens", "1000"),
        ("output_tokens", "200"),
        ("length_dist", "fixed"),
        ("num_requests", "64"),
        ("arrival", "closed loop concurrency 8"),
        ("metric", "mean_TPOT"),
        ("value", "8.0"),
        ("unit", "ms"),
        ("notes", ""),
    ];
    for (column, value) in change {
        cells.iter_mut().find(|(name, _)| name == column).expect("a known column").1 = value;
    }
    cells.map(|(_, value)| format!("\"{value}\"")).join(",")
}

fn rows(lines: &[String]) -> Vec<Row> {
    Row::read_all("rows.csv", &format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap()
}

fn predict(lines: &[String]) -> Validation {
    validate(&Catalog::builtin(), &rows(lines), &Monitor::default()).unwrap()
}

fn predicted(lines: &[String]) -> Vec<Option<f64>> {
    predict(lines).rows.iter().map(|row| row.predicted).collect()
}

#[test]
fn figures_of_one_run_agree_with_each_other() {
    let metrics = [
        ("output_throughput", "tok/s"),
        ("request_throughput", "req/s"),
        ("elapsed_time", "s"),
        ("mean_TTFT", "ms"),
        ("mean_TPOT", "ms"),
        ("total_throughput", "tok/s"),
    ];
    let lines: Vec<String> =
        metrics.map(|(metric, unit)| row(metric, &[("metric", metric), ("unit", unit)])).to_vec();
    let found = predicted(&lines);
    let [tokens, requests, seconds, ttft, tpot, total] = found.as_slice() else { panic!("six rows") };
    let [tokens, requests, seconds] = [tokens, requests, seconds].map(|value| value.unwrap());
    assert!((tokens / requests - 200.0).abs() < 1e-6);
    assert!((requests * seconds - 64.0).abs() < 1e-6);
    assert!((total.unwrap() / requests - 1200.0).abs() < 1e-6);
    // Eight threads, eight rounds, each of a first token and 199 more.
    let rounds = (ttft.unwrap() + 199.0 * tpot.unwrap()) * 8.0 / 1e3;
    assert!((rounds / seconds - 1.0).abs() < 0.03, "{rounds} s and {seconds} s");
}

#[test]
fn errors_are_signed_fractions_of_the_measured_figure() {
    let validation = predict(&[row("a", &[("value", "2.0")]), row("b", &[("value", "2000.0")])]);
    for row in &validation.rows {
        let (predicted, error) = (row.predicted.unwrap(), row.error.unwrap());
        assert!((error - (predicted / row.measured - 1.0)).abs() < 1e-12);
    }
    assert!(validation.rows[0].error > Some(0.0) && validation.rows[1].error < Some(0.0));
    let all = validation.groups.iter().find(|group| group.by.len() == 1).unwrap();
    assert_eq!((all.by["kind"].as_str(), all.accuracy.n), ("tpot", 2));
}

#[test]
fn what_a_row_says_decides_the_scenario() {
    let plain = predicted(&[row("plain", &[])])[0].unwrap();
    for (change, slower) in [
        (&[("TP", "2")][..], false),
        (&[("gpu", "A100-SXM4-80GB")][..], true),
        (&[("input_tokens", "8000")][..], true),
        (&[("arrival", "closed loop concurrency 64"), ("num_requests", "256")][..], true),
        (&[("weight_dtype", "FP8"), ("model", "Llama-3.1-8B")][..], false),
    ] {
        let changed = predicted(&[row("changed", change)])[0].unwrap();
        assert_eq!(changed > plain, slower, "{change:?}: {plain} ms, then {changed} ms");
    }
}

#[test]
fn drawn_lengths_have_the_mean_that_is_stated() {
    let sharegpt = [("length_dist", "ShareGPT"), ("input_tokens", "mean 215"), ("output_tokens", "mean 120")];
    let per_request = |metric: &str| {
        let metric =
            [("metric", metric), ("unit", "tok/s"), ("num_requests", "4000"), ("arrival", "rate inf")];
        predicted(&[row("drawn", &[&sharegpt[..], &metric[..]].concat())])[0].unwrap()
    };
    let (output, total, requests) = (
        per_request("output_throughput"),
        per_request("total_throughput"),
        per_request("request_throughput"),
    );
    assert!((output / requests / 120.0 - 1.0).abs() < 0.05, "{}", output / requests);
    assert!(((total - output) / requests / 215.0 - 1.0).abs() < 0.05, "{}", (total - output) / requests);
}

#[test]
fn a_row_that_cannot_be_predicted_says_why() {
    for (change, reason) in [
        (("engine", "SGLang"), "no engine `SGLang` here"),
        (("gpu", "H900-SXM-80GB"), "no GPU `H900-SXM-80GB` in the catalogue"),
        (("model", "Gemma-7B"), "no model `Gemma-7B`"),
        (("TP", "not stated"), "TP is `not stated`: expected a whole number from 1 to 1024"),
        (("TP", "100000"), "TP is `100000`: expected a whole number from 1 to 1024"),
        (("num_requests", "4000000000"), "num_requests is `4000000000`: expected a whole number"),
        (("input_tokens", "1e15"), "input_tokens is `1e15`: expected 1 to 10000000 tokens"),
        (("arrival", "rate 1e300 req/s"), "is not understood"),
        (("arrival", "rate -5 req/s"), "is not understood"),
        (("arrival", "now and then"), "arrival `now and then` is not understood"),
        (("metric", "mean_TFFT"), "metric `mean_TFFT` is not known"),
        (("unit", "tok/s"), "unit `tok/s` is no time"),
        (("input_tokens", "many"), "input_tokens `many`"),
        (("engine_version", "newest"), "engine_version `newest` names no release"),
        (("engine_version", "0.2"), "older than any engine here"),
        (("nodes", "many"), "nodes is `many`"),
        (("TP", "3"), "tensor"),
    ] {
        let validation = predict(&[row("x", &[change])]);
        let row = &validation.rows[0];
        assert_eq!((row.predicted, row.error), (None, None), "{change:?}");
        let said = row.reason.as_deref().unwrap_or_default();
        assert!(said.contains(reason), "{change:?}: {said}");
    }
}

#[test]
fn orderings_count_pairs_that_differ_in_one_factor() {
    let lines = [
        row("h100", &[("value", "8")]),
        row("a100", &[("gpu", "A100-SXM4-80GB"), ("value", "12")]),
        // As measured here, two GPUs are slower than one: no prediction will say so.
        row("tp2", &[("TP", "2"), ("value", "16")]),
        // Within a tenth of the first: no pair.
        row("h200", &[("gpu", "H200-SXM-141GB"), ("value", "7.9")]),
        // Differs in two factors from the A100.
        row("both", &[("gpu", "A100-SXM4-80GB"), ("TP", "2"), ("value", "1")]),
    ];
    let orderings = predict(&lines).orderings;
    let counts = |factor: &str| (orderings.factors[factor].pairs, orderings.factors[factor].right);
    // GPU: h100-a100, a100-h200, and tp2-both, which was made up the wrong way round.
    assert_eq!(counts("gpu"), (3, 2));
    // TP: h100-tp2 wrong, a100-both right.
    assert_eq!(counts("tp"), (2, 1));
    assert_eq!(orderings.wrong.len(), 2);
}

#[test]
fn a_file_that_holds_no_measurements_is_refused_with_its_line() {
    let message = |text: &str| Row::read_all("rows.csv", text).unwrap_err().to_string();
    let without = HEADER.replace("metric,", "metrics,");
    let said = message(&format!("{without}\n{}\n", row("a", &[])));
    assert!(said.starts_with("rows.csv:1: no column `metric`") && said.contains("`metrics`?"), "{said}");
    let bad = format!("{HEADER}\n{}\n{}\n", row("a", &[]), row("b", &[("value", "fast")]));
    assert_eq!(message(&bad), "rows.csv:3: `value` is `fast`: expected a number from 1e-9 to 1e15");
    assert_eq!(message(&format!("{HEADER}\n")), "rows.csv: no rows");
    assert!(message(&format!("{HEADER}\na,b\n")).starts_with("rows.csv:2: 2 columns"), "short line");
    assert!(matches!(
        Row::read_file(&PathBuf::from("nowhere.csv")),
        Err(MeasurementsError::Unreadable { .. })
    ));
}

/// Rows of quality A, each source left out or not.
fn options(left_out: bool) -> FitOptions {
    FitOptions { qualities: vec!["A".to_owned()], left_out }
}

/// Rows of a world in which a fact has another value give that value back.
#[test]
fn a_fit_finds_the_constant_that_made_the_rows() {
    let path = "engine_overheads/v1/worker_step".to_owned();
    let mut truth = Catalog::builtin();
    truth.extend("truth", r#"{"engine_overheads": {"v1": {"worker_step": {"value": 1000}}}}"#).unwrap();
    let asked: Vec<String> = ["1", "4", "16"]
        .iter()
        .flat_map(|open| {
            let arrival = format!("concurrency {open}");
            [("a", "meta-llama/Llama-3.1-8B-Instruct"), ("b", "meta-llama/Llama-3.1-70B-Instruct")].map(
                |(source, model)| {
                    let tp = if source == "a" { "1" } else { "8" };
                    row(open, &[("arrival", &arrival), ("source", source), ("model", model), ("TP", tp)])
                },
            )
        })
        .collect();
    let mut measured = rows(&asked);
    let seen = validate(&truth, &measured, &Monitor::default()).unwrap();
    measured.iter_mut().zip(&seen.rows).for_each(|(row, seen)| row.value = seen.predicted.unwrap());
    let fitted =
        fit_rows(&Catalog::builtin(), &measured, &[path], &options(true), &Monitor::default()).unwrap();
    let found = &fitted.parameters[0];
    // Six rows hold against the pull of the start, not quite.
    assert!((found.after / 1000.0 - 1.0).abs() < 0.12, "{found:?}");
    assert_eq!(fitted.sources, ["a", "b"]);
    let tpot = &fitted.kinds[0];
    assert!(tpot.before.median_abs > 0.04 && tpot.after.median_abs < 0.01, "{tpot:?}");
    assert!(tpot.left_out.unwrap().median_abs < 0.025, "{tpot:?}");
    let mut catalog = Catalog::builtin();
    catalog.extend("overlay", &fitted.overlay.to_string()).unwrap();
    let again = validate(&catalog, &measured, &Monitor::default()).unwrap();
    assert!(again.rows.iter().all(|row| row.error.unwrap().abs() < 0.015));
}

#[test]
fn a_fit_of_what_is_no_fact_is_refused() {
    let refused = |path: &str| {
        let rows = rows(&[row("a", &[]), row("b", &[])]);
        fit_rows(&Catalog::builtin(), &rows, &[path.to_owned()], &options(false), &Monitor::default())
            .unwrap_err()
            .to_string()
    };
    assert!(refused("engine_overheads/v1").contains("expected a number above 0"));
    assert!(refused("engine_overheads/v9/worker_step").contains("no such entry"));
    assert!(refused("engine_overheads/v1/worker_steps").contains("no such fact"));
    // A fact that none of the rows depends on.
    assert!(refused("machines/a4-highgpu-8g/vcpus").contains("about the constants: 0;"));
}

#[test]
fn the_command_prints_rows_groups_and_reasons_and_writes_its_files() {
    let dir = std::env::temp_dir().join(format!("towtank-validate-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let lines = [row("a", &[]), row("b", &[("engine", "SGLang")])].join("\n");
    fs::write(dir.join("rows.csv"), format!("{HEADER}\n{lines}\n")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
        command.current_dir(&dir).arg("validate").args(arguments).output().unwrap()
    };
    let done = run(&["rows.csv", "--out", "out"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains("1 row: not predicted: no engine `SGLang` here"), "{text}");
    let json: Value =
        serde_json::from_slice(&run(&["rows.csv", "--out", "out", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["rows"][1]["predicted"], Value::Null);
    assert!(json["rows"][0]["error"].is_f64() && json["groups"][0]["median_abs"].is_f64());
    let lines = fs::read_to_string(dir.join("out/rows.csv")).unwrap();
    assert!(
        lines.lines().nth(2).unwrap().ends_with("no engine `SGLang` here: expected vLLM or TensorRT-LLM")
    );
    assert!(dir.join("out/summary.json").is_file());
    let svg = fs::read_to_string(dir.join("out/parity.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Time per output token: 1 figures"), "{svg}");
    let bad = run(&["nowhere.csv", "--out", "other"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(!dir.join("other").exists());
    fs::remove_dir_all(&dir).unwrap();
}
