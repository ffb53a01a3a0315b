//! The command line: streams and exit statuses.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

const SCENARIO: &str = "scenarios/llama-3.1-405b-bf16-vs-fp8.yaml";

fn towtank(args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_towtank"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that needs no input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = towtank(args, "");
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_reads_files_and_stdin() {
    assert_eq!(stdout(&["check", SCENARIO]), format!("{SCENARIO}: ok\n"));
    let text = std::fs::read_to_string(SCENARIO).unwrap();
    let output = towtank(&["check", "-"], &text);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "-: ok\n");
    let shown = stdout(&["check", "--show", SCENARIO]);
    assert_eq!(towtank(&["check", "--show", "-"], &shown).stdout, shown.as_bytes());
}

#[test]
fn bad_usage_is_status_2_and_help_is_not() {
    for args in [&["chek"][..], &[], &["check"], &["catalog", "gpu"], &["catalog", "gpus", "H1000"]] {
        assert_eq!(towtank(args, "").status.code(), Some(2), "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["fit", "--help"]] {
        assert_eq!(towtank(args, "").status.code(), Some(0), "{args:?}");
    }
    let output = towtank(&["catalog", "gpu"], "");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: the catalogue has no `gpu`; did you mean `gpus`?\n"
    );
}

#[test]
fn the_catalogue_is_listed_with_sources() {
    assert!(stdout(&["catalog"]).contains("machines"));
    let csv = stdout(&["catalog", "gpus", "H100-SXM5-80GB", "--format", "csv"]);
    assert!(csv.starts_with("fact,value,unit,date,recalled,source,note\n"), "{csv}");
    let json = stdout(&["catalog", "gpus", "H100-SXM5-80GB", "--format", "json"]);
    let facts: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(facts.len(), csv.lines().count() - 1);
    assert!(facts.iter().all(|fact| fact["source"].is_string() && fact["date"].is_string()));
}

#[test]
fn completions_and_schema_are_printed() {
    assert!(stdout(&["completions", "bash"]).contains("towtank"));
    let schema: serde_json::Value = serde_json::from_str(&stdout(&["schema"])).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["properties"]["placements"].is_object());
}

#[test]
fn fit_answers_for_a_scenario_and_for_a_vllm_command() {
    let rows = |args: &[&str]| -> Vec<serde_json::Value> { serde_json::from_str(&stdout(args)).unwrap() };
    let scenario = rows(&["fit", SCENARIO, "--format", "json"]);
    let fp8 = scenario.iter().find(|row| row["placement"] == "fp8-1xa3").unwrap();
    let model = "meta-llama/Llama-3.1-405B-Instruct-FP8";
    let command =
        ["vllm", "serve", model, "--tensor-parallel-size", "8", "--max_model_len=16384", "--port", "80"];
    let machine = ["fit", "--machine", "a3-highgpu-8g", "--format", "json", "--"];
    let same = rows(&[&machine[..], &command].concat());
    for column in ["weights_gib", "other_gib", "kv_cache_gib", "free_gib", "kv_cache_tokens"] {
        assert_eq!(same[0][column], fp8[column], "{column}");
    }
    let bf16 = towtank(
        &[&machine[..], &["vllm", "serve", "meta-llama/Llama-3.1-405B-Instruct", "-tp", "8"]].concat(),
        "",
    );
    assert_eq!(bf16.status.code(), Some(0), "does not fit is an answer");
    let answer: serde_json::Value = serde_json::from_slice(&bf16.stdout).unwrap();
    assert!(answer[0]["reason"].as_str().unwrap().starts_with("CUDA out of memory"), "{answer}");
    assert!(String::from_utf8(bf16.stderr).unwrap().contains("does not fit: CUDA out of memory"));
    let typo = towtank(&[&machine[..], &["vllm", "serve", model, "--max-modl-len", "5"]].concat(), "");
    assert_eq!(typo.status.code(), Some(2));
    assert!(String::from_utf8(typo.stderr).unwrap().contains("did you mean `--max-model-len`?"));
}

#[test]
fn fit_prints_the_lines_of_vllms_log() {
    let text = stdout(&["fit", SCENARIO]);
    for line in [
        "bf16-2xa3-gvnic: llama: GPU KV cache size: 658,352 tokens",
        "bf16-2xa3-gvnic: llama: Maximum concurrency for 16,384 tokens per request: 40.18x",
    ] {
        assert!(text.lines().any(|found| found == line), "{text}");
    }
    let tensorrt = stdout(&[
        "fit",
        SCENARIO,
        "--set",
        "placements[2].deployments[0].engine={backend: tensorrt-llm, tensor_parallel_size: 8}",
    ]);
    assert!(!tensorrt.contains("fp8-1xa3: llama: GPU KV"), "{tensorrt}");
    let text_part = [
        "fit",
        "--machine",
        "a3-highgpu-8g",
        "--",
        "vllm",
        "serve",
        "tests/fixtures/models/gemma-3-27b.json",
    ];
    let output = towtank(&[&text_part[..], &["-tp", "8", "--disable-hybrid-kv-cache-manager"]].concat(), "");
    assert_eq!(output.status.code(), Some(0));
    let remark = "a3-highgpu-8g: vllm is the text part of Gemma3ForConditionalGeneration; its other parts are left out\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), remark);
}

#[test]
fn run_answers_for_a_vllm_command() {
    let dir = std::env::temp_dir().join(format!("towtank-command-{}", std::process::id()));
    let machine =
        ["run", "--machine", "a3-highgpu-8g", "--out", dir.to_str().unwrap(), "--format", "json", "--quiet"];
    let serve = ["--", "vllm", "serve", "meta-llama/Llama-3.1-8B-Instruct", "--max-model-len", "8k"];
    let traffic = ["--rate", "2/s", "--lengths", "500:20", "--duration", "50s", "--seed", "7"];
    let summary: serde_json::Value =
        serde_json::from_str(&stdout(&[&machine[..], &traffic, &serve].concat())).unwrap();
    assert_eq!((&summary["scenario"], &summary["seed"]), (&"vllm-serve".into(), &7.into()));
    let placement = &summary["placements"][0];
    let completed = placement["requests"]["completed"].as_u64().unwrap();
    assert!((50..110).contains(&completed), "ten seconds of fifty are warm-up: {completed}");
    assert_eq!(placement["tokens"]["input"], 500 * completed);
    assert!(placement["cost"]["usd_per_hour"].as_f64().unwrap() > 0.0, "the catalogue has a price");
    assert!(dir.join("requests.csv").is_file());
    std::fs::remove_dir_all(&dir).unwrap();
    let refused = |args: &[&str]| {
        let output = towtank(&[args, &serve].concat(), "");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let machine = ["run", "--machine", "a3-highgpu-8g"];
    for (flags, message) in [
        (&["--lengths", "500:"][..], "`` is not a number of tokens"),
        (&["--lengths", "chatty"], "did you mean `chat`?"),
        (&["--rate", "2"], "invalid value '2' for '--rate <R>'"),
        (&["--duration", "0s"], "--duration: "),
    ] {
        let error = refused(&[&machine[..], flags].concat());
        assert!(error.contains(message), "{flags:?}: {error}");
    }
    assert!(refused(&["run", "--machine", "a3-hihgpu-8g"]).contains("--machine: "));
    assert!(refused(&["run", SCENARIO, "--machine", "a3-highgpu-8g"]).contains("cannot be used with"));
    let alone = towtank(&["run", SCENARIO, "--rate", "2/s"], "");
    assert_eq!(alone.status.code(), Some(2), "a scenario has its own traffic");
}

#[test]
fn run_refuses_what_would_mislead_before_it_writes() {
    let refused = |args: &[&str]| {
        let output = towtank(args, "");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let dir = std::env::temp_dir().join(format!("towtank-cli-{}", std::process::id()));
    let out = dir.to_str().unwrap();
    let (status, text) = refused(&["run", SCENARIO, SCENARIO, "--out", out]);
    assert_eq!(status, Some(2));
    assert!(text.contains("two scenarios would write to"), "{text}");
    let (status, text) = refused(&[
        "run",
        SCENARIO,
        "--set",
        "slo={}",
        "--set",
        "find_rate=false",
        "--fail-on-slo",
        "--out",
        out,
    ]);
    assert_eq!(status, Some(2));
    assert!(text.contains("has no slo"), "{text}");
    assert!(!dir.exists());
    let (status, text) = refused(&["run", SCENARIO, "--out", "Cargo.toml/results"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("cannot write Cargo.toml/results: "), "{text}");
}

#[test]
fn a_rate_that_cannot_be_found_is_said() {
    let closed = ["check", "scenarios/closed-loop.yaml", "--set", "find_rate=true"];
    let refused = towtank(&closed, "");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("no workload has an arrival rate"));
    let dir = std::env::temp_dir().join(format!("towtank-no-rate-{}", std::process::id()));
    let mut run = vec!["run", "scenarios/llama-3.1-8b-one-gpu.yaml", "--format", "json", "--out"];
    run.push(dir.to_str().unwrap());
    for set in ["duration=20s", "warmup=1s", "slo={tpot_p95: 1us}"] {
        run.extend(["--set", set]);
    }
    let summary: serde_json::Value = serde_json::from_str(&stdout(&run)).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let placement = &summary["placements"][0];
    assert_eq!(placement["capacity"]["max_requests_per_s_at_slo"], 0.0);
    assert_eq!(placement["capacity"]["limited_by"], "tpot_p95 (step time)");
    assert!(placement["cost"].get("at_capacity").is_none(), "there is no load to share the bill");
}
