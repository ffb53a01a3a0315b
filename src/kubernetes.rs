//! LeaderWorkerSet groups, their pods, and the nodes these stand on.
//!
//! The names are those Kubernetes and the LeaderWorkerSet controller give. Where pods stand is static: every pod has its
//! node from the start to the end of a run. [`StartupTimes`] is how long each stage of a start takes, [`Loads`] who has
//! read its weights when.

mod args;
mod loads;
mod lws;
mod placement;
mod revision;
mod startup;
mod statefulset;

pub use args::*;
pub use loads::Loads;
pub use lws::*;
pub use placement::{GroupPlacement, PlaceError, Pod, PodDemand, PoolNodes, place};
pub use revision::Revision;
pub use startup::{Rendezvous, StartupInputs, StartupTimes, weights};
pub use statefulset::{
    MaxUnavailableGate, StatefulSetAction, StatefulSetPod, StatefulSetSpec, reconcile_statefulset,
    rolling_update_complete,
};
