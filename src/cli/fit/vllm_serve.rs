//! A `vllm serve` command line as a scenario.

use serde_json::json;

use crate::engine::ServeCommand;
use crate::scenario::ScenarioError;

fn error(message: String) -> ScenarioError {
    ScenarioError::file("vllm serve", message)
}

/// The scenario, as JSON text, that holds the command's engine on `nodes` nodes of `machine`.
pub(super) fn scenario(
    machine: &str,
    nodes: u32,
    version: Option<&str>,
    command: &[String],
) -> Result<String, ScenarioError> {
    let ServeCommand { model, mut engine, unknown, .. } =
        ServeCommand::typed(command).map_err(|problem| error(problem.to_string()))?;
    if let Some(flag) = unknown.first() {
        return Err(error(format!("unknown flag `{}`{}", flag.word, flag.suggestion)));
    }
    if let Some(version) = version {
        engine.insert("version".to_owned(), json!(version));
    }
    let scenario = json!({
        "name": "fit",
        "workloads": [{"name": "none", "requests": [{"input_tokens": 1, "output_tokens": 1}]}],
        "placements": [{
            "name": machine,
            "node_pools": [{"name": "pool", "machine": machine, "nodes": nodes, "usd_per_node_hour": 0}],
            "deployments": [{
                "name": "vllm",
                "node_pool": "pool",
                "model": model,
                "engine": engine,
                "leaderworkerset": {"leaderWorkerTemplate": {"size": nodes}},
            }],
        }],
    });
    Ok(scenario.to_string())
}

/// An error about a field, in the words of the command line.
pub(super) fn in_flags(error: &ScenarioError) -> ScenarioError {
    let problem = error.problem();
    let name = problem.path.rsplit('.').next().unwrap_or_default();
    let flag = match name {
        "machine" => "--machine".to_owned(),
        "version" => "--vllm-version".to_owned(),
        "model" => "model".to_owned(),
        _ if problem.path.contains(".engine.") => format!("--{}", name.replace('_', "-")),
        _ => "--nodes".to_owned(),
    };
    ScenarioError::file("vllm serve", format!("{flag}: {}", problem.message))
}
