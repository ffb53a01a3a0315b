//! One machine type: a host with its GPUs and network cards.

use serde::{Deserialize, Deserializer};

use super::network::NetworkKind;
use crate::catalog::{Catalog, CatalogError, fact_bandwidth, fact_bytes, fact_number};

/// A machine type as the catalogue describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Machine {
    /// Name in the catalogue.
    #[serde(skip)]
    pub name: String,
    /// Its GPU's name in the catalogue.
    pub gpu: String,
    /// Value of the label `cloud.google.com/gke-accelerator` of its nodes; none if GKE does not have it.
    #[serde(default)]
    pub gke_accelerator: Option<String>,
    /// Name of the link between its GPUs in the catalogue.
    pub intra_node_link: String,
    /// Networks its pods can use.
    pub networks: Vec<NetworkKind>,
    /// GPUs in it.
    #[serde(deserialize_with = "fact_number")]
    pub gpus: u32,
    /// Virtual CPUs.
    #[serde(deserialize_with = "fact_number")]
    pub vcpus: u32,
    /// Host memory [B].
    #[serde(deserialize_with = "fact_bytes")]
    pub memory: f64,
    /// Local SSD [B].
    #[serde(deserialize_with = "fact_bytes")]
    pub local_ssd: f64,
    /// All network cards together, line rate [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub network_bandwidth: f64,
    /// The host's own card or cards (gVNIC), line rate [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub host_nic_bandwidth: f64,
    /// Network cards for GPUs.
    #[serde(default, deserialize_with = "some_count")]
    pub gpu_nics: Option<u32>,
    /// One of those, line rate [B/s].
    #[serde(default, deserialize_with = "some_bandwidth")]
    pub gpu_nic_bandwidth: Option<f64>,
}

fn some_count<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u32>, D::Error> {
    fact_number(input).map(Some)
}

fn some_bandwidth<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_bandwidth(input).map(Some)
}

impl Machine {
    /// Reads a machine type.
    ///
    /// # Errors
    /// If the catalogue has no such machine or its entry lacks something.
    pub fn read(catalog: &Catalog, name: &str) -> Result<Self, CatalogError> {
        let machine: Self = catalog.entry("machines", name)?;
        if machine.gpus == 0 {
            return Err(CatalogError::BadEntry {
                kind: "machines".to_owned(),
                name: name.to_owned(),
                reason: "gpus must be at least 1".to_owned(),
            });
        }
        Ok(Self { name: name.to_owned(), ..machine })
    }

    /// Whether its pods can use `network`.
    pub fn offers(&self, network: NetworkKind) -> bool {
        self.networks.contains(&network)
    }

    /// How many GPUs share one network card on `network`.
    pub fn gpus_per_nic(&self, network: NetworkKind) -> u32 {
        match (network, self.gpu_nics) {
            (NetworkKind::Gvnic, _) | (_, None) => self.gpus,
            (_, Some(nics)) => self.gpus.div_ceil(nics.max(1)),
        }
    }
}
