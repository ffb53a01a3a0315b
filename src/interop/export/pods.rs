//! Pod templates.

use serde_json::{Map, Value, json};

use super::{Place, command, objects::claim_name};
use crate::hardware::{NetworkKind, Provisioning, StorageKind};
use crate::kubernetes::{PodArgs, ProbeArgs};

/// Port that vLLM listens on.
pub(super) const PORT: u16 = 8080;

/// The probe of pods that state none, as LeaderWorkerSet's vLLM example has it.
const DEFAULT_PROBE: ProbeArgs = ProbeArgs {
    initial_delay_seconds: Some(15),
    period_seconds: Some(10),
    timeout_seconds: None,
    failure_threshold: None,
    success_threshold: None,
};

/// Templates of the leader, where it is not the workers', and of the workers.
pub(super) fn templates(place: &Place<'_>) -> (Option<Value>, Value) {
    let (leads, works) = command::commands(place);
    let leader = template(place, true, leads);
    if place.size() == 1 { (None, leader) } else { (Some(leader), template(place, false, works)) }
}

fn template(place: &Place<'_>, leads: bool, command: Value) -> Value {
    let mut metadata = Map::new();
    metadata.insert("labels".to_owned(), json!({"role": if leads { "leader" } else { "worker" }}));
    let annotations = annotations(place);
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
    let pod = place.deployment.pod.clone().unwrap_or_default();
    let mut spec = Map::new();
    spec.insert("nodeSelector".to_owned(), node_selector(place));
    if let Some(seconds) = pod.termination_grace_period_seconds {
        spec.insert("terminationGracePeriodSeconds".to_owned(), json!(seconds));
    }
    if let Some(tolerations) = &pod.tolerations {
        spec.insert("tolerations".to_owned(), json!(tolerations));
    }
    spec.insert("containers".to_owned(), json!([container(place, leads, &pod, command)]));
    let mut volumes = vec![json!({"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "15Gi"}})];
    volumes.extend(weights(place).map(|(volume, _)| volume));
    spec.insert("volumes".to_owned(), json!(volumes));
    json!({"metadata": metadata, "spec": spec})
}

/// The labels that GKE gives its nodes.
fn node_selector(place: &Place<'_>) -> Value {
    let pool = place.pool;
    let mut labels = Map::new();
    let mut add = |name: &str, value: &str| labels.insert(name.to_owned(), json!(value));
    add("cloud.google.com/gke-nodepool", &pool.name);
    add("node.kubernetes.io/instance-type", &pool.machine);
    if let Some(accelerator) = &place.machine.gke_accelerator {
        add("cloud.google.com/gke-accelerator", accelerator);
    }
    if let Some(region) = &pool.region {
        add("topology.kubernetes.io/region", region);
    }
    match pool.provisioning {
        Some(Provisioning::Spot) => add("cloud.google.com/gke-spot", "true"),
        Some(Provisioning::FlexStart) => add("cloud.google.com/gke-flex-start", "true"),
        Some(Provisioning::Reservation) => add("cloud.google.com/reservation-name", "reservation"),
        Some(Provisioning::Standard) | None => None,
    };
    Value::Object(labels)
}

/// The GPUs' own network cards as further interfaces, and the side-car that mounts buckets.
fn annotations(place: &Place<'_>) -> Map<String, Value> {
    let mut annotations = Map::new();
    let network = match place.pool.network.unwrap_or(NetworkKind::Gvnic) {
        NetworkKind::Gvnic => None,
        NetworkKind::GpudirectRdma => Some(("rdma-", 0)),
        NetworkKind::GpudirectTcpx | NetworkKind::GpudirectTcpxo => Some(("vpc", 1)),
    };
    if let Some((prefix, first)) = network {
        let mut interfaces = vec![json!({"interfaceName": "eth0", "network": "default"})];
        for card in 0..place.machine.gpu_nics.unwrap_or(0) {
            let network = format!("{prefix}{}", card + first);
            interfaces.push(json!({"interfaceName": format!("eth{}", card + 1), "network": network}));
        }
        annotations.insert("networking.gke.io/default-interface".to_owned(), json!("eth0"));
        let interfaces = Value::Array(interfaces).to_string();
        annotations.insert("networking.gke.io/interfaces".to_owned(), json!(interfaces));
    }
    if place.pool.storage.is_some_and(|storage| storage.kind == StorageKind::GcsFuse) {
        annotations.insert("gke-gcsfuse/volumes".to_owned(), json!("true"));
    }
    annotations
}

fn container(place: &Place<'_>, leads: bool, pod: &PodArgs, command: Value) -> Value {
    let version = place.version().to_string();
    // Images of a release without patches are tagged with the zero.
    let patch = if version.matches('.').count() == 1 { ".0" } else { "" };
    let mut container = Map::new();
    let mut add = |name: &str, value: Value| container.insert(name.to_owned(), value);
    add("name", json!(if leads { "vllm-leader" } else { "vllm-worker" }));
    add("image", json!(format!("vllm/vllm-openai:v{version}{patch}")));
    add("command", command);
    add("env", environment(place));
    let gpus = json!({"nvidia.com/gpu": place.gpus().to_string()});
    add("resources", json!({"limits": gpus}));
    if leads {
        add("ports", json!([{"containerPort": PORT}]));
        add("readinessProbe", probe(pod.readiness_probe.unwrap_or(DEFAULT_PROBE)));
        if let Some(hook) = pod.pre_stop {
            add(
                "lifecycle",
                json!({"preStop": {"sleep": {"seconds": hook.sleep.as_nanos().div_ceil(1_000_000_000)}}}),
            );
        }
    }
    let mut mounts = vec![json!({"mountPath": "/dev/shm", "name": "dshm"})];
    mounts.extend(weights(place).map(|(_, mount)| mount));
    add("volumeMounts", json!(mounts));
    Value::Object(container)
}

fn environment(place: &Place<'_>) -> Value {
    let token = json!({"secretKeyRef": {"name": "hf-secret", "key": "hf_api_token"}});
    let mut variables = vec![json!({"name": "HF_TOKEN", "valueFrom": token})];
    if place.pool.storage.is_some_and(|storage| storage.kind == StorageKind::LocalSsd) {
        variables.push(json!({"name": "HF_HOME", "value": "/ssd/huggingface"}));
    }
    Value::Array(variables)
}

fn probe(timing: ProbeArgs) -> Value {
    let mut probe = json!({"tcpSocket": {"port": PORT}});
    if let (Some(probe), Value::Object(timing)) = (probe.as_object_mut(), json!(timing)) {
        probe.extend(timing);
    }
    probe
}

/// The volume that holds the weights, and its mount.
fn weights(place: &Place<'_>) -> Option<(Value, Value)> {
    let mount = |path: &str| json!({"mountPath": path, "name": "weights"});
    match place.pool.storage?.kind {
        StorageKind::HyperdiskMl => {
            let claim = json!({"claimName": claim_name(&place.deployment.name), "readOnly": true});
            Some((json!({"name": "weights", "persistentVolumeClaim": claim}), mount(command::MODELS)))
        }
        StorageKind::GcsFuse => {
            let bucket = json!({"driver": "gcsfuse.csi.storage.gke.io", "readOnly": true,
                "volumeAttributes": {"bucketName": "bucket"}});
            Some((json!({"name": "weights", "csi": bucket}), mount(command::MODELS)))
        }
        StorageKind::LocalSsd => {
            let path = "/mnt/stateful_partition/kube-ephemeral-ssd";
            Some((json!({"name": "weights", "hostPath": {"path": path}}), mount("/ssd")))
        }
        StorageKind::Hub => None,
    }
}
