//! What joins the GPUs of one machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::catalog::{Catalog, CatalogError, fact_bandwidth, fact_bytes, fact_seconds};

/// Kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkTechnology {
    /// NVLink through NVSwitch: every pair at full rate.
    Nvlink,
    /// PCI Express through the CPU.
    Pcie,
}

/// `alpha + bytes / bandwidth`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct CollectiveCost {
    /// Fixed part [s].
    #[serde(deserialize_with = "fact_seconds")]
    pub alpha: f64,
    /// Rate for the bytes of the result [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub bandwidth: f64,
}

/// `alpha + ramp * min(bytes / knee, 1) + bytes / bandwidth`; without a ramp where only the straight line was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct RampedCost {
    /// Fixed part [s].
    #[serde(deserialize_with = "fact_seconds")]
    pub alpha: f64,
    /// What a message of `knee` bytes and more pays on top [s].
    #[serde(default, deserialize_with = "some_seconds")]
    pub ramp: Option<f64>,
    /// Where the ramp ends [B].
    #[serde(default, deserialize_with = "some_bytes")]
    pub knee: Option<f64>,
    /// Rate for the bytes reduced [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub bandwidth: f64,
}

fn some_seconds<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_seconds(input).map(Some)
}

fn some_bytes<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_bytes(input).map(Some)
}

impl CollectiveCost {
    /// Time for `bytes` [s].
    pub fn seconds(&self, bytes: f64) -> f64 {
        self.alpha + bytes / self.bandwidth
    }
}

impl RampedCost {
    /// Time for `bytes` [s].
    pub fn seconds(&self, bytes: f64) -> f64 {
        let ramp = match (self.ramp, self.knee) {
            (Some(ramp), Some(knee)) if knee > 0.0 => ramp * (bytes / knee).min(1.0),
            _ => 0.0,
        };
        self.alpha + ramp + bytes / self.bandwidth
    }
}

/// The link between the GPUs of a machine, with what collectives achieve on it, by number of GPUs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Link {
    /// Kind.
    pub technology: LinkTechnology,
    /// Bandwidth of one GPU in one direction [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub bandwidth_per_direction: f64,
    /// Send and receive between two GPUs.
    pub p2p: CollectiveCost,
    /// NCCL all-reduce.
    #[serde(default)]
    pub all_reduce_nccl: BTreeMap<u32, RampedCost>,
    /// vLLM's custom all-reduce inside a CUDA graph.
    #[serde(default)]
    pub all_reduce_custom_graph: BTreeMap<u32, RampedCost>,
    /// vLLM's custom all-reduce launched by itself.
    #[serde(default)]
    pub all_reduce_custom_eager: BTreeMap<u32, RampedCost>,
    /// NCCL all-gather; bytes of the gathered total.
    #[serde(default)]
    pub all_gather_nccl: BTreeMap<u32, CollectiveCost>,
}

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// If the catalogue has no such link or its entry lacks something.
    pub fn read(catalog: &Catalog, name: &str) -> Result<Self, CatalogError> {
        catalog.entry("links", name)
    }
}
