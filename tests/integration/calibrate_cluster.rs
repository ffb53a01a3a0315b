//! Runs of a cluster that is known come back as what it is.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;
use towtank::{
    catalog::Catalog,
    report::vllm_bench,
    scenario::ScenarioFile,
    study::{ClusterCalibration, ClusterError, ClusterInputs, Monitor, calibrate_cluster},
};

use super::runs;

fn scenario(model: &str, pool: &str, engine: &str, pods: u32) -> String {
    format!(
        "
name: cluster
duration: 30s
workloads:
  - name: chat
    arrivals: {{process: poisson, rate: 4/s}}
    lengths: {{input: {{uniform: [500, 1500]}}, output: {{uniform: [100, 300]}}}}
placements:
  - name: one
    node_pools: [{{name: a3, {pool}}}]
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/{model}
        engine: {{max_model_len: 4096, {engine}}}
        leaderworkerset: {{leaderWorkerTemplate: {{size: {pods}}}}}
"
    )
}

fn one_gpu() -> String {
    scenario("Llama-3.1-8B-Instruct", "machine: a3-highgpu-1g", "", 1)
}

/// A directory of its own for a test, with `scenario.yaml` in it.
fn place(name: &str, scenario: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("towtank-cluster-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("scenario.yaml"), scenario).unwrap();
    dir
}

/// Runs of a cluster that is `factors` (prefill, decode, network, host) as slow as modelled, at several loads and under another
/// seed than the calibration will have: the result files.
fn measure(dir: &std::path::Path, factors: [f64; 4]) -> Vec<PathBuf> {
    let cluster: serde_json::Map<_, _> = ["prefill", "decode", "network", "host"]
        .into_iter()
        .zip(factors)
        .map(|(name, value)| (name.to_owned(), serde_json::json!({"value": value})))
        .collect();
    let mut catalog = Catalog::builtin();
    let overlay = serde_json::json!({"multipliers": {"cluster": cluster}});
    catalog.extend("truth", &overlay.to_string()).unwrap();
    let loads = [("1", 24), ("8", 48), ("64", 256)];
    let run = |(clients, prompts): (&str, u32)| {
        let sets = [
            "seed=7".to_owned(),
            "duration=null".to_owned(),
            "workloads[0].arrivals={process: all-at-once}".to_owned(),
            format!("workloads[0].num_prompts={prompts}"),
            format!("workloads[0].client.max_concurrency={clients}"),
        ];
        let file = ScenarioFile::read(&dir.join("scenario.yaml"), &sets).unwrap();
        let simulated = runs::run_keeping(&file.resolve(&catalog).unwrap(), 0, false);
        let path = dir.join(format!("c{clients}.json"));
        fs::write(&path, vllm_bench(&simulated).to_string()).unwrap();
        path
    };
    loads.into_iter().map(run).collect()
}

fn calibrate(dir: &std::path::Path, files: &[PathBuf]) -> Result<ClusterCalibration, ClusterError> {
    let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    let scenario = dir.join("scenario.yaml");
    let inputs = ClusterInputs { scenario: &scenario, sets: &[], placement: None, files: &files };
    calibrate_cluster(&Catalog::builtin(), &inputs, &Monitor::default())
}

/// Calibrates on a cluster of which `factors` are known; `identified` says which of them its runs must tell, and the rest is 1.
fn round_trip(name: &str, scenario: &str, factors: [f64; 4], identified: [bool; 4], within: f64) {
    let dir = place(name, scenario);
    let files = measure(&dir, factors);
    let found = calibrate(&dir, &files).unwrap();
    assert_eq!(found.multipliers.map(|of| of.identified), identified, "{found:?}");
    for (of, real) in found.multipliers.iter().zip(factors) {
        assert!((of.value / real - 1.0).abs() < within, "{}: {} for {real}", of.name, of.value);
        assert!(of.identified || of.value.total_cmp(&1.0).is_eq(), "{of:?}");
    }
    let worst = |of: fn(&towtank::study::Comparison) -> f64| {
        let errors = found.comparisons.iter().map(|row| (of(row) / row.measured - 1.0).abs());
        errors.fold(0.0, f64::max)
    };
    let (before, after) = (worst(|row| row.before), worst(|row| row.after));
    assert!(before > 0.1 && after < 0.4 * before, "{before} before, {after} after");
    assert_eq!(found.comparisons.len(), 12);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn one_gpu_tells_prompts_and_answers() {
    round_trip("gpu", &one_gpu(), [1.3, 0.8, 1.0, 1.0], [true, true, false, false], 0.05);
}

#[test]
fn ranks_on_two_machines_tell_the_network() {
    let pool = "machine: a3-highgpu-1g, nodes: 2";
    let engine = "tensor_parallel_size: 2, distributed_executor_backend: ray";
    let text = scenario("Llama-3.1-8B-Instruct", pool, engine, 2);
    round_trip("network", &text, [1.0, 1.0, 1.6, 1.0], [false, false, true, false], 0.05);
}

#[test]
fn short_steps_tell_the_host() {
    let text = scenario("Llama-3.1-8B-Instruct", "machine: a3-highgpu-8g", "tensor_parallel_size: 8", 1);
    // As `--random-input-len` and `--random-output-len` send them: nothing is left to chance.
    let drawn = "{input: {uniform: [500, 1500]}, output: {uniform: [100, 300]}}";
    let text = text.replace(drawn, "{input: 1000, output: 200}");
    round_trip("host", &text, [1.2, 0.9, 1.0, 1.6], [true, true, false, true], 0.05);
}

#[test]
fn runs_that_do_not_belong_to_the_scenario_are_refused() {
    let dir = place("refused", &one_gpu());
    let files = measure(&dir, [1.0; 4]);
    let refused = |scenario: &str, edit: &dyn Fn(&mut Value)| {
        fs::write(dir.join("scenario.yaml"), scenario).unwrap();
        let mut bench: Value = serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap();
        edit(&mut bench);
        let path = dir.join("run.json");
        fs::write(&path, bench.to_string()).unwrap();
        calibrate(&dir, &[path]).unwrap_err().to_string()
    };
    let longer = refused(&one_gpu(), &|bench| {
        let tokens = bench["total_input_tokens"].as_u64().unwrap();
        bench["total_input_tokens"] = (2 * tokens).into();
    });
    assert!(
        longer.starts_with("run.json: mean prompts of ") && longer.ends_with("not a run of this scenario"),
        "{longer}"
    );
    let named = refused(&one_gpu(), &|bench| bench["request_rate"] = "fast".into());
    assert!(
        named.contains("run.json: `request_rate` is \"fast\": expected requests a second, or \"inf\""),
        "{named}"
    );
    let two = one_gpu().replace("placements:\n", "placements:\n  - {name: other, node_pools: [{name: a3, machine: a3-highgpu-1g}], deployments: [{name: a, node_pool: a3, model: m}]}\n");
    let two = refused(&two, &|_| ());
    assert!(
        two.contains(
            "placements: there are several: say which one the runs came from, --placement other or one"
        ),
        "{two}"
    );
    let listed = one_gpu().replace("    arrivals: {process: poisson, rate: 4/s}\n    lengths: {input: {uniform: [500, 1500]}, output: {uniform: [100, 300]}}\n", "    requests: [{arrival: 0s, input_tokens: 5, output_tokens: 5}]\n");
    let listed = refused(&listed, &|_| ());
    assert!(listed.contains("workloads[0]: expected `arrivals` and `lengths`"), "{listed}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_command_writes_what_a_scenario_can_carry() {
    let dir = place("command", &one_gpu());
    let files = measure(&dir, [1.3, 0.8, 1.0, 1.0]);
    let towtank = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_towtank")).current_dir(&dir).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
        (String::from_utf8(output.stdout).unwrap(), error)
    };
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    let arguments =
        [&["calibrate", "--scenario", "scenario.yaml", "--out", "mine.json"], &names[..]].concat();
    let (printed, error) = towtank(&arguments);
    assert!(error.contains("written to mine.json"), "{error}");
    let lines: Vec<Vec<&str>> = printed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["run", "metric", "measured", "before", "error_before", "after", "error_after"]);
    assert!(lines.iter().any(|line| line[..] == ["network", "1.0", "no"]), "{printed}");
    assert!(lines.iter().any(|line| line.len() == 3 && line[0] == "decode" && line[2] == "yes"), "{printed}");
    // vllm_bench.json has no date of its own.
    let text =
        "calibrated on 3 runs of vllm bench serve, 1970-01-01: c1.json, c8.json, c64.json (prefill x1.";
    for source in ["--catalog=mine.json", "--set=calibration=mine.json"] {
        let (table, _) = towtank(&["run", "scenario.yaml", "--quiet", source]);
        // The table wraps.
        assert!(table.split_whitespace().collect::<Vec<_>>().join(" ").contains(text), "{table}");
        let summary: Value =
            serde_json::from_slice(&fs::read(dir.join("results/cluster/summary.json")).unwrap()).unwrap();
        let said = summary["calibrated_on"].as_str().unwrap();
        assert!(said.starts_with(text.strip_prefix("calibrated on ").unwrap()), "{said}");
    }
    fs::remove_dir_all(dir).unwrap();
}
