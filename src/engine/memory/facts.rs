//! Constants of the memory model, from the catalogue.

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, fact_bytes};
use crate::units::Version;

/// The first release whose default engine is V1.
const V1: Version = Version::new(0, 8, 0);
/// The first release that leaves the CUDA context out of what it counts (V0 only).
const CONTEXT_LEFT_OUT: Version = Version::new(0, 7, 0);

/// What a GPU holds besides weights and activations, by generation of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryFacts {
    v0: V0,
    v1: V1Facts,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct V0 {
    #[serde(deserialize_with = "fact_bytes")]
    sampler_bytes_per_logit: f64,
    #[serde(deserialize_with = "fact_bytes")]
    base: f64,
    #[serde(deserialize_with = "fact_bytes")]
    base_without_context: f64,
    #[serde(deserialize_with = "fact_bytes")]
    nccl_per_peer: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct V1Facts {
    #[serde(deserialize_with = "fact_bytes")]
    sampler_bytes_per_logit: f64,
    #[serde(deserialize_with = "fact_bytes")]
    base: f64,
    #[serde(deserialize_with = "fact_bytes")]
    nccl_two_gpus: f64,
    #[serde(deserialize_with = "fact_bytes")]
    nccl_more_gpus: f64,
    #[serde(deserialize_with = "fact_bytes")]
    cuda_graph_per_layer_and_size: f64,
}

impl MemoryFacts {
    /// Reads the constants.
    ///
    /// # Errors
    /// If the catalogue lacks one.
    pub fn read(catalog: &Catalog) -> Result<Self, CatalogError> {
        Ok(Self { v0: catalog.entry("memory", "vllm-v0")?, v1: catalog.entry("memory", "vllm-v1")? })
    }

    /// Peak of sampling one row, for each token of the vocabulary [B].
    pub(super) fn sampler_bytes_per_logit(&self, version: Version) -> f64 {
        if version < V1 { self.v0.sampler_bytes_per_logit } else { self.v1.sampler_bytes_per_logit }
    }

    /// CUDA context, libraries and communicators of one GPU, as far as the budget counts them [B].
    pub(super) fn outside_torch(
        &self,
        version: Version,
        tensor_parallel: u32,
        pipeline_parallel: u32,
    ) -> f64 {
        if version < V1 {
            let counted = version < CONTEXT_LEFT_OUT;
            let base = if counted { self.v0.base } else { self.v0.base_without_context };
            let pipeline = if pipeline_parallel > 1 { self.v0.nccl_per_peer } else { 0.0 };
            return base + f64::from(tensor_parallel - 1) * self.v0.nccl_per_peer + pipeline;
        }
        let communicator = |gpus: u32| match gpus {
            1 => 0.0,
            2 => self.v1.nccl_two_gpus,
            _ => self.v1.nccl_more_gpus,
        };
        self.v1.base + communicator(tensor_parallel) + communicator(pipeline_parallel)
    }

    /// What a GPU holds before anything is loaded, as far as a release looks at it [B].
    pub(super) fn at_startup(&self, version: Version) -> f64 {
        if version < V1 { 0.0 } else { self.v1.base }
    }

    /// CUDA graphs of a stage [B].
    pub(super) fn cuda_graphs(&self, layers: u32, captured_sizes: u32) -> f64 {
        self.v1.cuda_graph_per_layer_and_size * f64::from(layers) * f64::from(captured_sizes)
    }
}
