//! Why groups that are to be ready from the start have no nodes.

use thiserror::Error;

/// A pod that finds no node at time 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unplaced {
    /// It asks for more GPUs than any node has.
    #[error("a pod of `{deployment}` asks for {asked} GPUs, but a node of pool `{pool}` has {has}")]
    PodTooLarge {
        /// Index of the deployment.
        index: usize,
        /// The deployment.
        deployment: String,
        /// GPUs of a pod.
        asked: u32,
        /// The pool.
        pool: String,
        /// GPUs of a node.
        has: u32,
    },
    /// The nodes are full.
    #[error(
        "pod `{pod}` asks for {asked} GPUs, but the {nodes} nodes of pool `{pool}` ({gpus} GPUs) have no node left with that many free"
    )]
    PoolFull {
        /// Index of the deployment.
        index: usize,
        /// First pod without a node.
        pod: String,
        /// GPUs it asks for.
        asked: u32,
        /// The pool.
        pool: String,
        /// Nodes of the pool.
        nodes: u32,
        /// GPUs of the pool.
        gpus: u64,
    },
    /// There are GPUs, but not where the topology lets the group have them.
    #[error("pod `{pod}` has no node of pool `{pool}` that {topology} lets it have")]
    NoDomain {
        /// Index of the deployment.
        index: usize,
        /// First pod without a node.
        pod: String,
        /// The pool.
        pool: String,
        /// The annotation that asks for it.
        topology: &'static str,
    },
}

impl Unplaced {
    /// Index of the deployment that it happened to.
    pub fn deployment(&self) -> usize {
        match self {
            Self::PodTooLarge { index, .. } | Self::PoolFull { index, .. } | Self::NoDomain { index, .. } => {
                *index
            }
        }
    }
}
