//! LeaderWorkerSet groups, their pods, and the nodes these stand on.
//!
//! The names are those Kubernetes and the LeaderWorkerSet controller give, and so are the rules: each is a pure function
//! of what its controller would see, or a state with `now` as an argument.
//!
//! [`place`] binds every pod for a whole run. [`schedule`] binds one pod to a node as it is at an instant, [`Hpa`] says
//! how many groups there should be, [`DisruptionBudget`] how many pods may be evicted, [`Toleration`] how long a pod stays on a
//! tainted node.

mod args;
mod disruption;
mod hpa;
mod placement;
mod scheduler;
mod taint;

pub use args::*;
pub use disruption::DisruptionBudget;
pub use hpa::{
    Hpa, HpaBehavior, HpaError, HpaMetric, HpaObservation, HpaPod, HpaSpec, PodMetrics, ScaleUpLimit,
    ScalingRules, VllmMetric,
};
pub use placement::{GroupPlacement, PlaceError, Pod, PodDemand, PoolNodes, place};
pub use scheduler::{
    BoundPod, ExclusiveKind, ExclusiveTerm, PodRequest, SchedulingNode, TopologyKey, schedule, schedule_gang,
};
pub use taint::{
    DefaultTolerations, NOT_READY, Taint, TaintEffect, Tolerated, Toleration, TolerationError,
    TolerationOperator, UNREACHABLE, toleration_seconds,
};
