//! vLLM's KV budget: what weights, activations and libraries leave of a GPU, and when the server refuses to start.
//!
//! `requested = ceil(total memory * gpu_memory_utilization)`; from it go the weights, the peak of a profiling run (a
//! dummy step of `max_num_batched_tokens` tokens, then a dummy sampling of `max_num_seqs` rows), memory outside torch
//! (CUDA context, NCCL) and since 0.20 an estimate of the CUDA graphs. What is left, over the bytes of a block, is the
//! number of blocks; the GPU with the fewest decides for all (vLLM `v1/worker/gpu_worker.py`,
//! `v1/core/kv_cache_utils.py`).
//!
//! Weights and KV bytes are exact. The rest is a model with few constants, all in the catalogue's `memory`: the
//! activation peak counts the tensors alive at the widest moment of a layer, the sampler a number of bytes a logit.
//! Limits: fragmentation, other tenants of the GPU and adapters are not modelled; GPUs of one engine are all alike.

mod facts;
mod inputs;
mod plan;
mod refusal;

pub use facts::MemoryFacts;
pub use inputs::MemoryInputs;
pub use plan::{MemoryPlan, StageMemory, plan_memory};
pub use refusal::{DoesNotFit, check_world_size};
