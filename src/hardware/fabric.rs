//! What lies between two GPUs: a graph of GPUs, switches, network cards, hosts, sub-blocks and blocks.
//!
//! Every link is two directed edges, one a direction. Inside a host GPUs meet in a switch (NVSwitch, or the PCI Express
//! root). Out of it each GPU has one way: over the network card of the network its pod really uses, the host's uplink,
//! the sub-block, the block. Capacities of cards and uplinks are what that network was measured to achieve, capped at
//! line rate. Above the host the fabric is taken as non-blocking: no source gives its capacities.

use petgraph::{
    algo::astar,
    graph::{EdgeIndex, Graph, NodeIndex},
    visit::EdgeRef,
};
use thiserror::Error;

use super::fair_share::max_min_rates;
use super::{Link, Machine, Network, NetworkKind};

/// Something in the fabric; `host` numbers hosts in the order they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FabricNode {
    /// A GPU.
    Gpu {
        /// Its host.
        host: u32,
        /// Its number there.
        gpu: u32,
    },
    /// What joins the GPUs of a host.
    Switch {
        /// The host.
        host: u32,
    },
    /// A network card.
    Nic {
        /// Its host.
        host: u32,
        /// Its number there.
        nic: u32,
    },
    /// A host's way into the network.
    Host {
        /// The host.
        host: u32,
    },
    /// A sub-block (rack).
    SubBlock {
        /// Its block.
        block: u32,
        /// Its number there.
        sub_block: u32,
    },
    /// A block.
    Block {
        /// Its number.
        block: u32,
    },
    /// What joins the blocks.
    Cluster,
}

/// Where a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct HostPlace {
    /// Block.
    pub block: u32,
    /// Sub-block in it.
    pub sub_block: u32,
}

/// A GPU of the fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Host, in the order they were added.
    pub host: u32,
    /// GPU in it.
    pub gpu: u32,
}

/// How far apart two GPUs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distance {
    /// One and the same GPU.
    SameGpu,
    /// In one host.
    SameHost,
    /// In one sub-block.
    SameSubBlock,
    /// In one block.
    SameBlock,
    /// In different blocks.
    OtherBlock,
}

/// The way from one GPU to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Nodes on the way, both ends included.
    pub nodes: Vec<FabricNode>,
    /// Directed links on the way, as indices for a `FairShare` over [`Fabric::capacities`].
    pub links: Vec<usize>,
    /// Narrowest of them [B/s]; infinite from a GPU to itself.
    pub capacity: f64,
    /// Time of an empty message [s].
    pub alpha: f64,
    /// How far apart the ends are.
    pub distance: Distance,
}

/// A question about a fabric that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FabricError {
    /// The machine has no such network.
    #[error("network: {machine} has no {network} (it has {known})")]
    NoSuchNetwork {
        /// Machine type.
        machine: String,
        /// What was asked for.
        network: NetworkKind,
        /// What it has.
        known: String,
    },
    /// There is no such GPU.
    #[error("the fabric has no GPU {gpu} on host {host}")]
    NoSuchGpu {
        /// Host asked for.
        host: u32,
        /// GPU asked for.
        gpu: u32,
    },
}

#[derive(Clone, Debug)]
struct HostEntry {
    gpus: Vec<NodeIndex>,
    place: HostPlace,
    intra_alpha: f64,
    network_alpha: f64,
}

/// Machines and what joins them.
#[derive(Clone, Debug, Default)]
pub struct Fabric {
    graph: Graph<FabricNode, f64>,
    hosts: Vec<HostEntry>,
}

/// Where two switches could be crossed with equally many hops, the way inside the host is preferred.
const COST_INSIDE: u32 = 1;
const COST_OUTSIDE: u32 = 8;

impl Fabric {
    /// A fabric without hosts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host whose pods use `network` (its facts, read for `kind`); its number.
    ///
    /// # Errors
    /// If the machine has no such network.
    pub fn add_host(
        &mut self,
        machine: &Machine,
        link: &Link,
        kind: NetworkKind,
        network: &Network,
        place: HostPlace,
    ) -> Result<u32, FabricError> {
        if !machine.offers(kind) {
            let known: Vec<&str> = machine.networks.iter().map(|known| known.name()).collect();
            return Err(FabricError::NoSuchNetwork {
                machine: machine.name.clone(),
                network: kind,
                known: known.join(", "),
            });
        }
        let host = self.hosts.len() as u32;
        let switch = self.graph.add_node(FabricNode::Switch { host });
        let uplink = self.graph.add_node(FabricNode::Host { host });
        let shared = machine.gpus_per_nic(kind);
        let nics: Vec<NodeIndex> = (0..machine.gpus.div_ceil(shared))
            .map(|nic| self.graph.add_node(FabricNode::Nic { host, nic }))
            .collect();
        let line = match (kind, machine.gpu_nic_bandwidth) {
            (NetworkKind::Gvnic, _) | (_, None) => machine.host_nic_bandwidth,
            (_, Some(line)) => line,
        };
        let card = (network.bandwidth_per_node / nics.len() as f64).min(line);
        let gpus = (0..machine.gpus)
            .map(|gpu| {
                let node = self.graph.add_node(FabricNode::Gpu { host, gpu });
                self.join(node, switch, link.bandwidth_per_direction);
                self.join(node, nics[(gpu / shared) as usize], network.p2p.bandwidth_per_gpu.min(line));
                node
            })
            .collect();
        for nic in &nics {
            self.join(*nic, uplink, card);
        }
        let most = card * nics.len() as f64;
        self.attach(uplink, place, most);
        self.hosts.push(HostEntry {
            gpus,
            place,
            intra_alpha: link.p2p.alpha,
            network_alpha: network.p2p.alpha,
        });
        Ok(host)
    }

    /// Joins two nodes in both directions [B/s].
    fn join(&mut self, a: NodeIndex, b: NodeIndex, capacity: f64) {
        self.graph.add_edge(a, b, capacity);
        self.graph.add_edge(b, a, capacity);
    }

    /// Hangs a host into its sub-block, block and the cluster, widening those by what it can send.
    fn attach(&mut self, uplink: NodeIndex, place: HostPlace, capacity: f64) {
        let HostPlace { block, sub_block } = place;
        let rack = self.node_or_new(FabricNode::SubBlock { block, sub_block });
        let row = self.node_or_new(FabricNode::Block { block });
        let cluster = self.node_or_new(FabricNode::Cluster);
        self.join(uplink, rack, capacity);
        self.widen(rack, row, capacity);
        self.widen(row, cluster, capacity);
    }

    fn node_or_new(&mut self, node: FabricNode) -> NodeIndex {
        let known = self.graph.node_indices().find(|index| self.graph[*index] == node);
        known.unwrap_or_else(|| self.graph.add_node(node))
    }

    fn widen(&mut self, a: NodeIndex, b: NodeIndex, capacity: f64) {
        for (from, to) in [(a, b), (b, a)] {
            match self.graph.find_edge(from, to) {
                Some(edge) => self.graph[edge] += capacity,
                None => {
                    self.graph.add_edge(from, to, capacity);
                }
            }
        }
    }

    /// Capacity of every directed link [B/s], in the order paths refer to them.
    pub fn capacities(&self) -> Vec<f64> {
        self.graph.edge_weights().copied().collect()
    }

    /// The two ends of a directed link.
    pub fn link(&self, link: usize) -> Option<(FabricNode, FabricNode)> {
        let (from, to) = self.graph.edge_endpoints(EdgeIndex::new(link))?;
        Some((self.graph[from], self.graph[to]))
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    fn gpu(&self, at: Position) -> Result<(NodeIndex, &HostEntry), FabricError> {
        let host = self.hosts.get(at.host as usize);
        let found = host.and_then(|host| Some((*host.gpus.get(at.gpu as usize)?, host)));
        found.ok_or(FabricError::NoSuchGpu { host: at.host, gpu: at.gpu })
    }

    /// How far apart two GPUs are.
    ///
    /// # Errors
    /// If one of them does not exist.
    pub fn distance(&self, from: Position, to: Position) -> Result<Distance, FabricError> {
        let (a, b) = (self.gpu(from)?.1.place, self.gpu(to)?.1.place);
        Ok(if from == to {
            Distance::SameGpu
        } else if from.host == to.host {
            Distance::SameHost
        } else if a == b {
            Distance::SameSubBlock
        } else if a.block == b.block {
            Distance::SameBlock
        } else {
            Distance::OtherBlock
        })
    }

    /// The way from one GPU to another.
    ///
    /// # Errors
    /// If one of them does not exist.
    ///
    /// # Panics
    /// Never: every host hangs on the cluster.
    pub fn path(&self, from: Position, to: Position) -> Result<Path, FabricError> {
        let distance = self.distance(from, to)?;
        let ((start, sender), (end, receiver)) = (self.gpu(from)?, self.gpu(to)?);
        let cost = |edge: petgraph::graph::EdgeReference<'_, f64>| {
            let ends = [self.graph[edge.source()], self.graph[edge.target()]];
            let inside = ends.iter().any(|node| matches!(node, FabricNode::Switch { .. }));
            if inside { COST_INSIDE } else { COST_OUTSIDE }
        };
        let (_, nodes) = astar(&self.graph, start, |node| node == end, cost, |_| 0)
            .expect("every host hangs on the cluster");
        let links: Vec<usize> = nodes
            .windows(2)
            .map(|pair| self.graph.find_edge(pair[0], pair[1]).expect("a path follows edges").index())
            .collect();
        let capacity =
            links.iter().map(|link| self.graph[EdgeIndex::new(*link)]).fold(f64::INFINITY, f64::min);
        let alpha = match distance {
            Distance::SameGpu => 0.0,
            Distance::SameHost => sender.intra_alpha,
            _ => sender.network_alpha.max(receiver.network_alpha),
        };
        Ok(Path {
            nodes: nodes.iter().map(|node| self.graph[*node]).collect(),
            links,
            capacity,
            alpha,
            distance,
        })
    }

    /// Max-min fair rate of each path when all are used at once [B/s].
    pub fn rates_together(&self, paths: &[Path]) -> Vec<f64> {
        let links: Vec<&[usize]> = paths.iter().map(|path| path.links.as_slice()).collect();
        max_min_rates(&self.capacities(), &links)
    }
}
