//! Nodes and the domains that they stand in.

use crate::kubernetes::Taint;

/// The label by which nodes form domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopologyKey {
    /// `kubernetes.io/hostname`, and with a node a host `cloud.google.com/gce-topology-host`.
    Hostname,
    /// `cloud.google.com/gce-topology-subblock`: hosts of a rack or so.
    SubBlock,
    /// `cloud.google.com/gce-topology-block`: sub-blocks under one switch.
    Block,
    /// `cloud.google.com/gke-nodepool`.
    NodePool,
}

impl TopologyKey {
    /// Labels that nodes have, one for each kind of domain.
    pub const LABELS: [&str; 4] = [
        "kubernetes.io/hostname",
        "cloud.google.com/gce-topology-subblock",
        "cloud.google.com/gce-topology-block",
        "cloud.google.com/gke-nodepool",
    ];

    /// The key that this label is; `None` if nodes have no such label.
    pub fn parse(label: &str) -> Option<Self> {
        Some(match label {
            "kubernetes.io/hostname" | "cloud.google.com/gce-topology-host" => Self::Hostname,
            "cloud.google.com/gce-topology-subblock" => Self::SubBlock,
            "cloud.google.com/gce-topology-block" => Self::Block,
            "cloud.google.com/gke-nodepool" => Self::NodePool,
            _ => return None,
        })
    }
}

/// A node, as far as the scheduler looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulingNode {
    /// Index of its pool.
    pub pool: usize,
    /// GPUs that no pod has.
    pub free_gpus: u32,
    /// Ready and not cordoned.
    pub schedulable: bool,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Its host, different from every other node's.
    pub host: u32,
    /// Its sub-block, different from those of other blocks.
    pub sub_block: u32,
    /// Its block.
    pub block: u32,
}

impl SchedulingNode {
    /// The domain it stands in: the value of its label.
    pub const fn domain(&self, key: TopologyKey) -> u32 {
        match key {
            TopologyKey::Hostname => self.host,
            TopologyKey::SubBlock => self.sub_block,
            TopologyKey::Block => self.block,
            TopologyKey::NodePool => self.pool as u32,
        }
    }
}
