//! The shape of a dense decoder-only transformer.

use super::{ModelError, Precision, WeightFormat, format::Matrix};
use crate::catalog::Catalog;

/// Formats of the four weight matrices of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LayerPrecision {
    /// Query, key and value projections.
    pub qkv: WeightFormat,
    /// Attention output projection.
    pub o: WeightFormat,
    /// Gate and up projections.
    pub gate_up: WeightFormat,
    /// Down projection.
    pub down: WeightFormat,
}

impl LayerPrecision {
    /// The same format everywhere.
    pub const fn uniform(precision: Precision) -> Self {
        let format = WeightFormat::Plain(precision);
        Self { qkv: format, o: format, gate_up: format, down: format }
    }

    /// All four.
    pub const fn formats(self) -> [WeightFormat; 4] {
        [self.qkv, self.o, self.gate_up, self.down]
    }
}

/// A model: what its `config.json` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Name in the catalogue, or path of its configuration.
    pub name: String,
    /// `hidden_size`.
    pub hidden_size: u32,
    /// `intermediate_size` of the MLP.
    pub intermediate_size: u32,
    /// `num_hidden_layers`.
    pub layers: u32,
    /// `num_attention_heads`.
    pub heads: u32,
    /// `num_key_value_heads`.
    pub kv_heads: u32,
    /// Width of one head.
    pub head_dim: u32,
    /// `vocab_size`.
    pub vocab_size: u32,
    /// vLLM's default `max_model_len`: `max_position_embeddings`, times the factor of `rope_scaling` where vLLM applies it.
    pub max_position_embeddings: u32,
    /// Embedding and LM head are one matrix.
    pub tied_embeddings: bool,
    /// Query, key and value projections have biases.
    pub qkv_bias: bool,
    /// The attention output projection has a bias.
    pub o_bias: bool,
    /// The MLP projections have biases.
    pub mlp_bias: bool,
    /// Queries and keys are normalised by head (Qwen3, Gemma 3).
    pub qk_norm: bool,
    /// Norms of a layer over the whole residual: two, four in Gemma 2 and 3.
    pub norms: u32,
    /// How many tokens back each layer sees, its own included; all where there is nothing [tokens].
    pub windows: Vec<Option<u32>>,
    /// Class of the multimodal model of which this is the text part.
    pub text_of: Option<String>,
    /// Format of activations, embedding, norms and whatever is not quantised.
    pub dtype: Precision,
    /// Formats of each layer's matrices, as they are in GPU memory.
    pub precision: Vec<LayerPrecision>,
    /// How the checkpoint was quantised, as its `quant_method` says; nothing if it was not.
    pub quant_method: Option<String>,
    /// Weights are quantised while loading (`quantization: fp8` on an unquantised checkpoint).
    pub online_quantization: bool,
}

impl Architecture {
    /// A model of the catalogue, by its Hugging Face name.
    ///
    /// # Errors
    /// If the catalogue does not know it, or its configuration is not one that is simulated.
    pub fn read(catalog: &Catalog, name: &str) -> Result<Self, ModelError> {
        super::config::from_catalog(catalog, name)
    }

    /// A model from the text of its `config.json`; `name` is what messages call it.
    ///
    /// # Errors
    /// If the text is not the configuration of a model that is simulated.
    pub fn from_config(name: &str, text: &str) -> Result<Self, ModelError> {
        super::config::from_text(name, text)
    }

    /// The same model under `quantization: fp8`: an unquantised checkpoint whose matrices become FP8 while loading. An
    /// FP8 checkpoint stays what it is.
    #[must_use]
    pub fn quantized_online(mut self) -> Self {
        let plain = LayerPrecision::uniform(self.dtype);
        if self.precision.iter().all(|layer| *layer == plain) {
            self.precision.fill(LayerPrecision::uniform(Precision::Fp8));
            self.online_quantization = true;
        }
        self
    }

    /// The same model computing in another format (`dtype`); quantised matrices stay what they are.
    #[must_use]
    pub fn with_dtype(mut self, dtype: Precision) -> Self {
        let old = WeightFormat::Plain(self.dtype);
        let change = |format: &mut WeightFormat| {
            if *format == old {
                *format = WeightFormat::Plain(dtype);
            }
        };
        for layer in &mut self.precision {
            change(&mut layer.qkv);
            change(&mut layer.o);
            change(&mut layer.gate_up);
            change(&mut layer.down);
        }
        self.dtype = dtype;
        self
    }

    /// The longest sequence an engine serves: what was asked for, or `max_position_embeddings` [tokens].
    ///
    /// # Errors
    /// If more was asked for than the model was made for.
    pub fn max_model_len(&self, asked: Option<u32>) -> Result<u32, ModelError> {
        let max_position_embeddings = self.max_position_embeddings;
        match asked {
            Some(max_model_len) if max_model_len > max_position_embeddings => {
                Err(ModelError::ContextTooLong { max_model_len, max_position_embeddings })
            }
            asked => Ok(asked.unwrap_or(max_position_embeddings)),
        }
    }

    /// Whether any matrix is FP8.
    pub fn has_fp8(&self) -> bool {
        self.precision.iter().any(|layer| layer.formats().contains(&WeightFormat::FP8))
    }

    /// Whether any matrix holds 4-bit integers.
    pub fn has_int4(&self) -> bool {
        let int4 = |format: &WeightFormat| matches!(format, WeightFormat::Int4(_));
        self.precision.iter().any(|layer| layer.formats().iter().any(int4))
    }

    /// The least that a layer sees, if any layer does not see everything [tokens].
    pub fn shortest_window(&self) -> Option<u32> {
        self.windows.iter().copied().flatten().min()
    }

    /// The vocabulary as vLLM shards it: padded to a multiple of 64.
    pub fn padded_vocab(&self) -> u32 {
        self.vocab_size.next_multiple_of(64)
    }

    /// KV heads on each GPU: at least one, replicated when there are fewer heads than GPUs.
    pub fn kv_heads_per_gpu(&self, tensor_parallel: u32) -> u32 {
        (self.kv_heads / tensor_parallel).max(1)
    }

    /// Parameters of the checkpoint.
    pub fn parameters(&self) -> u64 {
        let hidden = u64::from(self.hidden_size);
        let embedding = u64::from(self.vocab_size) * hidden;
        let heads = if self.tied_embeddings { 1 } else { 2 };
        let layer = self.layer_parameters(1);
        embedding * heads + u64::from(self.layers) * layer.numbers() + hidden
    }

    /// Numbers of one layer on one GPU of `tensor_parallel`.
    pub(super) fn layer_parameters(&self, tensor_parallel: u32) -> LayerParameters {
        let tp = u64::from(tensor_parallel);
        let hidden = u64::from(self.hidden_size);
        let query = u64::from(self.heads / tensor_parallel) * u64::from(self.head_dim);
        let key = u64::from(self.kv_heads_per_gpu(tensor_parallel)) * u64::from(self.head_dim);
        let inter = u64::from(self.intermediate_size) / tp;
        let bias = |there: bool, width: u64| if there { width } else { 0 };
        let biases = bias(self.qkv_bias, query + 2 * key)
            + bias(self.o_bias, hidden)
            + bias(self.mlp_bias, 2 * inter + hidden);
        LayerParameters {
            qkv: Matrix { outputs: query + 2 * key, inputs: hidden },
            o: Matrix { outputs: hidden, inputs: query },
            gate_up: Matrix { outputs: 2 * inter, inputs: hidden },
            down: Matrix { outputs: hidden, inputs: inter },
            vectors: u64::from(self.norms) * hidden
                + biases
                + bias(self.qk_norm, 2 * u64::from(self.head_dim)),
        }
    }
}

/// One layer's weights on one GPU.
pub(super) struct LayerParameters {
    /// Query, key and value projections.
    pub(super) qkv: Matrix,
    /// Attention output projection.
    pub(super) o: Matrix,
    /// Gate and up projections.
    pub(super) gate_up: Matrix,
    /// Down projection.
    pub(super) down: Matrix,
    /// Numbers of norms and biases.
    pub(super) vectors: u64,
}

impl LayerParameters {
    /// All numbers.
    pub(super) const fn numbers(&self) -> u64 {
        let attention = self.qkv.numbers() + self.o.numbers();
        attention + self.gate_up.numbers() + self.down.numbers() + self.vectors
    }
}
