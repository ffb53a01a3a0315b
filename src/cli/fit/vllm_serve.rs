//! A `vllm serve` command line as a scenario.

use serde_json::{Map, Value, json};

use crate::engine::ServeCommand;
use crate::scenario::ScenarioError;

fn error(message: String) -> ScenarioError {
    ScenarioError::file("vllm serve", message)
}

/// Reads the command; a flag that is not known is an error here, where nobody else could have a use for it.
pub(in crate::cli) fn read(words: &[String]) -> Result<ServeCommand, ScenarioError> {
    let command = ServeCommand::typed(words).map_err(|problem| error(problem.to_string()))?;
    match command.unknown.first() {
        Some(flag) => Err(error(format!("unknown flag `{}`{}", flag.word, flag.suggestion))),
        None => Ok(command),
    }
}

/// The scenario, as JSON text, that holds the command's engine on `nodes` nodes of `machine`; `base` is the rest of it.
pub(in crate::cli) fn scenario(
    machine: &str,
    nodes: u32,
    version: Option<&str>,
    command: ServeCommand,
    base: Map<String, Value>,
) -> String {
    let ServeCommand { model, mut engine, .. } = command;
    if let Some(version) = version {
        engine.insert("version".to_owned(), json!(version));
    }
    let placements = json!([{
        "name": machine,
        "node_pools": [{"name": "pool", "machine": machine, "nodes": nodes}],
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
    Value::Object(scenario).to_string()
}

/// An error about a field, in the words of the command line.
pub(in crate::cli) fn in_flags(wrong: &ScenarioError) -> ScenarioError {
    let problem = wrong.problem();
    let path = problem.path.as_str();
    let name = path.rsplit('.').next().unwrap_or_default();
    let flag = match name {
        "machine" => "--machine".to_owned(),
        "version" => "--vllm-version".to_owned(),
        "model" => "model".to_owned(),
        "duration" | "rate" | "lengths" => format!("--{name}"),
        "nodes" | "size" => "--nodes".to_owned(),
        _ if path.contains(".lengths") => "--lengths".to_owned(),
        _ if path.contains(".engine.") => format!("--{}", name.replace('_', "-")),
        "" => return error(problem.message.clone()),
        _ => format!("--set {path}"),
    };
    error(format!("{flag}: {}", problem.message))
}
