//! A LeaderWorkerSet whose serving command is understood.

use serde_json::Value;

use crate::engine::{EngineArgs, ExecutorArg, ServeCommand, Server};
use crate::kubernetes::{Container, Manifest, PodArgs, SigtermArg};
use crate::scenario::ScenarioError;
use crate::units::Version;

/// A manifest with its engine.
#[derive(Clone, Debug)]
pub struct ManifestDeployment {
    /// The LeaderWorkerSet.
    pub manifest: Manifest,
    /// The container that serves.
    pub container: Container,
    /// What it runs.
    pub command: ServeCommand,
    /// The engine's arguments.
    pub engine: EngineArgs,
    /// Why the engine's version is not stated, or is not the one of the image.
    pub version_unknown: Option<String>,
    /// Its pods.
    pub pod: Option<PodArgs>,
    /// What was ignored, a line each.
    pub remarks: Vec<String>,
}

impl ManifestDeployment {
    /// Finds the engine in the leader's containers.
    ///
    /// # Errors
    /// If there is none that can be simulated, or its arguments make no sense.
    pub fn read(manifest: Manifest) -> Result<Self, ScenarioError> {
        let (container, command) = find(&manifest)?;
        let mut remarks = manifest.remarks.clone();
        let at = container.command_at();
        for flag in &command.unknown {
            let what = format!("`{}` is not known; ignored{}", flag.word, flag.suggestion);
            remarks.push(manifest.remark(&at, &what));
        }
        remarks.extend(command.remarks(manifest.size()).iter().map(|what| manifest.remark(&at, what)));
        let set = container
            .variables
            .keys()
            .filter(|name| name.starts_with("VLLM_") || name.starts_with("SGLANG_"));
        for name in set {
            remarks.push(manifest.remark(&container.at, &format!("env {name}: ignored")));
        }
        let mut engine: EngineArgs = manifest.typed(&at, &Value::Object(command.engine.clone()))?;
        let version_unknown = version(&mut engine, &container, command.server);
        let spans_pods = manifest.size() > 1 && engine.distributed_executor_backend.is_none();
        if spans_pods && version_unknown.is_some() && command.server != Server::TensorRtLlm {
            // Releases that are new enough ask for it, and nothing says that this is not one.
            let driver = if command.starts_ray { ExecutorArg::Ray } else { ExecutorArg::Mp };
            engine.distributed_executor_backend = Some(driver);
        }
        if container.readiness_probe.is_none() {
            let what = "no readinessProbe: that of LeaderWorkerSet's vLLM example is taken";
            remarks.push(manifest.remark(&container.at, what));
        }
        if manifest.leader.pod.tolerations != manifest.worker.pod.tolerations {
            let what = "tolerations of the workers differ from the leader's; the leader's are taken";
            remarks.push(manifest.remark(&manifest.worker.at, what));
        }
        let pod = PodArgs {
            pre_stop: container.pre_stop,
            readiness_probe: container.readiness_probe,
            // A shell that is process 1 does not pass the signal on, which is the default.
            sigterm: command.is_process_1.then_some(SigtermArg::Abort),
            ..manifest.leader.pod.clone()
        };
        let pod = Some(pod).filter(|pod| *pod != PodArgs::default());
        Ok(Self { manifest, container, command, engine, version_unknown, pod, remarks })
    }
}

/// The first container of the leader that runs a serving engine.
fn find(manifest: &Manifest) -> Result<(Container, ServeCommand), ScenarioError> {
    let accelerated = |container: &Container| container.gpus > 0 || container.tpus > 0;
    let some_are = manifest.leader.containers.iter().any(accelerated);
    for container in &manifest.leader.containers {
        let image = container.image.rsplit('/').next().unwrap_or_default();
        // A side-car of the same project, such as a router, has no GPU where the engine has some.
        let serves =
            image.contains("vllm") && !container.args.is_empty() && (accelerated(container) || !some_are);
        let entrypoint = serves.then_some(Server::Vllm);
        let found = ServeCommand::find(&container.command, &container.args, &container.variables, entrypoint)
            .map_err(|error| manifest.error(&container.command_at(), error.to_string()))?;
        if let Some(command) = found {
            return Ok((container.clone(), command));
        }
    }
    let container = &manifest.leader.containers[0];
    let message = format!(
        "no serving engine found in container `{}`: expected `vllm serve MODEL`, `python3 -m \
         vllm.entrypoints.openai.api_server`, `python3 -m sglang.launch_server` or `trtllm-serve MODEL`",
        container.name
    );
    Err(manifest.error(&container.command_at(), message))
}

/// Takes the version from the image's tag; returns why that could not be done.
fn version(engine: &mut EngineArgs, container: &Container, server: Server) -> Option<String> {
    if server == Server::Sglang {
        return Some("SGLang is simulated as this release of vLLM".to_owned());
    }
    let backend = engine.backend.unwrap_or_default();
    let tag = container.image_tag();
    let Some(version) = release(tag) else { return Some(format!("the image's tag is `{tag}`")) };
    let (oldest, newest) = backend.known();
    if (oldest..backend.unknown()).contains(&version) {
        engine.version = Some(version);
        return None;
    }
    engine.version = Some(if version < oldest { oldest } else { newest });
    Some(format!("{} {version} is not known", backend.title()))
}

/// The release that a tag such as `v0.8.5.post1` or `v0.9.2-cu128` names.
fn release(tag: &str) -> Option<Version> {
    let digits = tag.strip_prefix('v').unwrap_or(tag);
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let version: Version = digits[..end].trim_end_matches('.').parse().ok()?;
    // NVIDIA tags its images with year and month.
    (version < Version::new(20, 0, 0)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_releases() {
        let read = |tag| release(tag).map(|version| version.to_string());
        let tags = ["v0.8.5", "v0.8.5.post1", "v0.9.2-cu128", "0.20.0"].map(read);
        assert_eq!(tags, ["0.8.5", "0.8.5", "0.9.2", "0.20"].map(|text| Some(text.to_owned())));
        assert_eq!(["latest", "nightly-1", "20250430_0916", "25.09-py3", ""].map(read), [const { None }; 5]);
    }
}
