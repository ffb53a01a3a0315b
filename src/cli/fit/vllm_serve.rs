//! A `vllm serve` command line as a scenario.

use serde_json::{Map, Value, json};

use crate::engine::ServeCommand;
use crate::scenario::ScenarioError;

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
    let ServeCommand { model, mut engine, unknown, .. } =
        ServeCommand::typed(command).map_err(|problem| error(problem.to_string()))?;
    if let Some(flag) = unknown.first() {
        return Err(error(format!("unknown flag `{}`{}", flag.word, flag.suggestion)));
    }
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
