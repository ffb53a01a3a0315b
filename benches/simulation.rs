//! Whole simulations: requests a second of one core, figures only (no rows, no timeline).
//!
//! `cargo bench --bench simulation` prints elements (requests) a second. Instruction counts that do not depend on what
//! else the machine does: `valgrind --tool=callgrind` on the built bench with `--bench --test`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicU64};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use towtank::catalog::Catalog;
use towtank::scenario::{Resolved, ScenarioFile};
use towtank::simulation::{Options, Watch, simulate};

const REQUESTS: u64 = 20_000;

/// 512 tokens in, 256 out; Poisson arrivals.
fn scenario(rate: &str, placement: &str) -> Resolved {
    let text = format!(
        "
name: bench
workloads:
  - name: w
    arrivals: {{process: poisson, rate: {rate}}}
    lengths: {{input: 512, output: 256}}
    num_prompts: {REQUESTS}
placements:
  - name: p
{placement}
"
    );
    let file = ScenarioFile::parse("bench.yaml", &text, std::path::Path::new("."), &[]).unwrap();
    file.resolve(&Catalog::builtin()).unwrap()
}

const ONE_H100: &str = "
    node_pools: [{name: a3, machine: a3-highgpu-1g, nodes: 1}]
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: \"0.33\", max_num_seqs: 256, max_model_len: 8192}
        leaderworkerset: {replicas: 1, leaderWorkerTemplate: {size: 1}}
";

const TWO_NODES: &str = "
    node_pools: [{name: a3, machine: a3-highgpu-8g, nodes: 2, network: gpudirect-tcpx}]
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-70B-Instruct
        engine:
          version: \"0.33\"
          tensor_parallel_size: 8
          pipeline_parallel_size: 2
          distributed_executor_backend: ray
          max_model_len: 8192
        leaderworkerset: {replicas: 1, leaderWorkerTemplate: {size: 2}}
";

fn run(resolved: &Resolved) {
    let (progress, interrupted) = (AtomicU64::new(0), AtomicBool::new(false));
    let watch = Watch { progress: &progress, interrupted: &interrupted };
    simulate(resolved, &resolved.placements[0], &Options::figures(1.0), &watch).unwrap();
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    group.throughput(Throughput::Elements(REQUESTS)).sample_size(10);
    for (name, rate, placement) in [
        ("8b-one-h100-20-per-s", "20/s", ONE_H100),
        ("8b-one-h100-overloaded", "100/s", ONE_H100),
        ("70b-tp8-pp2-20-per-s", "20/s", TWO_NODES),
    ] {
        let resolved = scenario(rate, placement);
        group.bench_function(name, |bencher| bencher.iter(|| run(&resolved)));
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
