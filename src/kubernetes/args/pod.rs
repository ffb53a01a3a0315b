//! What matters of a pod, and its disruption budget.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IntOrPercent;
use crate::units::SimDuration;

/// Fields of the pods of a deployment, named as in a pod spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct PodArgs {
    /// Time between the end of a pod being asked for and forced [s]. 30 when left out.
    #[garde(range(max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<u32>,
    /// What the container does before it is told to end.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_stop: Option<PreStopArgs>,
    /// What vLLM does when it is told to end (SIGTERM). `ignored` when left out, as for a command that a shell runs.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigterm: Option<SigtermArg>,
    /// When the leader counts as ready: as in LeaderWorkerSet's vLLM example (first after 15 s, then every 10 s) when left out.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<ProbeArgs>,
    /// Taints that the pods bear, and for how long.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<TolerationArgs>>,
}

/// `preStop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreStopArgs {
    /// Waits so long.
    pub sleep: SimDuration,
}

/// What becomes of SIGTERM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SigtermArg {
    /// A shell that is process 1 does not pass it on: the pod serves until it is killed.
    #[default]
    Ignored,
    /// vLLM ends at once and cuts its requests (`shutdown_timeout` 0).
    Abort,
    /// vLLM ends when its last request has.
    Drain,
}

/// The timing of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ProbeArgs {
    /// Wait before the first probe [s]. 0 when left out.
    #[garde(range(max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_delay_seconds: Option<u32>,
    /// Time between probes [s]. 10 when left out.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_seconds: Option<u32>,
    /// Time a probe may take [s]. 1 when left out.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// Failures in a row that make a ready pod unready. 3 when left out.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<u32>,
    /// Successes in a row that make a pod ready. 1 when left out.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_threshold: Option<u32>,
}

/// One toleration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TolerationArgs {
    /// Key of the taint.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Exists` or `Equal`.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Value of the taint.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// How long a pod stays on a tainted node [s]; for ever when left out.
    #[garde(range(max = 1_000_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<u32>,
}

/// `spec` of a `PodDisruptionBudget`; exactly one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct PodDisruptionBudgetArgs {
    /// Pods that must stay.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_available: Option<IntOrPercent>,
    /// Pods that may be away.
    #[garde(custom(|_: &_, (): &()| self.one()))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrPercent>,
}

impl PodDisruptionBudgetArgs {
    fn one(&self) -> garde::Result {
        if self.min_available.is_some() == self.max_unavailable.is_some() {
            return Err(garde::Error::new("a budget states either minAvailable or maxUnavailable"));
        }
        Ok(())
    }
}
