//! The spec of a `HorizontalPodAutoscaler` (autoscaling/v2), verbatim.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// `spec` of a `HorizontalPodAutoscaler`; its target is the deployment it stands in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HpaArgs {
    /// What is scaled; taken from where this stands when left out.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_target_ref: Option<BTreeMap<String, String>>,
    /// Fewest groups. 1 when left out.
    #[garde(range(max = 1_000_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<u32>,
    /// Most groups.
    #[garde(range(min = 1, max = 1_000_000))]
    pub max_replicas: u32,
    /// What decides.
    #[garde(length(min = 1), dive)]
    pub metrics: Vec<MetricArgs>,
    /// How fast it may go.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<BehaviorArgs>,
    /// Age of a metric when the autoscaler sees it.
    #[garde(skip)]
    #[serde(default, rename = "metric_lag", skip_serializing_if = "Option::is_none")]
    pub metric_lag: Option<SimDuration>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MetricArgs {
    /// Which of the following it is.
    #[garde(skip)]
    #[serde(rename = "type")]
    pub kind: MetricTypeArg,
    /// A metric of each pod.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<MetricSourceArgs>,
    /// A metric from outside the cluster.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<MetricSourceArgs>,
    /// A metric of another object.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<MetricSourceArgs>,
}

/// `type` of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricTypeArg {
    /// Of each pod.
    Pods,
    /// From outside.
    External,
    /// Of an object.
    Object,
}

/// A metric and its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MetricSourceArgs {
    /// The metric.
    #[garde(skip)]
    pub metric: MetricIdentifierArgs,
    /// Its target.
    #[garde(dive)]
    pub target: MetricTargetArgs,
    /// The object it describes, for `Object`.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described_object: Option<BTreeMap<String, String>>,
}

/// The name of a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricIdentifierArgs {
    /// Name, such as `prometheus.googleapis.com|vllm:num_requests_waiting|gauge`.
    pub name: String,
}

/// The target of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MetricTargetArgs {
    /// What is compared.
    #[garde(skip)]
    #[serde(rename = "type")]
    pub kind: TargetTypeArg,
    /// Mean over the pods.
    #[garde(range(min = 1e-9, max = 1e15))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<f64>,
    /// The value itself.
    #[garde(range(min = 1e-9, max = 1e15))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// `type` of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TargetTypeArg {
    /// Mean over the pods.
    AverageValue,
    /// The value itself.
    Value,
}

/// `behavior`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct BehaviorArgs {
    /// Upwards.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<ScalingRulesArgs>,
    /// Downwards.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScalingRulesArgs>,
}

/// Rules of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ScalingRulesArgs {
    /// Looks back so far for a recommendation to keep [s].
    #[garde(range(max = 3600))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stabilization_window_seconds: Option<u32>,
    /// Which policy counts.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<SelectPolicyArg>,
    /// Limits.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<ScalingPolicyArgs>>,
}

/// `selectPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectPolicyArg {
    /// The one that allows most.
    Max,
    /// The one that allows least.
    Min,
    /// No change in this direction.
    Disabled,
}

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingPolicyArgs {
    /// Unit of `value`.
    #[garde(skip)]
    #[serde(rename = "type")]
    pub kind: ScalingPolicyTypeArg,
    /// Change allowed.
    #[garde(range(min = 1, max = 1_000_000))]
    pub value: u32,
    /// Within this time [s].
    #[garde(range(min = 1, max = 1800))]
    pub period_seconds: u32,
}

/// `type` of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingPolicyTypeArg {
    /// Groups.
    Pods,
    /// Percent of the groups.
    Percent,
}
