//! The objects of a deployment.

use serde_json::{Map, Value, json};

use super::{Object, Place, pods};
use crate::catalog::Catalog;
use crate::hardware::{Provisioning, StorageArgs, StorageKind};
use crate::kubernetes::{HpaArgs, LeaderWorkerTemplateArgs, NODES_ANNOTATION};
use crate::model::Architecture;

/// Label of all pods of a LeaderWorkerSet.
const NAME: &str = "leaderworkerset.sigs.k8s.io/name";

/// All of them, in the order in which they are to be made.
pub(super) fn objects(place: &Place<'_>, catalog: &Catalog) -> Vec<Object> {
    let deployment = place.deployment;
    let mut objects = Vec::new();
    if let Some(storage) = place.pool.storage.filter(|storage| storage.kind == StorageKind::HyperdiskMl) {
        objects.push(storage_class(&deployment.name, &storage));
        objects.push(claim(place, catalog));
    }
    objects.push(leaderworkerset(place));
    objects.push(service(&deployment.name));
    objects.extend(deployment.hpa.as_ref().map(|args| hpa(&deployment.name, args)));
    objects.extend(deployment.pod_disruption_budget.map(|budget| {
        let mut spec = json!(budget);
        spec["selector"] = json!({"matchLabels": {NAME: deployment.name}});
        object("policy/v1", "PodDisruptionBudget", &deployment.name, &spec)
    }));
    objects
}

/// The claim to the volume that holds the weights.
pub(super) fn claim_name(deployment: &str) -> String {
    format!("{deployment}-weights")
}

fn object(api_version: &str, kind: &str, name: &str, spec: &Value) -> Object {
    Object::new(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}))
}

fn leaderworkerset(place: &Place<'_>) -> Object {
    let args = &place.deployment.leaderworkerset;
    let group = args.leader_worker_template.clone().unwrap_or_default();
    let LeaderWorkerTemplateArgs { restart_policy, sub_group_policy, .. } = group;
    let mut template = Map::new();
    let mut add =
        |name: &str, value: Option<Value>| template.extend(value.map(|value| (name.to_owned(), value)));
    add("size", Some(json!(place.size())));
    add("restartPolicy", restart_policy.map(|policy| json!(policy)));
    add("subGroupPolicy", sub_group_policy.map(|policy| json!(policy)));
    let (leader, worker) = pods::templates(place);
    let at = if leader.is_some() { "leaderTemplate" } else { "workerTemplate" };
    add("leaderTemplate", leader);
    add("workerTemplate", Some(worker));
    let mut spec = Map::new();
    let mut add = |name: &str, value: Option<Value>| spec.extend(value.map(|value| (name.to_owned(), value)));
    add("replicas", Some(json!(args.replicas.unwrap_or(1))));
    // The definition demands these two fields, though both have a default.
    let whole = |field: &str, default: &str, mut value: Value| {
        value.as_object_mut().map(|value| value.entry(field).or_insert_with(|| json!(default)));
        value
    };
    let strategy = args.rollout_strategy.as_ref().map(|strategy| json!(strategy));
    add("rolloutStrategy", strategy.map(|strategy| whole("type", "RollingUpdate", strategy)));
    add("startupPolicy", args.startup_policy.map(|policy| json!(policy)));
    let network = args.network_config.map(|config| json!(config));
    add("networkConfig", network.map(|network| whole("subdomainPolicy", "Shared", network)));
    add("leaderWorkerTemplate", Some(Value::Object(template)));
    let name = &place.deployment.name;
    let mut object = object("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", name, &Value::Object(spec));
    let mut annotations = args.annotations.clone().unwrap_or_default();
    if let Some(nodes) = place.pool.nodes.filter(|_| place.alone) {
        annotations.insert(NODES_ANNOTATION.to_owned(), json!(nodes).to_string());
    }
    if !annotations.is_empty() {
        object.tree["metadata"]["annotations"] = json!(annotations);
    }
    let pods = format!("spec.leaderWorkerTemplate.{at}");
    if place.pool.network.is_some_and(|network| network != crate::hardware::NetworkKind::Gvnic) {
        let text = "GPUDirect also takes Google's side-car and NCCL plugin, see its guide";
        object = object.check(&format!("{pods}.metadata.annotations"), text);
    }
    if place.pool.provisioning == Some(Provisioning::Reservation) {
        let label = format!("{pods}.spec.nodeSelector.cloud.google.com/reservation-name");
        object = object.check(&label, "the name of the reservation");
    }
    if place.pool.storage.is_some_and(|storage| storage.kind == StorageKind::GcsFuse) {
        let bucket = format!("{pods}.spec.volumes[1].csi.volumeAttributes.bucketName");
        object = object.check(&bucket, "the bucket that holds the weights");
    }
    object
}

fn service(name: &str) -> Object {
    let ports = json!([{"name": "http", "port": pods::PORT, "protocol": "TCP", "targetPort": pods::PORT}]);
    let selector = json!({NAME: name, "role": "leader"});
    let spec = json!({"ports": ports, "selector": selector, "type": "ClusterIP"});
    object("v1", "Service", &format!("{name}-leader"), &spec)
}

fn hpa(name: &str, args: &HpaArgs) -> Object {
    let target =
        json!({"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": name});
    let mut spec = Map::from_iter([("scaleTargetRef".to_owned(), target)]);
    if let Value::Object(fields) = json!(HpaArgs { metric_lag: None, scale_target_ref: None, ..args.clone() })
    {
        spec.extend(fields);
    }
    for metric in spec["metrics"].as_array_mut().into_iter().flatten() {
        for place in ["pods", "external", "object"]
            .into_iter()
            .flat_map(|source| ["averageValue", "value"].map(|target| format!("/{source}/target/{target}")))
        {
            if let Some(value) = metric.pointer_mut(&place)
                && let Some(number) = value.as_f64()
            {
                *value = json!(quantity(number));
            }
        }
    }
    object("autoscaling/v2", "HorizontalPodAutoscaler", name, &Value::Object(spec))
}

/// A number as Kubernetes writes quantities: whole, or in the largest part of which there is a whole number. Nothing is smaller
/// than a billionth.
fn quantity(number: f64) -> String {
    let parts = [("", 1.0), ("m", 1e3), ("u", 1e6), ("n", 1e9)];
    let whole = |(_, parts): &&(&str, f64)| {
        let count = number * parts;
        (count - count.round()).abs() <= 1e-9 * count.abs()
    };
    let (suffix, parts) = parts.iter().find(whole).unwrap_or(&parts[3]);
    format!("{:.0}{suffix}", number * parts)
}

fn storage_class(name: &str, storage: &StorageArgs) -> Object {
    let mut parameters = Map::from_iter([("type".to_owned(), json!("hyperdisk-ml"))]);
    if let Some(rate) = storage.volume_throughput {
        let mebibytes = (rate.bytes_per_s() / f64::from(1 << 20)).ceil();
        parameters.insert("provisioned-throughput-on-create".to_owned(), json!(format!("{mebibytes:.0}Mi")));
    }
    Object::new(json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": claim_name(name)},
        "parameters": parameters,
        "provisioner": "pd.csi.storage.gke.io",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }))
}

fn claim(place: &Place<'_>, catalog: &Catalog) -> Object {
    let name = claim_name(&place.deployment.name);
    // Two bytes a parameter and a quarter to spare; a model of the user's own is taken to be a large one.
    let bytes =
        Architecture::read(catalog, &place.deployment.model).map(|model| model.parameters() as f64 * 2.5);
    let gib = bytes.map_or(1024.0, |bytes| (bytes / f64::from(1 << 30)).ceil());
    let spec = json!({
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": name,
        "resources": {"requests": {"storage": format!("{gib:.0}Gi")}},
    });
    object("v1", "PersistentVolumeClaim", &name, &spec)
        .check("spec.accessModes", "a job fills the volume before it is read")
}
