//! TensorRT-LLM's own defaults, from the catalogue.

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, Fact};
use crate::engine::{BatchLimitArgs, BatchLimits, Family};
use crate::units::Version;

/// What TensorRT-LLM takes where nothing is stated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorRtDefaults {
    max_batch_size: Fact<u32>,
    max_num_tokens: Fact<u32>,
    kv_cache_free_gpu_mem_fraction: Fact<f64>,
    tokens_per_block: Fact<u32>,
    tokens_per_block_before: Fact<u32>,
    pytorch_since: Fact<Version>,
}

impl TensorRtDefaults {
    /// Reads them.
    ///
    /// # Errors
    /// If the catalogue lacks one.
    pub fn read(catalog: &Catalog) -> Result<Self, CatalogError> {
        catalog.entry("engine_defaults", Family::TensorRtLlm.name())
    }

    /// Sizes of a batch with every default filled in; prompts are not cut up unless asked for.
    pub fn limits(&self, set: BatchLimitArgs) -> BatchLimits {
        BatchLimits {
            max_num_batched_tokens: set.max_num_batched_tokens.unwrap_or(self.max_num_tokens.value),
            max_num_seqs: set.max_num_seqs.unwrap_or(self.max_batch_size.value),
            enable_chunked_prefill: set.enable_chunked_prefill.unwrap_or(false),
        }
    }

    /// `kv_cache_free_gpu_mem_fraction`.
    pub fn kv_cache_fraction(&self) -> f64 {
        self.kv_cache_free_gpu_mem_fraction.value
    }

    /// `tokens_per_block`.
    pub fn block_size(&self, version: Version) -> u32 {
        if self.is_pytorch(version) {
            self.tokens_per_block.value
        } else {
            self.tokens_per_block_before.value
        }
    }

    /// Whether the release runs the `PyTorch` backend, which has the overlap scheduler.
    pub fn is_pytorch(&self, version: Version) -> bool {
        version >= self.pytorch_since.value
    }
}
