//! A `vllm serve` command line as a scenario.

use serde_json::{Map, Value, json};

use crate::catalog::suggestion;
use crate::scenario::ScenarioError;

/// Flags that a number, a word or a list follows, and that matter to the engine.
const VALUES: [&str; 16] = [
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "distributed_executor_backend",
    "max_model_len",
    "dtype",
    "quantization",
    "kv_cache_dtype",
    "max_num_seqs",
    "max_num_batched_tokens",
    "gpu_memory_utilization",
    "block_size",
    "num_gpu_blocks_override",
    "long_prefill_token_threshold",
    "scheduling_policy",
    "num_scheduler_steps",
    "max_seq_len_to_capture",
];

/// Flags that stand alone, with `--no-` in front or not.
const SWITCHES: [&str; 5] = [
    "enable_chunked_prefill",
    "enable_prefix_caching",
    "async_scheduling",
    "enforce_eager",
    "disable_hybrid_kv_cache_manager",
];

/// Flags that do not change what a GPU holds: with a value, or alone.
const OTHERS: [(&str, bool); 17] = [
    ("host", true),
    ("port", true),
    ("api_key", true),
    ("served_model_name", true),
    ("download_dir", true),
    ("seed", true),
    ("nnodes", true),
    ("node_rank", true),
    ("master_addr", true),
    ("load_format", true),
    ("chat_template", true),
    ("tool_call_parser", true),
    ("uvicorn_log_level", true),
    ("trust_remote_code", false),
    ("disable_log_requests", false),
    ("disable_log_stats", false),
    ("enable_auto_tool_choice", false),
];

fn error(message: String) -> ScenarioError {
    ScenarioError::file("vllm serve", message)
}

/// The scenario, as JSON text, that holds the command's engine on `nodes` nodes of `machine`; `base` is the rest of it,
/// `usd_per_node_hour` a price that goes before the catalogue's.
pub(in crate::cli) fn scenario(
    machine: &str,
    nodes: u32,
    version: Option<&str>,
    command: &[String],
    base: Map<String, Value>,
    usd_per_node_hour: Option<f64>,
) -> Result<String, ScenarioError> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let words = words.strip_prefix(&["vllm", "serve"]).unwrap_or(&words);
    let (model, mut engine) = parse(words)?;
    if let Some(version) = version {
        engine.insert("version".to_owned(), json!(version));
    }
    let placements = json!([{
        "name": machine,
        "node_pools": [{"name": "pool", "machine": machine, "nodes": nodes, "usd_per_node_hour": usd_per_node_hour}],
        "deployments": [{
            "name": "vllm",
            "node_pool": "pool",
            "model": model,
            "engine": engine,
            "leaderworkerset": {"leaderWorkerTemplate": {"size": nodes}},
        }],
    }]);
    let mut scenario = base;
    scenario.insert("placements".to_owned(), placements);
    Ok(Value::Object(scenario).to_string())
}

/// Model and engine arguments.
fn parse(words: &[&str]) -> Result<(String, Map<String, Value>), ScenarioError> {
    let mut model = None;
    let mut engine = Map::new();
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = flag_name(word) else {
            if model.replace(word.to_owned()).is_some() {
                return Err(error(format!("`{word}`: only one model can be served")));
            }
            continue;
        };
        let (name, given) = flag;
        let switch = name.strip_prefix("no_").unwrap_or(&name);
        if SWITCHES.contains(&switch) && given.is_none() {
            engine.insert(switch.to_owned(), json!(switch == name));
            continue;
        }
        if OTHERS.contains(&(name.as_str(), false)) {
            continue;
        }
        let known =
            VALUES.contains(&name.as_str()) || name == "model" || OTHERS.contains(&(name.as_str(), true));
        if !known {
            let names =
                VALUES.into_iter().chain(SWITCHES).map(|name| name.replace('_', "-")).collect::<Vec<_>>();
            let near = suggestion(&name.replace('_', "-"), names.iter().map(String::as_str));
            return Err(error(format!("unknown flag `{word}`{near}")));
        }
        let value = given.map(ToOwned::to_owned).or_else(|| words.next().map(ToOwned::to_owned));
        let value = value.ok_or_else(|| error(format!("`{word}` needs a value")))?;
        if name == "model" {
            model = Some(value);
        } else if VALUES.contains(&name.as_str()) {
            let value = if name.starts_with("max_") { human_readable(&value) } else { None }
                .map_or_else(|| scalar(&value), Value::from);
            engine.insert(name, value);
        }
    }
    let model = model.ok_or_else(|| error("no model: expected `vllm serve MODEL ...`".to_owned()))?;
    Ok((model, engine))
}

/// `--a-b`, `--a_b=v` and vLLM's short forms, as the name of a field and what follows `=`.
fn flag_name(word: &str) -> Option<(String, Option<&str>)> {
    let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
    let name = match flag {
        "-tp" => "tensor_parallel_size".to_owned(),
        "-pp" => "pipeline_parallel_size".to_owned(),
        "-q" => "quantization".to_owned(),
        _ => flag.strip_prefix("--")?.replace('-', "_"),
    };
    Some((name, value))
}

/// `8k` is 8000 and `8K` is 8192; only the decimal ones take a fraction, as in `25.6k` (vLLM `engine/arg_utils.py`,
/// `human_readable_int`).
fn human_readable(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let power = "kmgt".find(&unit.to_ascii_lowercase())? as u32 + 1;
    if unit.chars().all(char::is_uppercase) {
        return digits.parse::<u64>().ok()?.checked_mul(1_u64 << (10 * power));
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = 10_u64.pow(3 * power);
    let fine = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(parts.checked_mul(scale)? / fine)
}

/// A number where it is one.
fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) => Value::Number(number),
        _ => Value::String(text.to_owned()),
    }
}

/// An error about a field, in the words of the command line.
pub(in crate::cli) fn in_flags(error: &ScenarioError) -> ScenarioError {
    let problem = error.problem();
    let name = problem.path.rsplit('.').next().unwrap_or_default();
    let flag = match name {
        "machine" => "--machine".to_owned(),
        "version" => "--vllm-version".to_owned(),
        "model" => "model".to_owned(),
        "duration" | "rate" | "lengths" => format!("--{name}"),
        "region" | "provisioning" | "commitment" => format!("--set {}", problem.path),
        _ if problem.path.contains(".lengths") => "--lengths".to_owned(),
        _ if problem.path.contains(".engine.") => format!("--{}", name.replace('_', "-")),
        _ => "--nodes".to_owned(),
    };
    ScenarioError::file("vllm serve", format!("{flag}: {}", problem.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_vllm_reads_them() {
        let read = |text| human_readable(text);
        assert_eq!(
            [read("8k"), read("8K"), read("1M"), read("25.6k")],
            [8000, 8192, 1 << 20, 25_600].map(Some)
        );
        assert_eq!([read("8192"), read("1.5K"), read("k"), read(""), read("99999999T")], [None; 5]);
    }
}
