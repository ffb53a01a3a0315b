//! Sweeps: what is planned, in how many parts it is run, what a kill loses, and what a merge proves.

#![expect(clippy::float_cmp, reason = "the same run is the same to the last bit")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

const SCENARIO: &str = r#"
name: grid
seed: 7
duration: 10s
warmup: 1s
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 4/s}
    lengths: {input: 300, output: 40}
placements:
  - &one
    name: one
    node_pools:
      - {name: a3, machine: a3-highgpu-1g}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.33", max_model_len: 4096}
  - <<: *one
    name: old
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.9", max_model_len: 4096}
"#;

const SEQS: &str = "placements[one].deployments[llama].engine.max_num_seqs=1..4:x2";
const RATE: &str = "workloads[chat].arrivals.rate=2/s..4/s:2/s";

/// A directory of its own with the scenario in it; gone at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("towtank-sweep-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("grid.yaml"), SCENARIO).unwrap();
        Self(dir)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
        command.current_dir(&self.0).arg("sweep").args(args).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn sweep(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn done(&self, args: &[&str]) -> String {
        let output = self.sweep(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, args: &[&str]) -> String {
        let output = self.sweep(args);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Plans the usual grid.
    fn plan(&self, dir: &str) -> String {
        self.done(&["plan", "grid.yaml", "--vary", SEQS, "--vary", RATE, "--replications", "2", "--out", dir])
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }

    /// Contents of all results there are, by their names.
    fn results(&self, dir: &str) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.0.join(dir).join("points")) else { return BTreeMap::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        let whole = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        whole
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Rows of a CSV file by column.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn any_number_of_shards_and_jobs_gives_the_same_table() {
    let place = Place::new("shards");
    assert_eq!(place.plan("whole"), "12 points planned in whole\n");
    place.plan("parts");
    assert_eq!(place.read("whole/sweep.json"), place.read("parts/sweep.json"));
    assert_eq!(
        place.done(&["run", "whole", "--jobs", "4"]),
        "12 of 12 points simulated, 0 were there already\n"
    );
    for (shard, jobs, said) in
        [("2/5", "1", "2 of 2"), ("0/5", "3", "3 of 3"), ("4/5", "1", "2 of 2"), ("1/5", "2", "3 of 3")]
    {
        let text = place.done(&["run", "parts", "--shard", shard, "--jobs", jobs]);
        assert_eq!(text, format!("{said} points simulated, 0 were there already\n"));
    }
    // A pod of an Indexed Job knows its number.
    let refused = place.refused(&["merge", "parts"]);
    assert!(refused.contains("2 of 12 points have no result yet, the first is 3 ("), "{refused}");
    assert!(!place.0.join("parts/results.csv").exists());
    let pod =
        place.command(&["run", "parts", "--shard", "/5"]).env("JOB_COMPLETION_INDEX", "3").output().unwrap();
    assert_eq!(String::from_utf8(pod.stdout).unwrap(), "2 of 2 points simulated, 0 were there already\n");
    assert_eq!(place.done(&["merge", "whole"]), "24 rows of 12 points in whole/results.csv\n");
    place.done(&["merge", "parts"]);
    assert_eq!(place.read("whole/results.csv"), place.read("parts/results.csv"));
    assert_eq!(place.results("whole"), place.results("parts"));
}

#[test]
fn a_row_says_what_a_run_of_its_own_says() {
    let place = Place::new("rows");
    place.plan("sweep");
    place.done(&["run", "sweep"]);
    place.done(&["merge", "sweep"]);
    let rows = rows(&place.read("sweep/results.csv"));
    let (seqs, _) = SEQS.rsplit_once('=').unwrap();
    let (rate, _) = RATE.rsplit_once('=').unwrap();
    let order: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {} {}",
                row["point"], row[seqs], row[rate], row["replication"], row["placement"]
            )
        })
        .collect();
    assert_eq!(
        order[..5],
        ["0 1 2/s 0 one", "0 1 2/s 0 old", "1 1 2/s 1 one", "1 1 2/s 1 old", "2 1 4/s 0 one"]
    );
    assert_eq!(order.last().unwrap(), "11 4 4/s 1 old");
    // Runs share their seeds over all points.
    assert!(rows.iter().all(|row| (row["replication"] == "0") == (row["seed"] == "7")));
    for row in [&rows[8], &rows[22]] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_towtank"));
        run.current_dir(&place.0).args([
            "run",
            "grid.yaml",
            "--out",
            "run",
            "--format",
            "json",
            "--seed",
            &row["seed"],
        ]);
        run.args(["--set", &format!("{seqs}={}", row[seqs]), "--set", &format!("{rate}={}", row[rate])]);
        let summary: Value = serde_json::from_slice(&run.output().unwrap().stdout).unwrap();
        let said =
            summary["placements"].as_array().unwrap().iter().find(|said| said["name"] == row["placement"]);
        let said = said.unwrap();
        for (column, value) in [
            ("completed", &said["requests"]["completed"]),
            ("ttft_p95_ms", &said["latency"]["ttft_ms"]["p95"]),
            ("output_tokens_per_s", &said["throughput"]["output_tokens_per_s"]),
            (
                "usd_per_million_total_tokens_at_offered_load",
                &said["cost"]["at_offered_load"]["usd_per_million_total_tokens"],
            ),
        ] {
            assert_eq!(row[column].parse::<f64>().unwrap(), value.as_f64().unwrap(), "{column}");
        }
    }
}

#[test]
fn what_is_killed_goes_on_where_it_was() {
    let place = Place::new("kill");
    let plan = |dir: &str| {
        let sets = ["--set", "duration=15m", "--vary", "workloads[chat].arrivals.rate=20/s..34/s:2/s"];
        place.done(&[&["plan", "grid.yaml", "--out", dir][..], &sets].concat())
    };
    assert_eq!(plan("killed"), "8 points planned in killed\n");
    let mut child = place.command(&["run", "killed", "--jobs", "1"]).spawn().unwrap();
    while place.results("killed").is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let first = place.results("killed");
    assert!(!first.is_empty() && first.len() < 8, "{} points were done before the kill", first.len());
    // Ctrl-C is heard, and what is finished kept.
    let child = place.command(&["run", "killed", "--jobs", "1"]).spawn().unwrap();
    while place.results("killed").len() == first.len() {
        thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let second = place.results("killed");
    let said = format!("error: interrupted: {} of 8 points are finished\n", second.len());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
    assert!(first.iter().all(|(name, content)| second[name] == *content));
    let written =
        |name: &str| fs::metadata(place.0.join("killed/points").join(name)).unwrap().modified().unwrap();
    let before: Vec<_> = second.keys().map(|name| written(name)).collect();
    let left = 8 - second.len();
    let said = format!("{left} of 8 points simulated, {} were there already\n", second.len());
    assert_eq!(place.done(&["run", "killed"]), said);
    assert_eq!(
        second.keys().map(|name| written(name)).collect::<Vec<_>>(),
        before,
        "what is done is not done again"
    );
    place.done(&["merge", "killed"]);
    plan("whole");
    place.done(&["run", "whole"]);
    place.done(&["merge", "whole"]);
    assert_eq!(place.read("killed/results.csv"), place.read("whole/results.csv"));
}

#[test]
fn a_point_that_does_not_fit_is_a_row() {
    let place = Place::new("fit");
    let model = "placements[1].deployments[0].model=meta-llama/Llama-3.1-8B-Instruct,meta-llama/Llama-3.1-70B-Instruct";
    let version = "placements[1].deployments[0].engine.version=0.20,0.33";
    place.done(&["plan", "grid.yaml", "--zip", model, "--zip", version, "--out", "fit"]);
    place.done(&["run", "fit"]);
    place.done(&["merge", "fit"]);
    let rows = rows(&place.read("fit/results.csv"));
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("status"), ["ok", "ok", "ok", "does_not_fit"]);
    assert!(rows[3]["reason"].starts_with("llama: CUDA out of memory"), "{}", rows[3]["reason"]);
    assert_eq!(rows[3]["ttft_p95_ms"], "");
    assert_eq!(column("placements[1].deployments[0].engine.version"), ["0.20", "0.20", "0.33", "0.33"]);
}

#[test]
fn what_cannot_be_planned_is_said_and_nothing_is_written() {
    let place = Place::new("refused");
    for (flags, message) in [
        (&["--vary", "placements[two].name=a"][..], "`placements` has no item named `two`"),
        (&["--vary", "placements[0].deployments[0].engine.max_num_seq=1,2"], "did you mean `max_num_seqs`?"),
        (&["--vary", "duration=10s,10"], "at duration=10: "),
        (&["--vary", "placements[0].deployments[0].model=meta-llama/Llama-3.1-9B"], "did you mean"),
        (
            &["--vary", "warmup=1s..5s"],
            "error: warmup=1s..5s: `1s..5s` has no step: expected a range such as",
        ),
        (&["--vary", "warmup"], "error: warmup: expected PATH=VALUES"),
        (&["--vary", "warmup=1s,2s", "--vary", "warmup=3s"], "error: warmup: varied twice"),
        (&["--vary", "warmup=1s,2s,1s"], "error: points 0 and 2 are the same: warmup=1s"),
        (&["--vary", "seed=1,2"], "error: seed: --replications varies it"),
        (
            &["--zip", "warmup=1s,2s", "--zip", "duration=10s"],
            "what is zipped has as many values: warmup has 2, duration has 1",
        ),
        (&["--zip", "warmup=1s,2s"], "--zip: one field alone is what --vary is for"),
        (&["--set", "nme=x"], "did you mean `name`?"),
    ] {
        let error = place.refused(&[&["plan", "grid.yaml", "--out", "out"], flags].concat());
        assert!(error.contains(message), "{flags:?}: {error}");
        assert!(!place.0.join("out").exists(), "{flags:?}");
    }
    assert!(place.refused(&["run", "out"]).contains("there is no such plan: write one with `sweep plan`"));
    place.plan("out");
    place.plan("out");
    let other = place.refused(&["plan", "grid.yaml", "--vary", RATE, "--out", "out"]);
    assert!(other.contains("another plan lies here"), "{other}");
    for (shard, message) in [
        ("5/5", "expected I/N"),
        ("-1/5", "expected I/N"),
        ("1", "expected I/N"),
        ("/5", "JOB_COMPLETION_INDEX is not set"),
    ] {
        let error = place.refused(&["run", "out", &format!("--shard={shard}")]);
        assert!(error.starts_with(&format!("error: --shard {shard}: {message}")), "{error}");
    }
    let changed = place.read("out/sweep.json").replacen("\"seed\": 7", "\"seed\": 8", 2);
    fs::write(place.0.join("out/sweep.json"), changed).unwrap();
    assert!(place.refused(&["run", "out"]).contains("was changed after it was planned"));
}

#[test]
fn results_of_another_plan_are_not_merged() {
    let place = Place::new("foreign");
    place.plan("mine");
    place.done(&["plan", "grid.yaml", "--vary", RATE, "--out", "other"]);
    place.done(&["run", "mine"]);
    place.done(&["run", "other"]);
    let copy = |name: &str, to: &str| {
        let points = |dir: &str| place.0.join(dir).join("points");
        fs::copy(points("other").join(name), points("mine").join(to)).unwrap();
    };
    let (mine, other) = (place.results("mine"), place.results("other"));
    let (name, foreign) = (mine.keys().next().unwrap(), other.keys().next().unwrap());
    copy(foreign, foreign);
    assert!(place.refused(&["merge", "mine"]).contains("the result of no point of this plan"));
    fs::remove_file(place.0.join("mine/points").join(foreign)).unwrap();
    copy(foreign, name);
    assert!(place.refused(&["merge", "mine"]).contains("the result of point "));
    assert!(!place.0.join("mine/results.csv").exists());
    fs::write(place.0.join("mine/points").join(name), &mine[name]).unwrap();
    place.done(&["merge", "mine"]);
}

/// Pods have the plan, not the files of whoever planned.
#[test]
fn facts_of_the_user_travel_with_the_plan() {
    let place = Place::new("facts");
    let own = place.0.join("own.json");
    let price = r#"{"value": 1.25, "unit": "USD/h", "source": "our contract", "date": "2026-11"}"#;
    fs::write(
        &own,
        format!(r#"{{"prices": {{"a3-highgpu-1g": {{"us-central1": {{"standard": {price}}}}}}}}}"#),
    )
    .unwrap();
    place.done(&["plan", "grid.yaml", "--catalog", "own.json", "--vary", RATE, "--out", "own"]);
    fs::remove_file(own).unwrap();
    fs::remove_file(place.0.join("grid.yaml")).unwrap();
    place.done(&["run", "own"]);
    place.done(&["merge", "own"]);
    let rows = rows(&place.read("own/results.csv"));
    assert!(rows.len() == 4 && rows.iter().all(|row| row["usd_per_hour"] == "1.25"), "{rows:?}");
}

/// A plan and what it was planned from can be moved together, and a scenario's own files are found from the plan.
#[test]
fn files_of_the_scenario_are_found_from_the_plan() {
    let place = Place::new("moved");
    let here = |file: &str| place.0.join("here").join(file);
    fs::create_dir_all(here("scenarios")).unwrap();
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/gemma-3-27b.json"),
        here("scenarios/g.json"),
    )
    .unwrap();
    let text = SCENARIO
        .replace("meta-llama/Llama-3.1-8B-Instruct", "g.json")
        .replace("max_model_len: 4096}", "max_model_len: 4096, disable_hybrid_kv_cache_manager: true}");
    fs::write(here("scenarios/grid.yaml"), text).unwrap();
    place.done(&["plan", "here/scenarios/grid.yaml", "--vary", RATE, "--out", "here/out"]);
    fs::rename(here(""), place.0.join("there")).unwrap();
    place.done(&["run", "there/out"]);
    assert_eq!(place.done(&["merge", "there/out"]), "4 rows of 2 points in there/out/results.csv\n");
}
