//! A container of a pod template.

use std::collections::BTreeMap;

use serde_json::Value;

use super::part::Part;
use super::quantity::quantity;
use super::variables;
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
    /// Variables whose value is known, once those of the LeaderWorkerSet are among them.
    pub variables: BTreeMap<String, String>,
    /// The container's own, in order, as they are written.
    stated_variables: Vec<(String, String)>,
    /// GPUs, of whatever make.
    pub gpus: u32,
    /// The resource that asks for accelerators of another make, or for parts of GPUs.
    pub other_accelerator: Option<String>,
    /// Networks of GPUs that it asks for cards on.
    pub networks: Vec<String>,
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
        let resources = Resources::read(part)?;
        // Traffic finds the leader whatever its port is.
        part.take("ports");
        Ok(Self {
            at: part.at.clone(),
            name: part.needed_text("name")?,
            image: part.text("image")?.unwrap_or_default(),
            command: part.texts("command")?,
            args: part.texts("args")?,
            variables: BTreeMap::new(),
            stated_variables: stated_variables(part, config_maps)?,
            gpus: resources.gpus,
            other_accelerator: resources.other_accelerator,
            networks: resources.networks,
            tpus: resources.tpus,
            readiness_probe: probe(part)?,
            pre_stop: pre_stop(part)?,
            mounts: mounts(part)?,
        })
    }

    /// Names of its own variables.
    pub(super) fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.stated_variables.iter().map(|(name, _)| name.as_str())
    }

    /// Works out its variables, `first` before its own, and puts them into what it runs.
    pub(super) fn replace_variables(&mut self, first: &[(&str, String)]) {
        self.variables = first.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        variables::extend(&mut self.variables, &self.stated_variables);
        for word in self.command.iter_mut().chain(&mut self.args) {
            *word = variables::replace(word, &self.variables);
        }
    }

    /// The part of the image behind the colon; `latest` if there is none.
    pub fn image_tag(&self) -> &str {
        let image = self.image.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or("latest", |(_, tag)| tag)
    }
}

/// What a container asks for; a limit is a request too.
#[derive(Default)]
struct Resources {
    gpus: u32,
    tpus: u32,
    other_accelerator: Option<String>,
    networks: Vec<String>,
}

/// Cards on a network of the GPUs, by the name of the network; those of its addresses end in `.IP`.
const NETWORKS: &str = "networking.gke.io.networks/";

impl Resources {
    fn read(part: &mut Part<'_>) -> Result<Self, FileError> {
        let mut read = Self::default();
        let Some(mut resources) = part.part("resources")? else { return Ok(read) };
        for list in ["requests", "limits"] {
            let Some(mut list) = resources.part(list)? else { continue };
            read.gpus = count(&mut list, "nvidia.com/gpu")?.unwrap_or(read.gpus);
            read.tpus = count(&mut list, "google.com/tpu")?.unwrap_or(read.tpus);
            let names: Vec<String> = list.names().map(str::to_owned).collect();
            for name in names {
                if let Some(network) = name.strip_prefix(NETWORKS) {
                    list.take(&name);
                    read.networks.push(network.trim_end_matches(".IP").to_owned());
                } else if name.ends_with("/gpu") || name.starts_with("nvidia.com/mig-") {
                    read.gpus = count(&mut list, &name)?.unwrap_or(read.gpus);
                    read.other_accelerator = Some(name);
                }
            }
        }
        Ok(read)
    }
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
fn stated_variables(
    part: &mut Part<'_>,
    config_maps: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Vec<(String, String)>, FileError> {
    let mut variables = Vec::new();
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
            variables.push((name, value));
        } else if let Some(mut source) = variable.part("valueFrom")?
            && let Some(mut reference) = source.part("configMapKeyRef")?
        {
            let (map, key) = (reference.needed_text("name")?, reference.needed_text("key")?);
            if let Some(value) = config_maps.get(&map).and_then(|map| map.get(&key)) {
                variables.push((name, value.clone()));
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

/// A `preStop` that sleeps, in either of its spellings; any other is left, and so named among what is ignored.
fn pre_stop(part: &mut Part<'_>) -> Result<Option<PreStopArgs>, FileError> {
    let Some(mut lifecycle) = part.part("lifecycle")? else { return Ok(None) };
    let Some(mut hook) = lifecycle.part("preStop")? else { return Ok(None) };
    let seconds = if let Some(mut sleep) = hook.part("sleep")? {
        let value = sleep.take("seconds");
        let seconds = value.as_ref().and_then(Value::as_u64);
        Some(seconds.ok_or_else(|| sleep.error("seconds", "expected a whole number of seconds"))?)
    } else if let Some(mut exec) = hook.part("exec")? {
        let slept = exec.words("command").as_deref().and_then(slept);
        if slept.is_some() {
            exec.take("command");
        }
        return Ok(slept.map(|sleep| PreStopArgs { sleep }));
    } else {
        None
    };
    Ok(seconds.map(|seconds| PreStopArgs { sleep: SimDuration::from_secs(seconds) }))
}

/// How long a command sleeps, in the units of `sleep`: `30`, `1m`, `2.5`.
fn slept(words: &[&str]) -> Option<SimDuration> {
    let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
    let at = words.iter().position(|word| *word == "sleep" || word.ends_with("/sleep"))?;
    let text = words.get(at + 1)?.trim_end_matches(';');
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let unit_s = match unit {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * unit_s;
    (0.0..1e9).contains(&seconds).then(|| SimDuration::from_nanos((seconds * 1e9).round() as u64))
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
        // Where both are there, `command` is but the program, and `args` is what it is told.
        let name = match (self.command.is_empty(), self.args.is_empty()) {
            (_, false) => "args",
            (false, true) => "command",
            (true, true) => "image",
        };
        field(&self.at, name)
    }
}
