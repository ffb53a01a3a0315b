//! The metrics of simulated servers, read back by a parser that takes nothing but OpenMetrics.

#![expect(clippy::float_cmp, reason = "counts are whole numbers, and equal ones are equal to the last bit")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use serde_json::Value;
use towtank::{
    metrics::{KeepRows, Outcome, PlacementResult, RequestRecord},
    report::{Summary, SummaryHead, write_openmetrics},
    scenario::Resolved,
    study::{self, Monitor, RunOptions},
    units::SimDuration,
};

use super::runs;

type Labels = BTreeMap<String, String>;

/// Samples of one name and label set, in the order of time: instant [ns] and value.
type Series = Vec<(u64, f64)>;

/// A text that a strict reader accepts.
struct Exposition {
    /// Type of each family.
    families: BTreeMap<String, String>,
    series: BTreeMap<(String, Labels), Series>,
}

/// Suffixes that the samples of a family of that type have.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "gauge" => &[""],
        "counter" => &["_total"],
        "histogram" => &["_bucket", "_count", "_sum"],
        other => panic!("no type `{other}` was asked for"),
    }
}

fn is_name(text: &str, colon: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Splits `name="value",...` at its end; values may hold escaped quotes, commas and braces.
fn labels(mut text: &str) -> (Labels, &str) {
    let mut labels = Labels::new();
    loop {
        let (name, rest) = text.split_once("=\"").expect("a label's value is quoted");
        assert!(is_name(name, false), "`{name}`");
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().expect("a label's value ends") {
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('"' | '\\') => c,
                    c => panic!("`\\{c}` is no escape"),
                }),
                (end, '"') => break end,
                (_, c) => value.push(c),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "label `{name}` twice");
        match rest[end + 1..].split_at(1) {
            (",", more) => text = more,
            ("}", rest) => return (labels, rest),
            (other, _) => panic!("`{other}` behind a label"),
        }
    }
}

/// Decimal seconds as whole nanoseconds.
fn instant(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 9, "{text}");
    whole.parse::<u64>().unwrap() * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().unwrap()
}

impl Exposition {
    fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("the text ends with # EOF and a line end");
        let mut this = Self { families: BTreeMap::new(), series: BTreeMap::new() };
        let mut family = String::new();
        let mut described = BTreeSet::new();
        // Points of one metric stand together: what was left is not come back to.
        let (mut metric, mut left) = (None, BTreeSet::new());
        for line in body.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (what, name, rest) =
                    (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                if name != family {
                    assert!(is_name(name, true), "{line}");
                    assert!(!this.families.contains_key(name), "family `{name}` is interrupted");
                    name.clone_into(&mut family);
                    described.clear();
                    assert_eq!(what, "TYPE", "{line}");
                }
                assert!(described.insert(what.to_owned()), "{line}");
                match what {
                    "TYPE" => drop(this.families.insert(family.clone(), rest.to_owned())),
                    "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                    "HELP" => assert!(!rest.is_empty() && !rest.contains('\\'), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            assert!(described.contains("HELP"), "{line}");
            let (name, rest) = line.split_once('{').unwrap();
            let suffix = name.strip_prefix(&*family).unwrap_or_else(|| panic!("{line} in {family}"));
            assert!(suffixes(&this.families[&family]).contains(&suffix), "{line}");
            let (labels, rest) = labels(rest);
            let [empty, value, at] = rest.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(empty.is_empty(), "{line}");
            let mut own = labels.clone();
            own.remove("le");
            let this_metric = Some((family.clone(), own));
            if metric != this_metric {
                assert!(left.insert(this_metric.clone()), "{line}: its metric is interleaved");
                metric = this_metric;
            }
            let value: f64 = value.parse().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{line}");
            let series = this.series.entry((name.to_owned(), labels)).or_default();
            let at = instant(at);
            assert!(series.last().is_none_or(|(before, _)| at - before >= 1_000_000), "{line}");
            series.push((at, value));
        }
        this.check_histograms();
        this
    }

    /// Buckets are cumulative and end with all there are; a count and a sum stand beside them.
    fn check_histograms(&self) {
        let histograms = self.families.iter().filter(|(_, kind)| *kind == "histogram");
        for family in histograms.map(|(family, _)| family) {
            let counts = self.of(&format!("{family}_count"));
            assert!(!counts.is_empty(), "{family}");
            for (labels, count) in counts {
                assert_eq!(self.series[&(format!("{family}_sum"), labels.clone())].len(), count.len());
                let buckets = self.of(&format!("{family}_bucket")).into_iter().filter(|(with_le, _)| {
                    let mut own = with_le.clone();
                    own.remove("le");
                    own == labels
                });
                let mut buckets: Vec<(f64, Series)> = buckets
                    .map(|(labels, series)| (labels["le"].replace("+Inf", "inf").parse().unwrap(), series))
                    .collect();
                buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                assert_eq!(buckets.last().unwrap(), &(f64::INFINITY, count), "{family}");
                for pair in buckets.windows(2) {
                    let below = pair[0].1.iter().zip(&pair[1].1);
                    assert!(pair[0].0 < pair[1].0 && below.clone().count() == pair[1].1.len());
                    below.for_each(|((at, less), (same, more))| assert!(at == same && less <= more));
                }
            }
        }
    }

    /// Every series of that name.
    fn of(&self, name: &str) -> Vec<(Labels, Series)> {
        let own = self.series.iter().filter(|((own, _), _)| own == name);
        own.map(|((_, labels), series)| (labels.clone(), series.clone())).collect()
    }

    /// What all series of that name of a placement came to, one life of a server after the other.
    fn total(&self, placement: &str, name: &str) -> f64 {
        let own = self.of(name).into_iter().filter(|(labels, _)| labels["placement"] == placement);
        own.flat_map(|(_, series)| lives(&series)).map(|life| life.last().unwrap().1).sum()
    }
}

/// A counter that falls belongs to another process.
fn lives(series: &[(u64, f64)]) -> Vec<Series> {
    let mut lives = vec![vec![series[0]]];
    for pair in series.windows(2) {
        if pair[1].1 < pair[0].1 {
            lives.push(Vec::new());
        }
        lives.last_mut().unwrap().push(pair[1]);
    }
    lives
}

const SCENARIO: &str = r#"
name: metrics
seed: 5
duration: 30s
router: round-robin
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 6/s}
    lengths: {input: {uniform: [50, 900]}, output: {uniform: [1, 150], stop: eos}}
    prefixes: {shared_tokens: 40, groups: 2}
  - name: cut
    arrivals: {process: poisson, rate: 2/s}
    lengths: {input: 300, output: 60}
placements:
  - name: new
    node_pools: &pool
      - {name: a3, machine: a3-highgpu-8g, nodes: 3, storage: {kind: local-ssd}}
    deployments:
      - &llama
        name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.33", max_model_len: 4096, num_gpu_blocks_override: 150}
        leaderworkerset: {replicas: 2}
  - name: old
    node_pools: *pool
    deployments:
      - <<: *llama
        engine: {version: "0.9", max_model_len: 2048}
"#;

fn results(resolved: &Resolved) -> Vec<PlacementResult> {
    let options = RunOptions { rows: KeepRows::All, servers: true, ..RunOptions::default() };
    study::run(resolved, &options, &Monitor::default()).placements
}

fn exposition(results: &[PlacementResult]) -> Exposition {
    let mut text = Vec::new();
    write_openmetrics(&mut text, results).unwrap();
    Exposition::parse(&String::from_utf8(text).unwrap())
}

fn summary(resolved: &Resolved, results: &[PlacementResult]) -> Value {
    let head = SummaryHead { scenario: &resolved.name, seed: 0, calibrated_on: None, has_slo: false };
    serde_json::to_value(Summary::new(&head, results)).unwrap()
}

fn completed(results: &[PlacementResult], placement: usize) -> Vec<&RequestRecord> {
    let rows = results[placement].simulated().unwrap().metrics.rows().iter();
    rows.filter(|row| row.outcome == Outcome::Completed).collect()
}

#[test]
fn counters_end_at_what_the_summary_says() {
    let resolved = runs::resolved(SCENARIO, &[]);
    let results = results(&resolved);
    let (found, summary) = (exposition(&results), summary(&resolved, &results));
    for (index, placement) in ["new", "old"].into_iter().enumerate() {
        let said = &summary["placements"][index];
        let total = |name: &str| found.total(placement, name);
        let number = |value: &Value| value.as_f64().unwrap();
        let requests = number(&said["requests"]["completed"]);
        assert!(requests > 100.0 && requests == number(&said["requests"]["arrived"]));
        assert_eq!(total("vllm:prompt_tokens_total"), number(&said["tokens"]["input"]));
        assert_eq!(total("vllm:generation_tokens_total"), number(&said["tokens"]["output"]));
        assert_eq!(total("vllm:request_success_total"), requests);
        assert_eq!(total("vllm:request_prompt_tokens_sum"), number(&said["tokens"]["input"]));
        assert_eq!(total("vllm:request_generation_tokens_sum"), number(&said["tokens"]["output"]));
        let engine = &said["deployments"][0]["engine"];
        assert_eq!(total("vllm:num_preemptions_total"), number(&engine["preemptions"]));
        for name in
            ["time_to_first_token", "e2e_request_latency", "request_queue_time", "request_decode_time"]
        {
            assert_eq!(total(&format!("vllm:{name}_seconds_count")), requests, "{name}");
        }
        for (name, ms) in [
            ("time_to_first_token", "ttft_ms"),
            ("e2e_request_latency", "e2e_ms"),
            ("request_queue_time", "queue_ms"),
        ] {
            let sum = total(&format!("vllm:{name}_seconds_sum"));
            let mean = number(&said["latency"][ms]["mean"]);
            assert!((sum * 1e3 / requests - mean).abs() < 1e-5, "{name}: {sum} {mean}");
        }
        let gaps = if index == 0 { "inter_token_latency" } else { "time_per_output_token" };
        let tokens = number(&said["tokens"]["output"]) - requests;
        assert_eq!(total(&format!("vllm:{gaps}_seconds_count")), tokens);
    }
    assert!(found.total("new", "vllm:num_preemptions_total") > 0.0, "the case is meant to have some");
}

#[test]
fn buckets_hold_what_their_bounds_say() {
    let results = results(&runs::resolved(SCENARIO, &[]));
    let found = exposition(&results);
    for (name, of) in [
        (
            "vllm:e2e_request_latency_seconds_bucket",
            (|row| (row.end - row.queued).as_secs_f64()) as fn(&RequestRecord) -> f64,
        ),
        ("vllm:request_prompt_tokens_bucket", |row| f64::from(row.input_tokens)),
        ("vllm:request_time_per_output_token_seconds_bucket", |row| {
            row.tpot().map_or(f64::NAN, SimDuration::as_secs_f64)
        }),
    ] {
        for (labels, series) in found.of(name).into_iter().filter(|(labels, _)| labels["placement"] == "new")
        {
            let bound: f64 = labels["le"].replace("+Inf", "inf").parse().unwrap();
            let group: usize = labels["group"].parse().unwrap();
            let own = completed(&results, 0).into_iter().filter(|row| row.group == Some(group));
            let below = own.filter(|row| of(row) <= bound).count();
            assert_eq!(series.last().unwrap().1, below as f64, "{name} {labels:?}");
        }
    }
}

#[test]
fn reasons_and_labels_are_vllms() {
    let results = results(&runs::resolved(SCENARIO, &[]));
    let found = exposition(&results);
    let reasons: BTreeMap<String, f64> = found
        .of("vllm:request_success_total")
        .into_iter()
        .filter(|(labels, _)| labels["placement"] == "old" && labels["group"] == "1")
        .map(|(labels, series)| (labels["finished_reason"].clone(), series.last().unwrap().1))
        .collect();
    let of = |workload: usize| {
        let rows = completed(&results, 1).into_iter();
        rows.filter(|row| row.group == Some(1) && row.workload == workload).count() as f64
    };
    let expected = [("abort", 0.0), ("length", of(1)), ("stop", of(0))].map(|(k, v)| (k.to_owned(), v));
    assert_eq!(reasons, BTreeMap::from(expected));
    let names = |placement: &str| -> BTreeSet<String> {
        let own = found.series.keys().filter(|(_, labels)| labels["placement"] == placement);
        own.map(|(name, _)| name.clone()).collect()
    };
    let (new, old) = (names("new"), names("old"));
    let only = |these: &BTreeSet<String>, those: &BTreeSet<String>| {
        these
            .difference(those)
            .filter(|name| !name.ends_with("_bucket"))
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    insta::assert_snapshot!(only(&new, &old), @"vllm:inter_token_latency_seconds_count vllm:inter_token_latency_seconds_sum vllm:kv_cache_usage_perc vllm:prefix_cache_hits_total vllm:prefix_cache_queries_total vllm:request_time_per_output_token_seconds_count vllm:request_time_per_output_token_seconds_sum");
    insta::assert_snapshot!(only(&old, &new), @"vllm:gpu_cache_usage_perc vllm:gpu_prefix_cache_hits_total vllm:gpu_prefix_cache_queries_total vllm:time_per_output_token_seconds_count vllm:time_per_output_token_seconds_sum");
    let (labels, _) = &found.of("vllm:num_requests_running")[1];
    insta::assert_snapshot!(format!("{labels:?}"), @r#"{"deployment": "llama", "engine": "0", "group": "0", "model_name": "meta-llama/Llama-3.1-8B-Instruct", "placement": "old", "pod": "llama-0"}"#);
}

#[test]
fn gauges_are_the_timelines() {
    let results = results(&runs::resolved(SCENARIO, &[]));
    let found = exposition(&results);
    let metrics = &results[0].simulated().unwrap().metrics;
    let rows: Vec<_> = metrics.timeline().iter().filter(|row| row.group == 1).collect();
    assert!(rows.iter().any(|row| row.waiting > 0) && rows.iter().any(|row| row.running > 2));
    let gauge = |name: &str| {
        let all = found.of(name).into_iter();
        let mut own = all.filter(|(labels, _)| labels["placement"] == "new" && labels["group"] == "1");
        own.next().unwrap().1
    };
    let (running, waiting) = (gauge("vllm:num_requests_running"), gauge("vllm:num_requests_waiting"));
    assert_eq!(running[0], (0, 0.0), "the first reading is that of the start");
    for (row, (running, waiting)) in rows.iter().zip(running[1..].iter().zip(&waiting[1..])) {
        assert_eq!((row.at.as_nanos(), f64::from(row.running)), *running);
        assert_eq!((row.at.as_nanos(), f64::from(row.waiting)), *waiting);
    }
}

/// Group 0 loses its container, and a new process serves in its place.
#[test]
fn a_new_process_counts_from_nothing() {
    let resolved =
        runs::resolved(SCENARIO, &["duration=6m", "timeline=[{at: 20.5s, fail: {container: llama-0}}]"]);
    let results = results(&resolved);
    let found = exposition(&results);
    let of_group = |group: &str, name: &str| -> Series {
        let all = found.of(name).into_iter();
        let own = all.filter(|(labels, _)| labels["placement"] == "new" && labels["group"] == group);
        let all: Vec<Series> = own.map(|(_, series)| series).collect();
        let at = |index: usize| (all[0][index].0, all.iter().map(|series| series[index].1).sum());
        (0..all[0].len()).map(at).collect()
    };
    let success = of_group("0", "vllm:request_success_total");
    let lives = lives(&success);
    assert_eq!(lives.len(), 2, "{lives:?}");
    assert_eq!(lives[0].last().unwrap().0, 20_000_000_000, "nobody answers from the fault on");
    assert!(lives[1][0].0 > 30_000_000_000, "a start takes its time");
    for life in &lives {
        let (from, (to, count)) = (life[0].0, *life.last().unwrap());
        let ended = |row: &&RequestRecord| row.group == Some(0) && row.end.as_nanos() <= to;
        let rows: Vec<_> = completed(&results, 0).into_iter().filter(ended).collect();
        let served = rows.iter().filter(|row| row.queued.as_nanos() + 1_000_000_000 >= from);
        assert_eq!(count, served.count() as f64, "{from} {to}");
    }
    assert_eq!(self::lives(&of_group("1", "vllm:request_success_total")).len(), 1);
}

#[test]
fn clients_that_go_away_are_aborts() {
    let resolved = runs::resolved(SCENARIO, &["workloads[0].client={timeout: 300ms}"]);
    let results = results(&resolved);
    let found = exposition(&results);
    let aborts = found
        .of("vllm:request_success_total")
        .into_iter()
        .filter(|(labels, _)| labels["placement"] == "new" && labels["finished_reason"] == "abort");
    let aborts: f64 = aborts.map(|(_, series)| series.last().unwrap().1).sum();
    let said = &summary(&resolved, &results)["placements"][0]["requests"];
    assert!(aborts > 5.0);
    assert_eq!(aborts, said["timed_out"].as_f64().unwrap());
}

#[test]
fn asking_changes_nothing_and_one_file_holds_one_scenario() {
    let dir = std::env::temp_dir().join(format!("towtank-metrics-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("one.yaml"), SCENARIO).unwrap();
    fs::write(dir.join("two.yaml"), SCENARIO.replace("name: metrics", "name: other")).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
        command.current_dir(&dir).arg("run").args(args).output().unwrap()
    };
    assert_eq!(run(&["one.yaml", "--out", "plain"]).status.code(), Some(0));
    assert_eq!(run(&["one.yaml", "--out", "asked", "--metrics", "new/om.txt"]).status.code(), Some(0));
    for file in ["summary.json", "requests.csv", "timeline.csv", "events.jsonl"] {
        assert!(
            fs::read(dir.join("plain").join(file)).unwrap()
                == fs::read(dir.join("asked").join(file)).unwrap()
        );
    }
    let text = fs::read_to_string(dir.join("new/om.txt")).unwrap();
    assert!(Exposition::parse(&text).families.len() > 20);
    let refused = run(&["one.yaml", "two.yaml", "--out", "both", "--metrics", "om.txt"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = "error: --metrics om.txt: several scenarios would write it: run them apart\n";
    assert_eq!(String::from_utf8(refused.stderr).unwrap(), message);
    assert!(!dir.join("both").exists() && !dir.join("om.txt").exists());
    fs::remove_dir_all(dir).unwrap();
}
