//! `quantization_config` of a checkpoint: which matrices of which layer are FP8 or 4-bit integers.

mod compressed;

use serde_json::Value;

use super::{Int4, LayerPrecision, Precision, WeightFormat};

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

/// Where a layer may stand in the names of a checkpoint; the latter two in those of multimodal models.
const LAYERS: [&str; 3] = ["model.layers", "language_model.model.layers", "model.language_model.layers"];

/// Formats of every layer.
pub(super) fn layers(config: &Value, layers: u32, dtype: Precision) -> Result<Vec<LayerPrecision>, Problem> {
    let (quantized, kept) = method(config)?;
    let format = |layer: u32, parts: &[&str]| {
        let covered = |module: &str| kept.iter().any(|pattern| pattern.covers(module));
        let skipped = |part: &&&str| LAYERS.iter().any(|at| covered(&format!("{at}.{layer}.{part}")));
        match parts.iter().filter(skipped).count() {
            0 => Ok(quantized),
            n if n == parts.len() => Ok(WeightFormat::Plain(dtype)),
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
                qkv: format(layer, &QKV)?,
                o: format(layer, &O)?,
                gate_up: format(layer, &GATE_UP)?,
                down: format(layer, &DOWN)?,
            })
        })
        .collect()
}

/// The format of what is quantised, and what is not.
fn method(config: &Value) -> Result<(WeightFormat, Vec<Pattern>), Problem> {
    match config.get("quant_method").and_then(Value::as_str).unwrap_or("") {
        "fp8" | "fbgemm_fp8" => {
            let activations = config.get("activation_scheme").and_then(Value::as_str);
            if config.get("weight_block_size").is_some_and(|size| !size.is_null()) {
                return Err(Problem::Unsupported("block-wise FP8 (`weight_block_size`)".to_owned()));
            }
            if activations.is_some_and(|scheme| !["static", "dynamic"].contains(&scheme)) {
                return Err(Problem::Bad("activation_scheme is not `static` or `dynamic`".to_owned()));
            }
            let kept = config.get("modules_to_not_convert").or_else(|| config.get("ignored_layers"));
            Ok((WeightFormat::FP8, patterns(kept)?))
        }
        "compressed-tensors" => Ok((compressed::format(config)?, patterns(config.get("ignore"))?)),
        "modelopt" => {
            let algorithm = config.get("quant_algo").and_then(Value::as_str).unwrap_or("");
            if algorithm != "FP8" {
                return Err(Problem::Unsupported(format!(
                    "quant_algo `{algorithm}` of modelopt (known: FP8)"
                )));
            }
            let kept = config.get("ignore").or_else(|| config.get("exclude_modules"));
            Ok((WeightFormat::FP8, patterns(kept)?))
        }
        "awq" => {
            let kept = patterns(config.get("modules_to_not_convert"))?;
            let kept = kept.into_iter().map(Pattern::anywhere).collect();
            Ok((int4(config, "awq", config.get("zero_point"))?, kept))
        }
        "gptq" => {
            let of_modules = |rules: &Value| rules.as_object().is_some_and(|rules| !rules.is_empty());
            if config.get("dynamic").is_some_and(of_modules) {
                return Err(Problem::Unsupported("gptq with rules by module (`dynamic`)".to_owned()));
            }
            if config.get("lm_head") == Some(&Value::Bool(true)) {
                return Err(Problem::Unsupported("gptq with a quantised `lm_head`".to_owned()));
            }
            let symmetric = config.get("sym").and_then(Value::as_bool).unwrap_or(true);
            Ok((int4(config, "gptq", Some(&Value::Bool(!symmetric)))?, Vec::new()))
        }
        "" => Err(Problem::Bad("quantization_config without `quant_method`".to_owned())),
        other => {
            let known = "fp8, fbgemm_fp8, modelopt, awq, gptq, compressed-tensors with 8-bit floats or 4-bit integers";
            Err(Problem::Unsupported(format!("quant_method `{other}` (known: {known})")))
        }
    }
}

/// The format of AWQ and GPTQ, of which only 4 bits are simulated.
fn int4(config: &Value, method: &str, zero_points: Option<&Value>) -> Result<WeightFormat, Problem> {
    let bits = config.get("bits").or_else(|| config.get("w_bit"));
    if bits.and_then(Value::as_u64) != Some(4) {
        let bits = bits.map_or_else(|| "no stated".to_owned(), Value::to_string);
        return Err(Problem::Unsupported(format!("{method} with {bits} bits (only 4)")));
    }
    let size = config.get("group_size").or_else(|| config.get("q_group_size"));
    let zero_points = zero_points.and_then(Value::as_bool).unwrap_or(true);
    Ok(WeightFormat::Int4(Int4 { group_size: group_size(size)?, zero_points }))
}

/// Inputs of a group; -1 and nothing are the whole column.
fn group_size(value: Option<&Value>) -> Result<Option<u32>, Problem> {
    match value.filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) if value.as_i64() == Some(-1) => Ok(None),
        Some(value) => match value.as_u64().filter(|size| (8..=65_536).contains(size)) {
            Some(size) => Ok(Some(size as u32)),
            None => Err(Problem::Bad(format!("group_size: {value} is not -1 or a number from 8 to 65536"))),
        },
    }
}

/// A name in a list of modules that stay unquantised.
enum Pattern {
    /// A module, or one it is part of.
    Module(String),
    /// `re:` with `.*` for anything; the pieces between, in order.
    Pieces(Vec<String>),
}

impl Pattern {
    /// The same wherever the name stands in that of a module, as AWQ compares.
    fn anywhere(self) -> Self {
        match self {
            Self::Module(name) => Self::Pieces(vec![String::new(), name]),
            pieces @ Self::Pieces(_) => pieces,
        }
    }

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
