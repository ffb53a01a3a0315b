//! Replications: the same luck for every placement, honest intervals, one rule for ties.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use towtank::{
    confidence::{Estimate, Precision},
    metrics::{PlacementResult, PlacementStatus},
    report::{
        Comparison, ComparisonHead, Metric, PlacementSummary, Replication, Summary, SummaryHead, TieBy,
        Verdict, comparison_csv, comparison_svg, comparison_table,
    },
    study::{self, Monitor, Replications, RunOptions},
};

use super::{report, runs};

const SCENARIO: &str = r#"
name: pair
description: Two caches, one of them short.
seed: 7
duration: 20s
warmup: 2s
slo: {ttft_p95: 2s, tpot_p95: 80ms}
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 6/s}
    lengths: {input: {uniform: [50, 900]}, output: {uniform: [5, 150]}}
placements:
  - name: roomy
    node_pools:
      - {name: a3, machine: a3-highgpu-1g, provisioning: spot}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.33", max_model_len: 4096}
  - name: short
    node_pools:
      - {name: a3, machine: a3-highgpu-1g, provisioning: spot}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.33", max_model_len: 4096, max_num_seqs: 4}
  - name: too-large
    node_pools:
      - {name: a3, machine: a3-highgpu-1g, provisioning: spot}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-70B-Instruct
        engine: {version: "0.33", max_model_len: 4096}
"#;

const TTFT_P95: &str = "ttft_p95_ms";

/// A file with `text`, and where results may go; both in a directory of their own.
fn place(name: &str, text: &str) -> (PathBuf, String, String) {
    let dir = std::env::temp_dir().join(format!("towtank-compare-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("scenario.yaml");
    fs::write(&file, text).unwrap();
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    (dir.clone(), text(file), text(dir.join("out")))
}

fn towtank(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_towtank")).arg("compare").args(args).output().unwrap()
}

fn compared(args: &[&str]) -> Value {
    let output = towtank(&[args, &["--format", "json", "--quiet"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn metric<'a>(comparison: &'a Value, key: &str) -> &'a Value {
    let metrics = comparison["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["metric"] == key).unwrap_or_else(|| panic!("{key}: {metrics:?}"))
}

fn files(dir: &Path) -> Vec<Vec<u8>> {
    let names = ["compare.json", "compare.csv", "replications.csv", "plots/compare.svg"];
    names.iter().map(|name| fs::read(dir.join(name)).unwrap()).collect()
}

#[test]
fn shared_luck_narrows_differences() {
    let resolved = runs::resolved(SCENARIO, &[]);
    let compared = study::compare(&resolved, Replications::Fixed(8), &Monitor::default());
    assert!(!compared.interrupted && compared.replications.len() == 8);
    let head = ComparisonHead {
        scenario: "pair",
        description: None,
        seed: 7,
        calibrated_on: None,
        precision: None,
        baseline: None,
    };
    let comparison = Comparison::new(&head, &compared.replications);
    let requests = comparison.metrics.iter().find(|metric| metric.metric == "output_tokens_per_s").unwrap();
    let half = |band: towtank::report::Band| band.sampling_error.unwrap();
    let [one, other] = &requests.placements[..] else { panic!("{requests:?}") };
    let apart = half(one.mean.band).hypot(half(other.mean.band));
    let paired = half(requests.differences[0].mean.band);
    assert!(paired < 0.5 * apart, "{paired} of a pair, {apart} of strangers");
    assert_eq!(comparison.baseline.as_deref(), Some("roomy"));
    assert_eq!(comparison.placements[2].slo_met, Some(0), "what does not fit meets no slo");
}

/// The first replication is the run itself, the others are runs with other seeds; figures are their means.
#[test]
fn a_replication_is_a_run() {
    let resolved = runs::resolved(SCENARIO, &["find_rate=true"]);
    let compared = study::compare(&resolved, Replications::Fixed(3), &Monitor::default());
    for (ordinal, replication) in compared.replications.iter().enumerate() {
        let mut alone = resolved.clone();
        alone.seed = replication.seed;
        assert_eq!(ordinal == 0, alone.seed == resolved.seed);
        let options = RunOptions::default();
        let run = study::run(&alone, &options, &Monitor::default());
        let head = SummaryHead { scenario: "pair", seed: 7, calibrated_on: None, has_slo: true };
        assert_eq!(Summary::new(&head, &run.placements).placements, replication.placements);
    }
    let seeds: Vec<u64> = compared.replications.iter().map(|replication| replication.seed).collect();
    assert!(seeds[1] != seeds[2]);
}

#[test]
fn threads_change_no_byte() {
    for (name, how) in [("fixed", &["--replications", "4"][..]), ("precise", &["--precision", "30%"])] {
        let (dir, file, _) = place(name, SCENARIO);
        let outs = ["1", "3"].map(|jobs| {
            let out = dir.join(jobs);
            compared(&[&[&file, "--jobs", jobs, "--out", out.to_str().unwrap()][..], how].concat());
            files(&out)
        });
        assert!(outs[0] == outs[1], "{name}");
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn replications_go_on_until_figures_are_precise() {
    let (dir, file, out) = place("until", SCENARIO);
    let until = |precision: &str, most: &str| {
        let set = "placements[short].deployments[0].engine.max_num_seqs=64";
        let how = ["--precision", precision, "--max-replications", most, "--set", set];
        compared(&[&[&file, "--out", &out][..], &how].concat())
    };
    let loose = until("50%", "100");
    assert_eq!(loose["replications"], Precision::FEWEST);
    assert_eq!(loose["precision"]["reached"], true);
    let strict = until("6%", "100");
    let replications = strict["replications"].as_u64().unwrap();
    assert!((16..100).contains(&replications), "{replications}");
    let widest = strict["precision"]["widest"]["relative"].as_f64().unwrap();
    assert!(widest <= 0.06 / 1.06 && strict["precision"]["reached"] == true, "{widest}");
    let ended = until("0.1%", "16");
    assert_eq!((&ended["replications"], &ended["precision"]["reached"]), (&16.into(), &false.into()));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_does_not_depend_on_chance_has_no_width() {
    let (dir, file, out) = place("certain", SCENARIO);
    let certain = [
        "--set",
        "workloads[chat].arrivals={process: constant, rate: 4/s}",
        "--set",
        "workloads[chat].lengths={input: 100, output: 20}",
        "--set",
        "placements[short].deployments[0].engine.max_num_seqs=256",
    ];
    let args = [&[&file, "--out", &out, "--replications", "3"][..], &certain].concat();
    let comparison = compared(&args);
    for metric in comparison["metrics"].as_array().unwrap() {
        for known in metric["placements"].as_array().unwrap() {
            assert_eq!((&known["std"], &known["sampling_error"]), (&0.0.into(), &0.0.into()), "{metric}");
            assert_eq!(known["interval"][0], known["mean"], "{metric}");
        }
        let difference = &metric["differences"][0];
        assert_eq!((&difference["mean"], &difference["verdict"]), (&0.0.into(), &"tie".into()));
        assert_eq!(difference["tie_by"], "equality");
    }
    let precise = compared(&[&args[..2], &["--out", &out, "--precision", "0.01%"][1..], &certain].concat());
    assert_eq!(precise["replications"], Precision::FEWEST);
    fs::remove_dir_all(dir).unwrap();
}

/// Nobody but the cluster: the availabilities of independent years.
#[test]
fn years_without_traffic_are_compared() {
    let scenario = fs::read_to_string("scenarios/a-year-of-failures.yaml").unwrap();
    let (dir, file, out) = place("years", &scenario);
    let comparison = compared(&[&file, "--out", &out, "--replications", "3"]);
    let names: Vec<&Value> =
        comparison["metrics"].as_array().unwrap().iter().map(|metric| &metric["metric"]).collect();
    assert_eq!(names, ["availability"]);
    let availability = metric(&comparison, "availability");
    assert!(availability["placements"][0]["model_error"].is_null(), "nobody has measured it");
    assert!(availability["placements"][0]["std"].as_f64().unwrap() > 0.0);
    let refused = towtank(&[&file, "--out", &out, "--precision", "1%"]);
    assert_eq!(refused.status.code(), Some(2));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_interrupted_comparison_keeps_its_first_replications() {
    let (dir, file, out) = place("interrupted", SCENARIO);
    let mut child = Command::new(env!("CARGO_BIN_EXE_towtank"))
        .args(["compare", &file, "--replications", "100000", "--out", &out, "--quiet", "--jobs", "2"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let kept: Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("compare.json")).unwrap()).unwrap();
    let count = kept["replications"].as_u64().unwrap();
    assert!((1..100_000).contains(&count), "{count}");
    let whole = compared(&[&file, "--replications", &count.max(2).to_string(), "--out", &out]);
    if count >= 2 {
        assert_eq!(kept, whole, "the same as if no more had been asked for");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn bad_requests_are_refused_before_anything_is_written() {
    let (dir, file, out) = place("refused", SCENARIO);
    for (args, message) in [
        (&["--precision", "2"][..], "expected a percentage above 0 and up to 100, such as 2%"),
        (&["--precision", "0%"], "expected a percentage"),
        (&["--precision", "nan%"], "expected a percentage"),
        (&["--precision", "2%", "--replications", "5"], "cannot be used with"),
        (&["--max-replications", "20"], "--precision <P%>"),
        (&["--replications", "1"], "2..=100000"),
        (&["--baseline", "romy"], "no placement `romy`; it has roomy, short, too-large"),
        (&["--fail-on-slo", "--set", "slo={}"], "has no slo"),
    ] {
        let output = towtank(&[&[&file, "--out", &out][..], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(message), "{args:?}: {error}");
    }
    assert!(!Path::new(&out).exists());
    let missed = towtank(&[&file, "--out", &out, "--replications", "2", "--fail-on-slo", "--quiet"]);
    assert_eq!(missed.status.code(), Some(3), "a placement does not fit");
    fs::remove_dir_all(dir).unwrap();
}

/// Replications of `two-nodes` and `second` whose highest rates are as stated.
fn replications(rates: &[[f64; 2]]) -> Vec<Replication> {
    let summary = |rates: &[f64; 2]| {
        let mut results = report::results();
        results.insert(1, PlacementResult { name: "second".to_owned(), ..results[0].clone() });
        for (result, rate) in results.iter_mut().zip(rates) {
            result.capacity.as_mut().unwrap().max_requests_per_s_at_slo = *rate;
            let PlacementStatus::Ok(run) = &mut result.status else { panic!() };
            run.model_error.throughput = 0.1;
        }
        results.iter().map(|result| PlacementSummary::new(true, result)).collect()
    };
    let seeds = 1..;
    seeds.zip(rates).map(|(seed, rates)| Replication { seed, placements: summary(rates) }).collect()
}

fn comparison(rates: &[[f64; 2]], baseline: Option<&str>) -> Comparison {
    let head = ComparisonHead {
        scenario: "s",
        description: Some("About two nodes."),
        seed: 1,
        calibrated_on: None,
        precision: Some((0.05, false)),
        baseline,
    };
    Comparison::new(&head, &replications(rates))
}

#[test]
fn differences_are_taken_replication_by_replication() {
    let rates = [[2.0, 2.6], [3.0, 3.5], [4.0, 4.7]];
    let known = comparison(&rates, None);
    let rate = known.metrics.iter().find(|metric| metric.metric == "max_requests_per_s_at_slo").unwrap();
    // Differences of 0.6, 0.5 and 0.7: t at two degrees of freedom is 4.303.
    let difference = &rate.differences[0];
    let half = 4.302_652_7 * 0.1 / 3.0_f64.sqrt();
    let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-6, "{value} {expected}");
    near(difference.mean.mean, 0.6);
    near(difference.mean.band.sampling_error.unwrap(), half);
    near(difference.mean.interval.unwrap()[0], 0.6 - half);
    // A tenth of each mean, independent of each other and of chance.
    let model = 0.3_f64.hypot(0.36);
    near(difference.mean.band.model_error.unwrap(), model);
    near(difference.mean.band.combined_error, model.hypot(half));
    near(difference.relative.unwrap(), 0.2);
    assert_eq!((difference.verdict, difference.tie_by), (Verdict::Better, None), "more is better");
    assert_eq!(rate.best, ["second"]);
    let measured = &rate.placements[0];
    near(measured.mean.band.sampling_error.unwrap(), 4.302_652_7 / 3.0_f64.sqrt());
    near(measured.mean.band.model_error.unwrap(), 0.3);
    assert_eq!(Estimate::of(&[2.0, 3.0, 4.0]).unwrap().interval(), measured.mean.interval);
}

#[test]
fn a_cost_is_compared_where_its_rate_is_met_in_every_replication() {
    let costs = |met: [bool; 2]| {
        let mut runs = replications(&[[2.0, 2.6], [3.0, 3.5]]);
        for (run, met) in runs.iter_mut().zip(met) {
            run.placements[0].slo_met = Some(true);
            run.placements[1].slo_met = Some(met);
        }
        let head = ComparisonHead {
            scenario: "s",
            description: None,
            seed: 1,
            calibrated_on: None,
            precision: None,
            baseline: None,
        };
        let known = Comparison::new(&head, &runs);
        let key = "usd_per_million_total_tokens_at_offered_load";
        let cost = known.metrics.into_iter().find(|metric| metric.metric == key).unwrap();
        (cost.placements.len(), cost.differences.len())
    };
    assert_eq!(costs([true, true]), (2, 1));
    assert_eq!(costs([true, false]), (1, 0));
    assert_eq!(costs([false, false]), (1, 0));
}

#[test]
fn a_winner_inside_the_band_is_a_tie() {
    let verdict = |rates: &[[f64; 2]]| {
        let known = comparison(rates, None);
        let rate = known.metrics.iter().find(|metric| metric.metric == "max_requests_per_s_at_slo").unwrap();
        (rate.differences[0].tie_by, rate.best.len())
    };
    assert_eq!(verdict(&[[2.0, 2.2], [2.0, 2.2], [2.0, 2.2]]), (Some(TieBy::Model), 2));
    assert_eq!(verdict(&[[2.0, 2.6], [2.0, 2.6], [2.0, 2.6]]), (None, 1));
    assert_eq!(verdict(&[[2.0, 1.6], [2.0, 3.0], [2.0, 3.2]]), (Some(TieBy::Sampling), 2));
    assert_eq!(verdict(&[[2.0, 2.0], [2.1, 2.1]]), (Some(TieBy::Equality), 2));
}

#[test]
fn the_table_says_who_is_better_at_what() {
    let rates = [[2.0, 2.6], [2.1, 2.75], [1.9, 2.4]];
    insta::assert_snapshot!(comparison_table(&comparison(&rates, None)), @r##"
    About two nodes.

     placement  fits  nodes  GPUs  weights       KV cache  sequences     $/h  slo met
                                   GiB/GPU         tokens    at once             of 3
    ──────────────────────────────────────────────────────────────────────────────────
     two-nodes  yes       2    16     48.0  16000 / 16000    12 / 12  180.00        0
     second     yes       2    16     48.0  16000 / 16000    12 / 12  180.00        0
     one-node   no        -     -        -              -          -       -        0

     figure             mean  sampling   model    both  less two-nodes's      %  which
      placement                      ±       ±       ±     95 % interval         is
    ──────────────────────────────────────────────────────────────────────────────────────
     TTFT p95 ms
      two-nodes        200.0       0.0    60.0    60.0
      second           200.0       0.0    60.0    60.0                 0         the same
     TPOT p95 ms
      two-nodes        100.0       0.0    20.0    20.0
      second           100.0       0.0    20.0    20.0                 0         the same
     e2e p95 ms
      two-nodes         1200         0     360     360
      second            1200         0     360     360                 0         the same
     good req/s
      two-nodes            0         0       0       0
      second               0         0       0       0                 0         the same
     out tok/s/GPU
      two-nodes       0.6250    0.0000  0.0625  0.0625
      second          0.6250    0.0000  0.0625  0.0625                 0         the same
     max req/s
      two-nodes         2.00      0.25    0.20    0.32
      second            2.58      0.44    0.26    0.51    +0.39 to +0.77  +29.2  better
     $/M tok at max
      two-nodes        200.0       0.0    50.0    50.0
      second           200.0       0.0    50.0    50.0                 0         the same
     availability
      two-nodes        1.000     0.000       -   0.000
      second           1.000     0.000       -   0.000                 0         the same
     failed requests
      two-nodes        1.000     0.000       -   0.000
      second           1.000     0.000       -   0.000                 0         the same

    3 replications, each placement on the same random numbers. sampling: half the 95 % confidence interval of the
      mean (Student's t). model: nine of ten measured figures of the kind were closer. both: root of the sum of
      squares. tie: a difference within both errors of it; (model): however many replications; (sampling): more
      could tell.
    precision 5.0 %: not reached; known worst: max_requests_per_s_at_slo of second, ±16.9 %
    warning (two-nodes): 1 of 3 requests failed and 0 were rejected; latencies are those of the completed ones
      alone
    warning (two-nodes): too few samples for a percentile of the slo: tpot_p95 has 2 and needs 200
    warning (two-nodes): outside validated ground: PP 2: no row; 2 nodes: one row
    warning (second): 1 of 3 requests failed and 0 were rejected; latencies are those of the completed ones alone
    warning (second): too few samples for a percentile of the slo: tpot_p95 has 2 and needs 200
    warning (second): outside validated ground: PP 2: no row; 2 nodes: one row
    does not fit (one-node): No available memory for the cache blocks
    tie for the best (two-nodes, second): TTFT p95 ms, TPOT p95 ms, e2e p95 ms, good req/s, out tok/s/GPU, $/M tok
      at max, availability, failed requests
    best (second): max req/s
    "##);
    let reversed = comparison_table(&comparison(&rates, Some("second")));
    let line = reversed.lines().find(|line| line.contains("worse")).unwrap();
    assert!(line.starts_with("  two-nodes") && line.contains("-0.77 to -0.39"), "{line}");
    for line in reversed.lines() {
        assert!(line.chars().count() <= 110, "{line}");
    }
}

#[test]
fn files_hold_what_the_table_rounds() {
    let known = comparison(&[[2.0, 2.6], [3.0, 3.5], [4.0, 4.7]], None);
    let csv = comparison_csv(&known);
    let row = |start: &str| csv.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(row("max_requests_per_s_at_slo,two-nodes,,3,3,").ends_with(",,"), "{csv}");
    assert!(row("max_requests_per_s_at_slo,second,two-nodes,3,0.6").ends_with(",better"), "{csv}");
    let keys: Vec<String> = Metric::all().map(Metric::key).collect();
    assert!(known.metrics.iter().all(|metric| keys.contains(&metric.metric)));
    let svg = comparison_svg(&known).unwrap().unwrap();
    assert!(svg.contains("TTFT p95 ms (lower is better)") && svg.contains("second"), "{svg}");
    assert!(!svg.contains("NaN"));
    assert_eq!(metric(&serde_json::to_value(&known).unwrap(), TTFT_P95)["better"], "lower");
}
