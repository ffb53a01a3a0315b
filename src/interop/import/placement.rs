//! One placement: the LeaderWorkerSets of a file, each on nodes of its own.

use serde_json::{Value, json};

use super::{model::model, nodes::nodes, weights::storage};
use crate::catalog::Catalog;
use crate::document::path::{field, item};
use crate::hardware::{NodeLimitsArgs, NodePoolArgs, NodesArgs, TopologyArgs};
use crate::kubernetes::LeaderWorkerSetArgs;
use crate::scenario::{DeploymentArgs, ManifestDeployment, ScenarioError};

/// A placement on its way into a scenario.
pub(super) struct Placement {
    /// Its name, given when all are known.
    pub(super) name: String,
    /// What its deployments were read from.
    pub(super) deployments: Vec<ManifestDeployment>,
    node_pools: Vec<NodePoolArgs>,
    args: Vec<DeploymentArgs>,
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
        json!({"name": self.name, "node_pools": self.node_pools, "deployments": self.args})
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
        let mut lws = manifest.leaderworkerset.clone();
        let node_pool = self.pool(found, &mut lws, catalog)?;
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

    fn check(&mut self, path: &str, why: Option<String>) {
        self.checks.extend(why.map(|why| (path.to_owned(), why)));
    }

    /// Adds the nodes of a deployment; returns the name of the pool.
    fn pool(
        &mut self,
        found: &ManifestDeployment,
        lws: &mut LeaderWorkerSetArgs,
        catalog: &Catalog,
    ) -> Result<String, ScenarioError> {
        let manifest = &found.manifest;
        let broken = |error: crate::catalog::CatalogError| manifest.error("", error.to_string());
        let size = manifest.size();
        let engine = &found.engine;
        let ranks = engine
            .tensor_parallel_size
            .unwrap_or(1)
            .saturating_mul(engine.pipeline_parallel_size.unwrap_or(1));
        let used = ranks.div_ceil(size);
        let asked = manifest.leader.gpus().max(manifest.worker.gpus());
        if asked > 0 && asked != used {
            let what = format!("a pod asks for {asked} GPUs, and the engine uses {used} of each");
            self.remarks.push(manifest.remark(&found.container.at, &what));
        }
        let gpus = asked.max(used);
        let chosen = nodes(catalog, &manifest.leader, gpus).map_err(broken)?;
        let at = item("node_pools", self.node_pools.len());
        for label in &chosen.ignored {
            let what = format!("nodeSelector {label}: ignored");
            self.remarks.push(manifest.remark(&manifest.leader.at, &what));
        }
        if chosen.machine.check.as_ref().is_some_and(|why| why.contains("not simulated")) {
            let what =
                format!("{} {}", chosen.machine.value.name, chosen.machine.check.clone().unwrap_or_default());
            self.warnings.push(manifest.remark(&manifest.leader.at, &what));
        }
        let replicas = lws.replicas.unwrap_or(1);
        let per_node = (chosen.machine.value.gpus / gpus).max(1);
        let nodes_for = |groups: u32| groups.saturating_mul(size).div_ceil(per_node).max(1);
        let nodes = match &manifest.hpa {
            Some(hpa) if hpa.max_replicas > replicas => NodesArgs::Scaled(NodeLimitsArgs {
                min: nodes_for(replicas),
                max: nodes_for(hpa.max_replicas),
            }),
            _ => NodesArgs::Fixed(nodes_for(replicas)),
        };
        self.check(&field(&at, "nodes"), Some("just enough for the groups".to_owned()));
        self.check(&field(&at, "machine"), chosen.machine.check);
        self.check(&field(&at, "network"), chosen.network.check);
        self.check(&field(&at, "region"), chosen.region.check);
        self.check(&field(&at, "provisioning"), chosen.provisioning.check);
        let storage = storage(found);
        self.check(&field(&at, "storage"), storage.as_ref().and_then(|(_, why)| why.clone()));
        let topology = topology(lws, replicas);
        self.check(&field(&at, "topology"), topology.map(|_| "a domain for every group".to_owned()));
        let name = self.pool_name(chosen.pool);
        self.node_pools.push(NodePoolArgs {
            name: name.clone(),
            machine: chosen.machine.value.name,
            nodes: Some(nodes),
            network: Some(chosen.network.value),
            region: Some(chosen.region.value),
            provisioning: Some(chosen.provisioning.value),
            commitment: None,
            discount: None,
            usd_per_node_hour: None,
            obtainability: None,
            window: None,
            topology,
            storage: storage.map(|(storage, _)| storage),
            maintenance: None,
            node_repair: None,
            upgrade: None,
        });
        Ok(name)
    }

    /// A second pool of the same machines gets a number.
    fn pool_name(&self, wanted: String) -> String {
        let taken = |name: &str| self.node_pools.iter().any(|pool| pool.name == name);
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(wanted)
    }
}

/// Exclusive placement takes a domain for every group. A deployment has one node pool here, so that exclusive node pools
/// become exclusive sub-blocks.
fn topology(lws: &mut LeaderWorkerSetArgs, groups: u32) -> Option<TopologyArgs> {
    let label = lws.annotations.as_mut()?.get_mut("leaderworkerset.sigs.k8s.io/exclusive-topology")?;
    if groups < 2 {
        return None;
    }
    if label == "cloud.google.com/gke-nodepool" {
        "cloud.google.com/gce-topology-subblock".clone_into(label);
    }
    match label.as_str() {
        "cloud.google.com/gce-topology-subblock" => {
            Some(TopologyArgs { blocks: 1, subblocks_per_block: groups })
        }
        "cloud.google.com/gce-topology-block" => {
            Some(TopologyArgs { blocks: groups, subblocks_per_block: 1 })
        }
        _ => None,
    }
}
