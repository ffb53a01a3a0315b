//! Why a server would not start, in vLLM's words where they are vLLM's.

use thiserror::Error;

use super::MemoryInputs;
use crate::engine::Family;
use crate::model::Layout;
use crate::units::{Bytes, Version};

/// The first release that does not fall back to Ray by itself when an engine needs more than one node.
const BACKEND_ASKED: Version = Version::new(0, 33, 0);

/// The engine does not start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DoesNotFit {
    /// The weights alone are larger than the GPU.
    #[error(
        "CUDA out of memory while loading the weights: {model} has {parameters} parameters, on {gpus} GPU(s) that is \
         {:.2} GiB of weights per GPU (stage {stage}), on {:.2} GiB of {gpu}",
        .weights.as_gib(), .total.as_gib()
    )]
    Weights {
        /// Parameters of the model.
        parameters: u64,
        /// Its name.
        model: String,
        /// GPUs of the engine.
        gpus: u32,
        /// The stage it fails on.
        stage: u32,
        /// Weights of one GPU of that stage.
        weights: Bytes,
        /// Memory of the GPU.
        total: Bytes,
        /// Its name.
        gpu: String,
    },
    /// Weights that would fit once quantised do not fit before.
    #[error(
        "CUDA out of memory while loading the weights: quantization=fp8 converts a {dtype} checkpoint after loading \
         it, and {:.2} GiB per GPU ({:.2} GiB once converted) do not fit in {:.2} GiB of {gpu}; use a checkpoint that \
         is FP8 already",
        .loading.as_gib(), .weights.as_gib(), .total.as_gib()
    )]
    OnlineQuantization {
        /// Format of the checkpoint.
        dtype: &'static str,
        /// Bytes while loading.
        loading: Bytes,
        /// Bytes once converted.
        weights: Bytes,
        /// Memory of the GPU.
        total: Bytes,
        /// Its name.
        gpu: String,
    },
    /// More memory was asked for than is free when the server starts.
    #[error(
        "Free memory on device ({:.2}/{:.2} GiB) on startup is less than desired GPU memory utilization \
         ({utilization}, {:.2} GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.",
        .free.as_gib(), .total.as_gib(), .requested.as_gib()
    )]
    NotFree {
        /// Free beside the CUDA context.
        free: Bytes,
        /// Memory of the GPU.
        total: Bytes,
        /// `gpu_memory_utilization` of it.
        requested: Bytes,
        /// `gpu_memory_utilization`.
        utilization: String,
    },
    /// Nothing is left for KV blocks.
    #[error(
        "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the \
         engine. (stage {stage}: {:.2} GiB of weights + {:.2} GiB of activations, libraries and CUDA graphs per GPU, \
         on {:.2} GiB of {gpu} x {utilization} = {:.2} GiB)",
        .weights.as_gib(), .other.as_gib(), .total.as_gib(), .requested.as_gib()
    )]
    NoMemoryForBlocks {
        /// The stage it fails on.
        stage: u32,
        /// Weights of one GPU.
        weights: Bytes,
        /// Everything else the budget counts.
        other: Bytes,
        /// `gpu_memory_utilization` of the GPU.
        requested: Bytes,
        /// Memory of the GPU.
        total: Bytes,
        /// Its name.
        gpu: String,
        /// `gpu_memory_utilization`.
        utilization: String,
    },
    /// Weights and buffers leave nothing of the GPU; TensorRT-LLM.
    #[error(
        "nothing is left for the KV cache: stage {stage} has {:.2} GiB of weights + {:.2} GiB of activations and \
         libraries per GPU, on {:.2} GiB of {gpu}",
        .weights.as_gib(), .other.as_gib(), .total.as_gib()
    )]
    NothingFree {
        /// The stage it fails on.
        stage: u32,
        /// Weights of one GPU.
        weights: Bytes,
        /// Everything else.
        other: Bytes,
        /// Memory of the GPU.
        total: Bytes,
        /// Its name.
        gpu: String,
    },
    /// The KV cache cannot hold one sequence of `max_model_len` (V1's text).
    #[error(
        "To serve at least one request with the models's max seq len ({max_model_len}), ({:.2} GiB KV cache is \
         needed, which is larger than the available KV cache memory ({:.2} GiB). Based on the available memory, the \
         estimated maximum model length is {longest}. Try increasing `gpu_memory_utilization` or decreasing \
         `max_model_len` when initializing the engine.",
        .needed.as_gib(), .available.as_gib()
    )]
    SequenceTooLong {
        /// Longest sequence asked for.
        max_model_len: u32,
        /// KV cache it needs on the tightest stage's GPUs.
        needed: Bytes,
        /// KV cache there is.
        available: Bytes,
        /// Longest sequence that would fit.
        longest: u64,
    },
    /// The same in V0's words.
    #[error(
        "The model's max seq len ({max_model_len}) is larger than the maximum number of tokens that can be stored in \
         KV cache ({tokens}). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing \
         the engine."
    )]
    SequenceTooLongV0 {
        /// Longest sequence asked for.
        max_model_len: u32,
        /// Tokens the KV cache holds.
        tokens: u64,
    },
    /// More blocks than fit were asked for.
    #[error(
        "CUDA out of memory: num_gpu_blocks_override = {blocks} makes {:.2} GiB per GPU, on {:.2} GiB of {gpu}",
        .needed.as_gib(), .total.as_gib()
    )]
    OverrideTooLarge {
        /// Blocks asked for.
        blocks: u64,
        /// What a GPU would hold with them.
        needed: Bytes,
        /// Memory of the GPU.
        total: Bytes,
        /// Its name.
        gpu: String,
    },
    /// More GPUs than the node has, and nothing that reaches another node.
    #[error(
        "World size ({world_size}) is larger than the number of available GPUs ({local_gpus}) in this node. If this \
         is intentional and you are using:\n- ray, set '--distributed-executor-backend ray'.\n- multiprocessing, set \
         '--nnodes' appropriately."
    )]
    WorldSize {
        /// GPUs of the engine.
        world_size: u32,
        /// GPUs of the node.
        local_gpus: u32,
    },
}

/// Checks that an engine larger than its node says how it spans nodes (vLLM `config/parallel.py`).
///
/// `backend_given` is whether `distributed_executor_backend` is `ray`, or `mp` with `nnodes`. Before 0.33 an engine
/// that said nothing fell back to Ray.
///
/// # Errors
/// If vLLM would refuse the world size.
pub fn check_world_size(
    version: Version,
    layout: Layout,
    local_gpus: u32,
    backend_given: bool,
) -> Result<(), DoesNotFit> {
    let world_size = layout.gpus();
    if world_size > local_gpus && !backend_given && version >= BACKEND_ASKED {
        return Err(DoesNotFit::WorldSize { world_size, local_gpus });
    }
    Ok(())
}

/// One sequence of `max_model_len` must fit; V1 sets one block aside. TensorRT-LLM starts all the same and refuses the
/// requests that do not fit.
pub(super) fn check_longest_sequence(
    inputs: &MemoryInputs<'_>,
    blocks: u64,
    block_bytes: u64,
) -> Result<(), DoesNotFit> {
    let block_size = u64::from(inputs.block_size);
    let max_model_len = inputs.max_model_len;
    if inputs.family == Family::TensorRtLlm {
        return Ok(());
    }
    if inputs.family == Family::V0 {
        let tokens = blocks * block_size;
        if u64::from(max_model_len) > tokens {
            return Err(DoesNotFit::SequenceTooLongV0 { max_model_len, tokens });
        }
        return Ok(());
    }
    let usable = blocks.saturating_sub(1);
    let needed = u64::from(max_model_len).div_ceil(block_size);
    if needed > usable {
        return Err(DoesNotFit::SequenceTooLong {
            max_model_len,
            needed: Bytes::new(needed * block_bytes),
            available: Bytes::new(usable * block_bytes),
            longest: usable * block_size,
        });
    }
    Ok(())
}
