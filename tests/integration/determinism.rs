//! Same inputs, same bytes: again, with more threads, and next to other placements.

use std::{collections::BTreeMap, fs, path::Path};

use towtank::{
    metrics::KeepRows,
    report::{FileOptions, Summary, SummaryHead, TraceWindow, draw_report, write_run},
    scenario::Resolved,
    study::{self, Monitor, RunOptions},
};

use super::runs;

const SCENARIO: &str = r#"
name: determinism
seed: 11
duration: 20s
warmup: 2s
find_rate: true
slo: {ttft_p95: 2s, tpot_p95: 80ms}
router: inference-gateway
workloads:
  - name: open
    arrivals: {process: gamma, rate: 8/s, burstiness: 0.7}
    lengths: {input: {uniform: [50, 900]}, output: {uniform: [5, 150]}}
    prefixes: {shared_tokens: 100, groups: 5}
    client: {timeout: 4s, retries: 2, backoff: 300ms}
  - name: talk
    arrivals: {process: poisson, rate: 1/s}
    lengths: {input: 100, output: 60}
    prefixes: {turns: {count: {uniform: [1, 4]}, think_time: {mean: 1s}, max_context: 2000}}
placements:
  - name: first
    node_pools:
      - {name: a3, machine: a3-highgpu-8g}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.33", max_model_len: 4096, num_gpu_blocks_override: 500}
        leaderworkerset: {replicas: 3}
  - name: second
    node_pools:
      - {name: a3, machine: a3-highgpu-8g}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-70B-Instruct
        engine: {version: "0.11", max_model_len: 4096, tensor_parallel_size: 4, pipeline_parallel_size: 2}
  - name: third
    node_pools:
      - {name: a3, machine: a3-highgpu-8g, nodes: 2}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.20", max_model_len: 4096, enable_prefix_caching: false}
        leaderworkerset: {replicas: 2}
"#;

/// Every file a run writes, by its path, as `towtank run --jobs <jobs>` makes them.
pub(crate) fn files(name: &str, resolved: &Resolved, jobs: usize) -> BTreeMap<String, Vec<u8>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().unwrap();
    let options = RunOptions { rows: KeepRows::All, steps: true, ..RunOptions::default() };
    let result = pool.install(|| study::run(resolved, &options, &Monitor::default()));
    let head =
        SummaryHead { scenario: &resolved.name, seed: resolved.seed, calibrated_on: None, has_slo: true };
    let summary = Summary::new(&head, &result.placements);
    let dir = std::env::temp_dir().join(format!("towtank-{name}-{}", std::process::id()));
    let written = FileOptions { requests: true, steps: true, trace: Some(TraceWindow::ALL) };
    write_run(&dir, "name: s\n", &summary, &result.placements, written).unwrap();
    draw_report(&dir).unwrap();
    let mut files = BTreeMap::new();
    read(&dir, &dir, &mut files);
    fs::remove_dir_all(&dir).unwrap();
    files
}

fn read(root: &Path, dir: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else {
            files.insert(path.strip_prefix(root).unwrap().display().to_string(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn repeats_and_threads_change_no_byte() {
    let resolved = runs::resolved(SCENARIO, &[]);
    let first = files("jobs-1", &resolved, 1);
    let (plots, names): (Vec<&str>, Vec<&str>) =
        first.keys().map(String::as_str).partition(|name| name.starts_with("plots/"));
    assert!(plots.len() >= 10, "{plots:?}");
    assert_eq!(
        names,
        [
            "events.jsonl",
            "first/vllm_bench.json",
            "report.html",
            "requests.csv",
            "scenario.yaml",
            "second/vllm_bench.json",
            "steps.jsonl",
            "summary.json",
            "third/vllm_bench.json",
            "timeline.csv",
            "trace.json"
        ]
    );
    let whole = |(name, content): (&String, &Vec<u8>)| name == "scenario.yaml" || content.len() > 500;
    assert!(first.iter().all(whole));
    for (name, jobs) in [("again", 1), ("jobs-4", 4)] {
        let other = files(name, &resolved, jobs);
        for (path, content) in &first {
            assert!(other[path] == *content, "{path} differs: {name}");
        }
        assert_eq!(other.len(), first.len());
    }
    let reseeded = runs::resolved(SCENARIO, &["seed=12", "find_rate=false"]);
    assert!(files("seed", &reseeded, 4)["requests.csv"] != first["requests.csv"]);
}

/// Placements share their random numbers and nothing else.
#[test]
fn a_placement_does_not_notice_the_others() {
    let resolved = runs::resolved(SCENARIO, &["find_rate=false"]);
    let mut alone = resolved.clone();
    alone.placements.drain(..2);
    let (together, alone) = (runs::run(&resolved, 2), runs::run(&alone, 0));
    assert_eq!(together.metrics.rows(), alone.metrics.rows());
    assert_eq!(together.metrics.timeline(), alone.metrics.timeline());
    // Of the open class every placement gets the same requests at the same times.
    let asked = |run: &towtank::metrics::Simulated| {
        let rows = run.metrics.rows().iter().filter(|row| row.workload == 0);
        rows.map(|row| (row.name.to_string(), (row.wanted, row.input_tokens))).collect::<BTreeMap<_, _>>()
    };
    let others = [runs::run(&resolved, 0), runs::run(&resolved, 1)];
    assert!(others.iter().all(|other| asked(other) == asked(&together)) && asked(&together).len() > 100);
}
