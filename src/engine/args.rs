//! What a scenario file says about an engine: vLLM's own argument names, whichever backend it is.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Backend, Family};
use crate::model::KvDtype;
use crate::units::Version;

/// The engine's arguments; what is left out takes the default of the stated version on the stated GPU. A field that means
/// nothing to the backend is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineArgs {
    /// The inference server. `vllm` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// Release of the backend whose behaviour is simulated, quoted: `"0.33"`. The newest one known when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// GPUs that split every layer; must divide the attention heads. 1 when left out.
    #[garde(range(min = 1, max = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor_parallel_size: Option<u32>,
    /// Stages that split the stack of layers. 1 when left out.
    #[garde(range(min = 1, max = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_parallel_size: Option<u32>,
    /// How workers are driven: `uni` on one GPU, `mp` on one node, `ray`; needed when the engine spans nodes.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distributed_executor_backend: Option<ExecutorArg>,
    /// Longest prompt and answer together [tokens]; the model's own limit when left out. TensorRT-LLM: `max_seq_len`.
    #[garde(range(min = 1, max = 100_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_model_len: Option<u32>,
    /// Type of weights and activations; the checkpoint's own when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<DtypeArg>,
    /// Quantisation done while loading (`fp8`); a quantised checkpoint says so itself, and may be named here. TensorRT-LLM:
    /// done beforehand, `fp8` alone.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<QuantizationArg>,
    /// Type of the KV cache; `auto` is the type of the activations.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_cache_dtype: Option<KvDtype>,
    /// Most sequences in one step; by version and GPU when left out. TensorRT-LLM: `max_batch_size`, of each micro-batch.
    #[garde(range(min = 1, max = 65_536))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_seqs: Option<u32>,
    /// Most tokens in one step; by version and GPU when left out. TensorRT-LLM: `max_num_tokens`.
    #[garde(range(min = 1, max = 1_048_576))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_batched_tokens: Option<u32>,
    /// Part of the GPU's memory vLLM may use: 0.92 from 0.20 on, 0.9 before. TensorRT-LLM: the part that the KV cache gets of
    /// what weights and buffers leave (`kv_cache_free_gpu_mem_fraction`), 0.9; `trtllm-bench` takes 0.95.
    #[garde(range(min = 0.01, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_memory_utilization: Option<f64>,
    /// Tokens a KV block holds. 16 when left out; TensorRT-LLM: `tokens_per_block`, by version.
    #[garde(custom(power_of_two))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_size: Option<u32>,
    /// Number of KV blocks, whatever the memory holds.
    #[garde(range(min = 2, max = 1_000_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_gpu_blocks_override: Option<u32>,
    /// Prompts may be computed in pieces. On when left out; vLLM before 0.8: for contexts above 32k; TensorRT-LLM: off.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_chunked_prefill: Option<bool>,
    /// Prompts that begin alike share KV blocks. On when left out, off for vLLM before 0.8 and TensorRT-LLM.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_prefix_caching: Option<bool>,
    /// Sliding-window layers keep the KV cache of the whole context, as the other layers do. Off when left out; a context
    /// longer than the window needs it.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_hybrid_kv_cache_manager: Option<bool>,
    /// Largest piece of a long prompt in one step [tokens]; 0, the default, is no limit.
    #[garde(range(max = 100_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_prefill_token_threshold: Option<u32>,
    /// Order of waiting requests. `fcfs` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling_policy: Option<SchedulingPolicyArg>,
    /// Schedule the next step while one runs; by version when left out. TensorRT-LLM: the overlap scheduler.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub async_scheduling: Option<bool>,
    /// Part of the KV blocks that must stay free when a request is admitted. 0 when left out. vLLM before 0.8 fixes it at 0.01.
    #[garde(range(min = 0.0, max = 0.99))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<f64>,
    /// No CUDA graphs. Off when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce_eager: Option<bool>,
    /// Batch sizes that CUDA graphs are captured for; vLLM's list when left out.
    #[garde(custom(ascending))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cudagraph_capture_sizes: Option<Vec<u32>>,
    /// vLLM before 0.8: forward passes a call of the scheduler. 1 when left out.
    #[garde(range(min = 1, max = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_scheduler_steps: Option<u32>,
    /// vLLM before 0.8: longest context that a CUDA graph covers [tokens]. 8192 when left out.
    #[garde(range(min = 1, max = 100_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seq_len_to_capture: Option<u32>,
}

impl EngineArgs {
    /// Takes out the fields that mean nothing to an engine; returns the names of those that were stated.
    pub fn take_pointless(&mut self, family: Family) -> Vec<&'static str> {
        let vllm = family != Family::TensorRtLlm;
        let (v0, v1) = (family == Family::V0, family == Family::V1);
        let mut taken = Vec::new();
        let mut keep = |meaningful: bool, name, stated: bool| {
            if stated && !meaningful {
                taken.push(name);
            }
            meaningful
        };
        /// Empties a field unless it means something.
        macro_rules! only {
            ($($meaningful:expr => $field:ident),* $(,)?) => {
                $(if !keep($meaningful, stringify!($field), self.$field.is_some()) {
                    self.$field = None;
                })*
            };
        }
        only! {
            vllm => distributed_executor_backend,
            vllm => scheduling_policy,
            vllm => enforce_eager,
            !v0 => async_scheduling,
            v1 => disable_hybrid_kv_cache_manager,
            v1 => long_prefill_token_threshold,
            v1 => watermark,
            v1 => cudagraph_capture_sizes,
            v0 => num_scheduler_steps,
            v0 => max_seq_len_to_capture,
        }
        taken
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn power_of_two(size: &Option<u32>, (): &()) -> garde::Result {
    match size {
        Some(size) if !size.is_power_of_two() || *size > 256 => {
            Err(garde::Error::new("expected 1, 2, 4, 8, 16, 32, 64, 128 or 256"))
        }
        _ => Ok(()),
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn ascending(sizes: &Option<Vec<u32>>, (): &()) -> garde::Result {
    let good = |sizes: &Vec<u32>| {
        !sizes.is_empty()
            && sizes.iter().all(|size| (1..=65_536).contains(size))
            && sizes.is_sorted_by(|a, b| a < b)
    };
    match sizes {
        Some(sizes) if !good(sizes) => Err(garde::Error::new("expected ascending sizes between 1 and 65536")),
        _ => Ok(()),
    }
}

/// `--distributed-executor-backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorArg {
    /// Processes.
    Mp,
    /// Ray actors.
    Ray,
    /// In the engine core's own process; one GPU.
    Uni,
}

/// `--scheduling-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SchedulingPolicyArg {
    /// First come, first served.
    Fcfs,
    /// Smaller priority first.
    Priority,
}

/// `--dtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DtypeArg {
    /// The checkpoint's own.
    Auto,
    /// 16 bits, bfloat.
    Bfloat16,
    /// 16 bits, IEEE.
    Float16,
    /// The same as `float16`.
    Half,
}

/// `--quantization`: done while loading (`fp8` alone), or the method that the checkpoint was quantised with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuantizationArg {
    /// Linear layers in FP8.
    Fp8,
    /// FP8 of Meta's checkpoints.
    FbgemmFp8,
    /// What llm-compressor writes.
    #[serde(rename = "compressed-tensors")]
    CompressedTensors,
    /// FP8 of NVIDIA's checkpoints.
    Modelopt,
    /// 4-bit AWQ.
    Awq,
    /// The same in another kernel.
    AwqMarlin,
    /// 4-bit GPTQ.
    Gptq,
    /// The same in another kernel.
    GptqMarlin,
}

impl QuantizationArg {
    /// Its name in vLLM.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp8 => "fp8",
            Self::FbgemmFp8 => "fbgemm_fp8",
            Self::CompressedTensors => "compressed-tensors",
            Self::Modelopt => "modelopt",
            Self::Awq => "awq",
            Self::AwqMarlin => "awq_marlin",
            Self::Gptq => "gptq",
            Self::GptqMarlin => "gptq_marlin",
        }
    }

    /// Whether it goes with a checkpoint whose `quant_method` this is (`vllm/config/model.py`, `_verify_quantization`,
    /// recalled); the error is vLLM's.
    ///
    /// # Errors
    /// If vLLM would refuse the two together.
    pub fn check(self, quant_method: Option<&str>) -> Result<(), String> {
        let name = self.name();
        match quant_method {
            None if self == Self::Fp8 => Ok(()),
            None => {
                Err(format!("the checkpoint is not quantised; only fp8 is done while loading, not {name}"))
            }
            Some(method) if name.trim_end_matches("_marlin") == method => Ok(()),
            Some(method) => Err(format!(
                "Quantization method specified in the model config ({method}) does not match the quantization method \
                 specified in the `quantization` argument ({name})."
            )),
        }
    }
}
