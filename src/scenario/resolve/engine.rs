//! vLLM's arguments: its own defaults, and what it refuses before it starts.

use crate::engine::{
    BatchLimitArgs, DEFAULT_BLOCK_SIZE, DtypeArg, EngineArgs, ExecutorArg, QuantizationArg,
    SchedulingPolicyArg, batch_limits, capture_sizes, gpu_memory_utilization,
};
use crate::hardware::Gpu;
use crate::model::{Architecture, Precision};
use crate::scenario::path::field;
use crate::scenario::{ResolvedEngine, ScenarioError, ScenarioFile};
use crate::units::Version;

/// The newest release whose behaviour was read; the default.
const NEWEST: Version = Version::new(0, 33, 0);
/// The first release past it, which is not known.
const UNKNOWN: Version = Version::new(0, 34, 0);
/// The oldest release that the memory model covers.
const OLDEST: Version = Version::new(0, 6, 0);
/// The first release whose default engine is V1, which caches prefixes by default.
const V1: Version = Version::new(0, 8, 0);

/// The engine's name in the catalogue's `accuracy`.
pub(super) fn class(version: Version) -> &'static str {
    if version < V1 { "vllm-v0" } else { "vllm-v1" }
}

/// The model as `--dtype` and `--quantization` leave it.
pub(super) fn as_loaded(checkpoint: Architecture, args: &EngineArgs) -> Architecture {
    let model = match args.dtype {
        None | Some(DtypeArg::Auto) => checkpoint,
        Some(DtypeArg::Bfloat16) => checkpoint.with_dtype(Precision::Bf16),
        Some(DtypeArg::Float16 | DtypeArg::Half) => checkpoint.with_dtype(Precision::Fp16),
    };
    match args.quantization {
        None => model,
        Some(QuantizationArg::Fp8) => model.quantized_online(),
    }
}

impl ScenarioFile {
    /// Fills vLLM's defaults; `local_gpus` is what one pod has.
    pub(super) fn resolve_engine(
        &self,
        args: &EngineArgs,
        model: &Architecture,
        gpu: &Gpu,
        local_gpus: u32,
        at: &str,
    ) -> Result<ResolvedEngine, ScenarioError> {
        let version = args.version.unwrap_or(NEWEST);
        if !(OLDEST..UNKNOWN).contains(&version) {
            let message = format!("vLLM {version} is not known: expected {OLDEST} to {NEWEST}");
            return Err(self.error(&field(at, "version"), message));
        }
        let max_model_len = model
            .max_model_len(args.max_model_len)
            .map_err(|error| self.error(&field(at, "max_model_len"), error.to_string()))?;
        let stated = BatchLimitArgs {
            max_num_batched_tokens: args.max_num_batched_tokens,
            max_num_seqs: args.max_num_seqs,
            enable_chunked_prefill: args.enable_chunked_prefill,
        };
        let limits = batch_limits(version, gpu, max_model_len, stated);
        limits
            .check(max_model_len)
            .map_err(|error| self.error(&field(at, "max_num_batched_tokens"), error.to_string()))?;
        self.threshold(args, max_model_len, at)?;
        let enforce_eager = args.enforce_eager.unwrap_or(false);
        let capture_sizes = match &args.cudagraph_capture_sizes {
            _ if enforce_eager => Vec::new(),
            Some(sizes) => sizes.clone(),
            None => capture_sizes(version, gpu, limits),
        };
        Ok(ResolvedEngine {
            version,
            executor: self.executor(args, local_gpus, at)?,
            executor_stated: args.distributed_executor_backend.is_some(),
            max_model_len,
            dtype: model.dtype,
            kv_cache_dtype: args.kv_cache_dtype.unwrap_or_default(),
            gpu_memory_utilization: args
                .gpu_memory_utilization
                .unwrap_or_else(|| gpu_memory_utilization(version)),
            block_size: args.block_size.unwrap_or(DEFAULT_BLOCK_SIZE),
            num_gpu_blocks_override: args.num_gpu_blocks_override,
            limits,
            enable_prefix_caching: args.enable_prefix_caching.unwrap_or(version >= V1),
            long_prefill_token_threshold: args.long_prefill_token_threshold.unwrap_or(0),
            scheduling_policy: args.scheduling_policy.unwrap_or(SchedulingPolicyArg::Fcfs),
            async_scheduling: args.async_scheduling,
            watermark: args.watermark.unwrap_or(0.0),
            enforce_eager,
            capture_sizes,
        })
    }

    /// What vLLM's scheduler configuration refuses (`config/scheduler.py`, `__post_init__`).
    fn threshold(&self, args: &EngineArgs, max_model_len: u32, at: &str) -> Result<(), ScenarioError> {
        match args.long_prefill_token_threshold {
            Some(threshold) if threshold > max_model_len => {
                let message = format!(
                    "long_prefill_token_threshold ({threshold}) cannot be greater than the max_model_len \
                     ({max_model_len})."
                );
                Err(self.error(&field(at, "long_prefill_token_threshold"), message))
            }
            _ => Ok(()),
        }
    }

    /// The backend vLLM chooses (`config/parallel.py`): none for one GPU, processes on one node, Ray beyond it.
    fn executor(&self, args: &EngineArgs, local_gpus: u32, at: &str) -> Result<ExecutorArg, ScenarioError> {
        let gpus = args.tensor_parallel_size.unwrap_or(1) * args.pipeline_parallel_size.unwrap_or(1);
        match args.distributed_executor_backend {
            Some(ExecutorArg::Uni) if gpus > 1 => {
                let message = format!("`uni` drives one GPU, and this engine has {gpus}: expected mp or ray");
                Err(self.error(&field(at, "distributed_executor_backend"), message))
            }
            Some(stated) => Ok(stated),
            None if gpus == 1 => Ok(ExecutorArg::Uni),
            None if gpus > local_gpus => Ok(ExecutorArg::Ray),
            None => Ok(ExecutorArg::Mp),
        }
    }
}
