//! What clients do: give up, try again, hold back, go round.

use towtank::{
    metrics::{Outcome, RequestRecord, Simulated},
    units::{SimDuration, SimTime},
};

use super::runs;

/// One GPU that runs one request at a time, under the given top-level fields and workloads.
fn scenario(head: &str, workloads: &str) -> String {
    format!(
        r#"
name: clients
{head}
workloads:
{workloads}
placements:
  - name: one
    node_pools:
      - {{name: a3, machine: a3-highgpu-1g, provisioning: spot}}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {{version: "0.33", max_model_len: 8192, max_num_seqs: 1}}
"#
    )
}

fn run(head: &str, workloads: &str) -> Simulated {
    runs::run(&runs::resolved(&scenario(head, workloads), &[]), 0)
}

fn row<'a>(run: &'a Simulated, name: &str) -> &'a RequestRecord {
    run.metrics.rows().iter().find(|row| row.name.to_string() == name).unwrap()
}

fn at(seconds: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs_f64(seconds)
}

/// A request that keeps the engine busy, and one that waits behind it, gives up after half a second and waits a second
/// before it tries again.
fn behind(busy_tokens: u32, retries: u32) -> Simulated {
    let workloads = format!(
        "  - name: long
    requests: [{{input_tokens: 100, output_tokens: {busy_tokens}}}]
  - name: short
    requests: [{{arrival: 100ms, input_tokens: 100, output_tokens: 10}}]
    client: {{timeout: 500ms, retries: {retries}, backoff: 1s}}"
    );
    run("seed: 3", &workloads)
}

/// When the waiting client tried again.
fn gave_up(run: &Simulated) -> Vec<SimTime> {
    run.metrics
        .events()
        .iter()
        .filter(|event| event.kind == "request_retried")
        .map(|event| event.at)
        .collect()
}

#[test]
fn a_late_answer_is_aborted_and_asked_for_again() {
    let run = behind(700, 20);
    let short = row(&run, "short-0");
    let long = row(&run, "long-0");
    assert_eq!((short.outcome, long.outcome), (Outcome::Completed, Outcome::Completed));
    assert_eq!((short.wanted, short.first_sent), (at(0.1), at(0.1)));
    assert_eq!(short.ttft().unwrap(), short.first_token.unwrap() - at(0.1), "from the first attempt on");
    let gave_up = gave_up(&run);
    assert_eq!(gave_up.len() as u32 + 1, short.attempts);
    assert!(short.attempts > 2, "{short:?}");
    assert_eq!(gave_up[0], at(0.6));
    // Sent again 0.75 to 1 times the back-off later, which doubles; half a second of patience each time.
    for (attempt, pair) in gave_up.windows(2).enumerate() {
        let pause = (pair[1] - pair[0]).as_secs_f64() - 0.5;
        let backoff = f64::from(1 << attempt);
        assert!((0.75 * backoff..=backoff).contains(&pause), "{pause} s after attempt {}", attempt + 1);
    }
    let pause = (short.queued - *gave_up.last().unwrap()).as_secs_f64();
    let backoff = f64::from(1 << (gave_up.len() - 1));
    assert!((0.75 * backoff..=backoff).contains(&pause));
    // While it waits to try again the engine has forgotten it.
    let waiting = |from: SimTime, to: SimTime| {
        let steps = run.metrics.steps().iter().filter(move |step| from < step.polled && step.polled < to);
        steps.map(|step| step.waiting).collect::<Vec<_>>()
    };
    let (asked, forgotten) = (waiting(at(0.1), at(0.6)), waiting(at(0.6), at(1.35)));
    assert!(asked.len() > 20 && asked.iter().all(|waiting| *waiting == 1), "{asked:?}");
    assert!(forgotten.len() > 20 && forgotten.iter().all(|waiting| *waiting == 0), "{forgotten:?}");
    let counts = run.metrics.class(1).requests;
    assert_eq!((counts.arrived, counts.completed, counts.retried, counts.failed), (1, 1, 1, 0));
}

#[test]
fn patience_and_attempts_come_to_an_end() {
    for retries in [0, 2] {
        let run = behind(2000, retries);
        let short = row(&run, "short-0");
        assert_eq!((short.outcome, short.attempts), (Outcome::TimedOut, retries + 1));
        assert_eq!((short.output_tokens, short.first_token), (0, None));
        assert_eq!(short.end, short.queued + SimDuration::from_millis(500));
        assert_eq!(gave_up(&run).len() as u32, retries);
        let counts = run.metrics.class(1).requests;
        assert_eq!((counts.failed, counts.timed_out, counts.cut_mid_stream), (1, 1, 0));
        assert_eq!(row(&run, "long-0").outcome, Outcome::Completed);
    }
}

#[test]
fn a_cut_stream_is_a_failure_not_a_retry() {
    let run = run(
        "seed: 3",
        "  - name: long
    requests: [{input_tokens: 100, output_tokens: 2000}]
    client: {timeout: 1s, retries: 5}",
    );
    let long = row(&run, "long-0");
    assert_eq!((long.outcome, long.attempts, long.end), (Outcome::TimedOut, 1, at(1.0)));
    let steps = run.metrics.steps();
    let received = steps.iter().filter(|step| step.ended < at(1.0)).count() as u32;
    assert_eq!(long.output_tokens, received, "a step a token");
    assert!((50..2000).contains(&received));
    assert!(steps.iter().all(|step| step.polled < at(1.02)), "the engine stops");
    let class = run.metrics.class(0);
    assert_eq!((class.requests.cut_mid_stream, class.requests.failed), (1, 1));
    assert_eq!((class.tokens.lost, class.tokens.output), (u64::from(received), 0));
}

/// A result that comes together with a time-out comes too late; a nanosecond more of patience is enough.
#[test]
fn the_last_token_must_come_before_patience_ends() {
    let text = scenario("seed: 3", "  - name: one\n    requests: [{input_tokens: 100, output_tokens: 50}]");
    let mut resolved = runs::resolved(&text, &[]);
    let needed = row(&runs::run(&resolved, 0), "one-0").e2e();
    resolved.workloads[0].class.client.timeout = Some(needed);
    let late = runs::run(&resolved, 0);
    assert_eq!((row(&late, "one-0").outcome, row(&late, "one-0").output_tokens), (Outcome::TimedOut, 49));
    resolved.workloads[0].class.client.timeout = Some(needed + SimDuration::from_nanos(1));
    assert_eq!(row(&runs::run(&resolved, 0), "one-0").outcome, Outcome::Completed);
}

#[test]
fn a_limited_client_queues_in_order() {
    let workloads = "  - name: many
    arrivals: {process: poisson, rate: 20/s, num_prompts: 60}
    lengths: {input: 100, output: {uniform: [10, 60]}}
    client: {max_concurrency: 3}";
    let resolved =
        runs::resolved(&scenario("seed: 3", workloads).replace("max_num_seqs: 1", "max_num_seqs: 8"), &[]);
    let run = runs::run(&resolved, 0);
    let rows: Vec<_> = (0..60).map(|number| row(&run, &format!("many-{number}"))).collect();
    assert!(rows.is_sorted_by_key(|row| row.first_sent) && rows.is_sorted_by_key(|row| row.wanted));
    let (mut held, mut waited) = (0, SimDuration::ZERO);
    for row in &rows {
        let now = row.first_sent;
        // Those before it in line that have not ended at the instant it is sent.
        let open = rows.iter().filter(|other| other.first_sent < now && now < other.end).count();
        assert!(open < 3, "{open} open at {now:?}");
        if now > row.wanted {
            held += 1;
            waited += row.client_queue();
            assert!(rows.iter().any(|other| other.end == now), "sent when a place falls free");
        }
    }
    assert!(held > 10, "{held} were held back");
    let client_queue = &run.metrics.class(0).latency.client_queue;
    assert_eq!((client_queue.count(), client_queue.sum_nanos()), (60, u128::from(waited.as_nanos())));
    let without =
        runs::resolved(&scenario("seed: 3", &workloads.replace("    client: {max_concurrency: 3}", "")), &[]);
    assert!(runs::run(&without, 0).metrics.rows().iter().all(|row| row.first_sent == row.wanted));
}

#[test]
fn without_draining_the_end_is_the_end() {
    let workloads = "  - name: steady
    arrivals: {process: constant, rate: 2/s}
    lengths: {input: 100, output: 100}";
    let run = |drain: &str| run(&format!("seed: 3\nduration: 5s\n{drain}"), workloads);
    let cut = run("drain: false");
    assert_eq!(cut.end, at(5.0));
    let counts = cut.metrics.overall().requests;
    assert!(counts.unfinished > 0 && counts.completed > 0, "{counts:?}");
    assert_eq!(counts.arrived, counts.completed + counts.unfinished);
    let drained = run("drain: true");
    assert!(drained.end > at(5.0));
    let all = drained.metrics.overall().requests;
    assert_eq!((all.arrived, all.completed, all.unfinished), (counts.arrived, counts.arrived, 0));
    // What had ended by then ended alike.
    for row in cut.metrics.rows() {
        let same = self::row(&drained, &row.name.to_string());
        if row.outcome == Outcome::Completed {
            assert_eq!(row, same);
        } else {
            assert!(row.end == at(5.0) && same.end >= at(5.0) && row.output_tokens < 100, "{row:?}");
        }
    }
}

#[test]
fn a_closed_loop_keeps_its_users_busy() {
    for (think, client) in
        [(0.0, "retries: 0"), (0.25, "retries: 0"), (0.25, "timeout: 900ms, retries: 1, backoff: 100ms")]
    {
        let think_time = SimDuration::from_secs_f64(think);
        let workloads = format!(
            "  - name: users
    arrivals: {{process: closed-loop, concurrency: 7, think_time: {think}s}}
    lengths: {{input: 100, output: {{uniform: [10, 60]}}}}
    client: {{{client}}}"
        );
        let run = run("seed: 3\nduration: 10s", &workloads);
        let rows = run.metrics.rows();
        let mut wanted: Vec<SimTime> = rows.iter().map(|row| row.wanted).collect();
        wanted.sort();
        assert!(wanted[..7].iter().all(|at| *at == SimTime::ZERO) && wanted.len() > 30, "{}", wanted.len());
        // Each end is somebody's next request, until the duration is over.
        let mut next: Vec<SimTime> = rows.iter().map(|row| row.end + think_time).collect();
        next.sort();
        next.retain(|next| *next < at(10.0));
        assert_eq!(wanted[7..], next, "think {think}, {client}");
        let failed = run.metrics.overall().requests.failed;
        assert_eq!(failed > 0, client.contains("timeout"), "a user whose request failed goes on");
    }
}

/// `num_gpu_blocks_override` may leave less than a request needs: vLLM starts all the same and never serves it.
#[test]
fn a_request_that_never_fits_is_left_unfinished() {
    let workloads = "  - name: w
    requests:
      - {id: fits, input_tokens: 100, output_tokens: 10}
      - {id: never, arrival: 1s, input_tokens: 400, output_tokens: 10}";
    let sets = ["placements[0].deployments[0].engine.num_gpu_blocks_override=11"];
    for (asynchronous, stop) in [(true, "drain: true"), (false, "duration: 5s")] {
        let asynchronous = format!("placements[0].deployments[0].engine.async_scheduling={asynchronous}");
        let run = runs::run(&runs::resolved(&scenario(stop, workloads), &[sets[0], &asynchronous]), 0);
        assert_eq!(row(&run, "fits").outcome, Outcome::Completed);
        assert_eq!(row(&run, "never").outcome, Outcome::Unfinished);
    }
}
