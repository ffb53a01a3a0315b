//! Which engine: one scheduler, one memory budget, one set of host times.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Version;

/// The first release of vLLM whose default engine is V1.
const V1: Version = Version::new(0, 8, 0);
/// The newest release of vLLM whose behaviour was read; the default.
const NEWEST_VLLM: Version = Version::new(0, 33, 0);

/// The inference server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// vLLM.
    #[default]
    Vllm,
    /// TensorRT-LLM: its executor with in-flight batching.
    #[serde(rename = "tensorrt-llm")]
    TensorRtLlm,
}

impl Backend {
    /// The oldest and the newest release that is known; the newest is the default.
    pub fn known(self) -> (Version, Version) {
        match self {
            Self::Vllm => (Version::new(0, 5, 0), NEWEST_VLLM),
            Self::TensorRtLlm => (Version::new(0, 10, 0), Version::new(1, 1, 0)),
        }
    }

    /// The first release that is not known any more.
    pub fn unknown(self) -> Version {
        match self {
            Self::Vllm => Version::new(0, 34, 0),
            Self::TensorRtLlm => Version::new(1, 2, 0),
        }
    }

    /// Its name in a scenario and in the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::TensorRtLlm => "tensorrt-llm",
        }
    }

    /// What it calls itself.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM",
            Self::TensorRtLlm => "TensorRT-LLM",
        }
    }
}

/// The engine behind a backend and a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// vLLM before 0.8.
    V0,
    /// vLLM from 0.8 on.
    V1,
    /// TensorRT-LLM.
    TensorRtLlm,
}

impl Family {
    /// The engine of a release.
    pub fn of(backend: Backend, version: Version) -> Self {
        match backend {
            Backend::Vllm if version < V1 => Self::V0,
            Backend::Vllm => Self::V1,
            Backend::TensorRtLlm => Self::TensorRtLlm,
        }
    }

    /// The release of vLLM whose partition of layers and choice of all-reduce apply: the newest one's where TensorRT-LLM's own
    /// are not known.
    pub fn vllm_rules(self, version: Version) -> Version {
        if self == Self::TensorRtLlm { NEWEST_VLLM } else { version }
    }

    /// What to call it to a user.
    pub fn title(self) -> &'static str {
        match self {
            Self::V0 => "vLLM's V0 engine",
            Self::V1 => "vLLM's V1 engine",
            Self::TensorRtLlm => "TensorRT-LLM",
        }
    }

    /// Its name in the catalogue: accuracy, memory, host times.
    pub fn name(self) -> &'static str {
        match self {
            Self::V0 => "vllm-v0",
            Self::V1 => "vllm-v1",
            Self::TensorRtLlm => "tensorrt-llm",
        }
    }
}
