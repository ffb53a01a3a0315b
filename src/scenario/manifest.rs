//! A deployment as a Kubernetes manifest says it, alone or inside a scenario.

mod deployment;
mod weights;

use std::{fs, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    DeploymentArgs, Scenario, ScenarioError,
    document::Document,
    path::{field, item},
};
use crate::catalog::Catalog;
use crate::hardware::{Machine, NodePoolArgs};
use crate::kubernetes::{GpuNetwork, Manifests, read_manifests};

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
            let wrong = |message: String| document.error(&at, message);
            let (found, ignored) = read(&base_dir.join(path), &deployment.name, wrong)?;
            remarks.extend(ignored);
            merge(deployment, &found);
            if !is_model(&found.command.model, &deployment.model) {
                let what = format!("serves `{}`; `{}` is taken", found.command.model, deployment.model);
                remarks.push(found.manifest.remark(&found.container.command_at(), &what));
            }
            let pool = placement.node_pools.iter_mut().find(|pool| pool.name == deployment.node_pool);
            remarks.extend(pool.into_iter().flat_map(|pool| equip(pool, &found)));
        }
    }
    Ok(remarks)
}

/// Reads the LeaderWorkerSet of that name, or the only one, and what was ignored of its file; `wrong` is an error about the
/// field that names the file.
fn read(
    path: &Path,
    name: &str,
    wrong: impl Fn(String) -> ScenarioError,
) -> Result<(ManifestDeployment, Vec<String>), ScenarioError> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        let problem = ScenarioError::unreadable(&shown, &error);
        wrong(format!("{problem} (paths are relative to the scenario file)"))
    })?;
    let mut all = read_manifests(&[(shown.clone(), text)])?;
    let Manifests { mut sets, mut remarks } = all.pop().unwrap_or_default();
    let named = sets.iter().position(|set| set.name == name).or((sets.len() == 1).then_some(0));
    let index = named.ok_or_else(|| {
        let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
        let names = names.join(", ");
        wrong(format!("`{shown}` holds several LeaderWorkerSets and none named `{name}`: {names}"))
    })?;
    let found = ManifestDeployment::read(sets.swap_remove(index))?;
    remarks.splice(0..0, found.remarks.iter().cloned());
    Ok((found, remarks))
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

/// Gives a node pool the network and the storage that the pods ask for, where it states none; returns what to know of it.
fn equip(pool: &mut NodePoolArgs, found: &ManifestDeployment) -> Vec<String> {
    let mut remarks = Vec::new();
    let leader = &found.manifest.leader;
    if pool.network.is_none() && leader.network != GpuNetwork::None {
        // What the user's own catalogue says of machines is not known yet; other machines have to state it.
        let asked =
            Machine::read(&Catalog::builtin(), &pool.machine).map(|machine| leader.network.on(&machine));
        match asked {
            Ok(Ok(kind)) => pool.network = Some(kind),
            Ok(Err(kind)) => {
                let what = format!("asks for {kind}, which {} does not have; gvnic is taken", pool.machine);
                remarks.push(found.manifest.remark(&leader.at, &what));
            }
            Err(_) => {
                let what = format!("asks for the GPUs' own network; state that of `{}`", pool.name);
                remarks.push(found.manifest.remark(&leader.at, &what));
            }
        }
    }
    if pool.storage.is_none()
        && let Some((storage, guess)) = found.storage()
    {
        pool.storage = Some(storage);
        let what = |guess| format!("storage of the weights: {guess}");
        remarks.extend(guess.map(|guess| found.manifest.remark(&found.container.at, &what(guess))));
    }
    remarks
}

/// Whether `path` ends in the model `name`: `/models/Llama-3.1-8B` or `models--meta-llama--Llama-3.1-8B/snapshots/0`.
pub fn is_model(path: &str, name: &str) -> bool {
    let path = path.trim_end_matches('/').to_lowercase();
    let name = name.to_lowercase();
    let last = name.rsplit('/').next().unwrap_or_default();
    let cached = path.split('/').any(|part| part.strip_prefix("models--") == Some(&name.replace('/', "--")));
    cached || path.rsplit('/').next() == Some(last)
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
