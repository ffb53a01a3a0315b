//! Where weights are read from, and how fast a node gets them.
//!
//! A node reads from a source (a volume, a bucket, the model hub) no faster than it can take and than the source gives
//! to all its readers together. What it read before it may have kept, and then needs no source.
//!
//! A pool that states no storage gets `hub` without a cache: GKE's multi-host manifests name a model of the hub and
//! mount nothing for it, so every pod downloads the model into its container, and what it downloaded goes with it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Machine, StorageArgs, StorageCacheArg};
use crate::catalog::{Catalog, CatalogError, fact_bandwidth, fact_bytes};
use crate::units::{Bandwidth, SimDuration};

/// Kinds of storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StorageKind {
    /// A read-only volume shared by many nodes.
    HyperdiskMl,
    /// A bucket, mounted.
    GcsFuse,
    /// The node's own disks, filled from the model hub. They keep what they hold until the machine is stopped or replaced.
    LocalSsd,
    /// Downloaded from the model hub.
    Hub,
}

impl StorageKind {
    /// Whether files are copied to the node before they are loaded. vLLM then copies the whole checkpoint
    /// (`download_weights_from_hf`); of mounted files it reads what its GPUs need.
    pub const fn downloads(self) -> bool {
        matches!(self, Self::LocalSsd | Self::Hub)
    }

    /// The catalogue's entry of what fills a node.
    const fn source(self) -> &'static str {
        match self {
            Self::HyperdiskMl => "hyperdisk-ml",
            Self::GcsFuse => "gcs-fuse",
            Self::LocalSsd | Self::Hub => "hub",
        }
    }
}

/// The storage of a node pool, every default filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storage {
    /// Kind.
    pub kind: StorageKind,
    /// What the source gives to all readers together [B/s]; `None` where there is no common limit.
    pub volume: Option<f64>,
    /// What one node takes from the source [B/s].
    pub per_node: f64,
    /// What one node reads of files it has in its page cache or on its own disks [B/s].
    pub cached_per_node: f64,
    /// A node keeps what it once read.
    pub cache: bool,
    /// Time before the first byte from the source.
    pub latency: SimDuration,
}

/// What fills a node, as the catalogue has it.
#[derive(Deserialize)]
struct Source {
    #[serde(default, deserialize_with = "some_bandwidth")]
    volume: Option<f64>,
    #[serde(deserialize_with = "fact_bandwidth")]
    per_node: f64,
}

/// Local disks, as the catalogue has them.
#[derive(Deserialize)]
struct Disks {
    #[serde(deserialize_with = "fact_bandwidth")]
    read: f64,
    #[serde(deserialize_with = "fact_bytes")]
    size: f64,
}

/// Files in host memory, as the catalogue has them.
#[derive(Deserialize)]
struct PageCache {
    #[serde(deserialize_with = "fact_bandwidth")]
    read: f64,
}

fn some_bandwidth<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    fact_bandwidth(input).map(Some)
}

impl Storage {
    /// What a pool of `machine`s reads weights from; rates are whole bytes a second, as a scenario can state them.
    ///
    /// A rate the catalogue has for a source ends at the machine's network card, one for local disks follows their size
    /// and ends at what loading from memory reaches. A stated rate is taken as it is; for local SSD it is that of the disks.
    ///
    /// # Errors
    /// If the catalogue lacks something.
    pub fn resolve(
        args: Option<&StorageArgs>,
        machine: &Machine,
        catalog: &Catalog,
    ) -> Result<Self, CatalogError> {
        let unstated = StorageArgs::new(StorageKind::Hub);
        let args = args.unwrap_or(&unstated);
        let source: Source = catalog.entry("storage", args.kind.source())?;
        let memory: PageCache = catalog.entry("storage", "page-cache")?;
        let stated = args.per_node_throughput.map(Bandwidth::bytes_per_s);
        let from_source = source.per_node.min(machine.host_nic_bandwidth);
        let (per_node, cached_per_node) = if args.kind == StorageKind::LocalSsd {
            let disks: Disks = catalog.entry("storage", "local-ssd")?;
            let read = (disks.read * machine.local_ssd / disks.size).min(memory.read);
            (from_source, stated.unwrap_or(read))
        } else {
            let per_node = stated.unwrap_or(from_source);
            (per_node, memory.read.max(per_node))
        };
        let keeps =
            if args.kind == StorageKind::LocalSsd { StorageCacheArg::Node } else { StorageCacheArg::None };
        Ok(Self {
            kind: args.kind,
            volume: args.volume_throughput.map(Bandwidth::bytes_per_s).or(source.volume.map(f64::round)),
            per_node: per_node.round(),
            cached_per_node: cached_per_node.round(),
            cache: args.cache.unwrap_or(keeps) == StorageCacheArg::Node,
            latency: args.latency.unwrap_or_default(),
        })
    }

    /// The same in the words of a scenario; it resolves to `self` again.
    pub fn args(&self) -> StorageArgs {
        let rate = |bytes_per_s: f64| Bandwidth::from_bytes_per_s(bytes_per_s as u64);
        let local = self.kind == StorageKind::LocalSsd;
        StorageArgs {
            kind: self.kind,
            volume_throughput: self.volume.map(rate),
            per_node_throughput: Some(rate(if local { self.cached_per_node } else { self.per_node })),
            cache: Some(if self.cache { StorageCacheArg::Node } else { StorageCacheArg::None }),
            latency: Some(self.latency),
        }
    }
}
