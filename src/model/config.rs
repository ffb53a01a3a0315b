//! From a Hugging Face `config.json` to an [`Architecture`].

mod attention;

use serde_json::{Map, Value};

use super::{
    Architecture, LayerPrecision, ModelError, Precision,
    family::{Family, WRAPPERS},
    quantization,
};
use crate::catalog::{Catalog, Fact, suggestion};

/// Fields only a mixture of experts has.
const EXPERT_FIELDS: [&str; 5] =
    ["num_local_experts", "num_experts", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"];

/// Largest value a size may have: no model has larger ones.
const LARGEST: u64 = 16_777_216;

/// More parameters, and more bytes of KV cache for one request, than any model will have.
const MOST_PARAMETERS: f64 = 1e15;
const MOST_BYTES: f64 = 1e17;

/// The fields of a configuration, with what to call the model in messages.
struct Config<'a> {
    model: &'a str,
    /// Of the text part, where the model is multimodal.
    fields: &'a Map<String, Value>,
    /// Of a multimodal model: its class, and the fields around those of the text part.
    wrapper: Option<(&'a str, &'a Map<String, Value>)>,
}

impl<'a> Config<'a> {
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

    /// A field that a multimodal model may state beside its text part.
    fn get_or_around(&self, field: &str) -> Option<&Value> {
        let around = || self.wrapper?.1.get(field).filter(|value| !value.is_null());
        self.get(field).or_else(around)
    }

    fn size_or(&self, field: &str, default: u32) -> Result<u32, ModelError> {
        let Some(value) = self.get(field) else { return Ok(default) };
        let size = value.as_u64().filter(|size| (1..=LARGEST).contains(size));
        let size = size
            .ok_or_else(|| self.bad(format!("{field}: {value} is not a whole number from 1 to {LARGEST}")))?;
        Ok(size as u32)
    }

    /// A size that must be stated unless the family has a default for it.
    fn size(&self, family: &Family, field: &str) -> Result<u32, ModelError> {
        match (self.get(field), family.default(field)) {
            (None, None) => Err(self.bad(format!("`{field}` is missing"))),
            (_, default) => self.size_or(field, default.unwrap_or(1)),
        }
    }

    fn flag(&self, field: &str, default: bool) -> Result<bool, ModelError> {
        let Some(value) = self.get(field) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.bad(format!("{field}: {value} is not true or false")))
    }

    /// Reads the fields of a model, or of the text part of a multimodal one.
    fn new(model: &'a str, fields: &'a Map<String, Value>) -> Result<Self, ModelError> {
        let whole = Self { model, fields, wrapper: None };
        let class = whole.class()?;
        match fields.get("text_config").and_then(Value::as_object) {
            Some(text) if WRAPPERS.contains(&class) => {
                Ok(Self { model, fields: text, wrapper: Some((class, fields)) })
            }
            _ => Ok(whole),
        }
    }

    /// What `architectures` names.
    fn class(&self) -> Result<&'a str, ModelError> {
        let class = self.fields.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);
        class.ok_or_else(|| self.bad("`architectures` names no class; is this a config.json?"))
    }

    /// The family, if it is one that is simulated.
    fn family(&self) -> Result<Family, ModelError> {
        let (class, family) = match self.wrapper {
            None => (self.class()?, Family::of_class(self.class()?)),
            Some((class, _)) => {
                let model_type = self.get("model_type").and_then(Value::as_str);
                let model_type =
                    model_type.ok_or_else(|| self.bad("text_config: `model_type` is missing"))?;
                (class, Family::of_model_type(model_type))
            }
        };
        self.refuse_experts(class)?;
        family.ok_or_else(|| ModelError::UnknownArchitecture {
            model: self.model.to_owned(),
            architecture: class.to_owned(),
            suggestion: suggestion(class, Family::classes()),
            known: Family::classes().collect::<Vec<_>>().join(", "),
        })
    }

    fn refuse_experts(&self, class: &str) -> Result<(), ModelError> {
        let experts = EXPERT_FIELDS.iter().find(|field| {
            self.get(field)
                .and_then(Value::as_u64)
                .is_some_and(|n| n > 1 || **field == "moe_intermediate_size")
        });
        let named = ["Moe", "MoE", "Mixtral", "Dbrx", "GptOss"].iter().find(|part| class.contains(**part));
        if experts.is_none() && named.is_none() {
            return Ok(());
        }
        let sign = experts.map_or_else(
            || "its name says so".to_owned(),
            |field| format!("{field}: {}", self.fields[*field]),
        );
        Err(ModelError::MixtureOfExperts {
            model: self.model.to_owned(),
            architecture: class.to_owned(),
            sign,
        })
    }

    fn dtype(&self, family: &Family) -> Result<Precision, ModelError> {
        let stated = self.get_or_around("torch_dtype").or_else(|| self.get_or_around("dtype"));
        match stated.map(|value| value.as_str().unwrap_or("")) {
            // vLLM's `auto`: float16 for a checkpoint that says nothing or float32, else what it says.
            None | Some("float32") if family.needs_bf16 => Ok(Precision::Bf16),
            None | Some("float16" | "float32") => Ok(Precision::Fp16),
            Some("bfloat16") => Ok(Precision::Bf16),
            Some(other) => {
                Err(self.bad(format!("torch_dtype: `{other}` is not bfloat16, float16 or float32")))
            }
        }
    }

    fn quantization(&self) -> Option<&Value> {
        ["quantization_config", "compression_config"].iter().find_map(|field| self.get_or_around(field))
    }

    /// Formats of each layer's matrices.
    fn precision(&self, layers: u32, dtype: Precision) -> Result<Vec<LayerPrecision>, ModelError> {
        let Some(config) = self.quantization() else {
            return Ok(vec![LayerPrecision::uniform(dtype); layers as usize]);
        };
        quantization::layers(config, layers, dtype).map_err(|problem| match problem {
            quantization::Problem::Bad(reason) => self.bad(reason),
            quantization::Problem::Unsupported(feature) => self.unsupported(feature),
        })
    }

    fn architecture(&self) -> Result<Architecture, ModelError> {
        let family = self.family()?;
        let attention = self.attention(&family)?;
        let dtype = self.dtype(&family)?;
        let layers = self.size(&family, "num_hidden_layers")?;
        let bias = self.flag("attention_bias", false)?;
        let architecture = Architecture {
            name: self.model.to_owned(),
            hidden_size: self.size(&family, "hidden_size")?,
            intermediate_size: self.size(&family, "intermediate_size")?,
            layers,
            heads: attention.heads,
            kv_heads: attention.kv_heads,
            head_dim: attention.head_dim,
            vocab_size: self.size(&family, "vocab_size")?,
            max_position_embeddings: self.context(&family)?,
            tied_embeddings: self.flag("tie_word_embeddings", family.tied)?,
            qkv_bias: family.qkv_bias || bias,
            o_bias: bias,
            mlp_bias: self.flag("mlp_bias", false)?,
            qk_norm: family.qk_norm,
            norms: family.norms,
            windows: self.windows(&family, layers)?,
            text_of: self.wrapper.map(|(class, _)| class.to_owned()),
            dtype,
            precision: self.precision(layers, dtype)?,
            quant_method: self
                .quantization()
                .and_then(|config| config.get("quant_method"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            online_quantization: false,
        };
        self.plausible(&architecture)?;
        Ok(architecture)
    }

    /// Refuses sizes that make sense one by one and not together: bytes are counted in whole numbers, which have an end.
    fn plausible(&self, model: &Architecture) -> Result<(), ModelError> {
        let [layers, hidden, inter, vocab] =
            [model.layers, model.hidden_size, model.intermediate_size, model.vocab_size].map(f64::from);
        let width = |heads: u32| f64::from(heads) * f64::from(model.head_dim);
        let of_layer = hidden * (2.0 * width(model.heads) + 2.0 * width(model.kv_heads) + 3.0 * inter);
        let parameters = layers * of_layer + 2.0 * vocab * hidden;
        let context = layers * 4.0 * width(model.kv_heads) * f64::from(model.max_position_embeddings);
        if parameters < MOST_PARAMETERS && context < MOST_BYTES {
            return Ok(());
        }
        Err(self.bad(format!(
            "{parameters:.1e} parameters and {context:.1e} bytes of KV cache for one request: no model is so large"
        )))
    }
}

/// A model from the text of its `config.json`.
pub(super) fn from_text(model: &str, text: &str) -> Result<Architecture, ModelError> {
    let bad = |reason: String| ModelError::BadConfig { model: model.to_owned(), reason };
    let value: Value = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    let fields = value.as_object().ok_or_else(|| bad("not a JSON object".to_owned()))?;
    Config::new(model, fields)?.architecture()
}

/// A model of the catalogue, whose entry holds a `config` fact.
pub(super) fn from_catalog(catalog: &Catalog, model: &str) -> Result<Architecture, ModelError> {
    #[derive(serde::Deserialize)]
    struct Entry {
        config: Fact<Map<String, Value>>,
    }
    let entry: Entry = catalog.entry("models", model)?;
    Config::new(model, &entry.config.value)?.architecture()
}
