//! The capacity report of a plan: drawn from plan.json alone, and all that plan.json says of money and facts is on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

fn towtank(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_towtank")).args(args).output().unwrap()
}

/// A plan of one small model on one machine, in a directory of its own.
fn plan(name: &str, slo: &str) -> (PathBuf, Option<i32>) {
    let dir = std::env::temp_dir().join(format!("towtank-capacity-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let text = format!(
        "name: small\nseed: 3\nduration: 60s\nwarmup: 10s\nslo: {slo}\n\
         workloads: [{{name: chat, arrivals: {{process: poisson, rate: 8/s}}, lengths: {{input: {{fixed: 400}}, output: {{fixed: 60}}}}}}]\n\
         plan: {{models: [meta-llama/Llama-3.1-8B-Instruct], machines: [a2-highgpu-1g], months: 2, \
         managed_api_usd_per_million_tokens: 0.2, engine: {{version: '0.33', max_model_len: 8192}}}}\n"
    );
    let scenario = dir.join("small.yaml");
    fs::write(&scenario, text).unwrap();
    let run = towtank(&["plan", scenario.to_str().unwrap(), "--quiet", "--out", dir.to_str().unwrap()]);
    (dir, run.status.code())
}

fn read(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn a_capacity_report_says_what_the_plan_says() {
    let (dir, status) = plan("whole", "{ttft_p95: 1s, tpot_p95: 40ms}");
    assert_eq!(status, Some(0));
    let page = read(&dir, "capacity_report.html");
    let places: Vec<usize> = ["finance", "operations", "search", "assumptions"]
        .iter()
        .map(|id| page.find(&format!("<section id=\"{id}\"")).unwrap())
        .collect();
    assert!(places.is_sorted());
    let plan: Value = serde_json::from_str(&read(&dir, "plan.json")).unwrap();
    let winner = &plan["winner"];
    for price in winner["prices"].as_array().unwrap() {
        for key in ["source", "date", "region", "note"] {
            assert!(page.contains(price[key].as_str().unwrap()), "{price}");
        }
    }
    let facts = winner["facts"].as_array().unwrap();
    let table = page.split_once("id=\"facts\"").unwrap().1;
    assert_eq!(table.matches("<th scope=\"row\"").count(), facts.len());
    let recalled = facts.iter().filter(|fact| fact["recalled"] == true).count();
    assert_eq!(table.matches("class=\"bad\"").count(), recalled);
    assert!(page.contains(&format!("of which {recalled} are remembered")));
    for figure in ["money-split", "knee-ttft", "knee-waiting", "pareto-cost", "tornado"] {
        assert!(dir.join(format!("plots/{figure}.svg")).is_file(), "{figure}");
    }

    fs::remove_file(dir.join("capacity_report.html")).unwrap();
    assert_eq!(towtank(&["report", dir.to_str().unwrap()]).status.code(), Some(0));
    assert!(read(&dir, "capacity_report.html") == page);

    // A plan with failures simulates years; here only the report is asked about them.
    let mut failing = plan.clone();
    failing["winner"]["incident"] = json!({
        "years": 20, "groups": 2, "group_availability": 0.9985, "node_availability": 0.9985, "mean_time_to_recover_s": 300.0,
        "stages": [{"name": "detection", "mean_s": 60.0}, {"name": "weight_load", "mean_s": 240.0}],
        "dominant_stage": "weight_load",
        "causes": [{"name": "gpu", "faults_per_year": 2.5, "group_seconds_lost_per_year": 750.0, "share": 1.0}]
    });
    fs::write(dir.join("plan.json"), failing.to_string()).unwrap();
    assert_eq!(towtank(&["report", dir.to_str().unwrap()]).status.code(), Some(0));
    assert!(read(&dir, "capacity_report.html").contains("The longest is weight load"));
    assert!(dir.join("plots/recovery.svg").is_file() && dir.join("plots/error-budget.svg").is_file());

    let broken = read(&dir, "plan.json").replacen("\"announced\"", "\"said\"", 1);
    fs::write(dir.join("plan.json"), broken).unwrap();
    let refused = towtank(&["report", dir.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("plan.json:") && error.contains("missing field `announced`"), "{error}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_plan_without_a_winner_still_says_why() {
    let (dir, status) = plan("none", "{ttft_p95: 1s, tpot_p95: 1ms}");
    assert_eq!(status, Some(3));
    let page = read(&dir, "capacity_report.html");
    assert!(page.contains("No candidate meets the slo.") && page.contains("Not chosen"));
    assert!(!page.contains("id=\"finance\"") && !page.contains("NaN"));
    fs::remove_dir_all(dir).unwrap();
}
