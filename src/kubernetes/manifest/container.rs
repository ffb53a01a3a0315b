//! A container of a pod template.

use std::collections::BTreeMap;

use serde_json::Value;

use super::part::Part;
use super::quantity::quantity;
use crate::document::{FileError, path::field};
use crate::kubernetes::{PreStopArgs, ProbeArgs};
use crate::units::SimDuration;

/// What a container runs and asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Where it stands, such as `spec.leaderWorkerTemplate.workerTemplate.spec.containers[0]`.
    pub at: String,
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// What it runs instead of the image's own command.
    pub command: Vec<String>,
    /// What comes behind that.
    pub args: Vec<String>,
    /// Variables whose value is known.
    pub variables: BTreeMap<String, String>,
    /// NVIDIA GPUs.
    pub gpus: u32,
    /// Google TPUs.
    pub tpus: u32,
    /// When it counts as ready.
    pub readiness_probe: Option<ProbeArgs>,
    /// What it does before it is told to end.
    pub pre_stop: Option<PreStopArgs>,
    /// Where volumes are mounted: path and name.
    pub mounts: Vec<(String, String)>,
}

impl Container {
    pub(super) fn read(
        part: &mut Part<'_>,
        config_maps: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Self, FileError> {
        let (gpus, tpus) = accelerators(part)?;
        Ok(Self {
            at: part.at.clone(),
            name: part.needed_text("name")?,
            image: part.text("image")?.unwrap_or_default(),
            command: part.texts("command")?,
            args: part.texts("args")?,
            variables: variables(part, config_maps)?,
            gpus,
            tpus,
            readiness_probe: probe(part)?,
            pre_stop: pre_stop(part)?,
            mounts: mounts(part)?,
        })
    }

    /// The part of the image behind the colon; `latest` if there is none.
    pub fn image_tag(&self) -> &str {
        let image = self.image.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or("latest", |(_, tag)| tag)
    }
}

/// GPUs and TPUs; a limit is a request too.
fn accelerators(part: &mut Part<'_>) -> Result<(u32, u32), FileError> {
    let (mut gpus, mut tpus) = (0, 0);
    let Some(mut resources) = part.part("resources")? else { return Ok((gpus, tpus)) };
    for list in ["requests", "limits"] {
        let Some(mut list) = resources.part(list)? else { continue };
        gpus = count(&mut list, "nvidia.com/gpu")?.unwrap_or(gpus);
        tpus = count(&mut list, "google.com/tpu")?.unwrap_or(tpus);
    }
    Ok((gpus, tpus))
}

fn count(list: &mut Part<'_>, name: &str) -> Result<Option<u32>, FileError> {
    let Some(value) = list.take(name) else { return Ok(None) };
    let number = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => quantity(text),
        _ => None,
    };
    match number {
        Some(count) if count.fract() == 0.0 && (0.0..=64.0).contains(&count) => Ok(Some(count as u32)),
        _ => Err(list.error(name, format!("expected a whole number from 0 to 64, found {value}"))),
    }
}

/// Variables stated here or in a `ConfigMap` of the same files; secrets and fields of the pod stay unknown.
fn variables(
    part: &mut Part<'_>,
    config_maps: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, FileError> {
    let mut variables = BTreeMap::new();
    for mut source in part.items("envFrom")? {
        if let Some(mut reference) = source.part("configMapRef")?
            && let Some(map) = config_maps.get(&reference.needed_text("name")?)
        {
            variables.extend(map.clone());
        }
    }
    for mut variable in part.items("env")? {
        let name = variable.needed_text("name")?;
        if let Some(value) = variable.text("value")? {
            variables.insert(name, value);
        } else if let Some(mut source) = variable.part("valueFrom")?
            && let Some(mut reference) = source.part("configMapKeyRef")?
        {
            let (map, key) = (reference.needed_text("name")?, reference.needed_text("key")?);
            if let Some(value) = config_maps.get(&map).and_then(|map| map.get(&key)) {
                variables.insert(name, value.clone());
            }
        }
    }
    part.take("env");
    Ok(variables)
}

/// The timing of the readiness probe; what it asks does not matter to a simulation.
fn probe(part: &mut Part<'_>) -> Result<Option<ProbeArgs>, FileError> {
    let Some(mut probe) = part.part("readinessProbe")? else { return Ok(None) };
    for handler in ["tcpSocket", "httpGet", "grpc", "exec"] {
        probe.take(handler);
    }
    let timing =
        ["initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"];
    probe.pick(&timing).map(Some)
}

/// A `preStop` that sleeps, in either of its spellings; any other is left.
fn pre_stop(part: &mut Part<'_>) -> Result<Option<PreStopArgs>, FileError> {
    let Some(mut lifecycle) = part.part("lifecycle")? else { return Ok(None) };
    let Some(mut hook) = lifecycle.part("preStop")? else { return Ok(None) };
    let seconds = if let Some(mut sleep) = hook.part("sleep")? {
        let value = sleep.take("seconds");
        let seconds = value.as_ref().and_then(Value::as_u64);
        Some(seconds.ok_or_else(|| sleep.error("seconds", "expected a whole number of seconds"))?)
    } else if let Some(mut exec) = hook.part("exec")? {
        let command = exec.texts("command")?;
        let words: Vec<&str> = command.iter().flat_map(|word| word.split_whitespace()).collect();
        let slept = words.iter().position(|word| word.ends_with("sleep")).and_then(|at| words.get(at + 1));
        let slept = slept.and_then(|text| text.trim_end_matches([';', 's']).parse().ok());
        Some(
            slept.ok_or_else(|| {
                exec.error("command", "expected `sleep SECONDS`: no other hook is simulated")
            })?,
        )
    } else {
        None
    };
    Ok(seconds.map(|seconds| PreStopArgs { sleep: SimDuration::from_secs(seconds) }))
}

fn mounts(part: &mut Part<'_>) -> Result<Vec<(String, String)>, FileError> {
    let mut mounts = Vec::new();
    for mut mount in part.items("volumeMounts")? {
        mounts.push((mount.needed_text("mountPath")?, mount.needed_text("name")?));
        mount.take_all();
    }
    Ok(mounts)
}

impl Container {
    /// The field that says what it runs.
    pub fn command_at(&self) -> String {
        let name = match (self.command.is_empty(), self.args.is_empty()) {
            (false, _) => "command",
            (true, false) => "args",
            (true, true) => "image",
        };
        field(&self.at, name)
    }
}
