//! Kubernetes manifests in and out: [`import`] makes a scenario of them, [`export`] makes them of a placement.
//!
//! Both speak of what both can say: a LeaderWorkerSet, its engine's command line, its pods, its autoscaler and budget, the nodes
//! that they select and the volume that holds the weights. What one side cannot say is named, never dropped in silence.

mod export;
mod import;
mod yaml;

pub use export::{Exported, export};
pub use import::{Imported, import};
