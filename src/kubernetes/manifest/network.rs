//! How pods ask for the GPUs' own network cards.

use super::{Container, part::Part};
use crate::document::FileError;
use crate::hardware::{Machine, NetworkKind};

/// What a pod asks for beside its first network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuNetwork {
    /// Nothing: all traffic goes over the host's card.
    None,
    /// More interfaces; which kind they are depends on the machine.
    Some,
    /// This one: its side-car, its plugin, or its variables are there.
    Kind(NetworkKind),
}

impl GpuNetwork {
    /// The network of pods on `machine`.
    ///
    /// # Errors
    /// If they ask for one that the machine does not have; the error is that one.
    pub fn on(self, machine: &Machine) -> Result<NetworkKind, NetworkKind> {
        match self {
            Self::None => Ok(NetworkKind::Gvnic),
            Self::Some => {
                let own = machine.networks.iter().find(|kind| **kind != NetworkKind::Gvnic);
                Ok(own.copied().unwrap_or(NetworkKind::Gvnic))
            }
            Self::Kind(kind) if machine.offers(kind) => Ok(kind),
            Self::Kind(kind) => Err(kind),
        }
    }
}

/// Marks of each network in the names and images of containers, in annotations, and in what NCCL is told; the longer name
/// goes first. (Google's guides: `tcpgpudmarxd` and `tcpxo-daemon` side-cars, `nccl-plugin-gib` for RDMA.)
const MARKS: [(&str, NetworkKind); 7] = [
    ("tcpxo", NetworkKind::GpudirectTcpxo),
    ("NCCL_FASTRAK", NetworkKind::GpudirectTcpxo),
    ("tcpx", NetworkKind::GpudirectTcpx),
    ("NCCL_GPUDIRECTTCPX", NetworkKind::GpudirectTcpx),
    ("gpudirect-gib", NetworkKind::GpudirectRdma),
    ("nccl-plugin-gib", NetworkKind::GpudirectRdma),
    ("rdma-", NetworkKind::GpudirectRdma),
];

/// Takes the side-cars and annotations of a pod template that speak of its network.
pub(super) fn read(template: &mut Part<'_>, containers: &[Container]) -> Result<GpuNetwork, FileError> {
    let mut words: Vec<String> = Vec::new();
    let mut several = false;
    if let Some(mut metadata) = template.part("metadata")? {
        let ours = |name: &str| name.starts_with("networking.gke.io/") || name.starts_with("devices.gke.io/");
        for (name, value) in metadata.text_map("annotations", ours)? {
            several |= name == "networking.gke.io/interfaces" && value.matches("interfaceName").count() > 1;
            words.extend([name, value]);
        }
    }
    let mut spec = template.needed("spec")?;
    for mut container in spec.items("initContainers")? {
        let own = [container.text("name")?.unwrap_or_default(), container.text("image")?.unwrap_or_default()];
        if own.iter().any(|word| kind(word).is_some()) {
            container.take_all();
        }
        words.extend(own);
    }
    for container in containers {
        words.extend([container.name.clone(), container.image.clone()]);
        words.extend(container.variable_names().map(str::to_owned));
        words.extend(container.networks.iter().cloned());
        several |= !container.networks.is_empty();
    }
    Ok(match MARKS.iter().find(|(mark, _)| words.iter().any(|word| word.contains(mark))) {
        Some((_, kind)) => GpuNetwork::Kind(*kind),
        None if several => GpuNetwork::Some,
        None => GpuNetwork::None,
    })
}

fn kind(word: &str) -> Option<NetworkKind> {
    MARKS.iter().find(|(mark, _)| word.contains(mark)).map(|(_, kind)| *kind)
}
