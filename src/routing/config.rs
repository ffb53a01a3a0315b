//! A router with every default filled in.

use serde::Deserialize;

use super::args::{RouterArgs, RouterForm, RouterName};
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::units::SimDuration;

/// What a router does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RouterConfig {
    /// A Kubernetes `ClusterIP` Service.
    Service,
    /// Each in turn.
    RoundRobin,
    /// Fewest requests in flight.
    LeastRequests,
    /// Least of its KV cache in use.
    LeastKv {
        /// Between two readings of the metrics.
        scrape_interval: SimDuration,
    },
    /// Consistent hash of the first shared piece, with bounded load.
    PrefixAffinity {
        /// Requests in flight a group may have, over the mean.
        load_bound: f64,
    },
    /// Weighted scores.
    InferenceGateway(GatewayConfig),
}

/// The endpoint picker of the Gateway API Inference Extension.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GatewayConfig {
    /// Between two readings of the metrics.
    pub scrape_interval: SimDuration,
    /// Weight of the queue score.
    pub queue_weight: f64,
    /// Weight of the KV cache score.
    pub kv_cache_weight: f64,
    /// Weight of the prefix score.
    pub prefix_weight: f64,
    /// Tokens of a block of the picker's own prefix index [tokens].
    pub prefix_block_tokens: u32,
    /// Blocks it remembers of each group [blocks].
    pub prefix_blocks_per_group: u32,
    /// Blocks at the start of a prompt that it looks at [blocks].
    pub prefix_blocks_per_prompt: u32,
}

#[derive(Deserialize)]
struct GatewayEntry {
    scrape_interval_ms: Fact<u64>,
    queue_weight: Fact,
    kv_cache_weight: Fact,
    prefix_weight: Fact,
    prefix_block_tokens: Fact<u32>,
    prefix_blocks_per_group: Fact<u32>,
    prefix_blocks_per_prompt: Fact<u32>,
}

#[derive(Deserialize)]
struct ScrapeEntry {
    scrape_interval_ms: Fact<u64>,
}

#[derive(Deserialize)]
struct AffinityEntry {
    load_bound: Fact,
}

impl RouterConfig {
    /// What `args` means, after they were validated.
    ///
    /// # Errors
    /// If the catalogue lacks the policy's facts.
    pub fn resolve(args: &RouterArgs, catalog: &Catalog) -> Result<Self, CatalogError> {
        let (policy, scrape, bound) = match args {
            RouterArgs::Named(policy) => (*policy, None, None),
            RouterArgs::Form(RouterForm { policy, scrape_interval, load_bound }) => {
                (*policy, *scrape_interval, *load_bound)
            }
        };
        let interval = |fact: &Fact<u64>| scrape.unwrap_or(SimDuration::from_millis(fact.value));
        Ok(match policy {
            RouterName::Service => Self::Service,
            RouterName::RoundRobin => Self::RoundRobin,
            RouterName::LeastRequests => Self::LeastRequests,
            RouterName::LeastKv => {
                let entry: ScrapeEntry = catalog.entry("routers", "least-kv")?;
                Self::LeastKv { scrape_interval: interval(&entry.scrape_interval_ms) }
            }
            RouterName::PrefixAffinity => {
                let entry: AffinityEntry = catalog.entry("routers", "prefix-affinity")?;
                // Below 1 no group would have room for its share.
                Self::PrefixAffinity { load_bound: bound.unwrap_or(entry.load_bound.value).max(1.0) }
            }
            RouterName::InferenceGateway => {
                let entry: GatewayEntry = catalog.entry("routers", "inference-gateway")?;
                Self::InferenceGateway(GatewayConfig {
                    scrape_interval: interval(&entry.scrape_interval_ms),
                    queue_weight: entry.queue_weight.value,
                    kv_cache_weight: entry.kv_cache_weight.value,
                    prefix_weight: entry.prefix_weight.value,
                    prefix_block_tokens: entry.prefix_block_tokens.value.max(1),
                    prefix_blocks_per_group: entry.prefix_blocks_per_group.value,
                    prefix_blocks_per_prompt: entry.prefix_blocks_per_prompt.value,
                })
            }
        })
    }

    /// How often the groups' metrics are read; never by policies that do not need them.
    pub const fn scrape_interval(&self) -> Option<SimDuration> {
        match self {
            Self::LeastKv { scrape_interval } => Some(*scrape_interval),
            Self::InferenceGateway(gateway) => Some(gateway.scrape_interval),
            Self::Service | Self::RoundRobin | Self::LeastRequests | Self::PrefixAffinity { .. } => None,
        }
    }
}
