//! LeaderWorkerSet groups, their pods, and the nodes these stand on.
//!
//! The names are those Kubernetes and the LeaderWorkerSet controller give, and so are the rules: each is a pure function
//! of what its controller would see, or a state with `now` as an argument. [`Cluster`] holds the objects and lets the
//! controllers at them.
//!
//! `statefulset` and `lws` are the rules of those controllers. [`schedule`] binds one pod to a node as it is at an instant,
//! [`Hpa`] says how many groups there should be, [`DisruptionBudget`] how many pods may be evicted, [`Toleration`] how long a
//! pod stays on a tainted node. [`StartupTimes`] is how long each stage of a start takes, [`Loads`] who has read its weights
//! when.

mod args;
mod cluster;
mod control_plane;
mod disruption;
mod hpa;
mod loads;
mod lws;
mod manifest;
mod name;
mod revision;
mod scheduler;
mod startup;
mod statefulset;
mod taint;

pub use args::*;
pub use cluster::*;
pub use control_plane::ControlPlane;
pub use disruption::DisruptionBudget;
pub use hpa::{
    Hpa, HpaBehavior, HpaError, HpaMetric, HpaObservation, HpaPod, HpaSpec, PodMetrics, ScaleUpLimit,
    ScalingRules, VllmMetric,
};
pub use loads::Loads;
pub use lws::*;
pub use manifest::{
    ClaimStorage, Claims, Container, GpuNetwork, Manifest, Manifests, NODES_ANNOTATION, PodTemplate,
    VolumeSource, read_manifests,
};
pub use name::is_dns_label;
pub use revision::Revision;
pub use scheduler::{
    BoundPod, ExclusiveKind, ExclusiveTerm, PodRequest, SchedulingNode, TopologyKey, schedule, schedule_gang,
};
pub use startup::{Rendezvous, StartupInputs, StartupTimes, weights};
pub use statefulset::{
    MaxUnavailableGate, StatefulSetAction, StatefulSetPod, StatefulSetSpec, reconcile_statefulset,
    rolling_update_complete,
};
pub use taint::{
    DefaultTolerations, NOT_READY, Taint, TaintEffect, Tolerated, Toleration, TolerationError,
    TolerationOperator, UNREACHABLE, toleration_seconds,
};
