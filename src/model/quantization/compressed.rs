//! Checkpoints of compressed-tensors, as llm-compressor writes them.

use serde_json::Value;

use super::{Problem, group_size};
use crate::model::{Int4, WeightFormat};

/// The one format of all groups: 8-bit floats, or 4-bit integers under 16-bit activations.
pub(super) fn format(config: &Value) -> Result<WeightFormat, Problem> {
    let groups = config.get("config_groups").and_then(Value::as_object);
    let groups = groups
        .filter(|groups| !groups.is_empty())
        .ok_or_else(|| Problem::Bad("compressed-tensors without `config_groups`".to_owned()))?;
    let mut formats =
        groups.iter().map(|(name, group)| of_group(name, group)).collect::<Result<Vec<_>, _>>()?;
    formats.dedup();
    if let Some(scheme) = config.get("kv_cache_scheme").filter(|scheme| !scheme.is_null())
        && scheme.get("num_bits").and_then(Value::as_u64) != Some(8)
    {
        return Err(Problem::Unsupported("a kv_cache_scheme that is not 8-bit".to_owned()));
    }
    match formats[..] {
        [format] => Ok(format),
        _ => Err(Problem::Unsupported("compressed-tensors with groups of several formats".to_owned())),
    }
}

fn of_group(name: &str, group: &Value) -> Result<WeightFormat, Problem> {
    let weights = group.get("weights");
    let field = |key: &str| weights.and_then(|weights| weights.get(key)).filter(|value| !value.is_null());
    let (kind, bits) = (field("type").and_then(Value::as_str), field("num_bits").and_then(Value::as_u64));
    let targets = group.get("targets").and_then(Value::as_array);
    if !targets.is_some_and(|targets| targets.iter().any(|target| target == "Linear")) {
        return Err(Problem::Unsupported(format!(
            "compressed-tensors {name} with targets other than Linear"
        )));
    }
    let quantises_activations = group.get("input_activations").is_some_and(|scheme| !scheme.is_null());
    match (kind, bits) {
        (Some("float"), Some(8)) if field("strategy").and_then(Value::as_str) == Some("block") => {
            Err(Problem::Unsupported(format!("compressed-tensors {name} with block-wise FP8")))
        }
        (Some("float"), Some(8)) => Ok(WeightFormat::FP8),
        (Some("int"), Some(4)) if quantises_activations => Err(Problem::Unsupported(format!(
            "compressed-tensors {name} with 4-bit weights and quantised activations"
        ))),
        (Some("int"), Some(4)) => Ok(WeightFormat::Int4(Int4 {
            group_size: group_size(field("group_size"))?,
            zero_points: field("symmetric").and_then(Value::as_bool) == Some(false),
        })),
        _ => Err(Problem::Unsupported(format!(
            "compressed-tensors {name} with {}-bit {} weights (only 8-bit float and 4-bit int)",
            bits.map_or_else(|| "?".to_owned(), |bits| bits.to_string()),
            kind.unwrap_or("?")
        ))),
    }
}
