//! The LeaderWorkerSet itself.

use std::collections::BTreeMap;

use garde::Validate;
use serde_json::Value;

use super::{PodTemplate, object::Object};
use crate::document::{FileError, path::field};
use crate::hardware::NodesArgs;
use crate::kubernetes::{LeaderWorkerSetArgs, LeaderWorkerTemplateArgs};

/// Prefix of its labels and annotations.
const KEY: &str = "leaderworkerset.sigs.k8s.io/";

/// Annotation that says how many nodes its pool has, which no field of Kubernetes does: `2`, or `{"min": 2, "max": 4}`.
pub const NODES_ANNOTATION: &str = "towtank/nodes";

/// Spec, leader template, worker template and nodes.
pub(super) type Parts = (LeaderWorkerSetArgs, PodTemplate, PodTemplate, Option<NodesArgs>);

/// Reads `object`; the templates get the labels that the controller adds.
pub(super) fn read(
    object: &mut Object,
    config_maps: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Parts, FileError> {
    if object.api_version != "leaderworkerset.x-k8s.io/v1" {
        let message = format!("expected leaderworkerset.x-k8s.io/v1, found {}", object.api_version);
        return Err(object.document.error("apiVersion", message));
    }
    let name = object.name.clone();
    let mut whole = object.part();
    let ours = |name: &str| name == NODES_ANNOTATION || name.starts_with(KEY);
    let mut annotations = whole.needed("metadata")?.text_map("annotations", ours)?;
    let nodes = annotations.remove(NODES_ANNOTATION).map(|text| nodes(&text));
    let mut spec = whole.needed("spec")?;
    let mut args: LeaderWorkerSetArgs =
        spec.pick(&["replicas", "rolloutStrategy", "startupPolicy", "networkConfig"])?;
    let mut template = spec.needed("leaderWorkerTemplate")?;
    let group: LeaderWorkerTemplateArgs = template.pick(&["size", "restartPolicy", "subGroupPolicy"])?;
    let size = group.size.unwrap_or(1);
    args.leader_worker_template = Some(group);
    args.annotations = Some(annotations).filter(|all| !all.is_empty());

    let mut worker = PodTemplate::read(&mut template.needed("workerTemplate")?, config_maps)?;
    let mut leader = match template.part("leaderTemplate")? {
        Some(mut part) => PodTemplate::read(&mut part, config_maps)?,
        None => worker.clone(),
    };
    for (template, index) in [(&mut leader, "0"), (&mut worker, "1")] {
        template.labels.insert(format!("{KEY}name"), name.clone());
        for container in &mut template.containers {
            // The webhook puts these before a container's own variables, and drops those of the same name.
            container.replace_variables(&[
                ("LWS_LEADER_ADDRESS", format!("{name}-0.{name}")),
                ("LWS_GROUP_SIZE", size.to_string()),
                ("LWS_WORKER_INDEX", index.to_owned()),
            ]);
        }
    }
    let nodes = nodes.transpose().map_err(|message| {
        object.document.error(&field("metadata.annotations", NODES_ANNOTATION), message)
    })?;
    Ok((args, leader, worker, nodes))
}

fn nodes(text: &str) -> Result<NodesArgs, String> {
    let nodes = serde_json::from_str(text).ok().filter(|nodes: &NodesArgs| nodes.validate().is_ok());
    nodes.ok_or_else(|| format!("expected `2` or `{{\"min\": 2, \"max\": 4}}`, found `{text}`"))
}

/// `data` of every `ConfigMap`, by name.
pub(super) fn config_maps(objects: &mut [Object]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut maps = BTreeMap::new();
    for object in objects.iter_mut().filter(|object| object.kind == "ConfigMap") {
        let data = object.part().take("data");
        let texts = data.as_ref().and_then(Value::as_object).into_iter().flatten();
        let texts = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        maps.insert(object.name.clone(), texts.collect());
    }
    maps
}
