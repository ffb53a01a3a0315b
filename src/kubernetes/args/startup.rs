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
    /// Pulling the image.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull: Option<SimDuration>,
    /// Starting the container and the interpreter.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_start: Option<SimDuration>,
    /// Finding each other: Ray or torch, then NCCL.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distributed_init: Option<SimDuration>,
    /// Loading the weights.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_load: Option<SimDuration>,
    /// Compiling the model.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compile: Option<SimDuration>,
    /// Capturing CUDA graphs.
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
