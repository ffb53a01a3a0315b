//! The four networks a pod on a GPU machine can use towards another machine.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::catalog::{Catalog, CatalogError, fact_bandwidth, fact_seconds};

/// Which network the pods really use; `gvnic` when they ask for no GPU network cards.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// TCP over the host's own card.
    Gvnic,
    /// GPUDirect-TCPX (A3 High, A3 Edge).
    GpudirectTcpx,
    /// GPUDirect-TCPXO (A3 Mega).
    GpudirectTcpxo,
    /// GPUDirect RDMA over RoCE (A3 Ultra, A4).
    GpudirectRdma,
}

impl NetworkKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gvnic, Self::GpudirectTcpx, Self::GpudirectTcpxo, Self::GpudirectRdma];

    /// The name in scenario files and in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gvnic => "gvnic",
            Self::GpudirectTcpx => "gpudirect-tcpx",
            Self::GpudirectTcpxo => "gpudirect-tcpxo",
            Self::GpudirectRdma => "gpudirect-rdma",
        }
    }
}

impl fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One GPU sends to one GPU of another machine: `alpha + bytes / bandwidth_per_gpu`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct PointToPoint {
    /// Time of an empty message [s].
    #[serde(deserialize_with = "fact_seconds")]
    pub alpha: f64,
    /// Rate of a long message [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub bandwidth_per_gpu: f64,
}

/// A collective over two machines of 8 GPUs: `max(floor, alpha + bytes / bandwidth)`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct FloorCost {
    /// Shortest time measured [s].
    #[serde(default, deserialize_with = "some_seconds")]
    pub floor: Option<f64>,
    /// Fixed part [s].
    #[serde(deserialize_with = "fact_seconds")]
    pub alpha: f64,
    /// Rate for the bytes of the result [B/s] (algorithm bandwidth).
    #[serde(deserialize_with = "fact_bandwidth")]
    pub bandwidth: f64,
}

fn some_seconds<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_seconds(input).map(Some)
}

impl FloorCost {
    /// Time of a collective whose result has `bytes` bytes [s].
    pub fn seconds(&self, bytes: f64) -> f64 {
        (self.alpha + bytes / self.bandwidth).max(self.floor.unwrap_or(0.0))
    }
}

/// A cross-node network as the catalogue describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Network {
    /// Between two GPUs.
    pub p2p: PointToPoint,
    /// What all GPUs of a machine together achieve in one direction [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub bandwidth_per_node: f64,
    /// NCCL all-gather over 16 GPUs on two machines; bytes of the gathered total.
    pub all_gather: FloorCost,
    /// NCCL all-reduce over 16 GPUs on two machines.
    pub all_reduce: FloorCost,
}

impl Network {
    /// Reads a network.
    ///
    /// # Errors
    /// If the catalogue's entry lacks something.
    pub fn read(catalog: &Catalog, kind: NetworkKind) -> Result<Self, CatalogError> {
        catalog.entry("networks", kind.name())
    }
}
