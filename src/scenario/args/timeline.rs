//! What someone does, or what breaks, at a known time.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// One event: a time and exactly one thing that happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventArgs {
    /// When.
    #[garde(custom(|_: &_, (): &()| self.one()))]
    pub at: SimDuration,
    /// Only in this placement; in all of them when left out.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<String>,
    /// Something breaks.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<FailArgs>,
    /// A deployment gets a new template.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutArgs>,
    /// A deployment gets another number of groups.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<ScaleArgs>,
    /// A node is drained.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainArgs>,
    /// A pod is evicted.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evict: Option<EvictArgs>,
    /// A node comes back.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairNodeArgs>,
    /// The nodes of a pool are replaced.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradePoolArgs>,
    /// A node gets a taint.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taint: Option<TaintArgs>,
}

impl EventArgs {
    /// Something breaks at a time, in all placements.
    pub const fn failure(at: SimDuration, fail: FailArgs) -> Self {
        Self {
            at,
            placement: None,
            fail: Some(fail),
            rollout: None,
            scale: None,
            drain: None,
            evict: None,
            repair: None,
            upgrade: None,
            taint: None,
        }
    }

    fn one(&self) -> garde::Result {
        let stated = [
            self.fail.is_some(),
            self.rollout.is_some(),
            self.scale.is_some(),
            self.drain.is_some(),
            self.evict.is_some(),
            self.repair.is_some(),
            self.upgrade.is_some(),
            self.taint.is_some(),
        ];
        if stated.into_iter().filter(|stated| *stated).count() == 1 {
            return Ok(());
        }
        let kinds = "fail, rollout, scale, drain, evict, repair, upgrade, taint";
        Err(garde::Error::new(format!("an event has exactly one of: {kinds}")))
    }
}

/// Something breaks: exactly one of node, pod, container, gpu, link and hang.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FailArgs {
    /// A node, by name.
    #[garde(custom(|_: &_, (): &()| self.one()))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// A pod, by name: it is deleted.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The container of a pod, by the pod's name: it restarts in place.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// A GPU, as `<node>/<index>`.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// The network card of a node, by the node's name.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The engine of a pod, by the pod's name: it stops answering.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<String>,
    /// What is left of a link's bandwidth; 0, the default, is none.
    #[garde(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowed: Option<f64>,
    /// How long it stays broken.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<SimDuration>,
}

impl FailArgs {
    fn one(&self) -> garde::Result {
        let stated = [&self.node, &self.pod, &self.container, &self.gpu, &self.link, &self.hang];
        if stated.into_iter().flatten().count() == 1 {
            return Ok(());
        }
        Err(garde::Error::new("a failure names exactly one of: node, pod, container, gpu, link, hang"))
    }
}

/// A new template for a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloutArgs {
    /// The deployment.
    pub deployment: String,
}

/// Another number of groups for a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleArgs {
    /// The deployment.
    #[garde(skip)]
    pub deployment: String,
    /// Groups.
    #[garde(range(max = 1_000_000))]
    pub replicas: u32,
}

/// A node that is drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainArgs {
    /// The node.
    pub node: String,
}

/// A pod that is evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvictArgs {
    /// The pod.
    pub pod: String,
}

/// A node that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairNodeArgs {
    /// The node.
    pub node: String,
}

/// An upgrade of a node pool; what is left out is the pool's own setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpgradePoolArgs {
    /// The node pool.
    #[garde(skip)]
    pub node_pool: String,
    /// Further nodes made at once.
    #[garde(range(max = 10_000))]
    #[serde(default, rename = "maxSurge", skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<u32>,
    /// Nodes that may be away at once.
    #[garde(range(max = 10_000))]
    #[serde(default, rename = "maxUnavailable", skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Wait after a batch.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<SimDuration>,
}

/// A taint for a node: `{node: a3-0, out-of-service}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaintArgs {
    /// The node.
    pub node: String,
    /// `node.kubernetes.io/out-of-service`, the only taint there is.
    #[serde(default, rename = "out-of-service")]
    pub out_of_service: Option<bool>,
}
