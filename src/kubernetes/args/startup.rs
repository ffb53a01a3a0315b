//! How long the phases of a start take, where a scenario knows better than the catalogue.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// Phases of a start, in order; what is left out is the catalogue's fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StartupArgs {
    /// Whether the nodes are there (`exist`) or must be had first (`provisioned`).
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<StartupNodesArg>,
    /// From the request for a node until it is ready.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ready: Option<SimDuration>,
    /// Pulling the image to a node that does not have it; goes before the two fields below.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull: Option<SimDuration>,
    /// GKE image streaming: a container starts before its image is there. Off when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_streaming: Option<bool>,
    /// New nodes come with the image, on a secondary boot disk for instance. Off when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_cached: Option<bool>,
    /// Starting the container and the interpreter.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_start: Option<SimDuration>,
    /// Finding each other: Ray or torch, then NCCL.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distributed_init: Option<SimDuration>,
    /// The leader gives up after waiting this long for the pods of its group.
    #[garde(custom(not_zero))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendezvous_timeout: Option<SimDuration>,
    /// Loading the weights, whatever the storage.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_load: Option<SimDuration>,
    /// Compiling the model with nothing cached.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compile: Option<SimDuration>,
    /// Where compiled code survives. `none` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compile_cache: Option<CompileCacheArg>,
    /// Profiling memory and capturing CUDA graphs.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph_capture: Option<SimDuration>,
}

/// What is there at a cold start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartupNodesArg {
    /// The nodes are ready.
    Exist,
    /// The nodes must be had first.
    Provisioned,
}

/// What survives of a compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompileCacheArg {
    /// Nothing: the cache is in the container.
    None,
    /// It stays on the node: a pod that comes to a node that compiled before finds it.
    Node,
    /// It is on a volume of the deployment: only the first start compiles.
    Volume,
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn not_zero(duration: &Option<SimDuration>, (): &()) -> garde::Result {
    if *duration == Some(SimDuration::ZERO) { Err(garde::Error::new("must be above 0s")) } else { Ok(()) }
}
