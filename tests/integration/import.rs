//! Manifests become scenarios that run; what they do not say is marked, what they say in vain is listed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use towtank::{catalog::Catalog, scenario::ScenarioFile};

const DIR: &str = "tests/fixtures/manifests";

fn towtank(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_towtank")).current_dir(dir).args(args).output().unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(DIR)
}

/// Both streams and the exit status of an import.
fn import(files: &[&str]) -> (String, String, i32) {
    let args: Vec<&str> = std::iter::once("import").chain(files.iter().copied()).collect();
    let output = towtank(&fixtures(), &args);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// What is imported together.
const IMPORTS: [(&str, &[&str]); 11] = [
    ("two-nodes", &["two-nodes.yaml"]),
    ("accelerator", &["accelerator.yaml"]),
    ("hyperdisk-ml", &["hyperdisk-ml.yaml"]),
    ("hyperdisk-ml-with-class", &["hyperdisk-ml.yaml", "storage.yaml"]),
    ("with-hpa", &["accelerator.yaml", "beside.yaml"]),
    ("two-alternatives", &["accelerator.yaml", "hyperdisk-ml.yaml", "storage.yaml"]),
    ("sglang", &["sglang.yaml"]),
    ("experts", &["experts.yaml"]),
    ("tpu", &["tpu.yaml"]),
    ("rendered-chart", &["rendered-chart.yaml"]),
    ("tensorrt-llm", &["tensorrt-llm.yaml"]),
];

#[test]
fn manifests_become_scenarios() {
    for (name, files) in IMPORTS {
        let (stdout, stderr, status) = import(files);
        assert_eq!(status, 0, "{name}: {stderr}");
        insta::assert_snapshot!(name, format!("{stdout}---\n{stderr}"));
    }
}

#[test]
fn what_is_imported_resolves() {
    for (name, files) in IMPORTS.iter().filter(|(name, _)| *name != "experts") {
        let (stdout, ..) = import(files);
        let file = ScenarioFile::parse(name, &stdout, Path::new(""), &[]).unwrap_or_else(|e| panic!("{e}"));
        let resolved = file.resolve(&Catalog::builtin()).unwrap_or_else(|error| panic!("{name}: {error}"));
        for deployment in resolved.placements.iter().flat_map(|placement| &placement.deployments) {
            assert!(deployment.memory.is_ok(), "{name}: {:?}", deployment.memory);
        }
        file.supported().unwrap();
    }
}

#[test]
fn the_405b_manifests_run_unchanged() {
    let dir = std::env::temp_dir().join(format!("towtank-import-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    for files in [&["two-nodes.yaml"][..], &["accelerator.yaml"], &["hyperdisk-ml.yaml", "storage.yaml"]] {
        let (stdout, ..) = import(files);
        fs::write(dir.join("imported.yaml"), stdout).unwrap();
        let output = towtank(&dir, &["run", "imported.yaml", "--format", "csv", "--set", "duration=2m"]);
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.lines().nth(1).unwrap().contains(",yes,"), "{stdout}");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_cannot_be_simulated_is_refused_with_its_place() {
    for name in ["unknown-engine", "template", "storage"] {
        let (stdout, stderr, status) = import(&[&format!("{name}.yaml")]);
        assert_eq!((stdout.as_str(), status), ("", 2), "{name}");
        insta::assert_snapshot!(name, stderr);
    }
}

#[test]
fn stdin_is_a_manifest_too() {
    use std::{io::Write, process::Stdio};
    let text = fs::read(fixtures().join("sglang.yaml")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
    command.args(["import", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("Made by `towtank import` of stdin\nname: sglang\n")
    );
}

#[test]
fn stdin_is_read_once() {
    let (stdout, stderr, status) = import(&["-", "-"]);
    assert_eq!((stdout.as_str(), status), ("", 2));
    assert!(stderr.contains("-: stdin can be read once only"), "{stderr}");
}

#[test]
fn a_manifest_inside_a_scenario_fills_what_the_scenario_leaves_out() {
    let text = "name: inside
duration: 1m
workloads: [{name: w, arrivals: {process: poisson, rate: 1/s}, lengths: chat}]
placements:
  - name: p
    node_pools: [{name: a3, machine: a3-highgpu-8g, nodes: 6}]
    deployments:
      - name: vllm
        node_pool: a3
        model: meta-llama/Llama-3.1-405B-Instruct
        engine: {max_model_len: 8192}
        leaderworkerset: {manifest: hyperdisk-ml.yaml, replicas: 3}
";
    let file = ScenarioFile::parse("inside.yaml", text, &fixtures(), &[]).unwrap_or_else(|e| panic!("{e}"));
    file.supported().unwrap();
    file.resolve(&Catalog::builtin()).unwrap_or_else(|error| panic!("{error}"));
    let deployment = &file.scenario.placements[0].deployments[0];
    let engine = &deployment.engine;
    assert_eq!((engine.tensor_parallel_size, engine.pipeline_parallel_size), (Some(8), Some(2)));
    assert_eq!((engine.max_model_len, engine.version.unwrap().to_string()), (Some(8192), "0.8.5".to_owned()));
    let lws = &deployment.leaderworkerset;
    assert_eq!((lws.replicas, lws.leader_worker_template.as_ref().unwrap().size), (Some(3), Some(2)));
    assert_eq!(deployment.pod.as_ref().unwrap().termination_grace_period_seconds, Some(120));
    let missing = text.replace("hyperdisk-ml.yaml", "no-such.yaml");
    let error = ScenarioFile::parse("inside.yaml", &missing, &fixtures(), &[]).unwrap_err().to_string();
    assert!(
        error.contains("inside.yaml:12:37: placements[0].deployments[0].leaderworkerset.manifest:"),
        "{error}"
    );
    assert!(error.contains("no-such.yaml: no such file"), "{error}");
}
