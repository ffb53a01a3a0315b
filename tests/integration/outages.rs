//! What happens to requests when the engine that has them stands still, ends, or is told to.

use proptest::prelude::*;
use towtank::{
    metrics::{Event, Outcome, RequestRecord, Simulated},
    units::{SimDuration, SimTime},
};

use super::runs;

/// Groups of one GPU each that start within 50 s, under the given fields.
fn scenario(head: &str, client: &str, groups: u32, deployment: &str) -> String {
    format!(
        r#"
name: outages
duration: 10m
{head}
workloads:
  - name: chat
    arrivals: {{process: poisson, rate: 12/s}}
    lengths: {{input: {{uniform: [50, 900]}}, output: {{uniform: [20, 300], stop: length}}}}
    client: {{{client}}}
placements:
  - name: one
    node_pools:
      - {{name: a3, machine: a3-highgpu-1g, nodes: {groups}, provisioning: spot}}
    startup: {{image_pull: 5s, container_start: 5s, distributed_init: 5s, weight_load: 10s, compile: 5s, graph_capture: 5s, node_ready: 60s}}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {{version: "0.33", max_model_len: 4096}}
        leaderworkerset: {{replicas: {groups}}}
        {deployment}
"#
    )
}

fn run(head: &str, client: &str, groups: u32, deployment: &str) -> Simulated {
    runs::run_keeping(&runs::resolved(&scenario(head, client, groups, deployment), &[]), 0, false)
}

fn at(seconds: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs_f64(seconds)
}

fn events<'a>(run: &'a Simulated, kind: &'a str) -> impl Iterator<Item = &'a Event> {
    run.metrics.events().iter().filter(move |event| event.kind == kind)
}

fn when(run: &Simulated, kind: &str, nth: usize) -> f64 {
    events(run, kind).nth(nth).unwrap_or_else(|| panic!("no {kind} number {nth}")).at.as_secs_f64()
}

/// Every request ends once, every node hour is at something, every dollar is for a node hour.
fn adds_up(run: &Simulated) {
    let overall = run.metrics.overall();
    let requests = &overall.requests;
    assert_eq!(
        requests.arrived,
        requests.completed + requests.failed + requests.rejected + requests.unfinished
    );
    assert!(requests.timed_out <= requests.failed && requests.cut_mid_stream <= requests.failed);
    let mut names: Vec<String> = run.metrics.rows().iter().map(|row| row.name.to_string()).collect();
    let rows = names.len() as u64;
    names.sort();
    names.dedup();
    assert_eq!((names.len() as u64, rows), (rows, requests.arrived), "each request has one end");
    let time = &run.cost.node_time;
    let usd = time.paid() as f64 / 1e9 / 3600.0 * run.cost.usd_per_hour / f64::from(run.cost.nodes);
    assert!((usd - run.cost.usd_total).abs() <= 1e-9 * usd.max(1.0), "{usd} {}", run.cost.usd_total);
}

#[test]
fn a_crash_cuts_streams_and_what_had_no_token_yet_is_asked_for_again() {
    let crash = "timeline: [{at: 2m, fail: {container: llama-0}}]";
    let run = run(crash, "retries: 20, backoff: 1s", 1, "");
    adds_up(&run);
    let cut: Vec<&RequestRecord> =
        run.metrics.rows().iter().filter(|row| row.outcome == Outcome::Failed).collect();
    assert!(!cut.is_empty(), "some stream was open");
    assert!(cut.iter().all(|row| row.end == at(120.0) && row.first_token.is_some() && row.attempts == 1));
    // The container starts again at once, and the group is recreated: nobody answers until it is ready.
    let back = when(&run, "group_ready", 1);
    assert!((150.0..190.0).contains(&back), "{back}");
    let retried = run.metrics.rows().iter().filter(|row| row.attempts > 1);
    assert!(retried.clone().count() > 50);
    assert!(
        retried.clone().all(|row| row.outcome == Outcome::Completed && row.first_token >= Some(at(back)))
    );
    assert!((run.availability.by_cause["engine"].recoveries - 1.0).abs() < 1e-9);
    let recovery = run.availability.mean_time_to_recover_s.unwrap();
    assert!((recovery - (back - 120.0)).abs() < 1e-6, "from the fault, not from when it was noticed");
    assert!((run.availability.fraction - (1.0 - recovery / run.end.as_secs_f64())).abs() < 1e-9);
    assert!(run.availability.backlog_drain.is_some_and(|drain| drain.mean_s > 0.0));
}

#[test]
fn without_an_endpoint_connections_are_refused_at_once() {
    let crash = "timeline: [{at: 2m, fail: {container: llama-0}}]";
    let run = run(crash, "retries: 0", 1, "");
    adds_up(&run);
    let back = when(&run, "group_ready", 1);
    let refused = |row: &&RequestRecord| row.wanted > at(120.0) && row.wanted < at(back);
    let refused: Vec<&RequestRecord> = run.metrics.rows().iter().filter(refused).collect();
    assert!(refused.len() > 50);
    assert!(refused.iter().all(|row| row.outcome == Outcome::Failed && row.end == row.wanted));
    assert!(refused.iter().all(|row| row.group.is_none() && row.output_tokens == 0));
}

#[test]
fn a_second_group_takes_over_what_comes_new() {
    let crash = "timeline: [{at: 2m, fail: {container: llama-0}}]\nrouter: round-robin";
    let run = run(crash, "retries: 1, backoff: 100ms", 2, "");
    adds_up(&run);
    assert_eq!((run.availability.fraction, run.availability.downtime_s), (1.0, 0.0));
    let back = when(&run, "group_ready", 2);
    let away = |row: &&RequestRecord| row.wanted > at(121.0) && row.wanted < at(back - 1.0);
    assert!(run.metrics.rows().iter().filter(away).all(|row| row.group == Some(1)));
    assert!(run.metrics.rows().iter().any(|row| row.wanted > at(back + 1.0) && row.group == Some(0)));
    let lost = 1.0 - run.availability.capacity_fraction;
    assert!((lost - 0.5 * (back - 120.0) / run.end.as_secs_f64()).abs() < 1e-9, "half the groups were away");
}

#[test]
fn a_hang_stays_behind_a_green_probe_until_the_rpc_times_out() {
    let hang = "timeline: [{at: 2m, fail: {hang: llama-0}}]\nrouter: round-robin";
    // Two processes an engine: the one that hangs is missed by the other.
    let text = scenario(hang, "timeout: 20s, retries: 0", 2, "")
        .replace("a3-highgpu-1g", "a3-highgpu-2g")
        .replace("max_model_len: 4096", "max_model_len: 4096, tensor_parallel_size: 2");
    let run = runs::run_keeping(&runs::resolved(&text, &[]), 0, false);
    adds_up(&run);
    let down = when(&run, "pod_restarting", 0);
    assert!((down - 420.0).abs() < 1e-9, "300 s after the hang, not {down}");
    let sent_there =
        |row: &&RequestRecord| row.group == Some(0) && row.wanted > at(121.0) && row.wanted < at(395.0);
    let sent_there: Vec<&RequestRecord> = run.metrics.rows().iter().filter(sent_there).collect();
    assert!(sent_there.len() > 300, "the router goes on sending there");
    assert!(sent_there.iter().all(|row| row.outcome == Outcome::TimedOut));
    let others = |row: &&RequestRecord| row.group == Some(1) && row.wanted > at(121.0);
    assert!(run.metrics.rows().iter().filter(others).all(|row| row.outcome == Outcome::Completed));
    assert_eq!(run.availability.by_cause["hang"].stages_s["detection"], 300.0);
}

#[test]
fn clients_without_patience_of_their_own_wait_for_the_connection_to_end() {
    // Nobody repairs the node, so nothing says that the leader is gone but the connection's keep-alive.
    let lost = "timeline: [{at: 2m, fail: {node: a3-0}}]";
    let text = scenario(lost, "retries: 0", 1, "")
        .replace("provisioning: spot}", "provisioning: spot, node_repair: {enabled: false}}");
    let run = runs::run_keeping(&runs::resolved(&text, &[]), 0, false);
    adds_up(&run);
    let inside: Vec<&RequestRecord> = run
        .metrics
        .rows()
        .iter()
        .filter(|row| row.outcome == Outcome::Failed && row.group == Some(0))
        .collect();
    assert!(inside.len() > 150, "until the node is found not ready, requests go there");
    assert!(inside.iter().all(|row| row.wanted < at(170.0)), "50 s");
    let silent = |row: &RequestRecord| row.wanted.max(at(120.0)) + SimDuration::from_secs(7875);
    assert!(inside.iter().all(|row| row.end == silent(row)));
    let last = inside.iter().map(|row| row.end).max();
    assert_eq!(Some(run.end), last, "the run goes on until every request has ended");
}

#[test]
fn a_run_ends_though_an_engine_never_lets_go() {
    // One process alone: nothing ever notices that it hangs, and what its clients gave up stays in it.
    let hang = "timeline: [{at: 2m, fail: {hang: llama-0}}]";
    for client in ["retries: 0, timeout: 20s", "retries: 2, timeout: 20s", "retries: 0"] {
        let run = runs::run_keeping(&runs::resolved(&scenario(hang, client, 1, ""), &[]), 0, false);
        adds_up(&run);
        let given_up = |row: &&RequestRecord| matches!(row.outcome, Outcome::TimedOut | Outcome::Failed);
        let rows = run.metrics.rows();
        assert!(rows.iter().filter(given_up).count() > 500, "{client}");
        assert!(rows.iter().filter(given_up).all(|row| row.end > at(120.0)), "{client}");
    }
}

/// A rollout that deletes the only group's leader under load.
fn rollout(pod: &str) -> Simulated {
    run("timeline: [{at: 2m, rollout: {deployment: llama}}]", "retries: 0", 1, pod)
}

#[test]
fn what_sigterm_does_decides_what_a_rollout_cuts() {
    let ignored = rollout("pod: {terminationGracePeriodSeconds: 60}");
    let short = rollout("pod: {terminationGracePeriodSeconds: 1}");
    let abort = rollout("pod: {terminationGracePeriodSeconds: 60, sigterm: abort}");
    let drain = rollout("pod: {terminationGracePeriodSeconds: 60, sigterm: drain}");
    let pre_stop = rollout("pod: {terminationGracePeriodSeconds: 60, sigterm: abort, preStop: {sleep: 50s}}");
    for run in [&ignored, &short, &abort, &drain, &pre_stop] {
        adds_up(run);
    }
    let cut = |run: &Simulated| run.metrics.overall().requests.cut_mid_stream;
    let gone = |run: &Simulated| when(run, "pod_deleted", 0) - 120.0;
    assert_eq!((cut(&ignored), cut(&drain), cut(&pre_stop)), (0, 0, 0), "answers take a few seconds");
    assert!(cut(&short) > 0 && cut(&abort) > cut(&short));
    assert!((gone(&ignored) - 60.0).abs() < 1e-9 && (gone(&pre_stop) - 50.0).abs() < 1e-9);
    assert!(gone(&abort) < 1e-9, "at once");
    assert!((0.1..20.0).contains(&gone(&drain)), "with its last request, not at the end of its grace");
}

#[test]
fn a_slow_link_slows_and_does_not_kill() {
    let text = |event: &str| {
        format!(
            r#"
name: link
seed: 1
duration: 4m
{event}
workloads:
  - name: chat
    arrivals: {{process: poisson, rate: 1/s}}
    lengths: {{input: 600, output: 100}}
placements:
  - name: two
    node_pools:
      - {{name: a3, machine: a3-megagpu-8g, nodes: 2, network: gpudirect-tcpxo}}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-70B-Instruct
        engine: {{version: "0.33", tensor_parallel_size: 16, distributed_executor_backend: ray, max_model_len: 4096}}
        leaderworkerset: {{leaderWorkerTemplate: {{size: 2}}}}
"#
        )
    };
    let run = |event: &str| runs::run_keeping(&runs::resolved(&text(event), &[]), 0, false);
    let usual = run("");
    let slow = run("timeline: [{at: 1m, fail: {link: a3-1, slowed: 0.1, repair: 1m}}]");
    adds_up(&slow);
    let mean = |run: &Simulated, from: f64, to: f64| {
        let tpots: Vec<f64> = run
            .metrics
            .rows()
            .iter()
            .filter(|row| row.wanted > at(from) && row.wanted < at(to))
            .filter_map(|row| Some(row.tpot()?.as_secs_f64()))
            .collect();
        tpots.iter().sum::<f64>() / tpots.len() as f64
    };
    assert!(
        (mean(&slow, 0.0, 50.0) / mean(&usual, 0.0, 50.0) - 1.0).abs() < 1e-12,
        "nothing has happened yet"
    );
    assert!(mean(&slow, 65.0, 110.0) > 1.05 * mean(&usual, 65.0, 110.0));
    assert!((mean(&slow, 150.0, 240.0) / mean(&usual, 150.0, 240.0) - 1.0).abs() < 0.02, "mended");
    assert_eq!((slow.availability.fraction, slow.metrics.overall().requests.failed), (1.0, 0));
    // Dead for a while: the engine stands still, and goes on where it stood.
    let dead = run("timeline: [{at: 1m, fail: {link: a3-1, repair: 1m}}]");
    adds_up(&dead);
    assert_eq!((dead.availability.group_restarts, dead.metrics.overall().requests.failed), (0.0, 0));
    assert!((dead.availability.downtime_s - 60.0).abs() < 1e-9);
    let across = |row: &&RequestRecord| row.wanted < at(60.0) && row.end > at(60.0);
    assert!(dead.metrics.rows().iter().filter(across).all(|row| row.end > at(120.0)));
}

/// Whatever breaks, whenever.
fn random(seed: u64, policy: &str, drain: bool, router: &str, looks: bool) -> (Simulated, Vec<String>) {
    let head = format!(
        "seed: {seed}
drain: {drain}
router: {router}
failures:
  node: {{mtbf: 6m, repair: 1m}}
  engine: {{mtbf: 4m}}
  hang: {{mtbf: 10m}}
  gpu: {{mtbf: 10m, repair: 30s}}
  spot: {{mtbf: 8m}}
  maintenance: {{mtbf: 9m, repair: 20s}}
timeline:
  - {{at: 3m, rollout: {{deployment: llama}}}}
  - {{at: 5m, scale: {{deployment: llama, replicas: 4}}}}
  - {{at: 7m, scale: {{deployment: llama, replicas: 2}}}}"
    );
    let text = scenario(&head, "timeout: 8s, retries: 2, backoff: 500ms", 3, "").replace(
        "leaderworkerset: {replicas: 3}",
        &format!(
            "leaderworkerset: {{replicas: 3, leaderWorkerTemplate: {{restartPolicy: {policy}}}, \
                  rolloutStrategy: {{rollingUpdateConfiguration: {{maxSurge: 1}}}}}}"
        ),
    );
    let run = runs::run_keeping(&runs::resolved(&text, &[]), 0, looks);
    // A lazy group tells of its requests when it is looked at.
    let mut rows: Vec<String> = run.metrics.rows().iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    (run, rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_breaks_nothing_is_lost_or_counted_twice(
        seed in 0_u64..1_000_000,
        policy in prop::sample::select(vec!["RecreateGroupOnPodRestart", "RecreateGroupAfterStart", "None"]),
        router in prop::sample::select(vec!["service", "least-requests", "inference-gateway", "prefix-affinity"]),
        drain in any::<bool>(),
    ) {
        let (run, rows) = random(seed, policy, drain, router, false);
        adds_up(&run);
        let failed = run.metrics.overall().requests.failed;
        prop_assert!(failed > 0 && !run.availability.by_cause.is_empty(), "something did break");
        prop_assert!(run.availability.fraction >= 0.0 && run.availability.capacity_fraction <= 1.0);
        // Walking every step one by one is the same run.
        let (_, walked) = random(seed, policy, drain, router, true);
        prop_assert!(rows == walked, "another run");
    }
}
