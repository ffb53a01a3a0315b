//! SGLang's flags (`python/sglang/srt/server_args.py`), in vLLM's words where there are such.

use super::Flag::{DownloadDir, Field, Model, NoMatter, Nodes, Refused, RefusedSwitch, ServedName, Switch};
use super::{
    Table,
    Takes::{Nothing, Value},
};

const DATA_PARALLEL: &str = "data parallelism inside one engine is not simulated: state replicas instead";
const SPECULATIVE: &str = "speculative decoding is not simulated";

pub(super) const FLAGS: Table = &[
    ("tp", Field("tensor_parallel_size")),
    ("tp_size", Field("tensor_parallel_size")),
    ("tensor_parallel_size", Field("tensor_parallel_size")),
    ("pp", Field("pipeline_parallel_size")),
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
    ("nnodes", Nodes),
    ("dp", Refused("1", DATA_PARALLEL)),
    ("dp_size", Refused("1", DATA_PARALLEL)),
    ("data_parallel_size", Refused("1", DATA_PARALLEL)),
    ("enable_dp_attention", RefusedSwitch(DATA_PARALLEL)),
    ("speculative_algorithm", Refused("", SPECULATIVE)),
    ("speculative_draft_model_path", Refused("", SPECULATIVE)),
    ("disaggregation_mode", Refused("null", "disaggregated prefill is not simulated")),
    ("lora_paths", Refused("", "LoRA adapters are not simulated")),
    ("cpu_offload_gb", Refused("0", "memory of the host as memory of the GPU is not simulated")),
    ("host", NoMatter(Value)),
    ("port", NoMatter(Value)),
    ("api_key", NoMatter(Value)),
    ("random_seed", NoMatter(Value)),
    ("node_rank", NoMatter(Value)),
    ("dist_init_addr", NoMatter(Value)),
    ("dist_timeout", NoMatter(Value)),
    ("load_format", NoMatter(Value)),
    ("tokenizer_path", NoMatter(Value)),
    ("revision", NoMatter(Value)),
    ("chat_template", NoMatter(Value)),
    ("tool_call_parser", NoMatter(Value)),
    ("reasoning_parser", NoMatter(Value)),
    ("log_level", NoMatter(Value)),
    ("trust_remote_code", NoMatter(Nothing)),
    ("enable_metrics", NoMatter(Nothing)),
];
