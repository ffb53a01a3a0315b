//! LeaderWorkerSet groups, their pods, and the nodes these stand on.
//!
//! The names are those Kubernetes and the LeaderWorkerSet controller give. `placement` is static: every pod has its node
//! from the start to the end of a run. `statefulset` and `lws` are the controllers' rules: observed state in, actions out,
//! one call a reconcile, without a clock.

mod args;
mod lws;
mod placement;
mod revision;
mod statefulset;

pub use args::*;
pub use lws::*;
pub use placement::{GroupPlacement, PlaceError, Pod, PodDemand, PoolNodes, place};
pub use revision::Revision;
pub use statefulset::{
    MaxUnavailableGate, StatefulSetAction, StatefulSetPod, StatefulSetSpec, reconcile_statefulset,
    rolling_update_complete,
};
