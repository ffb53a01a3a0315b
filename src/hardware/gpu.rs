//! One accelerator.

use serde::{Deserialize, Deserializer};

use crate::catalog::{
    Catalog, CatalogError, fact_bandwidth, fact_bytes, fact_flops, fact_number, fact_seconds,
};
use crate::units::Bytes;

/// Generation of a GPU, where vLLM's behaviour depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GpuArchitecture {
    /// A100 (SM80).
    Ampere,
    /// L4 (SM89).
    Ada,
    /// H100, H200 (SM90).
    Hopper,
    /// B200 (SM100).
    Blackwell,
}

/// A GPU as the catalogue describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Gpu {
    /// Name in the catalogue.
    #[serde(skip)]
    pub name: String,
    /// Generation.
    pub architecture: GpuArchitecture,
    /// CUDA compute capability: 9.0 is SM90.
    #[serde(deserialize_with = "fact_number")]
    pub compute_capability: f64,
    /// Memory as CUDA reports it to vLLM [B]; less than the nominal size.
    #[serde(deserialize_with = "fact_bytes")]
    pub memory_visible: f64,
    /// Peak memory bandwidth [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub hbm_bandwidth: f64,
    /// Peak dense BF16 rate [FLOP/s].
    #[serde(deserialize_with = "fact_flops")]
    pub bf16_dense: f64,
    /// Peak dense FP8 rate [FLOP/s]; none where the hardware has no FP8.
    #[serde(default, deserialize_with = "some_flops")]
    pub fp8_dense: Option<f64>,
    /// NVLink bandwidth in one direction [B/s]; none where GPUs have only PCI Express.
    #[serde(default, deserialize_with = "some_bandwidth")]
    pub nvlink_per_direction: Option<f64>,
    /// PCI Express bandwidth in one direction [B/s].
    #[serde(deserialize_with = "fact_bandwidth")]
    pub pcie_per_direction: f64,
    /// Streaming multiprocessors.
    #[serde(deserialize_with = "fact_number")]
    pub sms: u32,
    /// Cache that all its multiprocessors share [B].
    #[serde(default, deserialize_with = "some_bytes")]
    pub l2_cache: Option<f64>,
    /// Best BF16 rate a matmul was measured at [FLOP/s].
    #[serde(default, deserialize_with = "some_flops")]
    pub bf16_achieved: Option<f64>,
    /// Best FP8 rate a matmul was measured at [FLOP/s].
    #[serde(default, deserialize_with = "some_flops")]
    pub fp8_achieved: Option<f64>,
    /// Fixed time of a memory-bound kernel [s].
    #[serde(default, deserialize_with = "some_seconds")]
    pub kernel_latency: Option<f64>,
}

fn some_flops<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_flops(input).map(Some)
}

fn some_bytes<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_bytes(input).map(Some)
}

fn some_bandwidth<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_bandwidth(input).map(Some)
}

fn some_seconds<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_seconds(input).map(Some)
}

impl Gpu {
    /// Reads a GPU.
    ///
    /// # Errors
    /// If the catalogue has no such GPU or its entry lacks something.
    pub fn read(catalog: &Catalog, name: &str) -> Result<Self, CatalogError> {
        let gpu: Self = catalog.entry("gpus", name)?;
        Ok(Self { name: name.to_owned(), ..gpu })
    }

    /// What `torch.cuda.get_device_properties().total_memory` says [B]: the denominator of `gpu_memory_utilization`.
    pub fn total_memory(&self) -> Bytes {
        Bytes::new(self.memory_visible as u64)
    }

    /// Whether vLLM recognises it as an A100, which has defaults of its own (`"a100" in device_name.lower()`).
    pub fn is_a100(&self) -> bool {
        self.name.to_lowercase().contains("a100")
    }
}
