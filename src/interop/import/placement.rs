//! One placement: the LeaderWorkerSets of a file, each on nodes of its own.

use serde_json::{Value, json};

use super::model::model;
use crate::catalog::Catalog;
use crate::document::path::{field, item};
use crate::engine::Server;
use crate::hardware::NodePoolArgs;
use crate::scenario::{DeploymentArgs, ManifestDeployment, ScenarioError};

/// A placement on its way into a scenario.
pub(super) struct Placement {
    /// Its name, given when all are known.
    pub(super) name: String,
    /// What its deployments were read from.
    pub(super) deployments: Vec<ManifestDeployment>,
    pub(super) node_pools: Vec<NodePoolArgs>,
    args: Vec<DeploymentArgs>,
    /// Pods of a group are scheduled together.
    gang_scheduled: bool,
    /// There are too few nodes for all groups at once.
    pub(super) short_of_nodes: bool,
    /// Groups of all deployments at the start.
    pub(super) groups: u32,
    /// What to check, by path from the placement down.
    pub(super) checks: Vec<(String, String)>,
    /// Every model can be simulated.
    pub(super) runs: bool,
    pub(super) warnings: Vec<String>,
    pub(super) remarks: Vec<String>,
}

impl Placement {
    /// The placement as a scenario has it.
    pub(super) fn tree(&self) -> Value {
        let mut tree = json!({"name": self.name, "node_pools": self.node_pools, "deployments": self.args});
        if self.gang_scheduled {
            tree["kubernetes"] = json!({"gang_scheduling": true});
        }
        tree
    }
}

/// Puts deployments on nodes.
pub(super) fn placement(
    deployments: Vec<ManifestDeployment>,
    catalog: &Catalog,
) -> Result<Placement, ScenarioError> {
    let mut placement = Placement {
        name: String::new(),
        deployments: Vec::new(),
        node_pools: Vec::new(),
        args: Vec::new(),
        gang_scheduled: false,
        short_of_nodes: false,
        groups: 0,
        checks: Vec::new(),
        runs: true,
        warnings: Vec::new(),
        remarks: Vec::new(),
    };
    for found in deployments {
        placement.add(&found, catalog)?;
        placement.deployments.push(found);
    }
    Ok(placement)
}

impl Placement {
    fn add(&mut self, found: &ManifestDeployment, catalog: &Catalog) -> Result<(), ScenarioError> {
        let manifest = &found.manifest;
        let broken = |error: crate::catalog::CatalogError| manifest.error("", error.to_string());
        let at = item("deployments", self.args.len());
        let model = model(catalog, &found.command).map_err(broken)?;
        self.remarks.extend(found.remarks.iter().cloned());
        if let Some(why) = &model.refused {
            let what = format!("model `{}`: {why}; `towtank run` will refuse it", model.name);
            self.warnings.push(manifest.remark(&found.container.command_at(), &what));
            self.runs = false;
        }
        self.check(&field(&at, "model"), model.check);
        self.check(&field(&at, "engine.version"), found.version_unknown.clone());
        let mut engine = found.engine.clone();
        let backend = engine.backend.unwrap_or_default();
        engine.version.get_or_insert(backend.known().1);
        if engine.distributed_executor_backend.is_some()
            && found.command.engine.get("distributed_executor_backend").is_none()
        {
            let why = "newer releases of vLLM ask for it where an engine spans nodes";
            self.check(&field(&at, "engine.distributed_executor_backend"), Some(why.to_owned()));
        }
        if found.command.server == Server::Sglang && engine.gpu_memory_utilization.is_some() {
            let why = "SGLang's mem_fraction_static leaves out working memory";
            self.check(&field(&at, "engine.gpu_memory_utilization"), Some(why.to_owned()));
        }
        let mut lws = manifest.leaderworkerset.clone();
        let node_pool = self.pool(found, &mut lws, catalog)?;
        self.gang_scheduled |= manifest.leader.gang_scheduled;
        self.groups += lws.replicas.unwrap_or(1);
        self.args.push(DeploymentArgs {
            name: manifest.name.clone(),
            node_pool,
            model: model.name,
            engine,
            leaderworkerset: lws,
            hpa: manifest.hpa.clone(),
            pod: found.pod.clone(),
            pod_disruption_budget: manifest.pod_disruption_budget,
        });
        Ok(())
    }

    /// Marks the value at `path`, from the placement down, if there is something to check about it.
    pub(super) fn check(&mut self, path: &str, why: Option<String>) {
        self.checks.extend(why.map(|why| (path.to_owned(), why)));
    }
}
