//! How long the stages of a pod's start take.
//!
//! In order: a node, the image, the container, the group's ranks finding each other, weights, compiled code, CUDA graphs.
//! Every duration is the catalogue's (`startup stages`) unless the scenario states it; only loading weights is not a
//! duration but bytes ([`weights`]) over a storage shared with others ([`Loads`](super::Loads)).

mod stages;
mod weights;

use crate::catalog::{Catalog, CatalogError};
use crate::units::SimDuration;

use super::StartupArgs;
use stages::Stages;

pub use weights::weights;

/// How the ranks of a group find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendezvous {
    /// A Ray cluster: the leader waits until all its nodes have joined.
    Ray,
    /// Processes that meet at the leader's address: torch.distributed, MPI.
    Mp,
    /// There is one process.
    None,
}

/// What the durations depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartupInputs {
    /// Pods of a group.
    pub size: u32,
    /// How its ranks meet.
    pub executor: Rendezvous,
    /// GPUs that share each layer.
    pub tensor_parallel: u32,
    /// Stages of consecutive layers.
    pub pipeline_parallel: u32,
    /// Layers of the largest stage.
    pub layers: u32,
    /// The engine compiles the model (`torch.compile`).
    pub compiles: bool,
    /// The engine captures CUDA graphs.
    pub captures: bool,
}

/// Durations of the stages of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartupTimes {
    /// From the request for a node until it is ready.
    pub node_ready: SimDuration,
    /// The image, to a node that does not have it.
    pub image_pull: SimDuration,
    /// The image, to a node that has it.
    pub image_cached: SimDuration,
    /// Container, interpreter and imports.
    pub container_start: SimDuration,
    /// Workers and communicators, once all pods of the group are there.
    pub distributed_init: SimDuration,
    /// The leader waits so long for the pods of its group, then its container ends.
    pub rendezvous_timeout: SimDuration,
    /// Weights, where the scenario states it; else the storage decides.
    pub weight_load: Option<SimDuration>,
    /// Compiling with nothing cached.
    pub compile_cold: SimDuration,
    /// Compiling with everything cached.
    pub compile_warm: SimDuration,
    /// Profiling memory and capturing CUDA graphs.
    pub graph_capture: SimDuration,
}

impl StartupTimes {
    /// The catalogue's durations under what the scenario states.
    ///
    /// An engine that does not compile takes no time for it, whatever is stated; one that captures nothing still
    /// profiles its memory.
    ///
    /// # Errors
    /// If the catalogue lacks a stage.
    pub fn resolve(
        args: Option<&StartupArgs>,
        catalog: &Catalog,
        inputs: &StartupInputs,
    ) -> Result<Self, CatalogError> {
        let stages = Stages::read(catalog)?;
        let args = args.copied().unwrap_or_default();
        // What is known is no finer than a millisecond.
        let known = |seconds: f64| SimDuration::from_millis((seconds * 1e3).round() as u64);
        let or = |stated: Option<SimDuration>, seconds: f64| stated.unwrap_or_else(|| known(seconds));
        let image_pull = or(args.image_pull, stages.image(&args));
        let (compile_cold, compile_warm) = if inputs.compiles {
            let cold = or(args.compile, stages.compile(inputs.layers));
            (cold, cold.min(known(stages.compile_warm)))
        } else {
            (SimDuration::ZERO, SimDuration::ZERO)
        };
        let graph_capture = if inputs.captures {
            or(args.graph_capture, stages.profile + stages.capture(inputs.layers))
        } else {
            known(stages.profile)
        };
        Ok(Self {
            node_ready: or(args.node_ready, stages.node_ready),
            image_pull,
            image_cached: image_pull.min(known(stages.image_present)),
            container_start: or(args.container_start, stages.container_start),
            distributed_init: or(args.distributed_init, stages.distributed_init(inputs)),
            rendezvous_timeout: or(args.rendezvous_timeout, stages.timeout(inputs.executor)),
            weight_load: args.weight_load,
            compile_cold,
            compile_warm,
            graph_capture,
        })
    }
}
