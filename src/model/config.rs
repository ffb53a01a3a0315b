//! From a Hugging Face `config.json` to an [`Architecture`].

use serde_json::{Map, Value};

use super::{Architecture, LayerPrecision, ModelError, Precision, quantization};
use crate::catalog::{Catalog, Fact, suggestion};

/// Classes that are simulated: name in `architectures`, biases of query, key and value, norms of queries and keys.
const KNOWN: [(&str, bool, bool); 4] = [
    ("LlamaForCausalLM", false, false),
    ("MistralForCausalLM", false, false),
    ("Qwen2ForCausalLM", true, false),
    ("Qwen3ForCausalLM", false, true),
];

/// Fields only a mixture of experts has.
const EXPERT_FIELDS: [&str; 5] =
    ["num_local_experts", "num_experts", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"];

/// Largest value a size may have: beyond it the arithmetic of bytes could overflow, and no such model exists.
const LARGEST: u64 = 16_777_216;

/// The fields of a configuration, with what to call the model in messages.
struct Config<'a> {
    model: &'a str,
    fields: &'a Map<String, Value>,
}

impl Config<'_> {
    fn bad(&self, reason: impl Into<String>) -> ModelError {
        ModelError::BadConfig { model: self.model.to_owned(), reason: reason.into() }
    }

    fn unsupported(&self, feature: impl Into<String>) -> ModelError {
        ModelError::Unsupported { model: self.model.to_owned(), feature: feature.into() }
    }

    /// A field that is there and not null.
    fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn size_or(&self, field: &str, default: u32) -> Result<u32, ModelError> {
        let Some(value) = self.get(field) else { return Ok(default) };
        let size = value.as_u64().filter(|size| (1..=LARGEST).contains(size));
        let size = size
            .ok_or_else(|| self.bad(format!("{field}: {value} is not a whole number from 1 to {LARGEST}")))?;
        Ok(size as u32)
    }

    fn size(&self, field: &str) -> Result<u32, ModelError> {
        if self.get(field).is_none() {
            return Err(self.bad(format!("`{field}` is missing")));
        }
        self.size_or(field, 0)
    }

    fn flag(&self, field: &str, default: bool) -> Result<bool, ModelError> {
        let Some(value) = self.get(field) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.bad(format!("{field}: {value} is not true or false")))
    }

    /// The class, if it is one that is simulated.
    fn class(&self) -> Result<(&'static str, bool, bool), ModelError> {
        let class = self.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);
        let class =
            class.ok_or_else(|| self.bad("`architectures` names no class; is this a config.json?"))?;
        let experts = EXPERT_FIELDS.iter().find(|field| {
            self.get(field)
                .and_then(Value::as_u64)
                .is_some_and(|n| n > 1 || **field == "moe_intermediate_size")
        });
        let named = ["Moe", "MoE", "Mixtral", "Dbrx", "GptOss"].iter().find(|part| class.contains(**part));
        if experts.is_some() || named.is_some() {
            let sign = experts.map_or_else(
                || "its name says so".to_owned(),
                |field| format!("{field}: {}", self.fields[*field]),
            );
            return Err(ModelError::MixtureOfExperts {
                model: self.model.to_owned(),
                architecture: class.to_owned(),
                sign,
            });
        }
        let known = || KNOWN.iter().map(|(name, ..)| *name);
        KNOWN.iter().find(|(name, ..)| *name == class).copied().ok_or_else(|| {
            ModelError::UnknownArchitecture {
                model: self.model.to_owned(),
                architecture: class.to_owned(),
                suggestion: suggestion(class, known()),
                known: known().collect::<Vec<_>>().join(", "),
            }
        })
    }

    fn dtype(&self) -> Result<Precision, ModelError> {
        match self.get("torch_dtype").or_else(|| self.get("dtype")).map(|value| value.as_str().unwrap_or(""))
        {
            // vLLM's `auto`: float16 for a checkpoint that says nothing or float32, else what it says.
            None | Some("float16" | "float32") => Ok(Precision::Fp16),
            Some("bfloat16") => Ok(Precision::Bf16),
            Some(other) => {
                Err(self.bad(format!("torch_dtype: `{other}` is not bfloat16, float16 or float32")))
            }
        }
    }

    fn architecture(&self) -> Result<Architecture, ModelError> {
        let (_, qkv_bias, qk_norm) = self.class()?;
        if self.get("sliding_window").is_some() && self.flag("use_sliding_window", true)? {
            return Err(self.unsupported("sliding-window attention (`sliding_window`)"));
        }
        let (hidden_size, heads) = (self.size("hidden_size")?, self.size("num_attention_heads")?);
        if self.get("head_dim").is_none() && !hidden_size.is_multiple_of(heads) {
            return Err(self.bad(format!(
                "hidden_size {hidden_size} is not divisible by num_attention_heads {heads}, and `head_dim` is missing"
            )));
        }
        let kv_heads = self.size_or("num_key_value_heads", heads)?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(self.bad(format!(
                "num_attention_heads {heads} is not divisible by num_key_value_heads {kv_heads}"
            )));
        }
        let dtype = self.dtype()?;
        let layers = self.size("num_hidden_layers")?;
        let bias = self.flag("attention_bias", false)?;
        let precision = match self.get("quantization_config").or_else(|| self.get("compression_config")) {
            None => vec![LayerPrecision::uniform(dtype); layers as usize],
            Some(quantized) => {
                quantization::layers(quantized, layers, dtype).map_err(|problem| match problem {
                    quantization::Problem::Bad(reason) => self.bad(reason),
                    quantization::Problem::Unsupported(feature) => self.unsupported(feature),
                })?
            }
        };
        Ok(Architecture {
            name: self.model.to_owned(),
            hidden_size,
            intermediate_size: self.size("intermediate_size")?,
            layers,
            heads,
            kv_heads,
            head_dim: self.size_or("head_dim", (hidden_size / heads).max(1))?,
            vocab_size: self.size("vocab_size")?,
            max_position_embeddings: self.size("max_position_embeddings")?,
            tied_embeddings: self.flag("tie_word_embeddings", false)?,
            qkv_bias: qkv_bias || bias,
            o_bias: bias,
            mlp_bias: self.flag("mlp_bias", false)?,
            qk_norm,
            dtype,
            precision,
            online_quantization: false,
        })
    }
}

/// A model from the text of its `config.json`.
pub(super) fn from_text(model: &str, text: &str) -> Result<Architecture, ModelError> {
    let bad = |reason: String| ModelError::BadConfig { model: model.to_owned(), reason };
    let value: Value = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    let fields = value.as_object().ok_or_else(|| bad("not a JSON object".to_owned()))?;
    Config { model, fields }.architecture()
}

/// A model of the catalogue, whose entry holds a `config` fact.
pub(super) fn from_catalog(catalog: &Catalog, model: &str) -> Result<Architecture, ModelError> {
    #[derive(serde::Deserialize)]
    struct Entry {
        config: Fact<Map<String, Value>>,
    }
    let entry: Entry = catalog.entry("models", model)?;
    Config { model, fields: &entry.config.value }.architecture()
}
