//! What a run is reduced to: counts, latencies by vLLM's definitions, warnings.

use std::sync::Arc;

use towtank::{
    metrics::{
        GoodputArgs, KeepRows, LatencyFigures, MetricsSetup, Outcome, PlacementMetrics, RequestRecord,
        SloArgs, WarningKind, WorkloadSetup, check_slo, warnings,
    },
    request::RequestName,
    units::{SimDuration, SimTime},
};

fn at_ms(ms: u64) -> SimTime {
    SimTime::from_nanos(ms * 1_000_000)
}

fn ms(ms: u64) -> SimDuration {
    SimDuration::from_millis(ms)
}

/// A completed request: wanted and sent at `wanted`, first token and end so many milliseconds later.
fn completed(row: u32, wanted: u64, first: u64, end: u64, output_tokens: u32) -> RequestRecord {
    RequestRecord {
        name: RequestName::Row { workload: Arc::from("chat"), row },
        workload: 0,
        group: Some(0),
        wanted: at_ms(wanted),
        first_sent: at_ms(wanted),
        queued: at_ms(wanted),
        scheduled: Some(at_ms(wanted)),
        first_token: Some(at_ms(wanted + first)),
        end: at_ms(wanted + end),
        input_tokens: 100,
        output_tokens,
        cached_tokens: 16,
        preemptions: 0,
        attempts: 1,
        outcome: Outcome::Completed,
    }
}

fn measure(slo: Option<&SloArgs>, warmup: u64, records: &[RequestRecord]) -> PlacementMetrics {
    let workload = WorkloadSetup { name: "chat".to_owned(), slo: None, client_queue: false };
    let mut metrics = PlacementMetrics::new(MetricsSetup {
        workloads: vec![workload],
        slo: slo.copied(),
        warmup: at_ms(warmup),
        groups: 1,
        keep_rows: KeepRows::First(2),
    });
    for record in records {
        metrics.arrived(0, record.wanted);
        metrics.request(record.clone());
    }
    metrics
}

/// `n` requests, one every `every` ms; the i-th waits `wait(i)` ms for its first token and 100 ms more for its last.
fn steady(n: u32, every: u64, wait: impl Fn(u64) -> u64) -> Vec<RequestRecord> {
    let record = |i: u64| completed(i as u32, i * every, wait(i), wait(i) + 100, 11);
    (0..u64::from(n)).map(record).collect()
}

fn kinds(metrics: &PlacementMetrics) -> Vec<WarningKind> {
    warnings(metrics).into_iter().map(|warning| warning.kind).collect()
}

#[test]
fn latencies_are_those_of_vllm_bench_serve() {
    let mut limited = completed(1, 1_000, 500, 900, 5);
    limited.first_sent = at_ms(1_200);
    limited.queued = at_ms(1_200);
    limited.scheduled = Some(at_ms(1_250));
    let mut lost = completed(3, 3_000, 10, 20, 7);
    lost.outcome = Outcome::Failed;
    let metrics =
        measure(None, 0, &[completed(0, 0, 200, 1_200, 11), limited, completed(2, 2_000, 300, 300, 1), lost]);
    let latency = &metrics.overall().latency;
    // Answers of one token have no TPOT; failed requests have no latency at all.
    assert_eq!(latency.tpot.quantiles([0.0, 1.0]), Some([100e6, 100e6]));
    assert_eq!((latency.ttft.count(), latency.tpot.count()), (3, 2));
    assert_eq!(latency.e2e.quantiles([0.0, 0.5, 1.0]), Some([300e6, 900e6, 1_200e6]));
    // The wait at the client counts, except where vLLM's own report is rebuilt.
    assert_eq!(latency.ttft.max(), Some(500_000_000));
    assert_eq!(latency.ttft_sent.quantiles([1.0]), Some([300e6]));
    assert_eq!(latency.client_queue.max(), Some(200_000_000));
    assert_eq!(latency.queue.max(), Some(50_000_000));
    assert_eq!(LatencyFigures::of(&latency.ttft).p50, Some(300.0));
}

#[test]
fn tpot_is_rounded_half_up_to_the_nanosecond() {
    let tpot = |decoding: u64, tokens: u32| {
        let mut record = completed(0, 0, 0, 0, tokens);
        record.end = SimTime::from_nanos(decoding);
        record.tpot().map(SimDuration::as_nanos)
    };
    assert_eq!(tpot(10, 5), Some(3));
    assert_eq!(tpot(9, 5), Some(2));
    assert_eq!(tpot(11, 4), Some(4));
    assert_eq!(tpot(10, 4), Some(3));
    assert_eq!(tpot(10, 1), None);
}

#[test]
fn counts_add_up_and_leave_the_warm_up_out() {
    let with = |row, outcome, first: Option<u64>| {
        let mut record = completed(row, 5_000, 10, 50, 3);
        record.outcome = outcome;
        record.first_token = first.map(|ms| at_ms(5_000 + ms));
        record
    };
    let mut again = with(5, Outcome::TimedOut, None);
    again.attempts = 3;
    let records = [
        completed(0, 4_999, 1, 2, 9),
        completed(1, 5_000, 10, 50, 9),
        with(2, Outcome::Failed, Some(4)),
        with(3, Outcome::Rejected, None),
        with(4, Outcome::Unfinished, None),
        again,
    ];
    let metrics = measure(None, 5_000, &records);
    let overall = metrics.overall();
    let counts = overall.requests;
    assert_eq!(counts.arrived, 5);
    assert_eq!(counts.arrived, counts.completed + counts.failed + counts.rejected + counts.unfinished);
    assert_eq!((counts.failed, counts.timed_out, counts.cut_mid_stream, counts.retried), (2, 1, 1, 1));
    let tokens = overall.tokens;
    assert_eq!((tokens.input, tokens.output, tokens.cached, tokens.lost), (100, 9, 16, 6));
    assert_eq!(metrics.rows().len(), 2);
}

#[test]
fn a_good_request_meets_every_bound_inclusive() {
    let goodput = GoodputArgs { ttft: Some(ms(200)), tpot: Some(ms(100)), e2e: None };
    let slo = SloArgs { goodput: Some(goodput), ..SloArgs::default() };
    let records = [
        completed(0, 0, 200, 1_200, 11),
        completed(1, 0, 201, 1_201, 11),
        completed(2, 0, 200, 1_201, 11),
        completed(3, 0, 200, 200, 1),
    ];
    assert_eq!(measure(Some(&slo), 0, &records).overall().good, 2);
    assert_eq!(measure(None, 0, &records).overall().good, 4);
}

#[test]
fn gaps_are_pooled_and_thresholds_are_held_against_them() {
    let slo = SloArgs { itl_p50: Some(ms(20)), itl_mean: Some(ms(20)), ..SloArgs::default() };
    let mut metrics = measure(Some(&slo), 0, &[completed(0, 0, 10, 100, 4)]);
    let unknown = check_slo(&slo, &metrics.overall(), 1.0, None);
    assert!(unknown.iter().all(|check| !check.met), "no samples are no proof");
    metrics.gap(0, ms(20), 2);
    metrics.gap(0, ms(50), 1);
    let checks = check_slo(&slo, &metrics.overall(), 1.0, None);
    assert_eq!((checks[0].name.as_str(), checks[0].value, checks[0].met), ("itl_p50", Some(20.0), true));
    assert_eq!((checks[1].name.as_str(), checks[1].value, checks[1].met), ("itl_mean", Some(30.0), false));
    assert_eq!(metrics.class(0).latency.itl.count(), 3);
    let slo = SloArgs { availability: Some(0.999), ..SloArgs::default() };
    assert!(!check_slo(&slo, &metrics.overall(), 0.99, None)[0].met);
}

#[test]
fn seconds_hold_concurrency_and_token_peaks() {
    // vLLM's buckets: open from 0 to 2 in the first, 1 to 1, 1 to 3.
    let records =
        [completed(0, 0, 500, 2_500, 21), completed(1, 1_000, 100, 900, 1), completed(2, 1_000, 0, 2_000, 1)];
    let metrics = measure(None, 0, &records);
    assert_eq!(metrics.seconds().max_concurrent_requests(), 3);
    // Second 1 holds ten tokens of the first answer and the first tokens of the others.
    assert_eq!(metrics.seconds().max_output_tokens_per_s() as u64, 12);
}

#[test]
fn the_order_of_records_changes_nothing() {
    let mut records = steady(300, 100, |i| 50 + i * 37 % 1_000);
    let forwards = format!("{:?}", LatencyFigures::of(&measure(None, 0, &records).overall().latency.ttft));
    let peak = measure(None, 0, &records).seconds().max_output_tokens_per_s();
    records.reverse();
    let backwards = measure(None, 0, &records);
    assert_eq!(forwards, format!("{:?}", LatencyFigures::of(&backwards.overall().latency.ttft)));
    assert_eq!(peak.to_bits(), backwards.seconds().max_output_tokens_per_s().to_bits());
}

#[test]
fn a_steady_run_earns_no_warning() {
    let slo = SloArgs { ttft_p95: Some(ms(500)), ..SloArgs::default() };
    assert_eq!(kinds(&measure(Some(&slo), 1_000, &steady(1_000, 100, |i| 50 + i % 7))), []);
}

#[test]
fn a_growing_backlog_is_overload() {
    // Served at 80 % of the arrival rate: the i-th waits a quarter of the time that passed.
    let metrics = measure(None, 60_000, &steady(2_000, 100, |i| 50 + i * 25));
    assert_eq!(kinds(&metrics), [WarningKind::Overload]);
}

#[test]
fn overload_shows_within_seconds_and_filling_up_is_none() {
    // 100 requests a second for 5 s, of which 50 a second are served.
    let backlog = measure(None, 0, &steady(500, 10, |i| i * 10));
    assert!(kinds(&backlog).contains(&WarningKind::Overload));
    // The same arrivals while batches grow: waits double, and no request ends before the arrivals do.
    let filling: Vec<RequestRecord> = (0..500)
        .map(|row| {
            let wanted = 10 * u64::from(row);
            completed(row, wanted, 30 + wanted / 100, 9_000, 10)
        })
        .collect();
    assert_eq!(kinds(&measure(None, 0, &filling)), []);
}

#[test]
fn years_of_silence_take_no_room() {
    let year = 365 * 86_400_000;
    let records =
        [completed(0, 0, 100, 5_000, 10), completed(1, 100 * year, 100 * year + 100, 100 * year + 5_000, 10)];
    let metrics = measure(None, 0, &records);
    assert_eq!(metrics.seconds().max_concurrent_requests(), 1);
    assert_eq!(metrics.seconds().max_output_tokens_per_s() as u64, 3);
}

#[test]
fn halves_that_differ_without_backlog_are_not_steady() {
    let metrics = measure(None, 1_000, &steady(1_000, 100, |i| if i < 500 { 50 } else { 400 }));
    assert_eq!(kinds(&metrics), [WarningKind::NotSteady]);
}

#[test]
fn a_warm_up_shorter_than_a_request_is_too_short() {
    let records = steady(1_000, 100, |_| 9_000);
    assert_eq!(kinds(&measure(None, 0, &records)), [WarningKind::ShortWarmup]);
    assert_eq!(kinds(&measure(None, 20_000, &records)), []);
}

#[test]
fn a_percentile_needs_ten_samples_above_it() {
    let slo = SloArgs { ttft_p99: Some(ms(500)), ttft_p50: Some(ms(500)), ..SloArgs::default() };
    let few = measure(Some(&slo), 1_000, &steady(1_009, 100, |_| 50));
    assert_eq!(kinds(&few), [WarningKind::TooFewSamples]);
    assert!(warnings(&few)[0].text.ends_with("ttft_p99 has 999 and needs 1000"), "{:?}", warnings(&few));
    assert_eq!(kinds(&measure(Some(&slo), 1_000, &steady(1_010, 100, |_| 50))), []);
}

#[test]
fn latencies_of_survivors_carry_a_warning() {
    let failing = |every: usize| {
        let mut records = steady(1_000, 100, |_| 50);
        records.iter_mut().step_by(every).for_each(|record| record.outcome = Outcome::TimedOut);
        kinds(&measure(None, 1_000, &records))
    };
    assert_eq!(failing(50), [WarningKind::FailedRequests]);
    assert_eq!(failing(200), []);
}
