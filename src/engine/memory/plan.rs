//! The budget itself.

use super::{DoesNotFit, MemoryInputs};
use crate::engine::Family;
use crate::model::{
    Architecture, Layout, Stage, WeightFormat, kv_bytes_per_token_per_gpu, online_load_peak_per_gpu,
    weights_per_gpu,
};
use crate::units::{Bytes, Version};

/// The first release that subtracts an estimate of the CUDA graphs from the budget.
const GRAPHS_IN_BUDGET: Version = Version::new(0, 20, 0);

/// Memory of one GPU of one pipeline stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageMemory {
    /// Weights [B].
    pub weights: Bytes,
    /// Peak of the profiling run beyond the weights [B].
    pub activations: Bytes,
    /// CUDA context, libraries and communicators [B].
    pub outside_torch: Bytes,
    /// CUDA graphs [B]; part of the budget since 0.20, beside it before.
    pub cuda_graphs: Bytes,
    /// What the budget leaves for KV blocks [B].
    pub kv_available: Bytes,
    /// What the KV blocks take [B]: less than `kv_available` where another stage has fewer.
    pub kv_cache: Bytes,
    /// What nothing uses [B].
    pub free: Bytes,
}

impl StageMemory {
    /// All that is neither weights nor KV cache [B].
    pub fn other(&self) -> Bytes {
        Bytes::new(self.activations.get() + self.outside_torch.get() + self.cuda_graphs.get())
    }
}

/// What every GPU of an engine holds, and the KV cache that follows.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryPlan {
    /// One GPU of each stage.
    pub stages: Vec<StageMemory>,
    /// KV blocks, block 0 included; the same on every stage.
    pub num_gpu_blocks: u32,
    /// Tokens those hold, as vLLM logs it: `num_gpu_blocks * block_size`.
    pub kv_cache_tokens: u64,
    /// Sequences of `max_model_len` tokens that fit at once.
    pub max_full_length_sequences: f64,
}

impl MemoryPlan {
    /// Weights of one GPU, by stage [B].
    pub fn weights_bytes_per_gpu(&self) -> Vec<u64> {
        self.stages.iter().map(|stage| stage.weights.get()).collect()
    }

    /// Activations, libraries and graphs of one GPU, by stage [B].
    pub fn other_bytes_per_gpu(&self) -> Vec<u64> {
        self.stages.iter().map(|stage| stage.other().get()).collect()
    }

    /// KV cache of one GPU, by stage [B].
    pub fn kv_cache_bytes_per_gpu(&self) -> Vec<u64> {
        self.stages.iter().map(|stage| stage.kv_cache.get()).collect()
    }
}

/// Plans the memory of an engine whose layout was checked ([`Layout::check`]).
///
/// # Errors
/// If vLLM would not start, in its words and with the arithmetic.
pub fn plan_memory(inputs: &MemoryInputs<'_>) -> Result<MemoryPlan, DoesNotFit> {
    let stages = Stage::all(inputs.model, inputs.layout, inputs.family.vllm_rules(inputs.version));
    let total = inputs.gpu.total_memory().get();
    let outside_torch = inputs.facts.outside_torch(
        inputs.family,
        inputs.version,
        inputs.layout.tensor_parallel,
        inputs.layout.pipeline_parallel,
    ) as u64;
    let mut planned = Vec::with_capacity(stages.len());
    for stage in &stages {
        let weights = fitting_weights(inputs, stage, outside_torch)?;
        let activations = activation_peak(inputs, stage);
        let cuda_graphs = inputs.facts.cuda_graphs(stage.layers, inputs.captured_sizes) as u64;
        let mut memory = StageMemory {
            weights: Bytes::new(weights),
            activations: Bytes::new(activations),
            outside_torch: Bytes::new(outside_torch),
            cuda_graphs: Bytes::new(cuda_graphs),
            kv_available: Bytes::new(0),
            kv_cache: Bytes::new(0),
            free: Bytes::new(0),
        };
        memory.kv_available = match inputs.family {
            Family::TensorRtLlm => part_of_the_rest(inputs, stage, &memory)?,
            Family::V0 | Family::V1 => rest_of_the_part(inputs, stage, &memory)?,
        };
        planned.push(memory);
    }
    share_blocks(inputs, &stages, planned, total)
}

/// vLLM: what `gpu_memory_utilization` of the GPU leaves beside everything else.
fn rest_of_the_part(
    inputs: &MemoryInputs<'_>,
    stage: &Stage,
    memory: &StageMemory,
) -> Result<Bytes, DoesNotFit> {
    let total = inputs.gpu.total_memory().get();
    let requested = (total as f64 * inputs.gpu_memory_utilization).ceil() as u64;
    let free = total.saturating_sub(inputs.facts.at_startup(inputs.family) as u64);
    if requested > free {
        return Err(DoesNotFit::NotFree {
            free: Bytes::new(free),
            total: Bytes::new(total),
            requested: Bytes::new(requested),
            utilization: inputs.gpu_memory_utilization.to_string(),
        });
    }
    let graphs = if inputs.version < GRAPHS_IN_BUDGET { 0 } else { memory.cuda_graphs.get() };
    let used = memory.weights.get() + memory.activations.get() + memory.outside_torch.get() + graphs;
    if used >= requested {
        return Err(DoesNotFit::NoMemoryForBlocks {
            stage: stage.index,
            weights: memory.weights,
            other: Bytes::new(used - memory.weights.get()),
            requested: Bytes::new(requested),
            total: Bytes::new(total),
            gpu: inputs.gpu.name.clone(),
            utilization: inputs.gpu_memory_utilization.to_string(),
        });
    }
    Ok(Bytes::new(requested - used))
}

/// TensorRT-LLM: the stated part of what everything else leaves (`kv_cache_free_gpu_mem_fraction`).
fn part_of_the_rest(
    inputs: &MemoryInputs<'_>,
    stage: &Stage,
    memory: &StageMemory,
) -> Result<Bytes, DoesNotFit> {
    let total = inputs.gpu.total_memory().get();
    let used = memory.weights.get() + memory.other().get();
    match total.checked_sub(used) {
        None | Some(0) => Err(DoesNotFit::NothingFree {
            stage: stage.index,
            weights: memory.weights,
            other: memory.other(),
            total: Bytes::new(total),
            gpu: inputs.gpu.name.clone(),
        }),
        Some(rest) => Ok(Bytes::new((rest as f64 * inputs.gpu_memory_utilization) as u64)),
    }
}

/// Settles the number of blocks once every stage's share is known.
fn share_blocks(
    inputs: &MemoryInputs<'_>,
    stages: &[Stage],
    mut planned: Vec<StageMemory>,
    total: u64,
) -> Result<MemoryPlan, DoesNotFit> {
    let block_bytes = |stage: &Stage| {
        let token = kv_bytes_per_token_per_gpu(inputs.model, inputs.layout, stage, inputs.kv_cache_dtype);
        token * u64::from(inputs.block_size)
    };
    let profiled = stages.iter().zip(&planned).map(|(stage, memory)| {
        let blocks = memory.kv_available.get() / block_bytes(stage);
        (blocks, stage)
    });
    let (blocks, tightest) = profiled.min_by_key(|(blocks, _)| *blocks).expect("an engine has a stage");
    // What memory there is decides whether the server starts; the override only counts afterwards, and may be smaller
    // (`v1/core/kv_cache_utils.py`, `check_enough_kv_cache_memory` before `may_override_num_blocks`).
    super::refusal::check_longest_sequence(inputs, blocks, block_bytes(tightest))?;
    let blocks = inputs.num_gpu_blocks_override.map_or(blocks, u64::from).min(u64::from(u32::MAX));
    let kv_cache_tokens = blocks * u64::from(inputs.block_size);
    for (stage, memory) in stages.iter().zip(&mut planned) {
        let kv_cache = blocks * block_bytes(stage);
        let used = memory.weights.get() + memory.other().get() + kv_cache;
        if used > total {
            return Err(DoesNotFit::OverrideTooLarge {
                blocks,
                needed: Bytes::new(used),
                total: Bytes::new(total),
                gpu: inputs.gpu.name.clone(),
            });
        }
        memory.kv_cache = Bytes::new(kv_cache);
        memory.free = Bytes::new(total - used);
    }
    Ok(MemoryPlan {
        stages: planned,
        num_gpu_blocks: blocks as u32,
        kv_cache_tokens,
        max_full_length_sequences: kv_cache_tokens as f64 / f64::from(inputs.max_model_len),
    })
}

/// Weights of a stage, if they can be loaded at all.
fn fitting_weights(inputs: &MemoryInputs<'_>, stage: &Stage, outside_torch: u64) -> Result<u64, DoesNotFit> {
    let total = inputs.gpu.total_memory().get();
    let weights = weights_per_gpu(inputs.model, inputs.layout, stage).get();
    let loading = online_load_peak_per_gpu(inputs.model, inputs.layout, stage).get();
    if loading + outside_torch <= total {
        return Ok(weights);
    }
    let gpus = inputs.layout;
    if loading > weights {
        return Err(DoesNotFit::OnlineQuantization {
            dtype: inputs.model.dtype.name(),
            loading: Bytes::new(loading),
            weights: Bytes::new(weights),
            total: Bytes::new(total),
            gpu: inputs.gpu.name.clone(),
        });
    }
    Err(DoesNotFit::Weights {
        parameters: inputs.model.parameters(),
        model: inputs.model.name.clone(),
        gpus: gpus.gpus(),
        stage: stage.index,
        weights: Bytes::new(weights),
        total: Bytes::new(total),
        gpu: inputs.gpu.name.clone(),
    })
}

/// Bytes alive for each token at the widest moment of a layer on one GPU.
///
/// In the MLP's down projection: the layer's input and the residual (each `hidden` wide), gate and up, their product
/// (and its FP8 copy), and the output; in the gate-and-up projection: input (and its FP8 copy), residual, gate and up;
/// in the attention output projection: input, residual, query, key and value, attention output, and the output.
fn live_bytes_per_token(model: &Architecture, layout: Layout, stage: &Stage) -> u64 {
    let number = model.dtype.bytes();
    let tp = layout.tensor_parallel;
    let hidden = u64::from(model.hidden_size);
    let inter = u64::from(model.intermediate_size / tp);
    let query = u64::from(model.heads / tp) * u64::from(model.head_dim);
    let key = u64::from(model.kv_heads_per_gpu(tp)) * u64::from(model.head_dim);
    let first = stage.first_layer as usize;
    let copy = |format: WeightFormat, width: u64| if format == WeightFormat::FP8 { width } else { 0 };
    model.precision[first..first + stage.layers as usize]
        .iter()
        .map(|layer| {
            let down = (3 * hidden + 3 * inter) * number + copy(layer.down, inter);
            let up = (2 * hidden + 2 * inter) * number + copy(layer.gate_up, hidden);
            let out = (3 * hidden + 2 * query + 2 * key) * number + copy(layer.o, query);
            down.max(up).max(out)
        })
        .max()
        .unwrap_or(0)
}

/// Peak of the profiling run beyond the weights [B]: the widest layer, or the sampler on the last stage.
fn activation_peak(inputs: &MemoryInputs<'_>, stage: &Stage) -> u64 {
    let tokens = u64::from(inputs.max_num_batched_tokens);
    let layers = tokens * live_bytes_per_token(inputs.model, inputs.layout, stage);
    if !stage.last {
        return layers;
    }
    let rows = inputs.max_num_seqs.min(inputs.max_num_batched_tokens);
    let rows = inputs.facts.sampled_rows(inputs.family, rows);
    let logits = u64::from(rows) * u64::from(inputs.model.padded_vocab());
    let sampler = logits as f64 * inputs.facts.sampler_bytes_per_logit(inputs.family);
    let hidden = tokens * u64::from(inputs.model.hidden_size) * inputs.model.dtype.bytes();
    layers.max(hidden + sampler as u64)
}
