//! Which all-reduce vLLM runs, and how long it takes.
//!
//! Order of the back ends on CUDA, vLLM 0.33 `device_communicators/cuda_communicator.py`: the fused kernel of
//! `FlashInfer` if the tensor is within its table, the custom kernel over peer memory, symmetric memory, NCCL. All but NCCL need every
//! rank on one machine.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{LocalLinks, NetworkSpec, network::Spread};
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::units::Version;

/// An all-reduce algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllReduce {
    /// One rank: nothing to do.
    Alone,
    /// `FlashInfer`, fused with the norm that follows.
    Fused,
    /// vLLM's custom kernel over peer memory.
    Custom,
    /// `PyTorch`'s symmetric memory.
    Symmetric,
    /// NCCL inside one machine.
    Nccl,
    /// NCCL between machines.
    Network,
}

/// Largest tensors of each algorithm on one GPU family [B].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllReduceLimits {
    /// Custom kernel where symmetric memory is not used; the tensor stays below it.
    pub custom: u64,
    /// Custom kernel where symmetric memory takes over, by ranks.
    pub custom_beside_symmetric: BTreeMap<u32, u64>,
    /// Symmetric memory, by ranks.
    pub symmetric: BTreeMap<u32, u64>,
    /// Fused kernel, by ranks.
    pub fused: BTreeMap<u32, u64>,
}

/// The algorithms one release uses on one GPU family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllReduceRules {
    /// Size limits.
    pub limits: AllReduceLimits,
    /// Symmetric memory is used.
    pub symmetric: bool,
    /// The fused kernel is used.
    pub fused: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsEntry {
    custom: Fact<u64>,
    custom_beside_symmetric: Fact<BTreeMap<u32, u64>>,
    symmetric: Fact<BTreeMap<u32, u64>>,
    fused: Fact<BTreeMap<u32, u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SinceEntry {
    since: Fact<Version>,
}

/// Ranks for which the custom kernel exists (vLLM 0.33 `custom_all_reduce.py`).
const CUSTOM_RANKS: [u32; 4] = [2, 4, 6, 8];

impl AllReduceRules {
    /// The rules of a release on GPUs of a compute capability such as 9.0; `enforce_eager` switches the compiler off
    /// and fusion with it.
    ///
    /// # Errors
    /// If the catalogue's tables are incomplete.
    pub fn of(
        catalog: &Catalog,
        compute_capability: f64,
        version: Version,
        enforce_eager: bool,
    ) -> Result<Self, CatalogError> {
        let family = format!("sm{:.0}", compute_capability * 10.0);
        let known = catalog.section("all_reduce_limits")?.contains_key(&family);
        let entry: LimitsEntry = catalog.entry("all_reduce_limits", if known { &family } else { "other" })?;
        let since = |name: &str| -> Result<bool, CatalogError> {
            let entry: SinceEntry = catalog.entry("all_reduce_since", name)?;
            Ok(version >= entry.since.value)
        };
        Ok(Self {
            limits: AllReduceLimits {
                custom: entry.custom.value,
                custom_beside_symmetric: entry.custom_beside_symmetric.value,
                symmetric: entry.symmetric.value,
                fused: entry.fused.value,
            },
            symmetric: since("symmetric-memory")?,
            fused: since("fused")? && !enforce_eager,
        })
    }

    /// The algorithm for a tensor of `bytes` over `ranks` GPUs of one machine that see each other.
    pub fn choose(&self, bytes: u64, ranks: u32) -> AllReduce {
        let limits = &self.limits;
        let within = |table: &BTreeMap<u32, u64>| table.get(&ranks).is_some_and(|limit| bytes <= *limit);
        let symmetric = self.symmetric && limits.symmetric.contains_key(&ranks);
        let beside = limits.custom_beside_symmetric.get(&ranks).filter(|_| symmetric);
        let custom = beside.map_or(limits.custom, |limit| limits.custom.min(*limit));
        if ranks <= 1 {
            AllReduce::Alone
        } else if self.fused && within(&limits.fused) {
            AllReduce::Fused
        } else if CUSTOM_RANKS.contains(&ranks) && bytes < custom {
            AllReduce::Custom
        } else if symmetric && within(&limits.symmetric) {
            AllReduce::Symmetric
        } else {
            AllReduce::Nccl
        }
    }
}

/// The collectives of one tensor-parallel group.
#[derive(Clone, Debug)]
pub(super) struct Collectives {
    pub(super) rules: AllReduceRules,
    pub(super) links: LocalLinks,
    pub(super) network: NetworkSpec,
    pub(super) spread: Spread,
}

impl Collectives {
    /// The algorithm for a tensor of `bytes`.
    pub(super) fn choose(&self, bytes: f64) -> AllReduce {
        match (self.spread.ranks, self.spread.nodes) {
            (0 | 1, _) => AllReduce::Alone,
            (_, 2..) => AllReduce::Network,
            _ if self.links.peer.is_none() => AllReduce::Nccl,
            (ranks, _) => self.rules.choose(bytes as u64, ranks),
        }
    }

    /// Time of an all-reduce of `bytes` [ns].
    pub(super) fn all_reduce(&self, bytes: f64) -> f64 {
        let (links, ranks) = (&self.links, self.spread.ranks);
        let local = match self.choose(bytes) {
            AllReduce::Alone => return 0.0,
            AllReduce::Network => return self.network.all_reduce_time(bytes, self.spread),
            AllReduce::Fused | AllReduce::Custom | AllReduce::Symmetric => links.peer.as_ref(),
            AllReduce::Nccl => None,
        };
        local.unwrap_or(&links.nccl).at(ranks).time(bytes)
    }

    /// Time of an all-gather that leaves `bytes` on each rank [ns].
    pub(super) fn all_gather(&self, bytes: f64) -> f64 {
        match (self.spread.ranks, self.spread.nodes) {
            (0 | 1, _) => 0.0,
            (_, 2..) => self.network.all_gather_time(bytes, self.spread),
            (ranks, _) => self.links.all_gather.at(ranks).time(bytes),
        }
    }
}
