//! What a run leaves behind: summary, rows, lines, tables.

use std::{fs, sync::Arc};

use serde_json::{Map, Value, json};
use towtank::{
    metrics::{
        Availability, BenchInputs, Capacity, CostInputs, DeploymentResult, EngineFigures, Event, KeepRows,
        MemoryFigures, MetricsSetup, ModelError, NodeTime, Outcome, PlacementMetrics, PlacementResult,
        PlacementStatus, RequestRecord, Simulated, SloArgs, Standing, StepLine, TimelineRow, Trial,
        WorkloadSetup,
    },
    report::{
        FileOptions, Summary, SummaryHead, summary_csv, summary_table, vllm_bench, write_events,
        write_requests, write_run, write_steps, write_timeline,
    },
    request::RequestName,
    units::{SimDuration, SimTime},
};

fn at_ms(ms: u64) -> SimTime {
    SimTime::from_nanos(ms * 1_000_000)
}

fn request(row: u32, wanted: u64, outcome: Outcome) -> RequestRecord {
    RequestRecord {
        name: RequestName::Row { workload: Arc::from("chat"), row },
        workload: 0,
        group: Some(2),
        wanted: at_ms(wanted),
        first_sent: at_ms(wanted),
        queued: at_ms(wanted),
        scheduled: (outcome == Outcome::Completed).then(|| SimTime::from_nanos(wanted * 1_000_000 + 1_500)),
        first_token: (outcome == Outcome::Completed).then(|| at_ms(wanted + 200)),
        end: at_ms(wanted + 1_200),
        input_tokens: 100,
        output_tokens: if outcome == Outcome::Completed { 11 } else { 0 },
        cached_tokens: 16,
        preemptions: 1,
        attempts: 2,
        outcome,
    }
}

fn metrics() -> PlacementMetrics {
    let slo = SloArgs { tpot_p95: Some(SimDuration::from_millis(80)), ..SloArgs::default() };
    let workload = WorkloadSetup { name: "chat".to_owned(), slo: None, client_queue: true };
    let mut metrics = PlacementMetrics::new(MetricsSetup {
        workloads: vec![workload],
        slo: Some(slo),
        warmup: SimTime::ZERO,
        groups: 3,
        keep_rows: KeepRows::All,
    });
    // Recorded out of order, as groups run ahead of each other.
    for record in [
        request(10, 1_000, Outcome::Completed),
        request(9, 1_000, Outcome::TimedOut),
        request(0, 0, Outcome::Completed),
    ] {
        metrics.arrived(0, record.wanted);
        metrics.request(record);
    }
    metrics.gap(0, SimDuration::from_millis(100), 20);
    metrics.sample(TimelineRow {
        at: at_ms(1_000),
        group: 2,
        running: 1,
        waiting: 0,
        kv_cache_usage: 0.25,
        tokens_per_s: 8.0,
        ready: true,
    });
    let mut fields = Map::new();
    fields.insert("reason".to_owned(), json!("timeout"));
    metrics.event(Event { at: at_ms(2_200), kind: "request_failed", object: "chat-9".to_owned(), fields });
    metrics.event(Event {
        at: SimTime::ZERO,
        kind: "pod_ready",
        object: "b-1".to_owned(),
        fields: Map::new(),
    });
    for polled in [30, 10] {
        metrics.step(StepLine {
            polled: SimTime::from_nanos(polled),
            ended: SimTime::from_nanos(polled + 5),
            group: 2,
            scheduled: vec![("B".to_owned(), 8), ("A".to_owned(), 1)],
            preempted: vec!["C".to_owned()],
            batch_size: 2,
            tokens: 9,
            prefill_tokens: 8,
            spans: Vec::new(),
            finished: Vec::new(),
            running: 2,
            waiting: 1,
            free_blocks: 7,
        });
    }
    metrics
}

fn memory() -> MemoryFigures {
    MemoryFigures {
        fits: true,
        weights_bytes_per_gpu: vec![48 << 30, 47 << 30],
        other_bytes_per_gpu: 5 << 30,
        kv_cache_bytes_per_gpu: 18 << 30,
        free_bytes_per_gpu: vec![9 << 30, 10 << 30],
        gpu_bytes: 80 << 30,
        num_gpu_blocks: 1_001,
        kv_cache_tokens: 16_000,
        max_full_length_sequences: 1.5,
        sequences_at_this_workload: Some(12.5),
    }
}

fn simulated() -> Simulated {
    let deployment = |name: &str, groups| DeploymentResult {
        name: name.to_owned(),
        groups,
        engine: EngineFigures {
            steps: 40,
            prefix_queries: 200,
            prefix_hits: 32,
            batch_size_max: 2,
            stage_busy_fraction: vec![0.5, 0.25],
            recomputed_tokens: 3,
            ..EngineFigures::default()
        },
        memory: memory(),
    };
    Simulated {
        metrics: metrics(),
        end: at_ms(3_600),
        deployments: vec![deployment("a", 1), deployment("b", 2)],
        cost: CostInputs {
            nodes: 2,
            gpus: 16,
            usd_per_hour: 180.0,
            usd_total: 0.18,
            price_date: "2026-01-01".to_owned(),
            price_source: "list".to_owned(),
            prefill: SimDuration::from_secs(1),
            decode: SimDuration::from_secs(3),
            node_time: NodeTime { serving: u128::from(at_ms(3_600).as_nanos()), ..NodeTime::default() },
        },
        availability: Availability::always(),
        model_error: ModelError {
            class: Standing::Extrapolated,
            tpot: 0.2,
            ttft: 0.3,
            throughput: 0.25,
            cost: 0.25,
            reasons: vec!["PP 2: no row".to_owned(), "2 nodes: one row".to_owned()],
        },
        bench: BenchInputs {
            model_id: "m".to_owned(),
            request_rate: None,
            burstiness: 1.0,
            max_concurrency: Some(4),
        },
    }
}

pub(crate) fn results() -> Vec<PlacementResult> {
    let capacity = Capacity {
        max_requests_per_s_at_slo: 2.0,
        input_tokens_per_s: 200.0,
        output_tokens_per_s: 50.0,
        good_requests_per_s: 1.9,
        prefill: SimDuration::from_secs(1),
        decode: SimDuration::from_secs(1),
        limited_by: "tpot_p95 (step time)".to_owned(),
        trials: vec![Trial {
            requests_per_s: 2.0,
            ttft_p95_ms: Some(200.0),
            tpot_p95_ms: Some(40.0),
            met: true,
        }],
        headroom: Some(0.5),
    };
    let fits = PlacementResult {
        name: "two-nodes".to_owned(),
        status: PlacementStatus::Ok(Box::new(simulated())),
        capacity: Some(capacity),
        rare_events: None,
    };
    let reason = "No available memory for the cache blocks".to_owned();
    let too_small = PlacementStatus::DoesNotFit { reason };
    vec![
        fits,
        PlacementResult { name: "one-node".to_owned(), status: too_small, capacity: None, rare_events: None },
    ]
}

fn summary() -> Summary {
    Summary::new(&SummaryHead { scenario: "s", seed: 1, calibrated_on: None, has_slo: true }, &results())
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Keys in order, two levels deep.
fn keys(value: &Value) -> String {
    let level =
        |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>().join(" "));
    let lines = value.as_object().unwrap().iter();
    let lines: Vec<String> =
        lines.map(|(key, value)| format!("{key}: {}\n", level(value).unwrap_or_default())).collect();
    lines.concat()
}

#[test]
fn the_summary_has_the_keys_of_the_contract() {
    let value = serde_json::to_value(summary()).unwrap();
    assert_eq!(keys(&value), "towtank_version: \nscenario: \nseed: \nplacements: \nties: \n");
    insta::assert_snapshot!(keys(&value["placements"][0]), @r##"
    name: 
    status: 
    slo_met: 
    slo: 
    warnings: 
    requests: arrived completed failed rejected unfinished timed_out cut_mid_stream retried
    tokens: input output cached recomputed lost
    goodput: requests_per_s fraction
    window_s: rates cost
    latency: ttft_ms tpot_ms itl_ms e2e_ms queue_ms client_queue_ms
    throughput: requests_per_s output_tokens_per_s total_tokens_per_s output_tokens_per_s_per_gpu
    capacity: max_requests_per_s_at_slo output_tokens_per_s limited_by headroom trials
    deployments: 
    cost: nodes gpus usd_per_hour usd_total at_offered_load at_capacity usd_per_month_run_rate hours price_date price_source
    model_error: class tpot ttft throughput cost reasons
    availability: fraction capacity_fraction group_restarts downtime_s mean_time_to_recover_s by_cause
    workloads:
    "##);
    insta::assert_snapshot!(keys(&value["placements"][1]), @r##"
    name: 
    status: 
    reason: 
    slo_met: 
    warnings:
    "##);
    insta::assert_snapshot!(keys(&value["placements"][0]["workloads"][0]), @r##"
    name: 
    requests: arrived completed failed rejected unfinished timed_out cut_mid_stream retried
    tokens: input output cached lost
    goodput: requests_per_s fraction
    window_s: rates cost
    latency: ttft_ms tpot_ms itl_ms e2e_ms queue_ms client_queue_ms
    throughput: requests_per_s output_tokens_per_s total_tokens_per_s output_tokens_per_s_per_gpu
    "##);
    insta::assert_snapshot!(keys(&value["placements"][0]["deployments"][1]), @r##"
    name: 
    engine: steps preemptions prefix_cache_hit_rate kv_cache_usage batch_size stage_busy_fraction slow_steps
    memory: fits weights_bytes_per_gpu other_bytes_per_gpu kv_cache_bytes_per_gpu free_bytes_per_gpu gpu_bytes num_gpu_blocks kv_cache_tokens max_full_length_sequences sequences_at_this_workload
    "##);
    insta::assert_snapshot!(keys(&value["placements"][0]["latency"]), @r##"
    ttft_ms: mean std p50 p90 p95 p99 max percentiles
    tpot_ms: mean std p50 p90 p95 p99 max percentiles
    itl_ms: mean std p50 p90 p95 p99 max percentiles
    e2e_ms: mean std p50 p90 p95 p99 max percentiles
    queue_ms: mean std p50 p90 p95 p99 max percentiles
    client_queue_ms: mean std p50 p90 p95 p99 max percentiles
    "##);
}

#[test]
fn the_summary_adds_up() {
    let value = serde_json::to_value(summary()).unwrap();
    let placement = &value["placements"][0];
    assert_eq!(placement["slo_met"], json!(false));
    assert_eq!(
        placement["tokens"],
        json!({"input": 200, "output": 22, "cached": 32, "recomputed": 6, "lost": 0})
    );
    assert_eq!(placement["window_s"], json!({"rates": [0.0, 2.2], "cost": [0.0, 3.6]}));
    assert_eq!(placement["throughput"]["output_tokens_per_s"], json!(10.0));
    assert_eq!(placement["throughput"]["output_tokens_per_s_per_gpu"], json!(0.625));
    let cost = &placement["cost"];
    let usd = |key: &str| cost["at_offered_load"][key].as_f64().unwrap();
    let parts = usd("usd_per_million_input_tokens") * 200.0 + usd("usd_per_million_output_tokens") * 22.0;
    assert!((parts / 1e6 - cost["usd_total"].as_f64().unwrap()).abs() < 1e-12);
    // 0.05 USD a second over 250 tokens a second.
    assert!((cost["at_capacity"]["usd_per_million_total_tokens"].as_f64().unwrap() - 200.0).abs() < 1e-9);
    let unvalidated = |warning: &&Value| warning["kind"] == "outside_validated_ground";
    assert_eq!(placement["warnings"].as_array().unwrap().iter().filter(unvalidated).count(), 1);
}

#[test]
fn vllms_own_result_has_vllms_keys_and_starts_at_the_send() {
    let mut simulated = simulated();
    let mut late = request(11, 2_000, Outcome::Completed);
    late.first_sent = at_ms(2_150);
    late.queued = late.first_sent;
    late.scheduled = Some(late.first_sent);
    simulated.metrics.arrived(0, late.wanted);
    simulated.metrics.request(late);
    let bench = vllm_bench(&simulated);
    assert_eq!(bench["request_rate"], json!("inf"));
    assert_eq!(
        (&bench["num_prompts"], &bench["completed"], &bench["failed"]),
        (&json!(4), &json!(3), &json!(1))
    );
    // 200, 200 and 50 ms.
    assert_eq!(bench["mean_ttft_ms"], json!(150.0));
    insta::assert_snapshot!(keys(&bench).replace(": \n", " "), @r##"date endpoint_type backend label model_id tokenizer_id num_prompts request_rate burstiness max_concurrency duration completed failed total_input_tokens total_output_tokens request_throughput request_goodput output_throughput total_token_throughput max_output_tokens_per_s max_concurrent_requests rtfx mean_ttft_ms median_ttft_ms std_ttft_ms p50_ttft_ms p90_ttft_ms p95_ttft_ms p99_ttft_ms mean_tpot_ms median_tpot_ms std_tpot_ms p50_tpot_ms p90_tpot_ms p95_tpot_ms p99_tpot_ms mean_itl_ms median_itl_ms std_itl_ms p50_itl_ms p90_itl_ms p95_itl_ms p99_itl_ms mean_e2el_ms median_e2el_ms std_e2el_ms p50_e2el_ms p90_e2el_ms p95_e2el_ms p99_e2el_ms"##);
}

/// Keys and JSON types of the result file (vLLM `benchmarks/serve.py`: what `main_async` puts into `result_json`, and
/// `benchmark` into `result`, with `--percentile-metrics ttft,tpot,itl,e2el --metric-percentiles 50,90,95,99`, without
/// `--save-detailed`, a ramp-up or speculative decoding). `request_rate` is a number or `"inf"`.
const BENCH_KEYS: [(&str, &str); 22] = [
    ("date", "string"),
    ("endpoint_type", "string"),
    ("backend", "string"),
    ("label", "null"),
    ("model_id", "string"),
    ("tokenizer_id", "string"),
    ("num_prompts", "integer"),
    ("request_rate", "string or float"),
    ("burstiness", "float"),
    ("max_concurrency", "null or integer"),
    ("duration", "float"),
    ("completed", "integer"),
    ("failed", "integer"),
    ("total_input_tokens", "integer"),
    ("total_output_tokens", "integer"),
    ("request_throughput", "float"),
    ("request_goodput", "null or float"),
    ("output_throughput", "float"),
    ("total_token_throughput", "float"),
    ("max_output_tokens_per_s", "float"),
    ("max_concurrent_requests", "integer"),
    ("rtfx", "float"),
];

#[test]
fn vllms_own_result_has_vllms_keys_and_types_and_no_other() {
    let mut expected: Vec<(String, &str)> =
        BENCH_KEYS.iter().map(|(key, kind)| ((*key).to_owned(), *kind)).collect();
    for latency in ["ttft", "tpot", "itl", "e2el"] {
        for statistic in ["mean", "median", "std", "p50", "p90", "p95", "p99"] {
            expected.push((format!("{statistic}_{latency}_ms"), "float"));
        }
    }
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::String(_) => "string",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        other => panic!("{other}"),
    };
    let mut asked = simulated();
    asked.bench.request_rate = Some(2.0);
    asked.bench.max_concurrency = Some(8);
    for simulated in [simulated(), asked] {
        let Value::Object(bench) = vllm_bench(&simulated) else { panic!("an object") };
        assert_eq!(bench.keys().collect::<Vec<_>>(), expected.iter().map(|(key, _)| key).collect::<Vec<_>>());
        for (key, kinds) in &expected {
            assert!(kinds.split(" or ").any(|allowed| allowed == kind(&bench[key])), "{key}: {}", bench[key]);
        }
    }
}

#[test]
fn rows_are_ordered_and_decimals_fixed() {
    insta::assert_snapshot!(text(|out| write_requests(out, &results())), @r##"
    placement,workload,id,deployment,group,arrival_s,input_tokens,output_tokens,cached_tokens,queue_ms,ttft_ms,tpot_ms,e2e_ms,preemptions,retries,outcome
    two-nodes,chat,chat-0,b,1,0.000000,100,11,16,0.002,200.000,100.000,1200.000,1,1,completed
    two-nodes,chat,chat-10,b,1,1.000000,100,11,16,0.002,200.000,100.000,1200.000,1,1,completed
    two-nodes,chat,chat-9,b,1,1.000000,100,0,16,,,,1200.000,1,1,timeout
    "##);
    insta::assert_snapshot!(text(|out| write_timeline(out, &results())), @r##"
    placement,deployment,group,t_s,running,waiting,kv_cache_usage,tokens_per_s,ready
    two-nodes,b,1,1.000000,1,0,0.250000,8.000,true
    "##);
}

#[test]
fn lines_are_json_in_the_order_of_time() {
    insta::assert_snapshot!(text(|out| write_events(out, &results())), @r##"
    {"t_s":0.000000000,"placement":"two-nodes","kind":"pod_ready","object":"b-1"}
    {"t_s":2.200000000,"placement":"two-nodes","kind":"request_failed","object":"chat-9","reason":"timeout"}
    "##);
    let steps = text(|out| write_steps(out, &results()));
    insta::assert_snapshot!(steps, @r##"
    {"t_s":0.000000010,"end_s":0.000000015,"placement":"two-nodes","deployment":"b","group":1,"step":0,"scheduled":{"B":8,"A":1},"preempted":["C"],"finished":[],"running":2,"waiting":1,"free_blocks":7}
    {"t_s":0.000000030,"end_s":0.000000035,"placement":"two-nodes","deployment":"b","group":1,"step":1,"scheduled":{"B":8,"A":1},"preempted":["C"],"finished":[],"running":2,"waiting":1,"free_blocks":7}
    "##);
    for line in steps.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn tables_say_it_in_a_row_a_placement() {
    let table = summary_table(&summary());
    assert!(table.ends_with('\n') && table.lines().all(|line| line.chars().count() <= 110), "{table}");
    insta::assert_snapshot!(table, @r##"
     placement  fits    TTFT ms        TPOT ms  req/s    out    max  limited by      $/h  $/M at  $/M at  slo
                      p50 / p95      p50 / p95         tok/s  req/s                         load     max  met
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────
     two-nodes  yes   200 / 200  100.0 / 100.0   0.91     10   2.00  tpot_p95     180.00       -  200.00   no
                                                                     (step time)
     one-node   no            -              -      -      -      -  -                 -       -       -   no

    $/M at load: dollars per million tokens, prompts and answers, at the offered load; - if it was not met.
    max req/s: the highest arrival rate within the slo. $/M at max: the same dollars at that rate.
    does not fit (one-node): No available memory for the cache blocks
    model error (two-nodes): extrapolated: TTFT ±30 %, TPOT ±20 %, throughput, max req/s and $/M tok ±25 %
    warning (two-nodes): 1 of 3 requests failed and 0 were rejected; latencies are those of the completed ones
      alone
    warning (two-nodes): too few samples for a percentile of the slo: tpot_p95 has 2 and needs 200
    warning (two-nodes): outside validated ground: PP 2: no row; 2 nodes: one row
    "##);
    let mut long = summary();
    long.placements[0].name = "a-placement-with-quite-a-long-name".to_owned();
    let table = summary_table(&long);
    let lines: Vec<&str> = table.lines().map(str::trim).collect();
    assert!(
        lines.iter().any(|line| line.starts_with("a-placement-with") && line.contains(" tpot_p95 ")),
        "{table}"
    );
    assert!(lines.contains(&"(step time)"), "a table that is too wide splits this column: {table}");
    insta::assert_snapshot!(summary_csv(&summary()), @r##"
    placement,fits,ttft_p50_ms,ttft_p95_ms,tpot_p50_ms,tpot_p95_ms,requests_per_s,output_tokens_per_s,max_requests_per_s_at_slo,limited_by,usd_per_hour,usd_per_million_total_tokens_at_offered_load,usd_per_million_total_tokens_at_capacity,slo_met,model_error_class,ttft_error,tpot_error,throughput_error
    two-nodes,yes,200,200,100,100,0.9090909090909091,10,2,tpot_p95 (step time),180,,200,no,extrapolated,0.3,0.2,0.25
    one-node,no,,,,,,,,,,,,no,,,,
    "##);
}

#[test]
fn files_are_whole_and_nothing_lies_beside_them() {
    let dir = std::env::temp_dir().join(format!("towtank-report-{}", std::process::id()));
    let written = FileOptions { requests: true, ..FileOptions::default() };
    write_run(&dir, "name: s\n", &summary(), &results(), written).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["events.jsonl", "requests.csv", "scenario.yaml", "summary.json", "timeline.csv", "two-nodes"]
    );
    assert!(dir.join("two-nodes/vllm_bench.json").is_file());
    let written: Value = serde_json::from_slice(&fs::read(dir.join("summary.json")).unwrap()).unwrap();
    assert_eq!(written, serde_json::to_value(summary()).unwrap());
    // Rows of an earlier run do not stay beside the figures of a later one.
    write_run(&dir, "name: s\n", &summary(), &results(), FileOptions::default()).unwrap();
    assert!(!dir.join("requests.csv").exists());
    // A directory in the way of a file.
    fs::create_dir_all(dir.join("blocked/summary.json")).unwrap();
    let refused =
        write_run(&dir.join("blocked"), "", &summary(), &results(), FileOptions::default()).unwrap_err();
    assert!(refused.to_string().starts_with("cannot write "), "{refused}");
    assert!(!dir.join("blocked/summary.json.partial").exists());
    fs::remove_dir_all(dir).unwrap();
}
