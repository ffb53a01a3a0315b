//! GKE's settings for the upkeep of nodes.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// Host maintenance of nodes that cannot be migrated live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaintenanceArgs {
    /// Mean time between two maintenances of a node. A pool that states it is maintained even where nothing fails at
    /// random.
    #[garde(inner(custom(above_zero)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<SimDuration>,
    /// Warning given.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<SimDuration>,
    /// How long the node is away.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<SimDuration>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn above_zero(duration: &SimDuration, (): &()) -> garde::Result {
    if *duration == SimDuration::ZERO { Err(garde::Error::new("must be above 0s")) } else { Ok(()) }
}

/// Node auto-repair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NodeRepairArgs {
    /// Whether it is on.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// A node is repaired after it was not ready for this long.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_repair_after: Option<SimDuration>,
}

/// Node upgrades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpgradeArgs {
    /// How nodes are replaced.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<UpgradeStrategyArg>,
    /// Further nodes made at once during a surge upgrade.
    #[garde(range(max = 10_000))]
    #[serde(rename = "maxSurge", skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<u32>,
    /// Nodes that may be away at once during a surge upgrade.
    #[garde(range(max = 10_000))]
    #[serde(rename = "maxUnavailable", skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Wait after a batch of a blue-green upgrade.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<SimDuration>,
}

/// Kinds of upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeStrategyArg {
    /// New nodes first, then old ones go.
    Surge,
    /// A second pool, then the first goes.
    BlueGreen,
}
