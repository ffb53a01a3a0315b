//! A pod template.

use std::collections::BTreeMap;

use super::{Container, GpuNetwork, network, part::Part};
use crate::document::FileError;
use crate::kubernetes::PodArgs;

/// The pods that a LeaderWorkerSet makes.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTemplate {
    /// Where it stands, such as `spec.leaderWorkerTemplate.workerTemplate`.
    pub at: String,
    /// Labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// What its spec says and a scenario can say.
    pub pod: PodArgs,
    /// A scheduler that starts a group whole or not at all is asked for.
    pub gang_scheduled: bool,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its network.
    pub network: GpuNetwork,
    /// Its volumes by name.
    pub volumes: BTreeMap<String, VolumeSource>,
}

/// The scheduler that LeaderWorkerSet's gang scheduling works with.
const GANG_SCHEDULER: &str = "volcano";

/// What a volume is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A claim of that name.
    Claim(String),
    /// A bucket, mounted by Cloud Storage FUSE.
    GcsFuse,
    /// A directory of the node.
    HostPath,
    /// Anything that goes with the pod.
    Other,
}

impl PodTemplate {
    pub(super) fn read(
        template: &mut Part<'_>,
        config_maps: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Self, FileError> {
        let at = template.at.clone();
        let labels = match template.part("metadata")? {
            Some(mut metadata) => {
                // They ask for the side-car that mounts buckets, which the volumes say too.
                metadata.text_map("annotations", |name| name.starts_with("gke-gcsfuse/"))?;
                metadata.text_map("labels", |_| true)?
            }
            None => BTreeMap::new(),
        };
        let mut spec = template.needed("spec")?;
        let mut containers = Vec::new();
        for mut container in spec.items("containers")? {
            containers.push(Container::read(&mut container, config_maps)?);
        }
        if containers.is_empty() {
            return Err(spec.error("", "`containers` is missing"));
        }
        let mut node_selector = spec.text_map("nodeSelector", |_| true)?;
        node_selector.extend(required_labels(&mut spec)?);
        let gang_scheduled = spec.look("schedulerName") == Some(GANG_SCHEDULER);
        if gang_scheduled || spec.look("schedulerName") == Some("default-scheduler") {
            spec.take("schedulerName");
        }
        let pod = spec.pick(&["terminationGracePeriodSeconds", "tolerations"])?;
        let volumes = volumes(&mut spec)?;
        let network = network::read(template, &containers)?;
        Ok(Self { at, labels, node_selector, pod, gang_scheduled, containers, network, volumes })
    }

    /// GPUs of all containers.
    pub fn gpus(&self) -> u32 {
        self.containers.iter().map(|container| container.gpus).sum()
    }

    /// The resource that asks for accelerators that are no whole NVIDIA GPUs, if there is one.
    pub fn other_accelerator(&self) -> Option<&str> {
        self.containers.iter().find_map(|container| container.other_accelerator.as_deref())
    }

    /// TPUs of all containers.
    pub fn tpus(&self) -> u32 {
        self.containers.iter().map(|container| container.tpus).sum()
    }
}

/// Labels with one value each that a node affinity asks for; alternatives and other operators are left.
fn required_labels(spec: &mut Part<'_>) -> Result<Vec<(String, String)>, FileError> {
    let mut labels = Vec::new();
    let Some(mut affinity) = spec.part("affinity")? else { return Ok(labels) };
    let Some(mut nodes) = affinity.part("nodeAffinity")? else { return Ok(labels) };
    let Some(mut required) = nodes.part("requiredDuringSchedulingIgnoredDuringExecution")? else {
        return Ok(labels);
    };
    let mut terms = required.items("nodeSelectorTerms")?;
    let [term] = terms.as_mut_slice() else { return Ok(labels) };
    for mut expression in term.items("matchExpressions")? {
        if let (Some(key), Some("In"), Some([value])) =
            (expression.look("key"), expression.look("operator"), expression.words("values").as_deref())
        {
            labels.push((key.to_owned(), (*value).to_owned()));
            expression.take_all();
        }
    }
    Ok(labels)
}

fn volumes(spec: &mut Part<'_>) -> Result<BTreeMap<String, VolumeSource>, FileError> {
    let mut volumes = BTreeMap::new();
    for mut volume in spec.items("volumes")? {
        let name = volume.needed_text("name")?;
        let source = if let Some(mut claim) = volume.part("persistentVolumeClaim")? {
            VolumeSource::Claim(claim.needed_text("claimName")?)
        } else if let Some(mut csi) = volume.part("csi")? {
            match csi.needed_text("driver")?.as_str() {
                "gcsfuse.csi.storage.gke.io" => VolumeSource::GcsFuse,
                _ => VolumeSource::Other,
            }
        } else if volume.has("hostPath") {
            VolumeSource::HostPath
        } else {
            VolumeSource::Other
        };
        volume.take_all();
        volumes.insert(name, source);
    }
    Ok(volumes)
}
