//! Transformer architecture, precision, parallel layout; weight and KV bytes.
//!
//! An [`Architecture`] is read from a Hugging Face `config.json` or from the catalogue, which holds the same fields.
//! A [`Layout`] cuts it into pipeline [`Stage`]s and tensor-parallel shards as vLLM does; from both follow the bytes of
//! weights and of KV cache on each GPU, to the byte.
//!
//! Limits: dense decoder models only (Llama, Mistral, Qwen2, Qwen3 shapes). Mixtures of experts, sliding windows and
//! other architectures are refused by name. Scales of quantised weights (0.06 GiB a GPU for 405B at TP8) are left out.

mod architecture;
mod config;
mod error;
mod layout;
mod precision;
mod quantization;
mod weights;

pub use architecture::{Architecture, LayerPrecision};
pub use error::ModelError;
pub use layout::{Layout, Stage, partition_layers};
pub use precision::{KvDtype, Precision};
pub use weights::{checkpoint_bytes, kv_bytes_per_token_per_gpu, online_load_peak_per_gpu, weights_per_gpu};
