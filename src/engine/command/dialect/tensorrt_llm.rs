//! TensorRT-LLM's flags (`tensorrt_llm/commands/serve.py`).

use super::Flag::{Field, NoMatter};
use super::{
    Table,
    Takes::{Nothing, Value},
};

pub(super) const FLAGS: Table = &[
    ("tp_size", Field("tensor_parallel_size")),
    ("pp_size", Field("pipeline_parallel_size")),
    ("max_seq_len", Field("max_model_len")),
    ("max_batch_size", Field("max_num_seqs")),
    ("max_num_tokens", Field("max_num_batched_tokens")),
    ("kv_cache_free_gpu_memory_fraction", Field("gpu_memory_utilization")),
    ("host", NoMatter(Value)),
    ("port", NoMatter(Value)),
    ("backend", NoMatter(Value)),
    ("tokenizer", NoMatter(Value)),
    ("log_level", NoMatter(Value)),
    ("gpus_per_node", NoMatter(Value)),
    ("cluster_size", NoMatter(Value)),
    ("trust_remote_code", NoMatter(Nothing)),
];
