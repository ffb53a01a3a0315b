//! What goes in comes out: requests, tokens, blocks, hours and dollars over random small scenarios.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::ChaCha12Rng};
use towtank::{
    metrics::{Outcome, Simulated},
    report::{Summary, SummaryHead},
    scenario::Resolved,
};

use super::runs;

const ROUTERS: [&str; 6] =
    ["service", "round-robin", "least-requests", "least-kv", "prefix-affinity", "inference-gateway"];

/// Two deployments, one of them with two groups and one cut into stages, and a node to spare.
fn placement(rng: &mut ChaCha12Rng, caching: bool) -> String {
    let version = ["0.8.5", "0.11", "0.20", "0.27", "0.33"][rng.random_range(0..5)];
    let blocks = [140, 200, 2000][rng.random_range(0..3)];
    let stages = rng.random_range(1..=2);
    let policy = ["fcfs", "priority"][rng.random_range(0..2)];
    format!(
        r#"
placements:
  - name: both
    node_pools:
      - {{name: a3, machine: a3-highgpu-8g, nodes: 3}}
    deployments:
      - name: small
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {{version: "{version}", max_model_len: 2048, num_gpu_blocks_override: {blocks}, max_num_seqs: 16,
                 enable_prefix_caching: {caching}, scheduling_policy: {policy}}}
        leaderworkerset: {{replicas: 2}}
      - name: cut
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {{version: "{version}", max_model_len: 2048, num_gpu_blocks_override: 300, tensor_parallel_size: 4,
                 pipeline_parallel_size: {stages}, max_num_batched_tokens: 512, enable_prefix_caching: {caching}}}
"#
    )
}

/// Open, closed and limited traffic; impatient clients if asked for.
fn scenario(seed: u64, impatient: bool, drain: bool, caching: bool) -> String {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let router = ROUTERS[seed as usize % ROUTERS.len()];
    let rate = rng.random_range(5..60);
    let users = rng.random_range(1..30);
    let limit = rng.random_range(1..12);
    let client = if impatient { "timeout: 700ms, retries: 2, backoff: 200ms" } else { "retries: 0" };
    let placement = placement(&mut rng, caching);
    format!(
        r"
name: random
seed: {seed}
duration: 6s
drain: {drain}
router: {router}
workloads:
  - name: open
    arrivals: {{process: poisson, rate: {rate}/s}}
    lengths: {{input: {{uniform: [1, 900]}}, output: {{uniform: [1, 300], stop: length}}}}
    client: {{{client}}}
  - name: closed
    arrivals: {{process: closed-loop, concurrency: {users}, think_time: {{mean: 300ms}}}}
    lengths: {{input: {{uniform: [100, 400]}}, output: {{uniform: [1, 60], stop: length}}}}
    client: {{{client}}}
    priority: 1
  - name: limited
    arrivals: {{process: gamma, rate: 10/s, burstiness: 0.5}}
    lengths: {{input: 200, output: 50}}
    client: {{{client}, max_concurrency: {limit}}}
  - name: hopeless
    arrivals: {{process: constant, rate: 1/s}}
    lengths: {{input: {{uniform: [1500, 2500]}}, output: 10}}
{placement}"
    )
}

/// Every request is counted once, rows and figures agree.
fn requests_and_tokens(run: &Simulated) {
    let rows = run.metrics.rows();
    for workload in 0..4 {
        let class = run.metrics.class(workload);
        let counts = class.requests;
        let ended = |outcome| {
            let mine = rows.iter().filter(|row| row.workload == workload && row.outcome == outcome);
            mine.count() as u64
        };
        assert_eq!(counts.arrived, counts.completed + counts.failed + counts.rejected + counts.unfinished);
        assert_eq!(counts.completed, ended(Outcome::Completed));
        assert_eq!(counts.failed, ended(Outcome::TimedOut) + ended(Outcome::Failed));
        assert_eq!(counts.timed_out, ended(Outcome::TimedOut));
        assert_eq!(counts.rejected, ended(Outcome::Rejected));
        assert_eq!(counts.unfinished, ended(Outcome::Unfinished));
        let completed =
            || rows.iter().filter(|row| row.workload == workload && row.outcome == Outcome::Completed);
        assert_eq!(class.tokens.output, completed().map(|row| u64::from(row.output_tokens)).sum::<u64>());
        assert_eq!(class.tokens.input, completed().map(|row| u64::from(row.input_tokens)).sum::<u64>());
        assert_eq!(class.tokens.cached, completed().map(|row| u64::from(row.cached_tokens)).sum::<u64>());
    }
    let mut names: Vec<String> = rows.iter().map(|row| row.name.to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), rows.len(), "a request has one row");
    for row in rows {
        assert!(row.wanted <= row.first_sent && row.first_sent <= row.queued && row.queued <= row.end);
        assert!(row.scheduled.is_none_or(|at| row.queued <= at && at <= row.end), "{row:?}");
        assert!(row.first_token.is_none_or(|at| row.queued <= at && at <= row.end), "{row:?}");
        assert!(row.input_tokens < 2048 || row.outcome == Outcome::Rejected, "{row:?}");
    }
}

/// Node time is nodes times the run; what stages worked is what prompts and answers took; the bill is shared whole.
fn hours_and_dollars(resolved: &Resolved, run: &Simulated) {
    let paid = run.cost.node_time.paid();
    assert_eq!(paid, u128::from(run.end.as_nanos()) * u128::from(run.cost.nodes));
    let worked = (run.cost.prefill + run.cost.decode).as_secs_f64();
    let busy: f64 = run
        .deployments
        .iter()
        .map(|deployment| {
            let fraction: f64 = deployment.engine.stage_busy_fraction.iter().sum();
            fraction * deployment.groups as f64 * run.end.as_secs_f64()
        })
        .sum();
    assert!(worked > 0.0 && (worked - busy).abs() < 1e-6 * busy, "{worked} s against {busy} s");
    let result = towtank::metrics::PlacementResult {
        name: "both".to_owned(),
        status: towtank::metrics::PlacementStatus::Ok(Box::new(run.clone())),
        capacity: None,
        rare_events: None,
    };
    let head = SummaryHead { scenario: "random", seed: resolved.seed, calibrated_on: None, has_slo: false };
    let summary = serde_json::to_value(Summary::new(&head, &[result])).unwrap();
    let cost = &summary["placements"][0]["cost"];
    let unit =
        |name: &str| cost["at_offered_load"][name].as_f64().unwrap_or_else(|| panic!("{name}: {cost}"));
    let tokens = run.metrics.overall().tokens;
    let input = unit("usd_per_million_input_tokens") * tokens.input as f64;
    let output = unit("usd_per_million_output_tokens") * tokens.output as f64;
    let whole = 1e6 * run.cost.usd_per_hour * run.end.as_secs_f64() / 3600.0;
    assert!(
        whole > 0.0 && (input + output - whole).abs() < 1e-6 * whole,
        "{input} + {output} against {whole}"
    );
}

/// No group forgets a token or computes one twice, but for those that preemption cost.
pub(crate) fn scheduled_once(run: &Simulated) {
    let mut scheduled = BTreeMap::<&str, u64>::new();
    for (name, tokens) in run.metrics.steps().iter().flat_map(|step| &step.scheduled) {
        *scheduled.entry(name).or_default() += u64::from(*tokens);
    }
    let recomputed: u64 = run.deployments.iter().map(|deployment| deployment.engine.recomputed_tokens).sum();
    let mut again = 0;
    for row in run.metrics.rows().iter().filter(|row| row.outcome == Outcome::Completed) {
        // The last token of an answer is sampled, never computed.
        let once = u64::from(row.input_tokens - row.cached_tokens + row.output_tokens - 1);
        let all = scheduled.remove(row.name.to_string().as_str()).unwrap();
        assert!(all >= once && (row.preemptions > 0 || all == once), "{row:?}: {all} scheduled");
        again += all - once;
    }
    assert!(scheduled.is_empty(), "{scheduled:?} belongs to nobody");
    assert_eq!(again, recomputed);
}

#[test]
fn patient_clients_get_every_token_once() {
    let (mut preemptions, mut rejected) = (0, 0);
    for seed in 0..18 {
        let resolved = runs::resolved(&scenario(seed, false, true, false), &[]);
        let run = runs::run(&resolved, 0);
        requests_and_tokens(&run);
        hours_and_dollars(&resolved, &run);
        scheduled_once(&run);
        let counts = run.metrics.overall().requests;
        assert_eq!((counts.failed, counts.unfinished), (0, 0));
        rejected += counts.rejected;
        let engines = run.deployments.iter().map(|deployment| &deployment.engine);
        preemptions += engines.map(|engine| engine.preemptions).sum::<u64>();
    }
    assert!(preemptions > 0 && rejected > 0, "pools are meant to be tight, some prompts too long");
}

#[test]
fn impatient_clients_are_counted_once_too() {
    let (mut timed_out, mut retried, mut cut) = (0, 0, 0);
    for seed in 100..118 {
        let resolved = runs::resolved(&scenario(seed, true, seed % 3 > 0, seed % 2 > 0), &[]);
        let run = runs::run(&resolved, 0);
        requests_and_tokens(&run);
        hours_and_dollars(&resolved, &run);
        let counts = run.metrics.overall().requests;
        assert_eq!(counts.unfinished == 0, resolved.drain);
        timed_out += counts.timed_out;
        retried += counts.retried;
        cut += counts.cut_mid_stream;
    }
    assert!(timed_out > cut && cut > 0 && retried > 0, "{timed_out} {cut} {retried}");
}

/// Writing steps down walks every step by itself and gives no request the number of an earlier one.
#[test]
fn looking_at_steps_changes_nothing() {
    for seed in 200..218 {
        let resolved = runs::resolved(&scenario(seed, seed % 3 > 0, seed % 4 > 0, seed % 2 > 0), &[]);
        let [seen, unseen] = [true, false].map(|steps| {
            let run = runs::run_keeping(&resolved, 0, steps);
            let rows: BTreeMap<_, _> =
                run.metrics.rows().iter().map(|row| (row.name.to_string(), row.clone())).collect();
            (rows, run.metrics.timeline().to_vec(), run.end, run.deployments, run.cost)
        });
        for (name, row) in &seen.0 {
            assert_eq!(row, &unseen.0[name], "seed {seed}");
        }
        assert!(seen == unseen, "seed {seed}");
    }
}
