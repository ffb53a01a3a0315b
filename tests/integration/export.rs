//! What is exported is what Kubernetes takes, and imports as the same placement.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use towtank::{
    catalog::Catalog,
    interop::{export, import},
    scenario::{PlacementArgs, ScenarioFile},
};

fn parse(text: &str) -> ScenarioFile {
    ScenarioFile::parse("scenario.yaml", text, Path::new(""), &[])
        .unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn exported(file: &ScenarioFile, placement: Option<&str>) -> String {
    export(file, &Catalog::builtin(), placement).unwrap_or_else(|error| panic!("{error}")).text
}

/// A scenario around one placement.
fn scenario(placement: &Value) -> String {
    json!({
        "name": "s", "duration": "1m", "placements": [placement],
        "workloads": [{"name": "w", "arrivals": {"process": "poisson", "rate": "1/s"}, "lengths": "chat"}],
    })
    .to_string()
}

/// A placement that says as much as manifests can.
fn full() -> Value {
    json!({
        "name": "llama",
        "node_pools": [{
            "name": "a3", "machine": "a3-highgpu-8g", "nodes": {"min": 4, "max": 6}, "network": "gpudirect-tcpx",
            "region": "us-central1", "provisioning": "spot",
            "storage": {"kind": "hyperdisk-ml", "volume_throughput": "2400MiB/s"},
        }],
        "deployments": [{
            "name": "llama", "node_pool": "a3", "model": "meta-llama/Llama-3.1-405B-Instruct",
            "engine": {"version": "0.11", "tensor_parallel_size": 8, "pipeline_parallel_size": 2,
                "distributed_executor_backend": "ray", "max_model_len": 16384, "enable_prefix_caching": false},
            "leaderworkerset": {
                "replicas": 2,
                "leaderWorkerTemplate": {"size": 2, "restartPolicy": "RecreateGroupAfterStart",
                    "subGroupPolicy": {"subGroupPolicyType": "LeaderExcluded", "subGroupSize": 1}},
                "rolloutStrategy": {"type": "RollingUpdate",
                    "rollingUpdateConfiguration": {"maxUnavailable": "50%", "maxSurge": 1}},
                "startupPolicy": "LeaderCreated",
                "networkConfig": {"subdomainPolicy": "UniquePerReplica"},
                "annotations": {"leaderworkerset.sigs.k8s.io/exclusive-topology": "kubernetes.io/hostname"},
            },
            "hpa": {"minReplicas": 2, "maxReplicas": 3, "metrics": [{"type": "Pods", "pods": {
                "metric": {"name": "vllm:kv_cache_usage_perc"},
                "target": {"type": "AverageValue", "averageValue": 0.75}}}]},
            "pod": {"terminationGracePeriodSeconds": 60, "preStop": {"sleep": "5s"}, "sigterm": "abort",
                "readinessProbe": {"initialDelaySeconds": 30, "periodSeconds": 5},
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]},
            "podDisruptionBudget": {"maxUnavailable": 1},
        }],
    })
}

#[test]
fn a_placement_is_written_as_people_write_manifests() {
    let mut placement = full();
    // With sub-groups of its own an exclusive host for a group of two cannot be had.
    placement["deployments"][0]["leaderworkerset"]["annotations"] = Value::Null;
    insta::assert_snapshot!(exported(&parse(&scenario(&placement)), None));
}

#[test]
fn what_no_manifest_says_is_named() {
    let mut placement = full();
    placement["deployments"][0]["leaderworkerset"]["annotations"] = Value::Null;
    placement["kubernetes"] = json!({"version": "1.33"});
    placement["node_pools"][0]["discount"] = json!(0.2);
    placement["node_pools"][0]["storage"]["cache"] = json!("node");
    placement["deployments"][0]["pod"]["sigterm"] = json!("drain");
    placement["deployments"][0]["hpa"]["metric_lag"] = json!("30s");
    placement["deployments"][0]["engine"]["watermark"] = json!(0.05);
    let remarks = export(&parse(&scenario(&placement)), &Catalog::builtin(), None).unwrap().remarks;
    insta::assert_snapshot!(remarks.join("\n"));
}

#[test]
fn one_of_several_placements_is_chosen_by_name() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = ScenarioFile::read(&dir.join("scenarios/llama-3.1-405b-bf16-vs-fp8.yaml"), &[]).unwrap();
    let catalog = Catalog::builtin();
    let error = export(&file, &catalog, None).unwrap_err().to_string();
    assert!(
        error.contains("choose one with --placement: bf16-2xa3-gvnic, bf16-2xa3-tcpx, fp8-1xa3"),
        "{error}"
    );
    let error = export(&file, &catalog, Some("fp8")).unwrap_err().to_string();
    assert!(error.contains("no placement named `fp8`"), "{error}");
    let text = exported(&file, Some("bf16-2xa3-tcpx"));
    well_formed(&text);
    let again = import(&[("e.yaml".to_owned(), text)], &catalog).unwrap();
    let placement = parse(&again.text).scenario.placements[0].clone();
    let original = &file.scenario.placements[1];
    assert_eq!(placement.deployments[0].engine, original.deployments[0].engine);
    assert_eq!(placement.node_pools[0].network, original.node_pools[0].network);
}

/// The placement of `full` with other arguments of the engine.
fn with_engine(engine: &Value) -> Value {
    let mut placement = full();
    placement["deployments"][0]["leaderworkerset"]["annotations"] = Value::Null;
    placement["deployments"][0]["engine"] = engine.clone();
    placement
}

#[test]
fn spare_nodes_come_back() {
    let mut placement = full();
    placement["deployments"][0]["leaderworkerset"]["annotations"] = Value::Null;
    for nodes in [json!(9), json!({"min": 5, "max": 9})] {
        placement["node_pools"][0]["nodes"] = nodes;
        let file = parse(&scenario(&placement));
        let again = import(&[("e.yaml".to_owned(), exported(&file, None))], &Catalog::builtin()).unwrap();
        let again = &parse(&again.text).scenario.placements[0];
        assert_eq!(again.node_pools[0].nodes, file.scenario.placements[0].node_pools[0].nodes);
    }
    let text = exported(&parse(&scenario(&placement)), None).replace("\"max\":9", "\"max\":0");
    let error = import(&[("e.yaml".to_owned(), text)], &Catalog::builtin()).unwrap_err().to_string();
    assert!(error.contains("towtank/nodes: expected `2` or `{\"min\": 2, \"max\": 4}`"), "{error}");
}

#[test]
fn nodes_that_several_share_or_nobody_uses_are_named() {
    let mut placement = full();
    placement["deployments"][0]["leaderworkerset"]["annotations"] = Value::Null;
    let mut second = placement["deployments"][0].clone();
    second["name"] = json!("second");
    placement["deployments"].as_array_mut().unwrap().push(second);
    let mut unused = placement["node_pools"][0].clone();
    unused["name"] = json!("unused");
    placement["node_pools"].as_array_mut().unwrap().push(unused);
    placement["node_pools"][0]["nodes"] = json!(12);
    let exported = export(&parse(&scenario(&placement)), &Catalog::builtin(), None).unwrap();
    assert!(!exported.text.contains("towtank/nodes"));
    let remarks = exported.remarks.join("\n");
    assert!(
        remarks.contains("node pool a3: that 2 deployments share its nodes: no manifest says it"),
        "{remarks}"
    );
    assert!(remarks.contains("node pool unused: no manifest says it"), "{remarks}");
}

#[test]
fn small_targets_of_autoscalers_come_back() {
    for target in [0.0004, 0.75, 5.0, 2.5e-8] {
        let mut placement = full();
        placement["deployments"][0]["leaderworkerset"]["annotations"] = Value::Null;
        placement["deployments"][0]["hpa"]["metrics"][0]["pods"]["target"]["averageValue"] = json!(target);
        let text = exported(&parse(&scenario(&placement)), None);
        let again = import(&[("e.yaml".to_owned(), text)], &Catalog::builtin()).unwrap();
        let again = &parse(&again.text).scenario.placements[0].deployments[0].hpa;
        let metrics = serde_json::to_value(again.as_ref().unwrap()).unwrap();
        assert_eq!(metrics["metrics"][0]["pods"]["target"]["averageValue"], json!(target));
    }
}

#[test]
fn what_the_definition_demands_is_written_where_the_scenario_leaves_it_out() {
    let mut placement = full();
    let lws = &mut placement["deployments"][0]["leaderworkerset"];
    lws["annotations"] = Value::Null;
    lws["rolloutStrategy"] = json!({"rollingUpdateConfiguration": {"maxSurge": 1}});
    lws["networkConfig"] = json!({});
    let text = exported(&parse(&scenario(&placement)), None);
    well_formed(&text);
    assert!(text.contains("type: RollingUpdate") && text.contains("subdomainPolicy: Shared"), "{text}");
}

#[test]
fn a_release_gets_the_flags_that_it_takes() {
    let two = json!({"tensor_parallel_size": 8, "pipeline_parallel_size": 2, "max_model_len": 16384});
    let engine = |more: Value| {
        let mut engine = two.clone();
        engine.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with_engine(&engine)
    };
    let old = engine(json!({"version": "0.8.5", "async_scheduling": false, "enforce_eager": false}));
    let text = exported(&parse(&scenario(&old)), None);
    assert!(!text.contains("async-scheduling") && !text.contains("eager"), "{text}");
    let old = engine(json!({"version": "0.8.5", "async_scheduling": true}));
    let remarks = export(&parse(&scenario(&old)), &Catalog::builtin(), None).unwrap().remarks.join("\n");
    assert!(remarks.contains("llama: engine.async_scheduling: vLLM 0.8.5 has no such flag"), "{remarks}");
    let processes = engine(json!({"version": "0.8.5", "distributed_executor_backend": "mp"}));
    let error = export(&parse(&scenario(&processes)), &Catalog::builtin(), None).unwrap_err().to_string();
    assert!(
        error.contains("vLLM 0.8.5 has no `--nnodes`, with which mp spans nodes: expected ray"),
        "{error}"
    );
    let unsaid = engine(json!({"version": "0.33"}));
    let remarks = export(&parse(&scenario(&unsaid)), &Catalog::builtin(), None).unwrap().remarks.join("\n");
    assert!(remarks.contains("llama: does not fit: World size (16)"), "{remarks}");
}

#[test]
fn a_path_with_a_space_stays_one_word() {
    let mut placement = with_engine(&json!({"version": "0.11"}));
    placement["node_pools"][0]["storage"] = Value::Null;
    let deployment = placement["deployments"][0].as_object_mut().unwrap();
    deployment.insert("leaderworkerset".to_owned(), json!({}));
    deployment.insert("model".to_owned(), json!("conf/my model/config.json"));
    deployment.shift_remove("pod");
    let text = exported(&parse(&scenario(&placement)), None);
    assert!(text.contains("vllm serve 'conf/my model' \\\n"), "{text}");
    let again = import(&[("e.yaml".to_owned(), text)], &Catalog::builtin()).unwrap();
    assert_eq!(parse(&again.text).scenario.placements[0].deployments[0].model, "conf/my model");
    placement["deployments"][0]["model"] = json!("llama.json");
    let remarks =
        export(&parse(&scenario(&placement)), &Catalog::builtin(), None).unwrap().remarks.join("\n");
    assert!(
        remarks.contains("model: vLLM takes a directory with a config.json in it, not `llama.json`"),
        "{remarks}"
    );
}

#[test]
fn manifests_are_not_written_for_other_engines() {
    let mut placement = full();
    placement["deployments"][0]["leaderworkerset"] = json!({});
    placement["deployments"][0]["engine"] =
        json!({"backend": "tensorrt-llm", "version": "1.0", "tensor_parallel_size": 8});
    let error = export(&parse(&scenario(&placement)), &Catalog::builtin(), None).unwrap_err().to_string();
    assert!(
        error.contains("engine.backend: manifests are written for vLLM, not for TensorRT-LLM"),
        "{error}"
    );
}

/// What `kubectl create --dry-run=client` and the LeaderWorkerSet definition would say.
fn well_formed(text: &str) {
    let schema = fs::read_to_string("tests/fixtures/leaderworkerset.schema.json").unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let mut seen = Vec::new();
    for object in &objects {
        let field =
            |name: &str| object[name].as_str().unwrap_or_else(|| panic!("no {name}:\n{text}")).to_owned();
        let (version, kind) = (field("apiVersion"), field("kind"));
        let expected = match kind.as_str() {
            "LeaderWorkerSet" => "leaderworkerset.x-k8s.io/v1",
            "Service" | "PersistentVolumeClaim" => "v1",
            "HorizontalPodAutoscaler" => "autoscaling/v2",
            "PodDisruptionBudget" => "policy/v1",
            "StorageClass" => "storage.k8s.io/v1",
            other => panic!("{other}"),
        };
        assert_eq!(version, expected, "{kind}");
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(dns_1035(name), "{name}");
        assert!(!seen.contains(&(kind.clone(), name.to_owned())), "{kind} {name} twice");
        seen.push((kind.clone(), name.to_owned()));
        if kind == "LeaderWorkerSet" {
            let errors: Vec<String> = schema.iter_errors(object).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}\n{text}", errors.join("\n"));
            mounts_have_volumes(object);
        }
        walk(object);
    }
}

fn dns_1035(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(inside)
}

/// Labels are labels and quantities quantities, wherever they stand.
fn walk(value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "labels" | "matchLabels" | "nodeSelector" => labels(value.as_object().unwrap()),
                    "limits" | "requests" => quantities(value.as_object().unwrap().values()),
                    "averageValue" | "sizeLimit" | "provisioned-throughput-on-create" => quantities([value]),
                    _ => {}
                }
                walk(value);
            }
        }
        Value::Array(items) => items.iter().for_each(walk),
        _ => {}
    }
}

fn labels(labels: &Map<String, Value>) {
    let word = |text: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        text.len() <= 63
            && text.chars().all(inside)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    for (name, value) in labels {
        assert!(word(name.rsplit('/').next().unwrap()) && word(value.as_str().unwrap()), "{name}: {value}");
    }
}

fn quantities<'a>(values: impl IntoIterator<Item = &'a Value>) {
    for value in values {
        let text = value.as_str().unwrap_or_else(|| panic!("{value} is no text"));
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let suffix = &text[digits.len()..];
        assert!(digits.parse::<u64>().is_ok(), "{text}");
        assert!(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti"].contains(&suffix), "{text}");
    }
}

fn mounts_have_volumes(object: &Value) {
    let group = &object["spec"]["leaderWorkerTemplate"];
    for template in ["leaderTemplate", "workerTemplate"].iter().filter_map(|name| group.get(name)) {
        let names = |list: &Value| -> Vec<String> {
            let items = list.as_array().unwrap().iter();
            items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        let volumes = names(&template["spec"]["volumes"]);
        let mounts = names(&template["spec"]["containers"][0]["volumeMounts"]);
        assert_eq!(volumes, mounts);
    }
}

/// Machines, their GPUs, their own network, and whether they have local disks.
const MACHINES: [(&str, u32, &str, bool); 4] = [
    ("a3-highgpu-8g", 8, "gpudirect-tcpx", true),
    ("a3-megagpu-8g", 8, "gpudirect-tcpxo", true),
    ("a3-ultragpu-8g", 8, "gpudirect-rdma", true),
    ("g2-standard-48", 4, "gvnic", false),
];

fn stated(fields: Vec<(&str, Option<Value>)>) -> Value {
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<Map<_, _>>()
        .into()
}

prop_compose! {
    fn engine(tp: u32, pp: u32, size: u32)(
        version in prop::sample::select(vec!["0.6.3", "0.8.5", "0.11", "0.33"]),
        driver in prop::option::of(prop::sample::select(vec!["ray", "mp"])),
        max_model_len in prop::option::of(1_u32..8192),
        max_num_seqs in prop::option::of(1_u32..512),
        utilization in prop::option::of(50_u32..99),
        caching in prop::option::of(any::<bool>()),
        eager in prop::option::of(Just(true)),
        kv_cache in prop::option::of(prop::sample::select(vec!["auto", "fp8"])),
        quantization in prop::option::of(Just("fp8")),
    ) -> Value {
        stated(vec![
            ("version", Some(json!(version))),
            ("tensor_parallel_size", Some(json!(tp))),
            ("pipeline_parallel_size", Some(json!(pp))),
            // Processes span nodes in new releases only.
            ("distributed_executor_backend", driver.filter(|driver| size > 1 && (*driver == "ray" || version == "0.33")).map(|driver| json!(driver))),
            ("max_model_len", max_model_len.map(|tokens| json!(tokens))),
            ("max_num_seqs", max_num_seqs.map(|seqs| json!(seqs))),
            ("gpu_memory_utilization", utilization.map(|percent| json!(f64::from(percent) / 100.0))),
            // What is off already, old releases have no word for.
            ("enable_prefix_caching", caching.filter(|on| *on || version != "0.6.3").map(|on| json!(on))),
            ("enforce_eager", eager.map(|on| json!(on))),
            ("kv_cache_dtype", kv_cache.map(|kind| json!(kind))),
            ("quantization", quantization.map(|kind| json!(kind))),
        ])
    }
}

prop_compose! {
    fn leaderworkerset(replicas: u32, size: u32)(
        restart in prop::option::of(prop::sample::select(
            vec!["RecreateGroupOnPodRestart", "RecreateGroupAfterStart", "None"])),
        startup in prop::option::of(prop::sample::select(vec!["LeaderCreated", "LeaderReady"])),
        partition in prop::option::of(0_u32..9),
        unavailable in prop::option::of(prop::sample::select(vec![json!(1), json!(2), json!("100%")])),
        surge in prop::option::of(prop::sample::select(vec![json!(0), json!(1), json!("25%")])),
        subdomain in prop::option::of(prop::sample::select(vec!["Shared", "UniquePerReplica"])),
        subgroups in any::<bool>(),
        exclusive in any::<bool>(),
    ) -> Value {
        let rolling = stated(vec![
            ("partition", partition.map(|partition| json!(partition))),
            ("maxUnavailable", unavailable),
            ("maxSurge", surge),
        ]);
        let key = "leaderworkerset.sigs.k8s.io/exclusive-topology";
        let annotations = json!({key: "cloud.google.com/gke-nodepool"});
        stated(vec![
            ("replicas", Some(json!(replicas))),
            ("leaderWorkerTemplate", Some(stated(vec![
                ("size", Some(json!(size))),
                ("restartPolicy", restart.map(|policy| json!(policy))),
                ("subGroupPolicy", subgroups.then(|| json!({"subGroupSize": 1}))),
            ]))),
            ("startupPolicy", startup.map(|policy| json!(policy))),
            ("networkConfig", subdomain.map(|policy| json!({"subdomainPolicy": policy}))),
            ("rolloutStrategy", Some(json!({"type": "RollingUpdate", "rollingUpdateConfiguration": rolling}))),
            ("annotations", (exclusive && replicas == 1).then_some(annotations)),
        ])
    }
}

prop_compose! {
    fn pod()(
        grace in prop::option::of(0_u32..900),
        sleep in prop::option::of(1_u32..60),
        abort in prop::option::of(Just("abort")),
        delay in prop::option::of(0_u32..600),
        period in 1_u32..60,
        threshold in prop::option::of(1_u32..9),
        seconds in prop::option::of(0_u32..900),
        tolerates in any::<bool>(),
    ) -> Value {
        let toleration = stated(vec![
            ("key", Some(json!("node.kubernetes.io/unreachable"))),
            ("operator", Some(json!("Exists"))),
            ("effect", Some(json!("NoExecute"))),
            ("tolerationSeconds", seconds.map(|seconds| json!(seconds))),
        ]);
        stated(vec![
            ("terminationGracePeriodSeconds", grace.map(|seconds| json!(seconds))),
            ("preStop", sleep.map(|seconds| json!({"sleep": format!("{seconds}s")}))),
            ("sigterm", abort.map(|what| json!(what))),
            ("readinessProbe", Some(stated(vec![
                ("initialDelaySeconds", delay.map(|seconds| json!(seconds))),
                ("periodSeconds", Some(json!(period))),
                ("failureThreshold", threshold.map(|times| json!(times))),
            ]))),
            ("tolerations", tolerates.then(|| json!([toleration]))),
        ])
    }
}

prop_compose! {
    fn hpa(replicas: u32)(
        least in prop::option::of(1_u32..3),
        most in 3_u32..9,
        parts in 1_u32..9000,
        part in prop::sample::select(vec![1.0, 1e3, 1e6]),
        metric in prop::sample::select(vec![
            "vllm:num_requests_running", "prometheus.googleapis.com|vllm:num_requests_waiting|gauge"]),
        window in prop::option::of(0_u32..3600),
    ) -> Value {
        let behavior = window.map(|window| json!({"scaleDown": {"stabilizationWindowSeconds": window}}));
        stated(vec![
            ("minReplicas", least.map(|least| json!(least))),
            ("maxReplicas", Some(json!(most.max(replicas)))),
            ("metrics", Some(json!([{"type": "Pods", "pods": {"metric": {"name": metric},
                "target": {"type": "AverageValue", "averageValue": f64::from(parts) / part}}}]))),
            ("behavior", behavior),
        ])
    }
}

/// A placement within what both scenarios and manifests can say.
fn placement() -> impl Strategy<Value = Value> {
    prop::collection::vec(deployment(), 1..3).prop_map(|mut all| {
        for (index, (pool, deployment)) in all.iter_mut().enumerate() {
            let name = format!("{}-{index}", deployment["name"].as_str().unwrap());
            deployment["name"] = json!(name);
            pool["name"] = json!(format!("pool-{index}"));
            deployment["node_pool"] = pool["name"].clone();
        }
        let name = all[0].1["name"].clone();
        let (pools, deployments): (Vec<Value>, Vec<Value>) = all.into_iter().unzip();
        json!({"name": name, "node_pools": pools, "deployments": deployments})
    })
}

/// A node pool and what runs on it.
fn deployment() -> impl Strategy<Value = (Value, Value)> {
    let shape = (
        "[a-z][a-z0-9-]{0,20}[a-z0-9]",
        0..MACHINES.len(),
        0_u32..4,
        0_u32..3,
        any::<bool>(),
        1_u32..4,
        (any::<bool>(), any::<bool>(), any::<bool>(), 0_u32..3),
    );
    shape.prop_flat_map(|(name, machine, gpus, size, pipelined, replicas, (direct, scaled, spot, spare))| {
        let (machine, most, network, disks) = MACHINES[machine];
        let (gpus, size) = ((1 << gpus).min(most), 1 << size);
        let (tp, pp) = if pipelined { (gpus, size) } else { (gpus * size, 1) };
        let storage = prop_oneof![
            Just(None),
            (1_u32..9000).prop_map(|rate| Some(
                json!({"kind": "hyperdisk-ml", "volume_throughput": format!("{rate}MiB/s")})
            )),
            Just(Some(json!({"kind": "gcs-fuse"}))),
            Just(disks.then(|| json!({"kind": "local-ssd"}))),
        ];
        let budget = prop::option::of(prop_oneof![
            (0_u32..5).prop_map(|pods| json!({"minAvailable": pods})),
            (0_u32..100).prop_map(|percent| json!({"maxUnavailable": format!("{percent}%")})),
        ]);
        let hpa = if scaled { hpa(replicas).prop_map(Some).boxed() } else { Just(None).boxed() };
        let model = prop::sample::select(vec![
            "meta-llama/Llama-3.1-8B-Instruct",
            "meta-llama/Llama-3.1-70B-Instruct",
            "RedHatAI/Meta-Llama-3.1-405B-Instruct-FP8",
        ]);
        let parts =
            (engine(tp, pp, size), leaderworkerset(replicas, size), pod(), hpa, storage, budget, model);
        parts.prop_map(move |(mut engine, lws, pod, hpa, storage, budget, model)| {
            if model.ends_with("FP8") && engine.get("quantization").is_some() {
                engine["quantization"] = json!("compressed-tensors");
            }
            let nodes = |groups: u32| (groups * size).div_ceil(most / gpus) + spare;
            let limit = hpa.as_ref().map(|hpa| hpa["maxReplicas"].as_u64().unwrap() as u32);
            let nodes = match limit.filter(|limit| *limit > replicas) {
                Some(limit) => json!({"min": nodes(replicas), "max": nodes(limit)}),
                None => json!(nodes(replicas)),
            };
            let pool = stated(vec![
                ("name", Some(json!("pool"))),
                ("machine", Some(json!(machine))),
                ("nodes", Some(nodes)),
                ("network", Some(json!(if direct { network } else { "gvnic" }))),
                ("region", Some(json!("us-central1"))),
                ("provisioning", Some(json!(if spot && disks { "spot" } else { "standard" }))),
                ("storage", storage),
            ]);
            let deployment = stated(vec![
                ("name", Some(json!(name))),
                ("node_pool", Some(json!("pool"))),
                ("model", Some(json!(model))),
                ("engine", Some(engine)),
                ("leaderworkerset", Some(lws)),
                ("hpa", hpa),
                ("pod", Some(pod)),
                ("podDisruptionBudget", budget),
            ]);
            (pool, deployment)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn exporting_and_importing_gives_the_same_placement(placement in placement()) {
        let file = parse(&scenario(&placement));
        let text = exported(&file, None);
        well_formed(&text);
        let again = import(&[("exported.yaml".to_owned(), text.clone())], &Catalog::builtin());
        let again = again.unwrap_or_else(|error| panic!("{text}\n{error}"));
        let again: PlacementArgs = parse(&again.text).scenario.placements[0].clone();
        prop_assert_eq!(&file.scenario.placements[0], &again, "{}", text);
    }
}
