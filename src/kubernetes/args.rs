//! What a scenario file says in Kubernetes' words: the LeaderWorkerSet, its pods, its autoscaler, the cluster.
//!
//! Names and defaults are Kubernetes' own; the LeaderWorkerSet fields are those of `leaderworkerset_types.go` (v0.7).

mod hpa;
mod int_or_percent;
mod lws;
mod pod;
mod startup;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Version;

pub use hpa::{
    BehaviorArgs, HpaArgs, MetricArgs, MetricIdentifierArgs, MetricSourceArgs, MetricTargetArgs,
    MetricTypeArg, ScalingPolicyArgs, ScalingPolicyTypeArg, ScalingRulesArgs, SelectPolicyArg, TargetTypeArg,
};
pub use int_or_percent::IntOrPercent;
pub use lws::{
    LeaderWorkerSetArgs, LeaderWorkerTemplateArgs, NetworkConfigArgs, RestartPolicyArg, RollingUpdateArgs,
    RolloutStrategyArgs, RolloutTypeArg, StartupPolicyArg, SubGroupPolicyArgs, SubGroupTypeArg,
    SubdomainPolicyArg,
};
pub use pod::{PodArgs, PodDisruptionBudgetArgs, PreStopArgs, ProbeArgs, SigtermArg, TolerationArgs};
pub use startup::{CompileCacheArg, StartupArgs, StartupNodesArg};

/// The cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesArgs {
    /// Version of the cluster, quoted; decides the `maxUnavailable` gate of `StatefulSet`s and the grace periods.
    /// `"1.34"` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Pods of a group are placed together or not at all. Off when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gang_scheduling: Option<bool>,
    /// Whether the controller can miss the deletion of a worker. `ideal` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lws_delete_race: Option<DeleteRaceArg>,
}

/// The race between deleting and recreating a worker (LeaderWorkerSet issue 998).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeleteRaceArg {
    /// No deletion is missed.
    Ideal,
    /// As before the fix: a worker recreated within the controller's latency hides its deletion.
    Legacy,
}
