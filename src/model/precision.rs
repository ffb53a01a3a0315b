//! Number formats of weights and of the KV cache.

use serde::{Deserialize, Serialize};

/// Format of a weight or an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// 8-bit float (E4M3).
    Fp8,
    /// Brain float, 16 bits.
    Bf16,
    /// IEEE half, 16 bits.
    Fp16,
    /// IEEE single.
    Fp32,
}

impl Precision {
    /// Size of one number [B].
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Fp8 => 1,
            Self::Bf16 | Self::Fp16 => 2,
            Self::Fp32 => 4,
        }
    }

    /// vLLM's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp8 => "fp8",
            Self::Bf16 => "bfloat16",
            Self::Fp16 => "float16",
            Self::Fp32 => "float32",
        }
    }
}

/// `kv_cache_dtype`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, schemars::JsonSchema)]
pub enum KvDtype {
    /// The model's own format.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// The same as `fp8_e4m3`.
    #[serde(rename = "fp8")]
    Fp8,
    /// 8-bit float, 4 exponent bits.
    #[serde(rename = "fp8_e4m3")]
    Fp8E4m3,
    /// 8-bit float, 5 exponent bits.
    #[serde(rename = "fp8_e5m2")]
    Fp8E5m2,
    /// Brain float, whatever the model's format.
    #[serde(rename = "bfloat16")]
    Bfloat16,
}

impl KvDtype {
    /// The format keys and values are stored in by a model that computes in `dtype`.
    pub const fn precision(self, dtype: Precision) -> Precision {
        match self {
            Self::Auto => dtype,
            Self::Fp8 | Self::Fp8E4m3 | Self::Fp8E5m2 => Precision::Fp8,
            Self::Bfloat16 => Precision::Bf16,
        }
    }
}
