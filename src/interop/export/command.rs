//! What the containers of a group run.

use serde_json::{Value, json};

use super::Place;
use crate::engine::{Backend, ExecutorArg};
use crate::hardware::StorageKind;
use crate::kubernetes::SigtermArg;
use crate::scenario::DeploymentArgs;

/// Where a volume of weights is mounted.
pub(super) const MODELS: &str = "/models";

/// Fields of the engine that no flag says; the version is the image's tag.
pub(super) const NO_FLAG: [&str; 4] = ["backend", "version", "watermark", "cudagraph_capture_sizes"];

/// Manifests are written for vLLM only.
pub(super) fn vllm_only(deployment: &DeploymentArgs) -> Result<(), String> {
    match deployment.engine.backend.unwrap_or_default() {
        Backend::Vllm => Ok(()),
        other @ Backend::TensorRtLlm => {
            Err(format!("manifests are written for vLLM, not for {}", other.title()))
        }
    }
}

/// `command` of the leader's container and of a worker's.
pub(super) fn commands(place: &Place<'_>) -> (Value, Value) {
    let args = &place.deployment.engine;
    let abort = place.deployment.pod.as_ref().is_some_and(|pod| pod.sigterm == Some(SigtermArg::Abort));
    let serve = serve(place);
    if place.size() == 1 {
        let alone = if abort { json!(serve) } else { shell(&lines(&serve)) };
        return (alone.clone(), alone);
    }
    let exec = if abort { "exec " } else { "" };
    if args.distributed_executor_backend == Some(ExecutorArg::Mp) {
        let nodes = ["--nnodes", "$(LWS_GROUP_SIZE)", "--master-addr", "$(LWS_LEADER_ADDRESS)"];
        let nodes = nodes.map(str::to_owned);
        let member = |rank: &[&str]| {
            let words: Vec<String> = serve
                .iter()
                .chain(&nodes)
                .cloned()
                .chain(rank.iter().map(|word| (*word).to_owned()))
                .collect();
            shell(&format!("{exec}{}", lines(&words)))
        };
        let worker = member(&["--node-rank", "$(LWS_WORKER_INDEX)", "--headless"]);
        return (member(&["--node-rank", "0"]), worker);
    }
    // vLLM's own script waits until every worker has joined the Ray cluster.
    let script = "bash /vllm-workspace/examples/online_serving/multi-node-serving.sh";
    let leader = format!("{script} leader --ray_cluster_size=$(LWS_GROUP_SIZE)\n{exec}{}", lines(&serve));
    (shell(&leader), shell(&format!("{script} worker --ray_address=$(LWS_LEADER_ADDRESS)")))
}

fn shell(script: &str) -> Value {
    json!(["sh", "-c", script])
}

/// One word, or flag and value, a line.
fn lines(words: &[String]) -> String {
    let mut text = words[..3].join(" ");
    for word in &words[3..] {
        let flag = word.starts_with("--");
        text.push_str(if flag { " \\\n  " } else { " " });
        text.push_str(word);
    }
    text + "\n"
}

/// `vllm serve` and its flags.
fn serve(place: &Place<'_>) -> Vec<String> {
    let mut words =
        vec!["vllm".to_owned(), "serve".to_owned(), model(place), "--port".to_owned(), "8080".to_owned()];
    let Ok(Value::Object(fields)) = serde_json::to_value(&place.deployment.engine) else {
        unreachable!("arguments are plain JSON")
    };
    for (name, value) in fields.into_iter().filter(|(name, _)| !NO_FLAG.contains(&name.as_str())) {
        let flag = name.replace('_', "-");
        match value {
            Value::Bool(true) => words.push(format!("--{flag}")),
            Value::Bool(false) => words.push(format!("--no-{flag}")),
            Value::String(text) => words.extend([format!("--{flag}"), text]),
            other => words.extend([format!("--{flag}"), other.to_string()]),
        }
    }
    words
}

/// The model's name on the hub, or its path on the volume.
fn model(place: &Place<'_>) -> String {
    let name = &place.deployment.model;
    match place.pool.storage.map(|storage| storage.kind) {
        Some(StorageKind::HyperdiskMl | StorageKind::GcsFuse) => format!("{MODELS}/{name}"),
        Some(StorageKind::LocalSsd | StorageKind::Hub) | None => name.clone(),
    }
}
