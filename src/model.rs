//! Transformer architecture, precision, parallel layout; weight and KV bytes.
//!
//! An [`Architecture`] is read from a Hugging Face `config.json` or from the catalogue, which holds the same fields.
//! A [`Layout`] cuts it into pipeline [`Stage`]s and tensor-parallel shards as vLLM does; from both follow the bytes of
//! weights and of KV cache on each GPU, to the byte.
//!
//! Limits: dense decoder models only (Llama, Mistral, Qwen2, Qwen3, Gemma shapes). Mixtures of experts and other
//! architectures are refused by name; of a multimodal model the text part is read. Scales of FP8 weights (0.06 GiB a GPU
//! for 405B at TP8) are left out, those of 4-bit weights counted.

mod architecture;
mod config;
mod error;
mod family;
mod format;
mod layout;
mod precision;
mod quantization;
mod weights;

pub use architecture::{Architecture, LayerPrecision};
pub use error::ModelError;
pub use format::{Int4, WeightFormat};
pub use layout::{Layout, Stage, partition_layers};
pub use precision::{KvDtype, Precision};
pub use weights::{checkpoint_bytes, kv_bytes_per_token_per_gpu, online_load_peak_per_gpu, weights_per_gpu};
