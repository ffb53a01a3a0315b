//! The catalogue's entry on the stages of a start, and what follows from it for one group.

use serde::Deserialize;

use super::{Rendezvous, StartupInputs};
use crate::catalog::{Catalog, CatalogError, fact_seconds};
use crate::kubernetes::StartupArgs;

/// Durations as published [s].
#[derive(Deserialize)]
pub(super) struct Stages {
    #[serde(deserialize_with = "fact_seconds")]
    pub(super) node_ready: f64,
    #[serde(deserialize_with = "fact_seconds")]
    image_pull: f64,
    #[serde(deserialize_with = "fact_seconds")]
    image_streamed: f64,
    #[serde(deserialize_with = "fact_seconds")]
    image_preloaded: f64,
    #[serde(deserialize_with = "fact_seconds")]
    pub(super) image_present: f64,
    #[serde(deserialize_with = "fact_seconds")]
    pub(super) container_start: f64,
    /// Worker processes of one machine and their communicators.
    #[serde(deserialize_with = "fact_seconds")]
    workers: f64,
    /// What Ray adds.
    #[serde(deserialize_with = "fact_seconds")]
    ray: f64,
    /// A communicator over several machines.
    #[serde(deserialize_with = "fact_seconds")]
    nccl: f64,
    #[serde(deserialize_with = "fact_seconds")]
    ray_timeout: f64,
    #[serde(deserialize_with = "fact_seconds")]
    torch_timeout: f64,
    #[serde(deserialize_with = "fact_seconds")]
    pub(super) profile: f64,
    #[serde(deserialize_with = "fact_seconds")]
    compile_base: f64,
    #[serde(deserialize_with = "fact_seconds")]
    compile_per_layer: f64,
    #[serde(deserialize_with = "fact_seconds")]
    pub(super) compile_warm: f64,
    #[serde(deserialize_with = "fact_seconds")]
    capture_base: f64,
    #[serde(deserialize_with = "fact_seconds")]
    capture_per_layer: f64,
}

impl Stages {
    pub(super) fn read(catalog: &Catalog) -> Result<Self, CatalogError> {
        catalog.entry("startup", "stages")
    }

    /// Getting the image to a node that is new to it [s].
    pub(super) fn image(&self, args: &StartupArgs) -> f64 {
        if args.image_cached == Some(true) {
            self.image_preloaded
        } else if args.image_streaming == Some(true) {
            self.image_streamed
        } else {
            self.image_pull
        }
    }

    /// Workers, Ray, and the communicators that span pods [s]: that of pipeline stages where there are several, that of
    /// tensor parallelism where a stage is larger than a pod. Those inside a machine are part of `workers`.
    pub(super) fn distributed_init(&self, inputs: &StartupInputs) -> f64 {
        let gpus = inputs.tensor_parallel * inputs.pipeline_parallel;
        let mut seconds = if gpus > 1 { self.workers } else { 0.0 };
        if inputs.executor == Rendezvous::Ray {
            seconds += self.ray;
        }
        if inputs.size > 1 && inputs.pipeline_parallel > 1 {
            seconds += self.nccl;
        }
        if inputs.tensor_parallel > gpus / inputs.size {
            seconds += self.nccl;
        }
        seconds
    }

    /// How long a leader waits for its group [s].
    pub(super) fn timeout(&self, executor: Rendezvous) -> f64 {
        match executor {
            Rendezvous::Ray => self.ray_timeout,
            Rendezvous::Mp | Rendezvous::None => self.torch_timeout,
        }
    }

    /// Compiling so many layers from nothing [s].
    pub(super) fn compile(&self, layers: u32) -> f64 {
        self.compile_base + self.compile_per_layer * f64::from(layers)
    }

    /// Capturing CUDA graphs of so many layers [s].
    pub(super) fn capture(&self, layers: u32) -> f64 {
        self.capture_base + self.capture_per_layer * f64::from(layers)
    }
}
