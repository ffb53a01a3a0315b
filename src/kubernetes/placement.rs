//! Which pod runs on which node, when all of them start together.
//!
//! A group is one leader and `size - 1` workers; pod names are `<deployment>-<group>` and `<deployment>-<group>-<worker>`
//! (LeaderWorkerSet), node names `<pool>-<i>`. Pods are bound in order, leader first, each to the first node with
//! enough free GPUs: what the Kubernetes scheduler does with pods that all ask for whole GPUs and nodes that are all
//! alike, up to the order of equal nodes.

use thiserror::Error;

use super::pod_name;

/// Nodes of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolNodes {
    /// Name of the pool.
    pub name: String,
    /// Number of nodes.
    pub nodes: u32,
    /// GPUs a node has.
    pub gpus_per_node: u32,
}

/// Pods that one deployment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDemand {
    /// Name of the deployment.
    pub deployment: String,
    /// Index of its pool.
    pub pool: usize,
    /// Groups.
    pub groups: u32,
    /// Pods of a group.
    pub size: u32,
    /// GPUs of a pod.
    pub gpus_per_pod: u32,
}

/// One pod and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Name, as the LeaderWorkerSet controller gives it.
    pub name: String,
    /// Name of its node.
    pub node: String,
    /// Index of the node in its pool.
    pub node_index: u32,
    /// Index of its first GPU in the node.
    pub first_gpu: u32,
    /// Number of its GPUs.
    pub gpus: u32,
}

/// One group: its pods, leader first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlacement {
    /// Index of the deployment among the demands.
    pub deployment: usize,
    /// Index of the group in its deployment.
    pub group: u32,
    /// The pods.
    pub pods: Vec<Pod>,
}

/// Why pods cannot all run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// A pod asks for more GPUs than any node has.
    #[error("a pod of `{deployment}` asks for {asked} GPUs, but a node of pool `{pool}` has {has}")]
    PodTooLarge {
        /// Index of the deployment among the demands.
        demand: usize,
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
        /// Index of the deployment among the demands.
        demand: usize,
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
}

impl PlaceError {
    /// Index of the deployment that it happened to.
    pub fn demand(&self) -> usize {
        match self {
            Self::PodTooLarge { demand, .. } | Self::PoolFull { demand, .. } => *demand,
        }
    }
}

/// Binds every pod of every deployment.
///
/// # Errors
/// If a pod is larger than a node, or the nodes of a pool do not hold all its pods.
pub fn place(pools: &[PoolNodes], demands: &[PodDemand]) -> Result<Vec<GroupPlacement>, PlaceError> {
    let mut used: Vec<Vec<u32>> = pools.iter().map(|pool| vec![0; pool.nodes as usize]).collect();
    let mut groups = Vec::new();
    for (index, demand) in demands.iter().enumerate() {
        let pool = &pools[demand.pool];
        if demand.gpus_per_pod > pool.gpus_per_node {
            return Err(PlaceError::PodTooLarge {
                demand: index,
                deployment: demand.deployment.clone(),
                asked: demand.gpus_per_pod,
                pool: pool.name.clone(),
                has: pool.gpus_per_node,
            });
        }
        for group in 0..demand.groups {
            let pods = (0..demand.size).map(|worker| {
                let name = pod_name(&demand.deployment, group, worker);
                bind(pool, &mut used[demand.pool], (index, demand.gpus_per_pod), name)
            });
            groups.push(GroupPlacement { deployment: index, group, pods: pods.collect::<Result<_, _>>()? });
        }
    }
    Ok(groups)
}

/// Puts one pod on the first node with room.
fn bind(
    pool: &PoolNodes,
    used: &mut [u32],
    (demand, gpus): (usize, u32),
    name: String,
) -> Result<Pod, PlaceError> {
    let room = used.iter().position(|used| used + gpus <= pool.gpus_per_node);
    let Some(node) = room else {
        return Err(PlaceError::PoolFull {
            demand,
            pod: name,
            asked: gpus,
            pool: pool.name.clone(),
            nodes: pool.nodes,
            gpus: u64::from(pool.nodes) * u64::from(pool.gpus_per_node),
        });
    };
    let first_gpu = used[node];
    used[node] += gpus;
    Ok(Pod { name, node: format!("{}-{node}", pool.name), node_index: node as u32, first_gpu, gpus })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(nodes: u32) -> PoolNodes {
        PoolNodes { name: "a3".to_owned(), nodes, gpus_per_node: 8 }
    }

    fn demand(groups: u32, size: u32, gpus_per_pod: u32) -> PodDemand {
        PodDemand { deployment: "llama".to_owned(), pool: 0, groups, size, gpus_per_pod }
    }

    #[test]
    fn pods_are_named_and_bound_as_the_controllers_do() {
        let groups = place(&[pool(4)], &[demand(2, 2, 8)]).unwrap();
        let names: Vec<_> = groups
            .iter()
            .flat_map(|group| &group.pods)
            .map(|pod| (pod.name.as_str(), pod.node.as_str()))
            .collect();
        assert_eq!(
            names,
            [("llama-0", "a3-0"), ("llama-0-1", "a3-1"), ("llama-1", "a3-2"), ("llama-1-1", "a3-3")]
        );
        let shared = place(&[pool(1)], &[demand(2, 1, 4)]).unwrap();
        assert_eq!((shared[0].pods[0].first_gpu, shared[1].pods[0].first_gpu), (0, 4));
    }

    #[test]
    fn what_does_not_fit_says_which_pod() {
        let full = place(&[pool(1)], &[demand(1, 2, 8)]).unwrap_err();
        assert!(full.to_string().starts_with("pod `llama-0-1` asks for 8 GPUs"), "{full}");
        let large = place(&[pool(1)], &[demand(1, 1, 16)]).unwrap_err();
        assert!(matches!(large, PlaceError::PodTooLarge { asked: 16, has: 8, .. }));
    }
}
