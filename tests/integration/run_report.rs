//! The report of a run: drawn from its files alone, the same each time, whole, and about what was run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn towtank(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_towtank"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(args)
        .output()
        .unwrap()
}

/// Results of a scenario, removed at the end.
struct Results(PathBuf);

impl Results {
    fn of(name: &str, scenario: &str, args: &[&str]) -> Self {
        let dir = std::env::temp_dir().join(format!("towtank-report-{name}-{}", std::process::id()));
        let results = Self(dir);
        let run = ["run", scenario, "--quiet", "--out", results.path()];
        let output = towtank(&[&run[..], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        results
    }

    fn written(name: &str, text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("towtank-report-{name}-{}.yaml", std::process::id()));
        fs::write(&file, text).unwrap();
        let results = Self::of(name, file.to_str().unwrap(), &[]);
        fs::remove_file(file).unwrap();
        results
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }

    /// Names of the plots.
    fn plots(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.0.join("plots")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The error of `towtank report`, which must be the user's.
    fn refusal(&self) -> String {
        let output = towtank(&["report", self.path()]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap().replace(self.path(), "DIR")
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A short scenario: `workloads` and `placements` as YAML lists of flow mappings.
fn short(workloads: &str, placements: &[(&str, &str, u32)]) -> String {
    let head =
        format!("name: short\nduration: 1m\nslo: {{ttft_p95: 5s, tpot_p95: 80ms}}\n{workloads}placements:\n");
    let placements = placements.iter().map(|(name, model, gpus)| {
        format!(
            "  - name: {name}\n    node_pools: [{{name: a3, machine: a3-highgpu-8g, nodes: 1, region: us-central1}}]\n    \
             deployments: [{{name: llama, node_pool: a3, model: {model}, engine: {{tensor_parallel_size: {gpus}, max_model_len: 4096}}}}]\n"
        )
    });
    head + &placements.collect::<String>()
}

const CHAT: &str = "workloads: [{name: chat, arrivals: {process: constant, rate: 2/s}, lengths: {input: {fixed: 200}, output: {fixed: 20}}}]\n";
const SMALL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const LARGE: &str = "meta-llama/Llama-3.1-405B-Instruct";

/// Values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    html.split(&opening).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn a_report_is_redrawn_from_the_files_alone_to_the_same_bytes() {
    let results = Results::of("redrawn", "scenarios/llama-3.1-405b-bf16-vs-fp8.yaml", &[]);
    let (page, plots) = (results.read("report.html"), results.plots());
    let curve = results.read("plots/rate-tpot.svg");
    fs::remove_file(results.0.join("report.html")).unwrap();
    fs::remove_file(results.0.join("plots/rate-tpot.svg")).unwrap();
    fs::write(results.0.join("plots/of-another-run.svg"), "").unwrap();
    assert_eq!(towtank(&["report", results.path(), "--quiet"]).status.code(), Some(0));
    assert!(page == results.read("report.html") && curve == results.read("plots/rate-tpot.svg"));
    assert_eq!(results.plots(), plots);
}

#[test]
fn the_scenario_beside_the_results_gives_them_again() {
    let results = Results::of("again", "scenarios/llama-3.1-8b-one-gpu.yaml", &["--seed", "7"]);
    let scenario = results.0.join("scenario.yaml");
    let again = Results::of("again2", scenario.to_str().unwrap(), &[]);
    assert_eq!(results.read("summary.json"), again.read("summary.json"));
    assert_eq!(results.read("report.html"), again.read("report.html"));
}

#[test]
fn every_trial_of_the_search_is_kept_and_its_best_is_the_capacity() {
    let results = Results::of("trials", "scenarios/llama-3.1-405b-bf16-vs-fp8.yaml", &["--requests", "none"]);
    let summary: Value = serde_json::from_str(&results.read("summary.json")).unwrap();
    for placement in summary["placements"].as_array().unwrap() {
        let capacity = &placement["capacity"];
        let trials = capacity["trials"].as_array().unwrap();
        let rate = |trial: &Value| trial["requests_per_s"].as_f64().unwrap();
        assert!(trials.is_sorted_by(|one, other| rate(one) < rate(other)), "{trials:?}");
        let met: Vec<f64> = trials.iter().filter(|trial| trial["met"] == true).map(rate).collect();
        assert_eq!(met.last().copied(), capacity["max_requests_per_s_at_slo"].as_f64());
        let offered = trials.iter().find(|trial| (rate(trial) - 0.5).abs() < 1e-9).unwrap();
        assert_eq!(offered["ttft_p95_ms"], placement["latency"]["ttft_ms"]["p95"]);
    }
    // Without rows there is no distribution to draw; everything else is there.
    let page = results.read("report.html");
    assert!(!page.contains("id=\"distributions\"") && page.contains("id=\"rates\""));
}

#[test]
fn a_page_is_self_contained_and_can_be_read_by_machines() {
    let results = Results::of("page", "scenarios/node-loss-at-peak.yaml", &[]);
    let page = results.read("report.html");
    let addresses = page.replace("http://www.w3.org/2000/svg", "");
    assert!(
        !addresses.contains("http://") && !addresses.contains("https://") && !addresses.contains("<script")
    );
    let ids = values(&page, "id");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id twice");
    for names in values(&page, "aria-labelledby").into_iter().flat_map(str::split_whitespace) {
        assert!(ids.contains(&names), "nothing is called {names}");
    }
    for link in values(&page, "href").into_iter().filter_map(|link| link.strip_prefix('#')) {
        assert!(ids.contains(&link), "no {link}");
    }
    let levels: Vec<u32> =
        page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10)).collect();
    assert!(levels[0] == 1 && levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    let figures = page.matches("<figure>").count();
    assert_eq!(page.matches("role=\"img\"").count(), figures);
    assert_eq!(results.plots().len(), figures);
    for part in ["failure", "not ready", "starting", "llama-1"] {
        assert!(results.read("plots/life-4-two-groups.svg").contains(&format!(">{part}</text>")), "{part}");
    }
}

#[test]
fn a_large_run_makes_no_large_page() {
    let results = Results::of(
        "large",
        "scenarios/llama-3.1-8b-one-gpu.yaml",
        &["--set", "duration=2h", "--set", "find_rate=false"],
    );
    assert!(results.read("requests.csv").lines().count() > 10_000);
    assert!(results.read("report.html").len() < 200_000);
}

#[test]
fn what_has_no_traffic_or_no_room_or_no_answer_still_has_a_page() {
    let years = Results::of("years", "scenarios/a-year-of-failures.yaml", &["--set", "duration=90d"]);
    let page = years.read("report.html");
    assert!(
        page.contains("No traffic was simulated")
            && page.contains("By cause")
            && !page.contains("id=\"comparison\"")
    );

    let none = Results::written("no-room", &short(CHAT, &[("too-large", LARGE, 8)]));
    let page = none.read("report.html");
    assert!(page.contains("No placement fits into its GPUs.") && page.contains("CUDA out of memory"));
    assert_eq!(none.plots(), BTreeSet::new());

    let nothing = CHAT.replace("rate: 2/s", "rate: 0.001/s");
    let idle = Results::written("no-answer", &short(&nothing, &[("one", SMALL, 1)]));
    let summary: Value = serde_json::from_str(&idle.read("summary.json")).unwrap();
    assert_eq!(summary["placements"][0]["requests"]["completed"], 0);
    let page = idle.read("report.html");
    assert!(page.contains("id=\"money\"") && !page.contains("id=\"distributions\"") && !page.contains("NaN"));
}

#[test]
fn a_colour_belongs_to_a_placement_wherever_it_is_shown() {
    let placements = [("too-large", LARGE, 8), ("small", SMALL, 1)];
    let results = Results::written("colours", &short(CHAT, &placements));
    // The second colour, though nothing is drawn of the first placement.
    for plot in ["cost-at-load", "ttft-distribution", "occupancy", "life-1-small"] {
        let svg = results.read(&format!("plots/{plot}.svg"));
        let body = svg.split_once("</style>").unwrap().1;
        assert!(body.contains("\"#D55E00\"") && !body.contains("\"#0072B2\""), "{plot}");
    }
}

#[test]
fn what_is_no_run_is_refused_with_what_is_wrong_and_where() {
    assert_eq!(towtank(&["report", "no-such-directory"]).status.code(), Some(2));
    let output = towtank(&["report", "scenarios"]);
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @"error: scenarios: no results: expected a directory that `towtank run` or `towtank plan` wrote, with a summary.json or a plan.json
");
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/report.html").exists());

    let results = Results::written("refused", &short(CHAT, &[("one", SMALL, 1)]));
    let spoil = |file: &str, from: &str, to: &str| {
        let whole = results.read(file);
        assert!(whole.contains(from), "{file}: {from}");
        fs::write(results.0.join(file), whole.replacen(from, to, 1)).unwrap();
        let refusal = results.refusal();
        fs::write(results.0.join(file), whole).unwrap();
        refusal
    };
    insta::assert_snapshot!(spoil("summary.json", "\"usd_per_hour\"", "\"usd\""), @r#"error: DIR/summary.json: placements[0]: missing field `usd_per_hour`"#);
    insta::assert_snapshot!(spoil("summary.json", "\"seed\": 0", "\"seed\": zero"), @r#"
    error: DIR/summary.json:4:11: expected value
      |
    4 |   "seed": zero,
      |           ^
    "#);
    insta::assert_snapshot!(spoil("requests.csv", "one,chat", "two,chat"), @r#"error: DIR/requests.csv:2:1: placement `two` is not in summary.json: these files are of different runs"#);
    insta::assert_snapshot!(spoil("requests.csv", ",completed", ",completed,"), @r#"error: DIR/requests.csv:2:1: 17 columns: expected 16 as in the header"#);
    insta::assert_snapshot!(spoil("timeline.csv", "t_s", "time"), @r#"error: DIR/timeline.csv:2:1: missing field `t_s`"#);
    insta::assert_snapshot!(spoil("events.jsonl", "\"kind\":", "\"sort\":"), @r#"
    error: DIR/events.jsonl:1:73: missing field `kind`
      |
    1 | {"t_s":0.000000000,"placement":"one","sort":"node_ready","object":"a3-0"}
      |                                                                         ^
    "#);
    fs::remove_file(results.0.join("timeline.csv")).unwrap();
    insta::assert_snapshot!(results.refusal(), @r#"error: DIR/timeline.csv: no such file"#);
}
