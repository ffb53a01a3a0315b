//! A scenario file: read, set, resolved, shown.

use std::path::Path;

use serde_json::Value;
use towtank::{
    catalog::Catalog,
    engine::ExecutorArg,
    kubernetes::{Change, Cluster},
    scenario::{ScenarioError, ScenarioFile},
    units::Version,
};

const TWO_NODES: &str = r"
name: two-nodes
duration: 10m
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 1/s}
    lengths: {input: 512, output: 128}
placements:
  - name: two
    node_pools:
      - {name: a3, machine: a3-highgpu-8g, nodes: 4}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-405B-Instruct
        engine: {tensor_parallel_size: 8, pipeline_parallel_size: 2, distributed_executor_backend: ray, max_model_len: 16384}
        leaderworkerset: {replicas: 2, leaderWorkerTemplate: {size: 2}}
";

fn parse(sets: &[&str]) -> Result<ScenarioFile, ScenarioError> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    ScenarioFile::parse("two.yaml", TWO_NODES, Path::new(""), &sets)
}

#[test]
fn defaults_are_vllms_kubernetes_and_gkes() {
    let resolved = parse(&[]).unwrap().resolve(&Catalog::builtin()).unwrap();
    let placement = &resolved.placements[0];
    let deployment = &placement.deployments[0];
    let engine = &deployment.engine;
    assert_eq!(engine.version, Version::new(0, 33, 0));
    assert_eq!((engine.limits.max_num_seqs, engine.limits.max_num_batched_tokens), (1024, 8192));
    assert!((engine.gpu_memory_utilization - 0.92).abs() < 1e-12);
    assert!(engine.enable_prefix_caching && engine.limits.enable_chunked_prefill && !engine.enforce_eager);
    assert_eq!(engine.capture_sizes.len(), 51);
    assert_eq!((placement.nodes(), placement.gpus()), (4, 32));
    assert_eq!(placement.pools[0].network.name(), "gvnic");
    assert!(deployment.memory.is_ok() && placement.does_not_fit().is_none());
}

#[test]
fn pods_stand_on_nodes_and_equal_groups_share_their_timing() {
    let resolved = parse(&[]).unwrap().resolve(&Catalog::builtin()).unwrap();
    let placement = &resolved.placements[0];
    let (cluster, changes) = Cluster::new(placement.cluster.clone()).unwrap();
    let events = changes.iter().filter_map(|change| match change {
        Change::Event(event) if event.kind == "pod_ready" => {
            Some((event.object.as_str(), event.fields["node"].as_str().unwrap()))
        }
        _ => None,
    });
    let expected = [("llama-0", "a3-0"), ("llama-0-1", "a3-1"), ("llama-1", "a3-2"), ("llama-1-1", "a3-3")];
    assert_eq!(events.collect::<Vec<_>>(), expected);
    assert_eq!(cluster.nodes_of_slot(1), Some(vec![2, 3]));
    let nodes: Vec<_> =
        placement.deployments[0].timing.stages.iter().map(|stage| stage.nodes.clone()).collect();
    assert_eq!(nodes, [vec![0; 8], vec![1; 8]]);
}

#[test]
fn what_is_shown_is_a_scenario_that_resolves_to_the_same() {
    let catalog = Catalog::builtin();
    let file = parse(&["placements[0].deployments[0].engine.version=0.11"]).unwrap();
    let resolved = file.resolve(&catalog).unwrap();
    let shown = serde_saphyr::to_string(&file.filled(&resolved)).unwrap();
    let again = ScenarioFile::parse("shown.yaml", &shown, Path::new(""), &[]).unwrap();
    let resolved_again = again.resolve(&catalog).unwrap();
    assert_eq!(format!("{resolved:?}"), format!("{resolved_again:?}"));
    assert_eq!(serde_saphyr::to_string(&again.filled(&resolved_again)).unwrap(), shown);
}

#[test]
fn json_is_read_as_yaml_is() {
    let tree: Value = serde_saphyr::from_str(TWO_NODES).unwrap();
    for text in [tree.to_string(), format!("{tree:#}")] {
        let json = ScenarioFile::parse("two.json", &text, Path::new(""), &[]).unwrap();
        assert_eq!(json.scenario, parse(&[]).unwrap().scenario);
    }
}

#[test]
fn set_reaches_lists_by_index_and_by_name_and_makes_what_is_missing() {
    let scenario = parse(&[
        "seed=7",
        "slo.ttft_p95=2s",
        "placements[two].deployments[llama].engine.max_num_seqs=128",
        "placements[0].deployments[0].pod.terminationGracePeriodSeconds=60",
        "placements[0].deployments[0].engine.version=0.20",
        "workloads[chat].lengths.input={p50: 100, p90: 200, max: 300}",
    ])
    .unwrap()
    .scenario;
    assert_eq!(scenario.seed, 7);
    let deployment = &scenario.placements[0].deployments[0];
    assert_eq!(deployment.engine.max_num_seqs, Some(128));
    assert_eq!(deployment.engine.version, Some(Version::new(0, 20, 0)));
    assert_eq!(deployment.pod.as_ref().unwrap().termination_grace_period_seconds, Some(60));
    assert!(scenario.slo.unwrap().ttft_p95.is_some());
}

#[test]
fn vllm_chooses_the_backend_and_refuses_two_nodes_without_one() {
    let resolve = |sets: &[&str]| {
        let resolved = parse(sets).unwrap().resolve(&Catalog::builtin()).unwrap();
        resolved.placements[0].deployments[0].clone()
    };
    let backend = "placements[0].deployments[0].engine.distributed_executor_backend=null";
    let refused = resolve(&[backend]).memory.unwrap_err().to_string();
    assert!(
        refused.starts_with("World size (16) is larger than the number of available GPUs (8)"),
        "{refused}"
    );
    let old = resolve(&[backend, "placements[0].deployments[0].engine.version=0.11"]);
    assert_eq!((old.engine.executor, old.memory.is_ok()), (ExecutorArg::Ray, true));
}

#[test]
fn a_model_that_does_not_fit_is_an_answer_not_an_error() {
    let one_node = parse(&[
        "placements[0].deployments[0].engine.pipeline_parallel_size=1",
        "placements[0].deployments[0].leaderworkerset.leaderWorkerTemplate.size=1",
    ]);
    let resolved = one_node.unwrap().resolve(&Catalog::builtin()).unwrap();
    let reason = resolved.placements[0].does_not_fit().unwrap();
    assert!(reason.contains("405853388800 parameters") && reason.contains("94.50 GiB"), "{reason}");
}

#[test]
fn what_is_not_simulated_yet_is_refused_by_name() {
    let template = "placements[0].deployments[0].leaderworkerset.leaderWorkerTemplate.workerTemplate";
    let cases = [(format!("{template}={{spec: {{}}}}"), template)];
    assert!(parse(&[]).unwrap().supported().is_ok());
    for (set, path) in cases {
        let file = parse(&[&set]).unwrap();
        let error = file.supported().unwrap_err();
        assert_eq!(error.problem().path, path);
        assert!(error.to_string().contains("not simulated by this version"), "{error}");
        assert!(file.resolve(&Catalog::builtin()).is_ok(), "{set} is checked all the same");
    }
}

#[test]
fn an_availability_that_no_run_could_judge_is_refused_with_the_reason() {
    let refused = |sets: &[&str]| {
        let error = parse(sets).unwrap().resolve(&Catalog::builtin()).unwrap_err();
        assert_eq!(error.problem().path, "slo.availability");
        error.to_string()
    };
    let nothing_fails = refused(&["slo={availability: 0.999}"]);
    assert!(nothing_fails.contains("nothing fails at random"), "{nothing_fails}");
    let short = refused(&["slo={availability: 0.999}", "failures={node: {mtbf: 264d, repair: 1h}}"]);
    assert!(
        short.contains("too short to say: about 0.0") && short.contains("without `workloads`"),
        "{short}"
    );
    let often = ["slo={availability: 0.999}", "failures={node: {mtbf: 1m, repair: 1m}}"];
    assert!(parse(&often).unwrap().resolve(&Catalog::builtin()).is_ok());
}
