//! Constants of the memory model, from the catalogue.

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, fact_bytes, fact_number};
use crate::engine::Family;
use crate::units::Version;

/// The first release of V0 that leaves the CUDA context out of what it counts.
const CONTEXT_LEFT_OUT: Version = Version::new(0, 7, 0);

/// What a GPU holds besides weights and activations, by generation of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryFacts {
    v0: V0,
    v1: V1Facts,
    tensorrt_llm: TensorRtFacts,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct V0 {
    #[serde(deserialize_with = "fact_bytes")]
    sampler_bytes_per_logit: f64,
    #[serde(deserialize_with = "fact_number")]
    sampler_rows: u32,
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

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct TensorRtFacts {
    #[serde(deserialize_with = "fact_bytes")]
    sampler_bytes_per_logit: f64,
    #[serde(deserialize_with = "fact_bytes")]
    base: f64,
    #[serde(deserialize_with = "fact_bytes")]
    nccl_two_gpus: f64,
    #[serde(deserialize_with = "fact_bytes")]
    nccl_more_gpus: f64,
}

impl MemoryFacts {
    /// Reads the constants.
    ///
    /// # Errors
    /// If the catalogue lacks one.
    pub fn read(catalog: &Catalog) -> Result<Self, CatalogError> {
        Ok(Self {
            v0: catalog.entry("memory", Family::V0.name())?,
            v1: catalog.entry("memory", Family::V1.name())?,
            tensorrt_llm: catalog.entry("memory", Family::TensorRtLlm.name())?,
        })
    }

    /// Peak of sampling one row, for each token of the vocabulary [B].
    pub(super) fn sampler_bytes_per_logit(&self, family: Family) -> f64 {
        match family {
            Family::V0 => self.v0.sampler_bytes_per_logit,
            Family::V1 => self.v1.sampler_bytes_per_logit,
            Family::TensorRtLlm => self.tensorrt_llm.sampler_bytes_per_logit,
        }
    }

    /// Rows that are sampled while memory is profiled, of those that there could be.
    pub(super) fn sampled_rows(&self, family: Family, rows: u32) -> u32 {
        if family == Family::V0 { rows.min(self.v0.sampler_rows) } else { rows }
    }

    /// CUDA context, libraries and communicators of one GPU, as far as the budget counts them [B].
    pub(super) fn outside_torch(
        &self,
        family: Family,
        version: Version,
        tensor_parallel: u32,
        pipeline_parallel: u32,
    ) -> f64 {
        let (base, two, more) = match family {
            Family::V0 => {
                let counted = version < CONTEXT_LEFT_OUT;
                let base = if counted { self.v0.base } else { self.v0.base_without_context };
                let pipeline = if pipeline_parallel > 1 { self.v0.nccl_per_peer } else { 0.0 };
                return base + f64::from(tensor_parallel - 1) * self.v0.nccl_per_peer + pipeline;
            }
            Family::V1 => (self.v1.base, self.v1.nccl_two_gpus, self.v1.nccl_more_gpus),
            Family::TensorRtLlm => {
                let facts = &self.tensorrt_llm;
                (facts.base, facts.nccl_two_gpus, facts.nccl_more_gpus)
            }
        };
        let communicator = |gpus: u32| match gpus {
            1 => 0.0,
            2 => two,
            _ => more,
        };
        base + communicator(tensor_parallel) + communicator(pipeline_parallel)
    }

    /// What a GPU holds before anything is loaded, as far as an engine looks at it [B].
    pub(super) fn at_startup(&self, family: Family) -> f64 {
        if family == Family::V1 { self.v1.base } else { 0.0 }
    }

    /// CUDA graphs of a stage [B].
    pub(super) fn cuda_graphs(&self, layers: u32, captured_sizes: u32) -> f64 {
        self.v1.cuda_graph_per_layer_and_size * f64::from(layers) * f64::from(captured_sizes)
    }
}
