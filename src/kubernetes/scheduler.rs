//! The pod scheduler: which node a pod is bound to.
//!
//! [`schedule`] filters nodes as the plugins of `kube-scheduler` do (`NodeUnschedulable`, `NodeAffinity`, `NodeResourcesFit`,
//! `TaintToleration`, `InterPodAffinity`) and takes the first of the best; [`schedule_gang`] does so for all pods of a
//! group or for none. What keeps groups apart are LeaderWorkerSet's [`ExclusiveTerm`]s.
//!
//! Limits: one namespace; GPUs are the only resource; of the scores only that of `TaintToleration` decides, among equals
//! the lowest index; nobody is preempted.

mod affinity;
mod bind;
mod pod;
mod topology;

pub use bind::{schedule, schedule_gang};
pub use pod::{BoundPod, ExclusiveKind, ExclusiveTerm, PodRequest};
pub use topology::{SchedulingNode, TopologyKey};
