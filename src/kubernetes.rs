//! LeaderWorkerSet groups, their pods, and the nodes these stand on.
//!
//! The names are those Kubernetes and the LeaderWorkerSet controller give, and so are the rules: each is a pure function
//! of what its controller would see, or a state with `now` as an argument. `placement` is static: every pod has its node
//! from the start to the end of a run.

mod args;
mod disruption;
mod hpa;
mod loads;
mod lws;
mod placement;
mod revision;
mod scheduler;
mod startup;
mod statefulset;
mod taint;

pub use args::*;
pub use disruption::DisruptionBudget;
pub use hpa::{
    Hpa, HpaBehavior, HpaError, HpaMetric, HpaObservation, HpaPod, HpaSpec, PodMetrics, ScaleUpLimit,
    ScalingRules, VllmMetric,
};
pub use loads::Loads;
pub use lws::*;
pub use placement::{GroupPlacement, PlaceError, Pod, PodDemand, PoolNodes, place};
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
