//! What somebody does to a cluster, or what breaks in it.

use super::spec::UpgradeSpec;
use crate::units::SimDuration;

/// A pod by what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Index of the deployment.
    pub deployment: usize,
    /// Group.
    pub group: u32,
    /// 0 is the leader.
    pub worker: u32,
}

/// One thing that happens to a cluster from outside. Nodes are numbered over all pools, in file order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// A node falls silent; it comes back by itself after `repair`, unless it is replaced before.
    LoseNode {
        /// Which.
        node: usize,
        /// For how long; for ever if absent.
        repair: Option<SimDuration>,
        /// What it is counted as.
        cause: Cause,
    },
    /// A GPU falls off the bus: the process that uses it dies.
    LoseGpu {
        /// Of which node.
        node: usize,
        /// Which.
        gpu: u32,
        /// For how long; for ever if absent.
        repair: Option<SimDuration>,
    },
    /// The network cards of a node's GPUs slow down or fail.
    LoseLink {
        /// Of which node.
        node: usize,
        /// What is left of the bandwidth; 0 is none.
        left: f64,
        /// For how long; for ever if absent.
        repair: Option<SimDuration>,
    },
    /// The process in a pod's container exits.
    StopContainer(PodName),
    /// The engine a pod belongs to stops answering; its probe stays green.
    Hang(PodName),
    /// A pod is deleted.
    DeletePod(PodName),
    /// The provider takes a spot node.
    Preempt {
        /// Which.
        node: usize,
    },
    /// The host of a node is maintained: its machine stops and comes back.
    Maintain {
        /// Which.
        node: usize,
        /// Warning before it stops.
        notice: SimDuration,
        /// How long it is away.
        away: SimDuration,
    },
    /// Every node of a block falls silent.
    LoseBlock {
        /// Of which pool.
        pool: usize,
        /// Which block.
        block: u32,
        /// For how long; for ever if absent.
        repair: Option<SimDuration>,
    },
    /// A deployment gets a new template.
    Rollout {
        /// Which.
        deployment: usize,
    },
    /// A deployment gets another number of groups.
    Scale {
        /// Which.
        deployment: usize,
        /// How many.
        replicas: u32,
        /// Its autoscaler wants it.
        by_hpa: bool,
    },
    /// A node is cordoned and its pods evicted.
    Drain {
        /// Which.
        node: usize,
    },
    /// A pod is evicted, as its budget allows.
    Evict(PodName),
    /// What is broken about a node is mended.
    RepairNode {
        /// Which.
        node: usize,
    },
    /// The nodes of a pool are replaced.
    Upgrade {
        /// Which pool.
        pool: usize,
        /// How.
        upgrade: UpgradeSpec,
    },
    /// A node gets the taint `node.kubernetes.io/out-of-service`.
    OutOfService {
        /// Which.
        node: usize,
    },
}

/// Why a group could not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A node was lost.
    Node,
    /// A GPU was.
    Gpu,
    /// A network card was.
    Nic,
    /// An engine process died.
    Engine,
    /// An engine hung.
    Hang,
    /// A spot node was taken.
    Spot,
    /// A host was maintained.
    Maintenance,
    /// A whole block was lost.
    Block,
    /// A pod was deleted by hand.
    Pod,
    /// A node was drained, or a pod evicted.
    Drain,
    /// A pool was upgraded.
    Upgrade,
    /// A new template was rolled out.
    Rollout,
    /// A node's time was over.
    Expiry,
    /// Its pods did not find each other in time.
    Rendezvous,
}

impl Cause {
    /// As results name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Gpu => "gpu",
            Self::Nic => "nic",
            Self::Engine => "engine",
            Self::Hang => "hang",
            Self::Spot => "spot",
            Self::Maintenance => "maintenance",
            Self::Block => "block",
            Self::Pod => "pod",
            Self::Drain => "drain",
            Self::Upgrade => "upgrade",
            Self::Rollout => "rollout",
            Self::Expiry => "expiry",
            Self::Rendezvous => "rendezvous",
        }
    }
}
