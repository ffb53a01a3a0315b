//! What a placement says and no manifest does.

use std::path::Path;

use serde_json::Value;

use super::{Place, command};
use crate::hardware::{NodePoolArgs, StorageKind};
use crate::kubernetes::SigtermArg;
use crate::scenario::PlacementArgs;

/// Fields of a node pool that selectors of pods say, or that go into the comment about nodes.
const SAID: [&str; 7] = ["name", "machine", "nodes", "network", "region", "provisioning", "storage"];

/// A line for each field of the placement itself.
pub(super) fn of_placement(placement: &PlacementArgs) -> Vec<String> {
    let stated = [
        ("kubernetes", placement.kubernetes.is_some()),
        ("startup", placement.startup.is_some()),
        ("failures", placement.failures.is_some()),
    ];
    let mut unsaid: Vec<String> = stated
        .into_iter()
        .filter(|(_, stated)| *stated)
        .map(|(name, _)| line(&placement.name, name))
        .collect();
    for pool in &placement.node_pools {
        unsaid.extend(of_pool(&placement.name, pool));
        match placement.deployments.iter().filter(|deployment| deployment.node_pool == pool.name).count() {
            0 => unsaid.push(line(&placement.name, &format!("node pool {}", pool.name))),
            1 => {}
            several => {
                let what = format!("node pool {}: that {several} deployments share its nodes", pool.name);
                unsaid.push(line(&placement.name, &what));
            }
        }
    }
    unsaid
}

fn of_pool(placement: &str, pool: &NodePoolArgs) -> Vec<String> {
    let fields = serde_json::to_value(pool).ok();
    let fields = fields.as_ref().and_then(Value::as_object).into_iter().flatten();
    let mut unsaid: Vec<String> = fields
        .filter(|(name, value)| !SAID.contains(&name.as_str()) && !value.is_null())
        .map(|(name, _)| line(placement, &format!("node pool {}: {name}", pool.name)))
        .collect();
    if let Some(storage) = &pool.storage {
        let stated = [
            (
                "volume_throughput",
                storage.volume_throughput.is_some() && storage.kind != StorageKind::HyperdiskMl,
            ),
            ("per_node_throughput", storage.per_node_throughput.is_some()),
            ("cache", storage.cache.is_some()),
            ("latency", storage.latency.is_some()),
        ];
        let stated = stated.into_iter().filter(|(_, stated)| *stated);
        unsaid.extend(
            stated.map(|(name, _)| line(placement, &format!("node pool {}: storage.{name}", pool.name))),
        );
    }
    unsaid
}

/// A line for each field of a deployment.
pub(super) fn of_deployment(place: &Place<'_>) -> Vec<String> {
    let deployment = place.deployment;
    let engine = serde_json::to_value(&deployment.engine).unwrap_or_default();
    let flags = command::NO_FLAG.iter().filter(|name| !["backend", "version"].contains(*name));
    let flags = flags.filter(|name| engine.get(**name).is_some());
    let mut unsaid: Vec<String> =
        flags.map(|name| line(&deployment.name, &format!("engine.{name}"))).collect();
    unsaid.extend(
        command::unknown_to_release(place).into_iter().map(|what| format!("{}: {what}", deployment.name)),
    );
    let model = &deployment.model;
    let path = Path::new(model);
    if path.extension().is_some_and(|extension| extension == "json") && !path.ends_with("config.json") {
        unsaid.push(format!(
            "{}: model: vLLM takes a directory with a config.json in it, not `{model}`",
            deployment.name
        ));
    }
    if deployment.pod.as_ref().is_some_and(|pod| pod.sigterm == Some(SigtermArg::Drain)) {
        unsaid.push(line(&deployment.name, "pod.sigterm: drain"));
    }
    if deployment.hpa.as_ref().is_some_and(|hpa| hpa.metric_lag.is_some()) {
        unsaid.push(line(&deployment.name, "hpa.metric_lag"));
    }
    unsaid
}

fn line(owner: &str, what: &str) -> String {
    format!("{owner}: {what}: no manifest says it")
}
