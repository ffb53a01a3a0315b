//! LeaderWorkerSet groups, their pods, and the nodes these stand on.
//!
//! The names are those Kubernetes and the LeaderWorkerSet controller give. What is here is static: every pod has its
//! node from the start to the end of a run.

mod args;
mod placement;

pub use args::*;
pub use placement::{GroupPlacement, PlaceError, Pod, PodDemand, PoolNodes, place};
