//! Pods, as far as the scheduler looks at them.

use super::TopologyKey;
use crate::kubernetes::Toleration;

/// A pod that wants a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRequest<'a> {
    /// Index of the pool that its node selector names.
    pub pool: usize,
    /// GPUs it asks for.
    pub gpus: u32,
    /// Its tolerations.
    pub tolerations: &'a [Toleration],
    /// The domain that its node selector names: with exclusive topology the leader's, for workers
    /// (LeaderWorkerSet, `pod_controller.go`).
    pub node_selector: Option<(TopologyKey, u32)>,
    /// Its label `group-key`, which every pod of a LeaderWorkerSet has.
    pub group_key: u64,
    /// Its label `subgroup-key`, if it is in a subgroup.
    pub subgroup_key: Option<u64>,
    /// Its affinities.
    pub terms: Vec<ExclusiveTerm>,
}

/// A required affinity to one's own and a required anti-affinity to all others, in one domain: `{key In [own]}` and `{key
/// Exists, key NotIn [own]}` (LeaderWorkerSet, `pod_webhook.go`, `SetExclusiveAffinities`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExclusiveTerm {
    /// What a domain is.
    pub key: TopologyKey,
    /// Value of the label that one's own have.
    pub own: u64,
    /// Which label it is.
    pub kind: ExclusiveKind,
}

/// The label that an [`ExclusiveTerm`] selects by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExclusiveKind {
    /// `leaderworkerset.sigs.k8s.io/group-key`, by annotation `exclusive-topology`; leaders only.
    Group,
    /// `leaderworkerset.sigs.k8s.io/subgroup-key`, by annotation `subgroup-exclusive-topology`; all pods of subgroups.
    Subgroup,
}

/// A pod that has a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundPod {
    /// Index of its node.
    pub node: usize,
    /// Its label `group-key`.
    pub group_key: u64,
    /// Its label `subgroup-key`, if it is in a subgroup.
    pub subgroup_key: Option<u64>,
    /// Its affinities; the anti-affinities among them keep later pods out too.
    pub terms: Vec<ExclusiveTerm>,
}
