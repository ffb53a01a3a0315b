//! What the containers of a group run.

use serde_json::{Value, json};

use super::Place;
use crate::engine::{Backend, ExecutorArg, NNODES_SINCE, flag};
use crate::hardware::StorageKind;
use crate::kubernetes::SigtermArg;

/// Where a volume of weights is mounted.
pub(super) const MODELS: &str = "/models";

/// Fields of the engine that no flag says; the version is the image's tag.
pub(super) const NO_FLAG: [&str; 4] = ["backend", "version", "watermark", "cudagraph_capture_sizes"];

/// Manifests are written for vLLM only, and for releases that can do what is asked; the error names the field.
pub(super) fn check(place: &Place<'_>) -> Result<(), (&'static str, String)> {
    let engine = &place.deployment.engine;
    if let other @ Backend::TensorRtLlm = engine.backend.unwrap_or_default() {
        let why = format!("manifests are written for vLLM, not for {}", other.title());
        return Err(("engine.backend", why));
    }
    let version = place.version();
    if spans_as_processes(place) && version < NNODES_SINCE {
        let why = format!("vLLM {version} has no `--nnodes`, with which mp spans nodes: expected ray");
        return Err(("engine.distributed_executor_backend", why));
    }
    Ok(())
}

fn spans_as_processes(place: &Place<'_>) -> bool {
    place.size() > 1 && place.deployment.engine.distributed_executor_backend == Some(ExecutorArg::Mp)
}

/// Fields of the engine that the release has no flag for.
pub(super) fn unknown_to_release(place: &Place<'_>) -> Vec<String> {
    let fields = fields(place).into_iter();
    let unknown = fields.filter(|(name, value)| flag(place.version(), name, value).is_none());
    unknown.map(|(name, _)| format!("engine.{name}: vLLM {} has no such flag", place.version())).collect()
}

/// `command` of the leader's container and of a worker's.
pub(super) fn commands(place: &Place<'_>) -> (Value, Value) {
    let abort = place.deployment.pod.as_ref().is_some_and(|pod| pod.sigterm == Some(SigtermArg::Abort));
    let serve = serve(place);
    let quoted: Vec<String> = serve.iter().map(|word| quoted(word)).collect();
    if place.size() == 1 {
        let alone = if abort { json!(serve) } else { shell(&lines(&quoted)) };
        return (alone.clone(), alone);
    }
    let exec = if abort { "exec " } else { "" };
    if spans_as_processes(place) {
        let nodes = ["--nnodes", "$(LWS_GROUP_SIZE)", "--master-addr", "$(LWS_LEADER_ADDRESS)"];
        let member = |rank: &[&str]| {
            let more = nodes.iter().chain(rank).map(|word| (*word).to_owned());
            shell(&format!("{exec}{}", lines(&quoted.iter().cloned().chain(more).collect::<Vec<_>>())))
        };
        let worker = member(&["--node-rank", "$(LWS_WORKER_INDEX)", "--headless"]);
        return (member(&["--node-rank", "0"]), worker);
    }
    // vLLM's own script waits until every worker has joined the Ray cluster.
    let script = "bash /vllm-workspace/examples/online_serving/multi-node-serving.sh";
    let leader = format!("{script} leader --ray_cluster_size=$(LWS_GROUP_SIZE)\n{exec}{}", lines(&quoted));
    (shell(&leader), shell(&format!("{script} worker --ray_address=$(LWS_LEADER_ADDRESS)")))
}

/// A word as a shell has to have it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=.,:/@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
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

/// Fields of the engine that flags say.
fn fields(place: &Place<'_>) -> Vec<(String, Value)> {
    let Ok(Value::Object(fields)) = serde_json::to_value(&place.deployment.engine) else {
        unreachable!("arguments are plain JSON")
    };
    fields.into_iter().filter(|(name, _)| !NO_FLAG.contains(&name.as_str())).collect()
}

/// `vllm serve` and its flags. Kubernetes makes one dollar sign of two.
fn serve(place: &Place<'_>) -> Vec<String> {
    let mut words = ["vllm", "serve", &model(place), "--port", "8080"].map(str::to_owned).to_vec();
    for (name, value) in fields(place) {
        words.extend(flag(place.version(), &name, &value).unwrap_or_default());
    }
    words.into_iter().map(|word| word.replace('$', "$$")).collect()
}

/// The model's name on the hub, or its path on the volume; vLLM wants the directory in which a `config.json` lies.
fn model(place: &Place<'_>) -> String {
    let name = &place.deployment.model;
    let name = name.strip_suffix("/config.json").unwrap_or(name);
    match place.pool.storage.map(|storage| storage.kind) {
        Some(StorageKind::HyperdiskMl | StorageKind::GcsFuse) => format!("{MODELS}/{name}"),
        Some(StorageKind::LocalSsd | StorageKind::Hub) | None => name.to_owned(),
    }
}
