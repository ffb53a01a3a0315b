//! What can be wrong with a model or with the way it is cut.

use thiserror::Error;

use crate::catalog::CatalogError;

/// Why a model cannot be used, or not in that layout.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The catalogue does not know it.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A configuration file is not a `config.json` of a model.
    #[error("model `{model}`: config.json: {reason}")]
    BadConfig {
        /// Name or path of the model.
        model: String,
        /// What is wrong.
        reason: String,
    },
    /// A mixture of experts.
    #[error(
        "model `{model}`: {architecture} is a mixture of experts ({sign}); only dense models are simulated"
    )]
    MixtureOfExperts {
        /// Name or path of the model.
        model: String,
        /// Class named by the configuration.
        architecture: String,
        /// The field that shows it.
        sign: String,
    },
    /// A class that is not modelled.
    #[error("model `{model}`: architecture `{architecture}` is not simulated{suggestion} (known: {known})")]
    UnknownArchitecture {
        /// Name or path of the model.
        model: String,
        /// Class named by the configuration.
        architecture: String,
        /// Nearest known class.
        suggestion: String,
        /// Classes that are.
        known: String,
    },
    /// A feature that is not modelled.
    #[error("model `{model}`: {feature} is not simulated")]
    Unsupported {
        /// Name or path of the model.
        model: String,
        /// What it is.
        feature: String,
    },
    /// vLLM's check of attention heads (`ModelConfig.verify_with_parallel_config`).
    #[error(
        "Total number of attention heads ({heads}) must be divisible by tensor parallel size ({tensor_parallel})."
    )]
    HeadsNotDivisible {
        /// Attention heads of the model.
        heads: u32,
        /// Tensor-parallel size.
        tensor_parallel: u32,
    },
    /// vLLM's `divide()`: something that is sharded does not divide.
    #[error("{what}: {numerator} is not divisible by {denominator}")]
    NotDivisible {
        /// What is sharded.
        what: &'static str,
        /// Its size.
        numerator: u32,
        /// Tensor-parallel size.
        denominator: u32,
    },
    /// More pipeline stages than layers.
    #[error("pipeline_parallel_size ({pipeline_parallel}) is larger than the number of layers ({layers})")]
    MoreStagesThanLayers {
        /// Pipeline-parallel size.
        pipeline_parallel: u32,
        /// Layers of the model.
        layers: u32,
    },
    /// A context longer than the model was made for (vLLM `_get_and_verify_max_len`).
    #[error(
        "User-specified max_model_len ({max_model_len}) is greater than the derived max_model_len \
         (max_position_embeddings={max_position_embeddings} or model_max_length=None in model's config.json)."
    )]
    ContextTooLong {
        /// What was asked for.
        max_model_len: u32,
        /// What the model was made for.
        max_position_embeddings: u32,
    },
    /// A size of zero.
    #[error("{field} must be at least 1")]
    ZeroParallel {
        /// Which size.
        field: &'static str,
    },
}
