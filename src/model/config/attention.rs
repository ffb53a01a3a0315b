//! What a configuration says about attention: heads, windows, and how far it reaches.

use serde_json::Value;

use super::{Config, LARGEST};
use crate::model::ModelError;
use crate::model::family::{Family, Window};

/// Heads and their width.
pub(super) struct Shape {
    pub(super) heads: u32,
    pub(super) kv_heads: u32,
    pub(super) head_dim: u32,
}

impl Config<'_> {
    pub(super) fn attention(&self, family: &Family) -> Result<Shape, ModelError> {
        let hidden_size = self.size(family, "hidden_size")?;
        let heads = self.size(family, "num_attention_heads")?;
        let head_dim = family.default("head_dim");
        if self.get("head_dim").is_none() && head_dim.is_none() && !hidden_size.is_multiple_of(heads) {
            return Err(self.bad(format!(
                "hidden_size {hidden_size} is not divisible by num_attention_heads {heads}, and `head_dim` is missing"
            )));
        }
        let kv_heads =
            self.size_or("num_key_value_heads", family.default("num_key_value_heads").unwrap_or(heads))?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(self.bad(format!(
                "num_attention_heads {heads} is not divisible by num_key_value_heads {kv_heads}"
            )));
        }
        let head_dim = self.size_or("head_dim", head_dim.unwrap_or((hidden_size / heads).max(1)))?;
        Ok(Shape { heads, kv_heads, head_dim })
    }

    /// How far back each layer sees [tokens]; `layer_types` goes before what the family does by itself.
    pub(super) fn windows(&self, family: &Family, layers: u32) -> Result<Vec<Option<u32>>, ModelError> {
        let stated = self.get("sliding_window").is_some() || family.default("sliding_window").is_some();
        let slides = self.flag("use_sliding_window", family.window != Window::Asked)?;
        let size = if stated && slides { Some(self.size(family, "sliding_window")?) } else { None };
        if let Some(types) = self.get("layer_types") {
            return self.typed_windows(types, size, layers);
        }
        let Some(size) = size else { return Ok(vec![None; layers as usize]) };
        let period = match family.window {
            Window::Asked => return Err(self.unsupported("sliding-window attention (`use_sliding_window`)")),
            Window::Every => return Ok(vec![Some(size); layers as usize]),
            Window::AllButEach(period) => self.size_or("sliding_window_pattern", period)?,
        };
        Ok((1..=layers).map(|layer| (!layer.is_multiple_of(period)).then_some(size)).collect())
    }

    fn typed_windows(
        &self,
        types: &Value,
        size: Option<u32>,
        layers: u32,
    ) -> Result<Vec<Option<u32>>, ModelError> {
        let types = types.as_array().filter(|types| types.len() == layers as usize);
        let types = types.ok_or_else(|| self.bad(format!("layer_types: not a list of {layers} layers")))?;
        let window = |kind: &Value| match (kind.as_str(), size) {
            (Some("full_attention"), _) => Ok(None),
            (Some("sliding_attention"), Some(size)) => Ok(Some(size)),
            (Some("sliding_attention"), None) => {
                Err(self.bad("layer_types: `sliding_attention` without a `sliding_window`"))
            }
            _ => Err(self.unsupported(format!("attention of the type {kind} (`layer_types`)"))),
        };
        types.iter().map(window).collect()
    }

    /// The longest sequence vLLM derives [tokens] (`_get_and_verify_max_len`, recalled): a scaled rotary embedding reaches
    /// further than `max_position_embeddings`, unless the number has the factor in it already.
    pub(super) fn context(&self, family: &Family) -> Result<u32, ModelError> {
        let stated = self.size(family, "max_position_embeddings")?;
        let scaling = self.get("rope_scaling").or_else(|| self.get("rope_parameters"));
        let Some(scaling) = scaling.filter(|_| !family.model_type.starts_with("gemma3")) else {
            return Ok(stated);
        };
        let kind = scaling.get("rope_type").or_else(|| scaling.get("type")).and_then(Value::as_str);
        let from = match kind {
            Some("default" | "su" | "longrope" | "llama3") => return Ok(stated),
            Some("yarn") => match scaling.get("original_max_position_embeddings").map(Value::as_u64) {
                None => f64::from(stated),
                Some(Some(original)) => original as f64,
                Some(None) => {
                    return Err(
                        self.bad("rope_scaling: `original_max_position_embeddings` is not a whole number")
                    );
                }
            },
            Some("linear" | "dynamic") => f64::from(stated),
            Some(other) => return Err(self.unsupported(format!("rope scaling of the type `{other}`"))),
            None => return Err(self.bad("rope_scaling: `rope_type` is missing")),
        };
        let factor = scaling.get("factor").map_or(Some(1.0), Value::as_f64);
        let context = factor.map(|factor| (from * factor).floor());
        match context.filter(|context| (1.0..=LARGEST as f64).contains(context)) {
            Some(context) => Ok(context as u32),
            None => Err(self.bad("rope_scaling: `factor` gives no context that could be")),
        }
    }
}
