//! The flags of each server, and which field of the engine's arguments each one is.

use super::Server;

/// What a flag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    /// Its value is a field.
    Field(&'static str),
    /// It stands alone and sets a field to this.
    Switch(&'static str, bool),
    /// Its value is the model.
    Model,
    /// Its values are names of the model.
    ServedName,
    /// Its value is where models are kept.
    DownloadDir,
    /// It stands alone and changes nothing that is simulated.
    NoMatter,
    /// Its value changes nothing that is simulated.
    NoMatterValue,
}

use Flag::{DownloadDir, Field, Model, NoMatter, NoMatterValue, ServedName, Switch};

/// vLLM (`vllm/engine/arg_utils.py`, `vllm/entrypoints/openai/cli_args.py`).
const VLLM: &[(&str, Flag)] = &[
    ("tensor_parallel_size", Field("tensor_parallel_size")),
    ("pipeline_parallel_size", Field("pipeline_parallel_size")),
    ("distributed_executor_backend", Field("distributed_executor_backend")),
    ("max_model_len", Field("max_model_len")),
    ("dtype", Field("dtype")),
    ("quantization", Field("quantization")),
    ("kv_cache_dtype", Field("kv_cache_dtype")),
    ("max_num_seqs", Field("max_num_seqs")),
    ("max_num_batched_tokens", Field("max_num_batched_tokens")),
    ("gpu_memory_utilization", Field("gpu_memory_utilization")),
    ("block_size", Field("block_size")),
    ("num_gpu_blocks_override", Field("num_gpu_blocks_override")),
    ("long_prefill_token_threshold", Field("long_prefill_token_threshold")),
    ("scheduling_policy", Field("scheduling_policy")),
    ("num_scheduler_steps", Field("num_scheduler_steps")),
    ("max_seq_len_to_capture", Field("max_seq_len_to_capture")),
    ("enable_chunked_prefill", Switch("enable_chunked_prefill", true)),
    ("enable_prefix_caching", Switch("enable_prefix_caching", true)),
    ("async_scheduling", Switch("async_scheduling", true)),
    ("enforce_eager", Switch("enforce_eager", true)),
    ("disable_hybrid_kv_cache_manager", Switch("disable_hybrid_kv_cache_manager", true)),
    ("model", Model),
    ("served_model_name", ServedName),
    ("download_dir", DownloadDir),
    ("host", NoMatterValue),
    ("port", NoMatterValue),
    ("api_key", NoMatterValue),
    ("seed", NoMatterValue),
    ("nnodes", NoMatterValue),
    ("node_rank", NoMatterValue),
    ("master_addr", NoMatterValue),
    ("master_port", NoMatterValue),
    ("load_format", NoMatterValue),
    ("tokenizer", NoMatterValue),
    ("chat_template", NoMatterValue),
    ("tool_call_parser", NoMatterValue),
    ("reasoning_parser", NoMatterValue),
    ("uvicorn_log_level", NoMatterValue),
    ("headless", NoMatter),
    ("trust_remote_code", NoMatter),
    ("disable_log_requests", NoMatter),
    ("disable_log_stats", NoMatter),
    ("enable_auto_tool_choice", NoMatter),
];

/// SGLang (`python/sglang/srt/server_args.py`), in vLLM's words where there are such.
const SGLANG: &[(&str, Flag)] = &[
    ("tp", Field("tensor_parallel_size")),
    ("tp_size", Field("tensor_parallel_size")),
    ("tensor_parallel_size", Field("tensor_parallel_size")),
    ("pp_size", Field("pipeline_parallel_size")),
    ("pipeline_parallel_size", Field("pipeline_parallel_size")),
    ("context_length", Field("max_model_len")),
    ("dtype", Field("dtype")),
    ("quantization", Field("quantization")),
    ("kv_cache_dtype", Field("kv_cache_dtype")),
    ("max_running_requests", Field("max_num_seqs")),
    ("chunked_prefill_size", Field("max_num_batched_tokens")),
    ("mem_fraction_static", Field("gpu_memory_utilization")),
    ("disable_radix_cache", Switch("enable_prefix_caching", false)),
    ("disable_cuda_graph", Switch("enforce_eager", true)),
    ("model", Model),
    ("model_path", Model),
    ("served_model_name", ServedName),
    ("download_dir", DownloadDir),
    ("host", NoMatterValue),
    ("port", NoMatterValue),
    ("api_key", NoMatterValue),
    ("random_seed", NoMatterValue),
    ("nnodes", NoMatterValue),
    ("node_rank", NoMatterValue),
    ("dist_init_addr", NoMatterValue),
    ("dist_timeout", NoMatterValue),
    ("load_format", NoMatterValue),
    ("tokenizer_path", NoMatterValue),
    ("chat_template", NoMatterValue),
    ("tool_call_parser", NoMatterValue),
    ("reasoning_parser", NoMatterValue),
    ("log_level", NoMatterValue),
    ("trust_remote_code", NoMatter),
    ("enable_metrics", NoMatter),
];

/// TensorRT-LLM (`tensorrt_llm/commands/serve.py`).
const TENSORRT_LLM: &[(&str, Flag)] = &[
    ("tp_size", Field("tensor_parallel_size")),
    ("pp_size", Field("pipeline_parallel_size")),
    ("max_seq_len", Field("max_model_len")),
    ("max_batch_size", Field("max_num_seqs")),
    ("max_num_tokens", Field("max_num_batched_tokens")),
    ("kv_cache_free_gpu_memory_fraction", Field("gpu_memory_utilization")),
    ("host", NoMatterValue),
    ("port", NoMatterValue),
    ("backend", NoMatterValue),
    ("tokenizer", NoMatterValue),
    ("log_level", NoMatterValue),
    ("gpus_per_node", NoMatterValue),
    ("cluster_size", NoMatterValue),
    ("trust_remote_code", NoMatter),
];

impl Flag {
    const fn table(server: Server) -> &'static [(&'static str, Self)] {
        match server {
            Server::Vllm => VLLM,
            Server::Sglang => SGLANG,
            Server::TensorRtLlm => TENSORRT_LLM,
        }
    }

    /// The flag of that name, in the form of a field.
    pub(super) fn find(server: Server, name: &str) -> Option<Self> {
        Self::table(server).iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag)
    }

    /// Names of the flags that matter to the engine.
    pub(super) fn fields(server: Server) -> impl Iterator<Item = &'static str> {
        Self::table(server)
            .iter()
            .filter(|(_, flag)| matches!(flag, Field(_) | Switch(..)))
            .map(|(name, _)| *name)
    }

    pub(super) const fn is_switch(&self) -> bool {
        matches!(self, Switch(..) | NoMatter)
    }
}

/// `--a-b`, `--a_b=v` and the short forms, as the name of a field and what follows `=`.
pub(super) fn flag_name(server: Server, word: &str) -> Option<(String, Option<&str>)> {
    let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
    let name = match (server, flag) {
        (Server::Vllm, "-tp") => "tensor_parallel_size".to_owned(),
        (Server::Vllm, "-pp") => "pipeline_parallel_size".to_owned(),
        (Server::Vllm, "-q") => "quantization".to_owned(),
        _ => flag.strip_prefix("--")?.replace('-', "_"),
    };
    Some((name, value))
}
