//! `quantization_config` of a checkpoint: which matrices of which layer are FP8.

use serde_json::Value;

use super::{LayerPrecision, Precision};

/// Why a quantised checkpoint cannot be read.
pub(super) enum Problem {
    /// The configuration makes no sense.
    Bad(String),
    /// It makes sense and is not simulated.
    Unsupported(String),
}

/// Projections vLLM fuses, and the checkpoint's names of their parts.
const QKV: [&str; 3] = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];
const O: [&str; 1] = ["self_attn.o_proj"];
const GATE_UP: [&str; 2] = ["mlp.gate_proj", "mlp.up_proj"];
const DOWN: [&str; 1] = ["mlp.down_proj"];

/// Formats of every layer.
pub(super) fn layers(config: &Value, layers: u32, dtype: Precision) -> Result<Vec<LayerPrecision>, Problem> {
    let method = config.get("quant_method").and_then(Value::as_str).unwrap_or("");
    let kept = match method {
        "fp8" | "fbgemm_fp8" => {
            let activations = config.get("activation_scheme").and_then(Value::as_str);
            if config.get("weight_block_size").is_some_and(|size| !size.is_null()) {
                return Err(Problem::Unsupported("block-wise FP8 (`weight_block_size`)".to_owned()));
            }
            if activations.is_some_and(|scheme| !["static", "dynamic"].contains(&scheme)) {
                return Err(Problem::Bad("activation_scheme is not `static` or `dynamic`".to_owned()));
            }
            patterns(config.get("modules_to_not_convert").or_else(|| config.get("ignored_layers")))?
        }
        "compressed-tensors" => {
            compressed_groups(config)?;
            patterns(config.get("ignore"))?
        }
        "modelopt" => {
            let algorithm = config.get("quant_algo").and_then(Value::as_str).unwrap_or("");
            if algorithm != "FP8" {
                return Err(Problem::Unsupported(format!(
                    "quant_algo `{algorithm}` of modelopt (known: FP8)"
                )));
            }
            patterns(config.get("ignore").or_else(|| config.get("exclude_modules")))?
        }
        "" => return Err(Problem::Bad("quantization_config without `quant_method`".to_owned())),
        other => {
            let known = "fp8, fbgemm_fp8, modelopt, compressed-tensors with 8-bit floats";
            return Err(Problem::Unsupported(format!("quant_method `{other}` (known: {known})")));
        }
    };
    let precision = |layer: u32, parts: &[&str]| {
        let skipped = |part: &&str| kept.iter().any(|k| k.covers(&format!("model.layers.{layer}.{part}")));
        match parts.iter().filter(|part| skipped(part)).count() {
            0 => Ok(Precision::Fp8),
            n if n == parts.len() => Ok(dtype),
            // vLLM's is_layer_skipped: shards of a fused matrix must agree.
            _ => Err(Problem::Bad(format!(
                "layer {layer}: some but not all of {} are quantized; all shards of a fused layer must have the \
                 same precision",
                parts.join(", ")
            ))),
        }
    };
    (0..layers)
        .map(|layer| {
            Ok(LayerPrecision {
                qkv: precision(layer, &QKV)?,
                o: precision(layer, &O)?,
                gate_up: precision(layer, &GATE_UP)?,
                down: precision(layer, &DOWN)?,
            })
        })
        .collect()
}

/// Every group of a compressed-tensors checkpoint must be 8-bit floats on all Linear layers.
fn compressed_groups(config: &Value) -> Result<(), Problem> {
    let groups = config.get("config_groups").and_then(Value::as_object);
    let groups =
        groups.ok_or_else(|| Problem::Bad("compressed-tensors without `config_groups`".to_owned()))?;
    for (name, group) in groups {
        let weights = group.get("weights");
        let field = |key: &str| weights.and_then(|w| w.get(key));
        let (kind, bits) = (field("type").and_then(Value::as_str), field("num_bits").and_then(Value::as_u64));
        if kind != Some("float") || bits != Some(8) {
            return Err(Problem::Unsupported(format!(
                "compressed-tensors {name} with {}-bit {} weights (only 8-bit float)",
                bits.map_or_else(|| "?".to_owned(), |bits| bits.to_string()),
                kind.unwrap_or("?")
            )));
        }
        let targets = group.get("targets").and_then(Value::as_array);
        if !targets.is_some_and(|targets| targets.iter().any(|target| target == "Linear")) {
            return Err(Problem::Unsupported(format!(
                "compressed-tensors {name} with targets other than Linear"
            )));
        }
    }
    if let Some(scheme) = config.get("kv_cache_scheme").filter(|scheme| !scheme.is_null())
        && scheme.get("num_bits").and_then(Value::as_u64) != Some(8)
    {
        return Err(Problem::Unsupported("a kv_cache_scheme that is not 8-bit".to_owned()));
    }
    Ok(())
}

/// A name in a list of modules that stay unquantised.
enum Pattern {
    /// A module, or one it is part of.
    Module(String),
    /// `re:` with `.*` for anything; the pieces between, in order.
    Pieces(Vec<String>),
}

impl Pattern {
    fn covers(&self, module: &str) -> bool {
        match self {
            Self::Module(name) => {
                module == name
                    || module.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
                    || module.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            Self::Pieces(pieces) => {
                let mut rest = module;
                for (index, piece) in pieces.iter().enumerate() {
                    let Some(at) = rest.find(piece.as_str()) else { return false };
                    if index == 0 && at > 0 {
                        return false;
                    }
                    rest = &rest[at + piece.len()..];
                }
                true
            }
        }
    }
}

fn patterns(list: Option<&Value>) -> Result<Vec<Pattern>, Problem> {
    let Some(list) = list.filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let names = list.as_array().ok_or_else(|| Problem::Bad(format!("{list} is not a list of modules")))?;
    names
        .iter()
        .map(|name| {
            let name = name.as_str().ok_or_else(|| Problem::Bad(format!("{name} is not a module name")))?;
            let Some(expression) = name.strip_prefix("re:") else {
                return Ok(Pattern::Module(name.to_owned()));
            };
            let plain = expression.replace("\\.", "\u{0}");
            let pieces: Vec<String> = plain.split(".*").map(|piece| piece.replace('\u{0}', ".")).collect();
            if plain.replace(".*", "").contains(['.', '*', '+', '?', '[', '(', '|', '^', '$', '\\', '{']) {
                return Err(Problem::Unsupported(format!("the module pattern `{name}`")));
            }
            Ok(Pattern::Pieces(pieces))
        })
        .collect()
}
