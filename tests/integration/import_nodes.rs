//! What pods ask of their nodes: machines, networks, volumes.

use std::{fs, path::Path};

use towtank::{
    hardware::{NetworkKind, StorageKind},
    scenario::ScenarioFile,
};

use crate::import_harness::{MODEL, Set, imported, placement};

#[test]
fn cards_on_the_gpus_networks_are_a_network() {
    let set = |accelerator: &'static str, resources| Set { pod: accelerator, resources, ..Set::default() };
    let network = |set: &Set| placement(&set.imported()).node_pools[0].network;
    let h200 = "        nodeSelector: {cloud.google.com/gke-accelerator: nvidia-h200-141gb}\n";
    let cards = "{limits: {nvidia.com/gpu: 8, networking.gke.io.networks/rdma-0: 1, networking.gke.io.networks/rdma-0.IP: 1}}";
    assert_eq!(network(&set(h200, cards)), Some(NetworkKind::GpudirectRdma));
    let h100 = "        nodeSelector: {cloud.google.com/gke-accelerator: nvidia-h100-mega-80gb}\n";
    let cards = "{limits: {nvidia.com/gpu: 8, networking.gke.io.networks/vpc1: 1}}";
    assert_eq!(network(&set(h100, cards)), Some(NetworkKind::GpudirectTcpxo));
    assert_eq!(network(&set(h100, "{limits: {nvidia.com/gpu: 8}}")), Some(NetworkKind::Gvnic));
}

#[test]
fn an_accelerator_that_an_affinity_asks_for_is_the_machines() {
    let affinity = "        affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: \
                    [{matchExpressions: [{key: cloud.google.com/gke-accelerator, operator: In, values: \
                    [nvidia-h200-141gb]}]}]}}}\n";
    let imported = Set { pod: affinity, ..Set::default() }.imported();
    assert_eq!(placement(&imported).node_pools[0].machine, "a3-ultragpu-8g");
    assert!(
        !imported.text.contains("names no accelerator") && !imported.remarks.join("\n").contains("affinity")
    );
}

#[test]
fn gpus_of_another_make_are_stood_in_for_with_a_warning() {
    for resource in ["amd.com/gpu", "nvidia.com/mig-1g.10gb"] {
        let resources = format!("{{limits: {{{resource}: 1}}}}");
        let set = Set { resources: Box::leak(resources.into_boxed_str()), ..Set::default() };
        let warnings = set.imported().warnings.join("\n");
        assert!(
            warnings.contains(&format!("stands in for `{resource}`, which is not simulated")),
            "{warnings}"
        );
    }
}

#[test]
fn a_machine_without_a_price_gets_one_to_check() {
    let b200 = "        nodeSelector: {cloud.google.com/gke-accelerator: nvidia-b200}\n";
    let imported = Set { pod: b200, ..Set::default() }.imported();
    assert_eq!(placement(&imported).node_pools[0].machine, "a4-highgpu-8g");
    let line = imported.text.lines().find(|line| line.contains("usd_per_node_hour")).unwrap();
    assert!(line.contains("CHECK: the flex-start price in us-east4"), "{line}");
}

#[test]
fn a_volume_where_models_are_cached_holds_the_weights() {
    let set = Set {
        pod: "        volumes: [{name: cache, persistentVolumeClaim: {claimName: hf-cache}}]\n",
        container: "            volumeMounts: [{name: cache, mountPath: /root/.cache/huggingface}]\n",
        ..Set::default()
    };
    let imported = set.imported();
    assert_eq!(placement(&imported).node_pools[0].storage.unwrap().kind, StorageKind::HyperdiskMl);
    assert!(imported.text.contains("CHECK: the claim `hf-cache` is not in these files"), "{}", imported.text);
}

#[test]
fn a_list_is_its_items() {
    let item = |text: &str| format!("  - {}\n", text.trim_end().replace('\n', "\n    "));
    let second = Set { name: "second", resources: "{limits: {nvidia.com/gpu: eight}}", ..Set::default() };
    let list = |second: &Set| {
        format!(
            "apiVersion: v1\nkind: List\nitems:\n{}{}",
            item(&Set::default().text()),
            item(&second.text())
        )
    };
    let good = Set { name: "second", ..Set::default() };
    assert_eq!(placement(&imported(&list(&good))).deployments.len(), 2);
    let files = [("m.yaml".to_owned(), list(&second))];
    let error =
        towtank::interop::import(&files, &towtank::catalog::Catalog::builtin()).unwrap_err().to_string();
    assert!(error.contains("m.yaml:29:"), "{error}");
}

#[test]
fn a_manifest_inside_a_scenario_brings_its_network_and_storage() {
    let dir = std::env::temp_dir().join(format!("towtank-inside-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let set = Set {
        pod: "        volumes: [{name: weights, persistentVolumeClaim: {claimName: weights}}]\n",
        resources: "{limits: {nvidia.com/gpu: 8, networking.gke.io.networks/vpc1: 1}}",
        container: "            volumeMounts: [{name: weights, mountPath: /root/.cache/huggingface}]\n",
        ..Set::default()
    };
    fs::write(dir.join("lws.yaml"), set.text()).unwrap();
    let read = |pool: &str, model: &str| {
        let text = format!(
            "name: s\nduration: 1m\nworkloads: [{{name: w, arrivals: {{process: poisson, rate: 1/s}}, lengths: chat}}]\nplacements:\n  \
             - name: p\n    node_pools: [{{name: a3, machine: a3-highgpu-8g, nodes: 1{pool}}}]\n    deployments:\n      - {{name: vllm, \
             node_pool: a3, model: {model}, leaderworkerset: {{manifest: lws.yaml}}}}\n"
        );
        ScenarioFile::parse("s.yaml", &text, Path::new(&dir), &[]).unwrap_or_else(|error| panic!("{error}"))
    };
    let file = read("", MODEL);
    let pool = &file.scenario.placements[0].node_pools[0];
    assert_eq!(pool.network, Some(NetworkKind::GpudirectTcpx));
    assert_eq!(pool.storage.unwrap().kind, StorageKind::HyperdiskMl);
    assert!(!file.remarks.join("\n").contains("serves `"), "{:?}", file.remarks);
    let stated = read(", network: gvnic, storage: {kind: hub}", "meta-llama/Llama-3.1-70B-Instruct");
    let pool = &stated.scenario.placements[0].node_pools[0];
    assert_eq!((pool.network, pool.storage.unwrap().kind), (Some(NetworkKind::Gvnic), StorageKind::Hub));
    let remarks = stated.remarks.join("\n");
    assert!(
        remarks.contains(&format!("serves `{MODEL}`; `meta-llama/Llama-3.1-70B-Instruct` is taken")),
        "{remarks}"
    );
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_model_is_a_directory_too() {
    let dir = std::env::temp_dir().join(format!("towtank-model-{}", std::process::id()));
    fs::create_dir_all(dir.join("my model")).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/llama-3.1-8b-fp8.json");
    fs::copy(fixture, dir.join("my model/config.json")).unwrap();
    let text = "name: s\nduration: 1m\nworkloads: [{name: w, arrivals: {process: poisson, rate: 1/s}, lengths: chat}]\nplacements:\n  \
                - name: p\n    node_pools: [{name: a3, machine: a3-highgpu-8g}]\n    deployments: [{name: d, node_pool: a3, model: my \
                model}]\n";
    let file = ScenarioFile::parse("s.yaml", text, &dir, &[]).unwrap();
    let resolved =
        file.resolve(&towtank::catalog::Catalog::builtin()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(resolved.placements[0].deployments[0].model.layers, 32);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_gang_scheduler_schedules_gangs() {
    let file = |pod| {
        let imported = Set { pod, ..Set::default() }.imported();
        (
            placement(&imported).kubernetes.and_then(|kubernetes| kubernetes.gang_scheduling),
            imported.remarks.join("\n"),
        )
    };
    let (gang, remarks) = file("        schedulerName: volcano\n");
    assert!(gang == Some(true) && !remarks.contains("schedulerName"), "{remarks}");
    let (gang, remarks) = file("        schedulerName: our-own\n");
    assert!(gang.is_none() && remarks.contains("schedulerName: ignored"), "{remarks}");
}

#[test]
fn too_few_nodes_are_a_cold_start() {
    let text = Set::default()
        .text()
        .replace("metadata: {name: vllm}", "metadata: {name: vllm, annotations: {towtank/nodes: \"1\"}}");
    let short =
        text.replace("spec:\n  leaderWorkerTemplate:", "spec:\n  replicas: 2\n  leaderWorkerTemplate:");
    assert!(!imported(&text).text.contains("start:"));
    let short = imported(&short).text;
    assert!(short.contains("start: cold # CHECK: there are too few nodes for all groups at once"), "{short}");
}
