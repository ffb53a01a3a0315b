//! The LeaderWorkerSet spec, field for field.

use std::{collections::BTreeMap, path::PathBuf};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::IntOrPercent;

/// `spec` of a LeaderWorkerSet, its annotations beside it; or the path of a manifest that says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct LeaderWorkerSetArgs {
    /// Path of a manifest that says all this, relative to the scenario file: the LeaderWorkerSet with its engine's command
    /// line, its pods, and the autoscaler and budget in the same file. What the scenario states itself wins.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<PathBuf>,
    /// Groups. 1 when left out.
    #[garde(range(max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// What a group is made of.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader_worker_template: Option<LeaderWorkerTemplateArgs>,
    /// How groups are replaced.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout_strategy: Option<RolloutStrategyArgs>,
    /// When the workers of a group are made. `LeaderCreated` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_policy: Option<StartupPolicyArg>,
    /// Services in front of the pods.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_config: Option<NetworkConfigArgs>,
    /// Annotations of the object, such as `leaderworkerset.sigs.k8s.io/exclusive-topology`.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// One group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct LeaderWorkerTemplateArgs {
    /// Pods of a group, the leader included. 1 when left out.
    #[garde(range(min = 1, max = 10_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// What the failure of a pod does to its group. `RecreateGroupOnPodRestart` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicyArg>,
    /// Groups within the group.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_group_policy: Option<SubGroupPolicyArgs>,
    /// Pod template of the leader; the workers' when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader_template: Option<BTreeMap<String, Value>>,
    /// Pod template of the workers.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_template: Option<BTreeMap<String, Value>>,
}

/// `restartPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RestartPolicyArg {
    /// Any restart or deletion of a pod recreates its group.
    RecreateGroupOnPodRestart,
    /// The same, once all pods of the group have run.
    RecreateGroupAfterStart,
    /// Only the pod itself comes back.
    None,
    /// Deprecated name of `None`.
    Default,
}

/// `subGroupPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubGroupPolicyArgs {
    /// Whether the leader belongs to a subgroup. `LeaderWorker` when left out.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_group_policy_type: Option<SubGroupTypeArg>,
    /// Pods of a subgroup.
    #[garde(range(min = 1, max = 10_000))]
    pub sub_group_size: u32,
}

/// `subGroupPolicyType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SubGroupTypeArg {
    /// The leader is in the first subgroup.
    LeaderWorker,
    /// The leader is in none.
    LeaderExcluded,
}

/// `rolloutStrategy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct RolloutStrategyArgs {
    /// The only kind there is.
    #[garde(skip)]
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<RolloutTypeArg>,
    /// How many groups are replaced at once.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_update_configuration: Option<RollingUpdateArgs>,
}

/// `rolloutStrategy.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RolloutTypeArg {
    /// A few groups at a time.
    RollingUpdate,
}

/// `rollingUpdateConfiguration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct RollingUpdateArgs {
    /// Groups below this index are not replaced. 0 when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// Groups that may be away during a rollout. 1 when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrPercent>,
    /// Further groups made during a rollout. 0 when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrPercent>,
}

/// `startupPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StartupPolicyArg {
    /// Workers are made as soon as the leader exists.
    LeaderCreated,
    /// Workers are made when the leader is ready.
    LeaderReady,
}

/// `networkConfig`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct NetworkConfigArgs {
    /// Headless services. `Shared` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdomain_policy: Option<SubdomainPolicyArg>,
}

/// `subdomainPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SubdomainPolicyArg {
    /// One for all groups.
    Shared,
    /// One a group.
    UniquePerReplica,
}
