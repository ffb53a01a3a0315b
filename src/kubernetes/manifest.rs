//! Kubernetes YAML as people apply it: LeaderWorkerSets, and what stands beside them.
//!
//! A file is read into objects; [`read_manifests`] makes a [`Manifest`] of each LeaderWorkerSet, with the autoscaler,
//! the disruption budget and the volumes that go with it. What is read is taken out of an object; what is left in the end was
//! ignored, and a [`Manifest`] says so, line by line. Containers are handed on as they are: which one serves, and what its
//! command means, is the engine's business.

mod autoscaler;
mod budget;
mod container;
mod file;
mod leaderworkerset;
mod network;
mod object;
mod part;
mod pod;
mod quantity;
mod selector;
mod storage;
mod variables;

pub use container::Container;
pub use file::{Manifests, read_manifests};
pub use leaderworkerset::NODES_ANNOTATION;
pub use network::GpuNetwork;
pub use pod::{PodTemplate, VolumeSource};
pub use storage::{ClaimStorage, Claims};

use super::{HpaArgs, LeaderWorkerSetArgs, PodDisruptionBudgetArgs};
use crate::document::{Document, FileError};
use crate::hardware::NodesArgs;

/// One LeaderWorkerSet and what goes with it.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its spec, without the pod templates.
    pub leaderworkerset: LeaderWorkerSetArgs,
    /// The pods that lead.
    pub leader: PodTemplate,
    /// The pods that do not; the same as `leader` where there is one template.
    pub worker: PodTemplate,
    /// The autoscaler that names it.
    pub hpa: Option<HpaArgs>,
    /// The budget that selects its pods.
    pub pod_disruption_budget: Option<PodDisruptionBudgetArgs>,
    /// Nodes of its pool, where an annotation says so.
    pub nodes: Option<NodesArgs>,
    /// What the claims of the same files are.
    pub claims: Claims,
    /// What was ignored, a line each.
    pub remarks: Vec<String>,
    document: Document,
}

impl Manifest {
    /// The file it stands in, as the user named it.
    pub fn file(&self) -> &str {
        &self.document.file
    }

    /// Pods of a group.
    pub fn size(&self) -> u32 {
        self.leaderworkerset.leader_worker_template.as_ref().and_then(|template| template.size).unwrap_or(1)
    }

    /// An error about what stands at `at`, such as `spec.leaderWorkerTemplate.size`.
    pub fn error(&self, at: &str, message: impl Into<String>) -> FileError {
        self.document.error(at, message)
    }

    /// A remark about what stands at `at`: file, line, object, field.
    pub fn remark(&self, at: &str, text: &str) -> String {
        object::remark(&self.document, &format!("LeaderWorkerSet/{}", self.name), at, text)
    }

    /// Typed arguments that `tree`, which stands at `at`, holds.
    ///
    /// # Errors
    /// If a type or a range is wrong.
    pub fn typed<T>(&self, at: &str, tree: &serde_json::Value) -> Result<T, FileError>
    where
        T: serde::de::DeserializeOwned + garde::Validate<Context = ()>,
    {
        self.document.typed_at(at, tree)
    }
}
