//! The engine's arguments: its own defaults, and what it refuses before it starts.

use crate::catalog::Catalog;
use crate::engine::{
    Backend, BatchLimitArgs, BatchLimits, DEFAULT_BLOCK_SIZE, DEFAULT_SEQ_LEN_TO_CAPTURE, DtypeArg,
    EngineArgs, ExecutorArg, Family, QuantizationArg, SchedulingPolicyArg, TensorRtDefaults, V0_WATERMARK,
    batch_limits, capture_sizes, gpu_memory_utilization,
};
use crate::hardware::Gpu;
use crate::model::{Architecture, Precision};
use crate::scenario::path::field;
use crate::scenario::{ResolvedEngine, ScenarioError, ScenarioFile};
use crate::units::Version;

/// The model as `--dtype` and `--quantization` leave it.
pub(super) fn as_loaded(checkpoint: Architecture, args: &EngineArgs) -> Architecture {
    let model = match args.dtype {
        None | Some(DtypeArg::Auto) => checkpoint,
        Some(DtypeArg::Bfloat16) => checkpoint.with_dtype(Precision::Bf16),
        Some(DtypeArg::Float16 | DtypeArg::Half) => checkpoint.with_dtype(Precision::Fp16),
    };
    match args.quantization {
        // TensorRT-LLM loads what was quantised before.
        Some(QuantizationArg::Fp8) if args.backend == Some(Backend::TensorRtLlm) => {
            Architecture { online_quantization: false, ..model.quantized_online() }
        }
        Some(QuantizationArg::Fp8) => model.quantized_online(),
        // What else there is names what the checkpoint is.
        _ => model,
    }
}

/// What `--quantization` may not be with a checkpoint.
pub(super) fn check_quantization(checkpoint: &Architecture, args: &EngineArgs) -> Result<(), String> {
    match (args.backend.unwrap_or_default(), args.quantization) {
        (_, None) | (Backend::TensorRtLlm, Some(QuantizationArg::Fp8)) => Ok(()),
        (Backend::TensorRtLlm, Some(other)) => {
            Err(format!("TensorRT-LLM: expected fp8, not {}", other.name()))
        }
        (Backend::Vllm, Some(method)) => method.check(checkpoint.quant_method.as_deref()),
    }
}

/// Defaults that differ from backend to backend.
struct Defaults {
    limits: BatchLimits,
    gpu_memory_utilization: f64,
    block_size: u32,
    /// Asynchronous or overlap scheduling as stated; `None` leaves it to vLLM's release.
    async_scheduling: Option<bool>,
}

impl ScenarioFile {
    /// Fills the engine's defaults; `local_gpus` is what one pod has.
    pub(super) fn resolve_engine(
        &self,
        catalog: &Catalog,
        args: &EngineArgs,
        model: &Architecture,
        gpu: &Gpu,
        local_gpus: u32,
        at: &str,
    ) -> Result<ResolvedEngine, ScenarioError> {
        let backend = args.backend.unwrap_or_default();
        let (oldest, newest) = backend.known();
        let version = args.version.unwrap_or(newest);
        if !(oldest..backend.unknown()).contains(&version) {
            let title = backend.title();
            let message = format!("{title} {version} is not known: expected {oldest} to {newest}");
            return Err(self.error(&field(at, "version"), message));
        }
        let family = Family::of(backend, version);
        if let Some(name) = args.clone().take_pointless(family).first() {
            let message = format!("means nothing to {}", family.title());
            return Err(self.error(&field(at, name), message));
        }
        let max_model_len = model
            .max_model_len(args.max_model_len)
            .map_err(|error| self.error(&field(at, "max_model_len"), error.to_string()))?;
        self.windows(args, model, max_model_len, at)?;
        let defaults = self.defaults(catalog, args, version, gpu, max_model_len, at)?;
        let limits = defaults.limits;
        self.threshold(args, max_model_len, at)?;
        self.scheduler_steps(args, limits, at)?;
        let enforce_eager = args.enforce_eager.unwrap_or(false);
        let capture_sizes = match &args.cudagraph_capture_sizes {
            _ if enforce_eager || family == Family::TensorRtLlm => Vec::new(),
            Some(sizes) => sizes.clone(),
            None => capture_sizes(family, version, gpu, limits),
        };
        let watermark = if family == Family::V0 { V0_WATERMARK } else { 0.0 };
        Ok(ResolvedEngine {
            backend,
            version,
            executor: self.executor(args, local_gpus, at)?,
            executor_stated: args.distributed_executor_backend.is_some(),
            max_model_len,
            dtype: model.dtype,
            kv_cache_dtype: args.kv_cache_dtype.unwrap_or_default(),
            gpu_memory_utilization: args.gpu_memory_utilization.unwrap_or(defaults.gpu_memory_utilization),
            block_size: args.block_size.unwrap_or(defaults.block_size),
            num_gpu_blocks_override: args.num_gpu_blocks_override,
            limits,
            enable_prefix_caching: args.enable_prefix_caching.unwrap_or(family == Family::V1),
            long_prefill_token_threshold: args.long_prefill_token_threshold.unwrap_or(0),
            scheduling_policy: args.scheduling_policy.unwrap_or(SchedulingPolicyArg::Fcfs),
            async_scheduling: defaults.async_scheduling,
            watermark: args.watermark.unwrap_or(watermark),
            enforce_eager,
            capture_sizes,
            num_scheduler_steps: args.num_scheduler_steps.unwrap_or(1),
            max_seq_len_to_capture: args.max_seq_len_to_capture.unwrap_or(DEFAULT_SEQ_LEN_TO_CAPTURE),
        })
    }

    /// What the backend takes where nothing is stated; vLLM's limits are checked as it does.
    fn defaults(
        &self,
        catalog: &Catalog,
        args: &EngineArgs,
        version: Version,
        gpu: &Gpu,
        max_model_len: u32,
        at: &str,
    ) -> Result<Defaults, ScenarioError> {
        let backend = args.backend.unwrap_or_default();
        let stated = BatchLimitArgs {
            max_num_batched_tokens: args.max_num_batched_tokens,
            max_num_seqs: args.max_num_seqs,
            enable_chunked_prefill: args.enable_chunked_prefill,
            num_scheduler_steps: args.num_scheduler_steps,
        };
        if backend == Backend::Vllm {
            let limits = batch_limits(Family::of(backend, version), version, gpu, max_model_len, stated);
            limits
                .check(max_model_len)
                .map_err(|error| self.error(&field(at, "max_num_batched_tokens"), error.to_string()))?;
            return Ok(Defaults {
                limits,
                gpu_memory_utilization: gpu_memory_utilization(version),
                block_size: DEFAULT_BLOCK_SIZE,
                async_scheduling: args.async_scheduling,
            });
        }
        let defaults = TensorRtDefaults::read(catalog).map_err(|error| self.error(at, error.to_string()))?;
        let overlaps = defaults.is_pytorch(version);
        if args.async_scheduling == Some(true) && !overlaps {
            let message = format!("TensorRT-LLM {version} has no overlap scheduler");
            return Err(self.error(&field(at, "async_scheduling"), message));
        }
        Ok(Defaults {
            limits: defaults.limits(stated),
            gpu_memory_utilization: defaults.kv_cache_fraction(),
            block_size: defaults.block_size(version),
            async_scheduling: Some(args.async_scheduling.unwrap_or(overlaps)),
        })
    }

    /// The KV cache of a sliding-window layer ends at the window; only caches that go on are simulated. vLLM keeps them on in
    /// layers of a model that also has others, if told to (`v1/core/kv_cache_utils.py`, `unify_hybrid_kv_cache_specs`,
    /// recalled).
    fn windows(
        &self,
        args: &EngineArgs,
        model: &Architecture,
        max_model_len: u32,
        at: &str,
    ) -> Result<(), ScenarioError> {
        let hybrid = model.windows.contains(&None);
        let kept = hybrid && args.disable_hybrid_kv_cache_manager == Some(true);
        let Some(window) = model.shortest_window().filter(|window| *window < max_model_len && !kept) else {
            return Ok(());
        };
        let other = if hybrid {
            ", or `disable_hybrid_kv_cache_manager: true`, with which those layers keep the whole context"
        } else {
            ""
        };
        let message = format!(
            "{max_model_len} tokens, but layers of `{}` see the last {window} only, and a KV cache that ends there is not \
             simulated: expected at most {window}{other}",
            model.name
        );
        Err(self.error(&field(at, "max_model_len"), message))
    }

    /// What V0 refuses of several steps a schedule (`engine/arg_utils.py` `create_engine_config`, 0.6.3).
    fn scheduler_steps(&self, args: &EngineArgs, limits: BatchLimits, at: &str) -> Result<(), ScenarioError> {
        let several = args.num_scheduler_steps.is_some_and(|steps| steps > 1);
        if several && limits.enable_chunked_prefill && args.pipeline_parallel_size.unwrap_or(1) > 1 {
            let message = "Multi-Step Chunked-Prefill is not supported for pipeline-parallel-size > 1";
            return Err(self.error(&field(at, "num_scheduler_steps"), message));
        }
        Ok(())
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
