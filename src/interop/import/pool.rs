//! The node pool of a deployment.

use super::{nodes::nodes, placement::Placement};
use crate::catalog::Catalog;
use crate::document::path::{field, item};
use crate::hardware::{NodeLimitsArgs, NodePoolArgs, NodesArgs, TopologyArgs, hourly_price, stand_in_price};
use crate::kubernetes::LeaderWorkerSetArgs;
use crate::scenario::{ManifestDeployment, ScenarioError};

impl Placement {
    /// Adds the nodes of a deployment; returns the name of the pool.
    pub(super) fn pool(
        &mut self,
        found: &ManifestDeployment,
        lws: &mut LeaderWorkerSetArgs,
        catalog: &Catalog,
    ) -> Result<String, ScenarioError> {
        let manifest = &found.manifest;
        let gpus = self.gpus_per_pod(found);
        let command = found.container.command_at();
        let chosen = nodes(catalog, &manifest.leader, gpus)
            .map_err(|error| manifest.error("", error.to_string()))?
            .ok_or_else(|| {
                manifest
                    .error(&command, format!("a pod of {gpus} GPUs: no machine of the catalogue has so many"))
            })?;
        for label in &chosen.ignored {
            let what = format!("nodeSelector {label}: ignored");
            self.remarks.push(manifest.remark(&manifest.leader.at, &what));
        }
        let machine = &chosen.machine.value;
        if let Some(why) = chosen.machine.check.as_ref().filter(|why| why.contains("not simulated")) {
            let what = format!("{} {why}", machine.name);
            self.warnings.push(manifest.remark(&manifest.leader.at, &what));
        }
        let replicas = lws.replicas.unwrap_or(1);
        let limit = manifest.hpa.as_ref().map(|hpa| hpa.max_replicas);
        let enough = node_count((replicas, limit), manifest.size(), (machine.gpus / gpus).max(1));
        self.short_of_nodes |= manifest.nodes.is_some_and(|nodes| nodes.limits().1 < enough.limits().0);
        let (storage, storage_check) = found.storage().unzip();
        let topology = topology(lws, replicas);
        let name = self.pool_name(chosen.pool);
        let mut pool = NodePoolArgs {
            name: name.clone(),
            machine: machine.name.clone(),
            nodes: Some(manifest.nodes.unwrap_or(enough)),
            network: Some(chosen.network.value),
            region: Some(chosen.region.value),
            provisioning: Some(chosen.provisioning.value),
            commitment: None,
            discount: None,
            usd_per_node_hour: None,
            obtainability: None,
            window: None,
            topology,
            storage,
            maintenance: None,
            node_repair: None,
            upgrade: None,
        };
        let mut price_check = None;
        if hourly_price(catalog, &pool.price_query()).is_err() {
            let (usd, of) = stand_in_price(catalog, &pool.price_query());
            pool.usd_per_node_hour = Some(usd);
            price_check = Some(format!("{of}: the catalogue has none for this provisioning and region"));
        }
        let domain = "a domain for every group, as exclusive placement asks for";
        let at = item("node_pools", self.node_pools.len());
        for (name, why) in [
            ("machine", chosen.machine.check),
            ("nodes", manifest.nodes.is_none().then(|| "just enough for the groups".to_owned())),
            ("network", chosen.network.check),
            ("region", chosen.region.check),
            ("provisioning", chosen.provisioning.check),
            ("usd_per_node_hour", price_check),
            ("topology", topology.map(|_| domain.to_owned())),
            ("storage", storage_check.flatten()),
        ] {
            self.check(&field(&at, name), why);
        }
        self.node_pools.push(pool);
        Ok(name)
    }

    /// GPUs that a pod asks for, or that its engine uses if it asks for fewer.
    fn gpus_per_pod(&mut self, found: &ManifestDeployment) -> u32 {
        let manifest = &found.manifest;
        let engine = &found.engine;
        let (tensor, pipeline) = (engine.tensor_parallel_size, engine.pipeline_parallel_size);
        let used = tensor.unwrap_or(1).saturating_mul(pipeline.unwrap_or(1)).div_ceil(manifest.size());
        let asked = manifest.leader.gpus().max(manifest.worker.gpus());
        if asked > 0 && asked != used {
            let what = format!("a pod asks for {asked} GPUs, and the engine uses {used} of each");
            self.remarks.push(manifest.remark(&found.container.at, &what));
        }
        asked.max(used)
    }

    /// A second pool of the same machines gets a number.
    fn pool_name(&self, wanted: String) -> String {
        let taken = |name: &str| self.node_pools.iter().any(|pool| pool.name == name);
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(wanted)
    }
}

/// Just enough nodes for the groups there are, and for those that an autoscaler may add.
fn node_count((groups, limit): (u32, Option<u32>), size: u32, pods_per_node: u32) -> NodesArgs {
    let nodes = |groups: u32| groups.saturating_mul(size).div_ceil(pods_per_node).max(1);
    match limit.filter(|limit| *limit > groups) {
        Some(limit) => NodesArgs::Scaled(NodeLimitsArgs { min: nodes(groups), max: nodes(limit) }),
        None => NodesArgs::Fixed(nodes(groups)),
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
