//! What a scenario file says about a GKE node pool.

mod upkeep;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Commitment, DEFAULT_REGION, NetworkKind, PriceQuery, Provisioning, StorageKind};
use crate::units::{Bandwidth, SimDuration};

pub use upkeep::{MaintenanceArgs, NodeRepairArgs, UpgradeArgs, UpgradeStrategyArg};

/// A pool of equal nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodePoolArgs {
    /// Name of the pool; its nodes are `<name>-<i>`.
    #[garde(length(min = 1, max = 63))]
    pub name: String,
    /// Machine type, such as `a3-highgpu-8g`; a name of the catalogue.
    #[garde(length(min = 1))]
    pub machine: String,
    /// Number of nodes, or `{min, max}` for a pool that scales. 1 when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<NodesArgs>,
    /// Network that the pods use between nodes: plain `gvnic` when left out, as for pods that ask for no GPU NICs.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkKind>,
    /// Region that prices are taken from. `us-central1` when left out.
    #[garde(length(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How the nodes are bought. `standard` (on demand) when left out.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning: Option<Provisioning>,
    /// Committed use, for standard nodes.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Commitment>,
    /// Negotiated discount, as a part of the list price: `0.22`.
    #[garde(range(min = 0.0, max = 1.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<f64>,
    /// Price of a node [$/h], instead of the catalogue's.
    #[garde(range(min = 0.0, max = 1e6))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_node_hour: Option<f64>,
    /// How likely capacity is found in time, for spot and flex-start.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obtainability: Option<ObtainabilityArgs>,
    /// When the nodes exist, for a reservation; always when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowArgs>,
    /// Where the nodes stand to each other; one sub-block when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<TopologyArgs>,
    /// Where weights are loaded from: the model hub, by every pod anew, when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageArgs>,
    /// Host maintenance.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceArgs>,
    /// Node auto-repair.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_repair: Option<NodeRepairArgs>,
    /// Node upgrades.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradeArgs>,
}

impl NodePoolArgs {
    /// A pool of a machine type, the rest left out.
    pub fn new(name: &str, machine: &str) -> Self {
        Self {
            name: name.to_owned(),
            machine: machine.to_owned(),
            nodes: None,
            network: None,
            region: None,
            provisioning: None,
            commitment: None,
            discount: None,
            usd_per_node_hour: None,
            obtainability: None,
            window: None,
            topology: None,
            storage: None,
            maintenance: None,
            node_repair: None,
            upgrade: None,
        }
    }

    /// What a node of the pool costs, as a question to the catalogue.
    pub fn price_query(&self) -> PriceQuery<'_> {
        PriceQuery {
            machine: &self.machine,
            region: self.region.as_deref().unwrap_or(DEFAULT_REGION),
            provisioning: self.provisioning.unwrap_or(Provisioning::Standard),
            commitment: self.commitment,
            discount: self.discount.unwrap_or(0.0),
            usd_per_node_hour: self.usd_per_node_hour,
        }
    }
}

/// A number of nodes, or the limits of a pool that scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum NodesArgs {
    /// Exactly so many.
    Fixed(#[schemars(range(min = 1, max = 10_000))] u32),
    /// Between the two, as the cluster autoscaler decides.
    Scaled(NodeLimitsArgs),
}

impl NodesArgs {
    /// Fewest and most nodes.
    pub const fn limits(self) -> (u32, u32) {
        match self {
            Self::Fixed(nodes) => (nodes, nodes),
            Self::Scaled(limits) => (limits.min, limits.max),
        }
    }
}

/// Limits of a node pool that scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeLimitsArgs {
    /// Fewest nodes.
    pub min: u32,
    /// Most nodes.
    pub max: u32,
}

/// Largest node pool [nodes]; far past any real one, and small enough to simulate.
const MOST_NODES: u32 = 10_000;

impl Validate for NodesArgs {
    type Context = ();
    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        let (min, max) = match self {
            Self::Fixed(nodes) => (*nodes, *nodes),
            Self::Scaled(limits) => (limits.min, limits.max),
        };
        if max == 0 || max > MOST_NODES {
            report.append(parent(), garde::Error::new(format!("expected 1 to {MOST_NODES} nodes")));
        } else if min > max {
            report.append(parent(), garde::Error::new("`min` is larger than `max`"));
        }
    }
}

impl<'de> Deserialize<'de> for NodesArgs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = NodesArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of nodes or {min, max}")
            }
            fn visit_u64<E: serde::de::Error>(self, nodes: u64) -> Result<NodesArgs, E> {
                // What is too large for the type is too large for the range, which says so.
                Ok(NodesArgs::Fixed(u32::try_from(nodes).unwrap_or(u32::MAX)))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<NodesArgs, A::Error> {
                let limits = serde::de::value::MapAccessDeserializer::new(map);
                NodeLimitsArgs::deserialize(limits).map(NodesArgs::Scaled)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Chance that a request for a node is met within a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObtainabilityArgs {
    /// Within ten minutes.
    #[garde(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_10m: Option<f64>,
    /// Within one hour.
    #[garde(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_1h: Option<f64>,
    /// Within six hours.
    #[garde(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_6h: Option<f64>,
    /// Within one day.
    #[garde(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_1d: Option<f64>,
}

/// A span of the scenario's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WindowArgs {
    /// Its start; the scenario's when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<SimDuration>,
    /// Its end; none when left out.
    #[garde(custom(|_: &_, (): &()| self.ordered()))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<SimDuration>,
}

impl WindowArgs {
    fn ordered(&self) -> garde::Result {
        if self.until.is_some_and(|until| until <= self.from.unwrap_or_default()) {
            return Err(garde::Error::new("the window ends before it begins"));
        }
        Ok(())
    }
}

/// Blocks and sub-blocks, among which the nodes are dealt evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TopologyArgs {
    /// Blocks (clusters of racks).
    #[garde(range(min = 1, max = 10_000))]
    pub blocks: u32,
    /// Sub-blocks (racks) in a block.
    #[garde(range(min = 1, max = 10_000))]
    pub subblocks_per_block: u32,
}

impl Default for TopologyArgs {
    fn default() -> Self {
        Self { blocks: 1, subblocks_per_block: 1 }
    }
}

/// Where weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageArgs {
    /// Kind of storage.
    #[garde(skip)]
    pub kind: StorageKind,
    /// What the volume gives to all nodes together; the catalogue's fact when left out, and no limit where it has none.
    #[garde(custom(above_zero))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_throughput: Option<Bandwidth>,
    /// What one node can take, or its own disks give; the catalogue's fact when left out.
    #[garde(custom(above_zero))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_node_throughput: Option<Bandwidth>,
    /// Whether a node keeps what it once read. When left out, `node` for local SSD and `none` for everything else.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<StorageCacheArg>,
    /// Time before the first byte. None when left out: next to what follows it does not count.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<SimDuration>,
}

impl StorageArgs {
    /// Storage of a kind, the rest left out.
    pub const fn new(kind: StorageKind) -> Self {
        Self { kind, volume_throughput: None, per_node_throughput: None, cache: None, latency: None }
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn above_zero(rate: &Option<Bandwidth>, (): &()) -> garde::Result {
    match rate {
        Some(rate) if rate.bytes_per_s() == 0.0 => Err(garde::Error::new("must be above 0B/s")),
        _ => Ok(()),
    }
}

/// What a node keeps of what it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StorageCacheArg {
    /// Nothing.
    None,
    /// Everything, on the node.
    Node,
}
