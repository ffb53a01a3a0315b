//! The scenario file: parsed, checked, resolved.
//!
//! A file goes through four steps, and the first that fails gives the one error a user sees: text to a tree that knows
//! its lines, `--set` included; the tree to typed, range-checked fields ([`Scenario`]); names and everything that
//! needs more than one field; and the resolved form, in which every default is filled in.

mod args;
mod check;
mod file;
mod manifest;
mod names;
mod resolve;
mod resolved;
mod unsupported;

use crate::document::{self, path};

pub use crate::document::{FileError as ScenarioError, Problem};
pub use args::*;
pub use file::ScenarioFile;
pub use manifest::{ManifestDeployment, is_model};
pub use resolved::{
    Component, FailureProcess, FaultKind, RepairTime, Resolved, ResolvedDeployment, ResolvedEngine,
    ResolvedPlacement, ResolvedPool, ResolvedStartup, ResolvedWorkload, rank_nodes,
};
pub use unsupported::Unsupported;

impl Scenario {
    /// Everything that `run` must refuse because this version does not simulate it, in file order.
    pub fn unsupported(&self) -> Vec<Unsupported> {
        unsupported::unsupported(self)
    }
}
