//! From a placement to manifests: what `kubectl apply` takes, and [`import`](super::import) reads back.
//!
//! Each deployment becomes a LeaderWorkerSet and a `Service`, with its autoscaler, its budget, and the claim to the volume
//! that holds the weights where there is one. What Kubernetes has no field for is named in the remarks.

mod command;
mod objects;
mod pods;
mod unsaid;

use serde_json::Value;

use super::yaml::{Comments, Style, to_yaml};
use crate::catalog::Catalog;
use crate::document::path::{field, item};
use crate::engine::Backend;
use crate::hardware::{Machine, NodePoolArgs, NodesArgs};
use crate::scenario::{DeploymentArgs, PlacementArgs, ScenarioError, ScenarioFile};
use crate::units::Version;

/// Manifests, and what they do not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// YAML of several documents.
    pub text: String,
    /// What the placement says and no manifest does; a line each.
    pub remarks: Vec<String>,
}

/// One object of the output, and comments in it.
pub(super) struct Object {
    tree: Value,
    comments: Comments,
}

impl Object {
    fn new(tree: Value) -> Self {
        Self { tree, comments: Comments::new() }
    }

    /// Marks a value that the scenario does not say.
    fn check(mut self, at: &str, text: &str) -> Self {
        self.comments.insert(at.to_owned(), format!("CHECK: {text}"));
        self
    }
}

/// A deployment and where it runs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    deployment: &'a DeploymentArgs,
    pool: &'a NodePoolArgs,
    machine: &'a Machine,
    /// No other deployment runs on the pool.
    alone: bool,
}

impl Place<'_> {
    /// Pods of a group.
    fn size(&self) -> u32 {
        let template = self.deployment.leaderworkerset.leader_worker_template.as_ref();
        template.and_then(|template| template.size).unwrap_or(1)
    }

    /// Release of vLLM.
    fn version(&self) -> Version {
        self.deployment.engine.version.unwrap_or(Backend::Vllm.known().1)
    }

    /// GPUs of a pod.
    fn gpus(&self) -> u32 {
        let engine = &self.deployment.engine;
        engine.tensor_parallel_size.unwrap_or(1) * engine.pipeline_parallel_size.unwrap_or(1) / self.size()
    }
}

/// Writes the placement of that name, or the only one there is.
///
/// # Errors
/// If there is no such placement, or several and none is named; or if a deployment's engine is not vLLM.
pub fn export(file: &ScenarioFile, catalog: &Catalog, name: Option<&str>) -> Result<Exported, ScenarioError> {
    let (index, placement) = choose(file, name)?;
    let at = item("placements", index);
    let mut remarks = unsaid::of_placement(placement);
    let mut documents = Vec::new();
    for (index, deployment) in placement.deployments.iter().enumerate() {
        let at = item(&field(&at, "deployments"), index);
        let pool = placement.node_pools.iter().find(|pool| pool.name == deployment.node_pool);
        let missing = || file.error(&field(&at, "node_pool"), "no such node pool");
        let pool = pool.ok_or_else(missing)?;
        let machine = Machine::read(catalog, &pool.machine)
            .map_err(|error| file.error(&field(&at, "node_pool"), error.to_string()))?;
        let on_pool = placement.deployments.iter().filter(|other| other.node_pool == pool.name);
        let place = Place { deployment, pool, machine: &machine, alone: on_pool.count() == 1 };
        command::check(&place).map_err(|(name, why)| file.error(&field(&at, name), why))?;
        remarks.extend(unsaid::of_deployment(&place));
        for (index, object) in objects::objects(&place, catalog).iter().enumerate() {
            let heading = if index == 0 { nodes(&place) } else { String::new() };
            documents.push(heading + &to_yaml(&object.tree, &object.comments, Style::Block));
        }
    }
    remarks.extend(refusals(file, catalog, index));
    let text = documents.join("---\n");
    Ok(Exported { text, remarks })
}

/// What of a placement its image would not start; nothing where the rest of the scenario keeps that from being known.
fn refusals(file: &ScenarioFile, catalog: &Catalog, placement: usize) -> Vec<String> {
    let Ok(resolved) = file.resolve(catalog) else { return Vec::new() };
    let deployments = resolved.placements[placement].deployments.iter();
    let refused = deployments.filter_map(|deployment| {
        let refusal = deployment.memory.as_ref().err()?.to_string().replace('\n', " ");
        Some(format!("{}: does not fit: {refusal}", deployment.name))
    });
    refused.collect()
}

/// What to rent, as a comment.
fn nodes(place: &Place<'_>) -> String {
    let count = match place.pool.nodes {
        None => "1".to_owned(),
        Some(NodesArgs::Fixed(nodes)) => nodes.to_string(),
        Some(NodesArgs::Scaled(limits)) => format!("{} to {}", limits.min, limits.max),
    };
    let NodePoolArgs { name, machine, .. } = place.pool;
    format!("# {}: node pool `{name}`, {count} x {machine}.\n", place.deployment.name)
}

fn choose<'a>(
    file: &'a ScenarioFile,
    name: Option<&str>,
) -> Result<(usize, &'a PlacementArgs), ScenarioError> {
    let placements = &file.scenario.placements;
    let names = || placements.iter().map(|placement| placement.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, placements.as_slice()) {
        (None, [only]) => Ok((0, only)),
        (None, _) => Err(file.error("placements", format!("choose one with --placement: {}", names()))),
        (Some(name), all) => {
            let index = all.iter().position(|placement| placement.name == name);
            let index = index.ok_or_else(|| {
                file.error("placements", format!("no placement named `{name}` (placements: {})", names()))
            })?;
            Ok((index, &all[index]))
        }
    }
}
