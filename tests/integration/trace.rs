//! `trace.json`: events that a viewer accepts, and the same run as in the other files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use towtank::{
    metrics::{KeepRows, PlacementResult, RequestRecord},
    report::{TraceWindow, write_trace},
    study::{self, Monitor, RunOptions},
};

use super::runs;

const SCENARIO: &str = r#"
name: trace
seed: 3
duration: 20s
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 5/s}
    lengths: {input: {uniform: [50, 7000]}, output: {uniform: [1, 200]}}
    client: {timeout: 20s, retries: 1, backoff: 1s}
placements:
  - name: steady
    node_pools: &pool
      - {name: a3, machine: a3-highgpu-8g, nodes: 2, storage: {kind: local-ssd}}
    deployments:
      - &llama
        name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-70B-Instruct
        engine: {version: "0.33", tensor_parallel_size: 4, pipeline_parallel_size: 2, max_model_len: 8192, max_num_batched_tokens: 2048}
        leaderworkerset: {replicas: 2}
  - name: hit
    node_pools: *pool
    deployments:
      - <<: *llama
        engine: {version: "0.33", tensor_parallel_size: 8, max_model_len: 8192, max_num_batched_tokens: 2048, max_num_seqs: 2}
timeline:
  - {at: 8s, placement: hit, fail: {container: llama-0}}
"#;

/// One event: its fields, and its times [ns].
struct Event {
    fields: Map<String, Value>,
    start: u64,
    end: u64,
}

impl Event {
    fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_else(|| panic!("{field} of {:?}", self.fields))
    }

    fn number(&self, field: &str) -> u64 {
        self.fields[field].as_u64().unwrap_or_else(|| panic!("{field} of {:?}", self.fields))
    }

    fn arg(&self, name: &str) -> &Value {
        &self.fields["args"][name]
    }

    fn phase(&self) -> &str {
        self.text("ph")
    }

    fn process(&self) -> u64 {
        self.number("pid")
    }

    fn track(&self) -> (u64, u64) {
        (self.process(), self.number("tid"))
    }
}

/// A number of microseconds with three decimals, as it stands in the text [ns].
fn nanos(line: &str, field: &str) -> u64 {
    let Some((_, rest)) = line.split_once(&format!("\"{field}\":")) else { return 0 };
    let number = &rest[..rest.find([',', '}']).unwrap()];
    let (whole, fraction) = number.split_once('.').unwrap();
    assert_eq!(fraction.len(), 3, "{line}");
    format!("{whole}{fraction}").parse().unwrap()
}

/// Reads a trace and holds every event against what its phase needs.
fn read(text: &str) -> Vec<Event> {
    let whole: Value = serde_json::from_str(text).unwrap();
    assert_eq!(whole["displayTimeUnit"], "ms");
    let lines: Vec<&str> = text.lines().collect();
    let lines = &lines[1..lines.len() - 1];
    assert_eq!(whole["traceEvents"].as_array().unwrap().len(), lines.len(), "an event a line");
    let parse = |line: &&str| {
        let line = line.trim_end_matches(',');
        let Value::Object(fields) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
        let needed: &[&str] = match fields["ph"].as_str().unwrap() {
            "M" => &["args"],
            "X" => &["cat", "ts", "dur", "args"],
            "i" => &["cat", "ts", "s", "args"],
            "C" => &["ts", "args"],
            "b" => &["cat", "id", "ts", "args"],
            "e" => &["cat", "id", "ts"],
            "s" | "t" | "f" => &["cat", "id", "ts", "bp"],
            phase => panic!("phase {phase}"),
        };
        let present: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
        let all = ["ph", "pid", "tid", "name"].iter().chain(needed).copied();
        assert_eq!(present, all.collect(), "{line}");
        let start = nanos(line, "ts");
        let end = start + nanos(line, "dur");
        Event { fields, start, end }
    };
    lines.iter().map(parse).collect()
}

fn results(sets: &[&str]) -> Vec<PlacementResult> {
    let options = RunOptions { rows: KeepRows::All, steps: true, ..RunOptions::default() };
    study::run(&runs::resolved(SCENARIO, sets), &options, &Monitor::default()).placements
}

fn trace(results: &[PlacementResult]) -> Vec<Event> {
    let mut text = Vec::new();
    write_trace(&mut text, results, TraceWindow::ALL).unwrap();
    read(&String::from_utf8(text).unwrap())
}

fn rows(results: &[PlacementResult]) -> impl Iterator<Item = (String, &RequestRecord)> {
    results.iter().flat_map(|result| {
        let rows = result.simulated().unwrap().metrics.rows().iter();
        rows.map(|row| (format!("{}/{}", result.name, row.name), row))
    })
}

/// Name of each process.
fn processes(trace: &[Event]) -> BTreeMap<u64, String> {
    let named = trace.iter().filter(|event| event.text("name") == "process_name");
    named.map(|event| (event.process(), event.arg("name").as_str().unwrap().to_owned())).collect()
}

/// Slices of the thread of that name, in the order of time.
fn slices<'a>(trace: &'a [Event], process: &str, thread: &str) -> Vec<&'a Event> {
    let processes = processes(trace);
    let titled = trace.iter().find(|event| {
        event.text("name") == "thread_name"
            && processes[&event.process()] == process
            && event.arg("name") == thread
    });
    let track = titled.unwrap_or_else(|| panic!("no {thread} of {process}")).track();
    let mut own: Vec<&Event> =
        trace.iter().filter(|event| event.phase() == "X" && event.track() == track).collect();
    own.sort_by_key(|event| event.start);
    own
}

#[test]
fn tracks_are_named_and_their_slices_follow_each_other() {
    let trace = trace(&results(&[]));
    let of = |name: &str| -> BTreeSet<(u64, u64)> {
        trace.iter().filter(|event| event.text("name") == name).map(Event::track).collect()
    };
    let (named, titled) = (of("process_name"), of("thread_name"));
    assert_eq!(named, of("process_sort_index"));
    assert_eq!(titled, of("thread_sort_index"));
    for event in &trace {
        assert!(named.contains(&(event.process(), 0)));
        assert!(!matches!(event.phase(), "X" | "i" | "s" | "t" | "f") || titled.contains(&event.track()));
    }
    let mut names: Vec<String> = processes(&trace).into_values().collect();
    names.sort();
    assert_eq!(
        names,
        ["hit cluster", "hit llama-0", "hit llama-1", "steady cluster", "steady llama-0", "steady llama-1"]
    );
    let mut ends: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut slices: Vec<&Event> = trace.iter().filter(|event| event.phase() == "X").collect();
    slices.sort_by_key(|event| event.start);
    for slice in slices {
        let end = ends.entry(slice.track()).or_default();
        assert!(slice.start >= *end, "{:?} begins before {end}", slice.fields);
        *end = slice.end;
    }
}

#[test]
fn slices_are_the_steps() {
    let results = results(&[]);
    let trace = trace(&results);
    for (result, stages) in results.iter().zip([2, 1]) {
        let simulated = result.simulated().unwrap();
        let mut busy = vec![0; stages];
        for group in 0..2 {
            let mut steps: Vec<_> =
                simulated.metrics.steps().iter().filter(|step| step.group == group).collect();
            steps.sort_by_key(|step| step.polled);
            assert!(steps.len() > 100);
            let process = format!("{} llama-{group}", result.name);
            let core = slices(&trace, &process, "engine core");
            assert_eq!(core.len(), steps.len());
            let mut reached: Vec<u64> = core.iter().map(|slice| slice.end).collect();
            for (slice, step) in core.iter().zip(&steps) {
                assert_eq!(slice.start, step.polled.as_nanos());
            }
            for (stage, busy) in busy.iter_mut().enumerate() {
                let slices = slices(&trace, &process, &format!("stage {stage}"));
                assert_eq!(slices.len(), steps.len());
                for (number, ((slice, step), reached)) in
                    slices.iter().zip(&steps).zip(&mut reached).enumerate()
                {
                    assert_eq!(*slice.arg("step"), number);
                    assert!(slice.start >= *reached && slice.end <= step.ended.as_nanos());
                    *reached = slice.end;
                    *busy += slice.end - slice.start;
                    if stage > 0 {
                        continue;
                    }
                    let tokens: u32 = step.scheduled.iter().map(|(_, tokens)| tokens).sum();
                    let prefill: u32 =
                        step.scheduled.iter().map(|(_, tokens)| tokens).filter(|tokens| **tokens > 1).sum();
                    assert_eq!(*slice.arg("batch_size"), step.scheduled.len());
                    assert_eq!(*slice.arg("tokens"), tokens);
                    assert_eq!(*slice.arg("prefill_tokens"), prefill);
                    assert_eq!(
                        (slice.arg("running"), slice.arg("waiting")),
                        (&step.running.into(), &step.waiting.into())
                    );
                }
            }
        }
        if result.name == "steady" {
            let engine = &simulated.deployments[0].engine;
            for (busy, fraction) in busy.iter().zip(&engine.stage_busy_fraction) {
                let known = fraction * simulated.end.as_secs_f64() * 2.0;
                assert!((*busy as f64 / 1e9 - known).abs() < 1e-6, "{busy} {known}");
            }
        }
    }
}

/// Every engine has its own way to schedule, and a trace of it can be written.
#[test]
fn other_engines_have_steps_too() {
    for engine in [
        "{version: \"0.6\", tensor_parallel_size: 8, max_model_len: 8192, num_scheduler_steps: 8}",
        "{backend: tensorrt-llm, tensor_parallel_size: 4, pipeline_parallel_size: 2, max_model_len: 8192}",
    ] {
        let set = format!("placements[1].deployments[0].engine={engine}");
        let results = results(&["timeline=[]", &set]);
        let trace = trace(&results);
        let simulated = results[1].simulated().unwrap();
        for stage in 0..simulated.deployments[0].engine.stage_busy_fraction.len() {
            let slices = slices(&trace, "hit llama-0", &format!("stage {stage}"));
            let steps = simulated.metrics.steps().iter().filter(|step| step.group == 0);
            assert_eq!(slices.len(), steps.count(), "{engine}");
        }
    }
}

#[test]
fn a_window_shows_what_touches_it() {
    let results = results(&[]);
    let lines = |window: TraceWindow| -> BTreeSet<String> {
        let mut text = Vec::new();
        write_trace(&mut text, &results, window).unwrap();
        read(&String::from_utf8(text.clone()).unwrap());
        String::from_utf8(text).unwrap().lines().map(|line| line.trim_end_matches(',').to_owned()).collect()
    };
    let (all, part) = (lines(TraceWindow::ALL), lines("7s..9s".parse().unwrap()));
    let (from, to) = (7_000_000_000, 9_000_000_000);
    let steps = |lines: &BTreeSet<String>| -> BTreeSet<String> {
        lines.iter().filter(|line| line.contains("\"name\":\"step\"")).cloned().collect()
    };
    assert!(steps(&part).is_subset(&steps(&all)) && steps(&part).len() < steps(&all).len() / 4);
    for line in steps(&all) {
        let (start, end) = (nanos(&line, "ts"), nanos(&line, "ts") + nanos(&line, "dur"));
        assert!(start > to || end < from || part.contains(&line), "{line}");
    }
    assert!(part.iter().any(|line| line.contains("\"name\":\"fault\"")));
    assert!(!part.iter().any(|line| line.contains("lws_condition") && nanos(line, "ts") == 0));
}

#[test]
fn requests_go_through_their_phases() {
    let results = results(&[]);
    let trace = trace(&results);
    let mut open: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    let mut spans: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for event in trace.iter().filter(|event| matches!(event.phase(), "b" | "e")) {
        let stack = open.entry(event.text("id")).or_default();
        if event.phase() == "b" {
            assert!(stack.len() < 2 && stack.last().is_none_or(|outer| outer.start <= event.start));
            stack.push(event);
        } else {
            let begin = stack.pop().unwrap();
            assert_eq!((begin.text("name"), begin.process()), (event.text("name"), event.process()));
            let level = if stack.is_empty() { "whole" } else { begin.text("name") };
            *spans.entry((begin.text("id"), level)).or_default() += event.start - begin.start;
        }
    }
    assert!(open.values().all(Vec::is_empty));
    let mut seen = BTreeSet::new();
    for (id, row) in rows(&results) {
        let span = |level: &str| spans.get(&(id.as_str(), level)).copied().unwrap_or(0);
        assert_eq!(span("whole"), row.e2e().as_nanos(), "{id}");
        let phases = ["client", "queue", "prefill", "decode"].map(span);
        assert_eq!(phases.iter().sum::<u64>(), span("whole"), "{id}");
        if let (Some(queue), Some(first)) = (row.queue(), row.first_token) {
            assert_eq!(span("queue"), queue.as_nanos());
            assert_eq!(span("decode"), (row.end - first).as_nanos());
        }
        assert!(row.attempts < 2 || span("client") > 0, "the attempt before is the client's");
        seen.insert((row.outcome.name(), row.attempts));
    }
    assert!(seen.contains(&("completed", 2)) && seen.contains(&("failed", 1)), "{seen:?}");
}

#[test]
fn arrows_lead_from_the_first_step_of_a_request_to_its_last() {
    let results = results(&[]);
    let trace = trace(&results);
    let slices: BTreeMap<((u64, u64), u64), &Event> = trace
        .iter()
        .filter(|event| event.phase() == "X" && event.text("name") == "step")
        .map(|event| ((event.track(), event.start), event))
        .collect();
    let mut ways: BTreeMap<&str, Vec<(&str, &Event)>> = BTreeMap::new();
    for event in trace.iter().filter(|event| matches!(event.phase(), "s" | "t" | "f")) {
        let slice = slices[&(event.track(), event.start)];
        ways.entry(event.text("id")).or_default().push((event.phase(), slice));
    }
    let mut passed = 0;
    for (id, row) in rows(&results) {
        let metrics =
            &results.iter().find(|result| id.starts_with(&result.name)).unwrap().simulated().unwrap().metrics;
        let name = row.name.to_string();
        let steps = metrics.steps().iter().filter(|step| {
            Some(step.group) == row.group
                && step.polled >= row.queued
                && step.scheduled.iter().any(|(scheduled, _)| *scheduled == name)
        });
        let mut steps: Vec<_> = steps.collect();
        steps.sort_by_key(|step| step.polled);
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            assert!(!ways.contains_key(&*id), "{id}");
            continue;
        };
        if first == last && first.spans.len() == 2 {
            assert!(!ways.contains_key(&*id), "{id}");
            continue;
        }
        let way = &ways[&*id];
        let phases: String = way.iter().map(|(phase, _)| *phase).collect();
        assert!(["sf", "stf"].contains(&&*phases), "{phases}");
        passed += u32::from(phases == "stf");
        assert_eq!(way[0].1.start, first.spans[1].0.as_nanos(), "the first stage of the first step");
        assert_eq!(way.last().unwrap().1.end, last.spans.last().unwrap().1.as_nanos());
    }
    assert!(passed > 0, "long prompts need several steps");
}

#[test]
fn nodes_and_pods_show_their_states() {
    let trace = trace(&results(&["duration=4m", "workloads[0].arrivals.rate=1/s"]));
    let states = |thread: &str| -> Vec<String> {
        let slices = slices(&trace, "hit cluster", thread);
        slices.iter().map(|slice| format!("{} {}", slice.text("name"), slice.start / 1_000_000_000)).collect()
    };
    insta::assert_snapshot!(states("pod llama-0").join(", "), @"ready 0, pulling 8, initialising 25, loading 32, compiling 51, capturing 136, serving 204, ready 210");
    assert_eq!(states("pod llama-1"), ["ready 0"]);
    assert_eq!(states("node a3-0"), ["ready 0"]);
    let marks: BTreeSet<&str> =
        trace.iter().filter(|event| event.phase() == "i").map(|event| event.text("name")).collect();
    for mark in ["fault", "request_failed", "group_ready", "lws_condition"] {
        assert!(marks.contains(mark), "{marks:?}");
    }
    let counted = trace.iter().filter(|event| event.phase() == "C" && event.text("name") == "requests");
    assert!(counted.count() > 40);
}
