//! A deployment as a Kubernetes manifest says it, alone or inside a scenario.

mod deployment;

use std::{fs, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    DeploymentArgs, Scenario, ScenarioError,
    document::Document,
    path::{field, item},
};
use crate::kubernetes::read_manifests;

pub use deployment::ManifestDeployment;

/// Puts what `leaderworkerset.manifest` says where the scenario says nothing; returns what was ignored.
pub(super) fn fill(
    document: &Document,
    scenario: &mut Scenario,
    base_dir: &Path,
) -> Result<Vec<String>, ScenarioError> {
    let mut remarks = Vec::new();
    for (index, placement) in scenario.placements.iter_mut().enumerate() {
        let deployments = field(&item("placements", index), "deployments");
        for (index, deployment) in placement.deployments.iter_mut().enumerate() {
            let Some(path) = deployment.leaderworkerset.manifest.take() else { continue };
            let at = field(&item(&deployments, index), "leaderworkerset.manifest");
            let path = base_dir.join(path);
            let name = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(|error| {
                let problem = ScenarioError::unreadable(&name, &error);
                document.error(&at, format!("{problem} (paths are relative to the scenario file)"))
            })?;
            let Some(mut read) = read_manifests(&[(name.clone(), text)])?.pop() else { continue };
            let named = read.sets.iter().position(|set| set.name == deployment.name);
            let set = match (named, read.sets.len()) {
                (Some(set), _) => set,
                (None, 1) => 0,
                (None, _) => {
                    let names: Vec<&str> = read.sets.iter().map(|set| set.name.as_str()).collect();
                    let message = format!(
                        "`{name}` holds several LeaderWorkerSets and none named `{}`: {}",
                        deployment.name,
                        names.join(", ")
                    );
                    return Err(document.error(&at, message));
                }
            };
            let found = ManifestDeployment::read(read.sets.swap_remove(set))?;
            remarks.extend(found.remarks.iter().chain(&read.remarks).cloned());
            merge(deployment, &found);
        }
    }
    Ok(remarks)
}

/// The scenario's own fields win.
fn merge(own: &mut DeploymentArgs, found: &ManifestDeployment) {
    own.engine = over(&own.engine, &found.engine);
    own.leaderworkerset = over(&own.leaderworkerset, &found.manifest.leaderworkerset);
    own.pod = over(&own.pod, &found.pod);
    own.hpa = over(&own.hpa, &found.manifest.hpa);
    if own.pod_disruption_budget.is_none() {
        own.pod_disruption_budget = found.manifest.pod_disruption_budget;
    }
}

/// `under` with the fields that `own` states laid over it.
fn over<T: Serialize + DeserializeOwned>(own: &T, under: &T) -> T {
    let tree = |value: &T| serde_json::to_value(value).expect("arguments are plain JSON");
    let mut merged = tree(under);
    lay(&mut merged, tree(own));
    serde_json::from_value(merged).expect("what both hold alone they hold together")
}

fn lay(under: &mut Value, own: Value) {
    match (under, own) {
        (_, Value::Null) => {}
        (Value::Object(under), Value::Object(own)) => {
            for (name, value) in own {
                lay(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, own) => *under = own,
    }
}
