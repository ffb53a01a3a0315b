//! What the KV budget depends on.

use super::MemoryFacts;
use crate::engine::Family;
use crate::hardware::Gpu;
use crate::model::{Architecture, KvDtype, Layout};
use crate::units::Version;

/// One engine as far as its memory goes; every default filled in.
#[derive(Clone, Copy, Debug)]
pub struct MemoryInputs<'a> {
    /// Constants of the memory model.
    pub facts: &'a MemoryFacts,
    /// The model, quantised as it will run.
    pub model: &'a Architecture,
    /// The GPU every rank has.
    pub gpu: &'a Gpu,
    /// Which engine.
    pub family: Family,
    /// Release of it.
    pub version: Version,
    /// Tensor- and pipeline-parallel sizes.
    pub layout: Layout,
    /// Fraction of the GPU's memory vLLM may use, above 0 and at most 1; TensorRT-LLM: of what is free, for the KV cache.
    pub gpu_memory_utilization: f64,
    /// Format of the KV cache.
    pub kv_cache_dtype: KvDtype,
    /// Longest sequence [tokens].
    pub max_model_len: u32,
    /// Most running sequences.
    pub max_num_seqs: u32,
    /// Token budget of a step.
    pub max_num_batched_tokens: u32,
    /// Tokens of a KV block.
    pub block_size: u32,
    /// Number of blocks, whatever was profiled.
    pub num_gpu_blocks_override: Option<u32>,
    /// How many batch sizes CUDA graphs are captured for; 0 with `enforce_eager`.
    pub captured_sizes: u32,
}
