//! The scenario file, field for field; the rooms' own `Args` put together.

mod failures;
mod plan;
mod rare_events;
mod timeline;

use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::EngineArgs;
use crate::hardware::NodePoolArgs;
use crate::kubernetes::{
    HpaArgs, KubernetesArgs, LeaderWorkerSetArgs, PodArgs, PodDisruptionBudgetArgs, StartupArgs,
};
use crate::metrics::SloArgs;
use crate::routing::RouterArgs;
use crate::units::SimDuration;
use crate::workload::WorkloadArgs;

pub(super) use failures::SHAPES;
pub use failures::{
    FailureKindsArgs, FailureSource, FailuresArgs, FaultArgs, FaultProcessArgs, NicFaultArgs, NicProcessArgs,
    RepairArgs, RepairTimeArgs, SourceOr, Stated,
};
pub use plan::PlanArgs;
pub use rare_events::RareEventsArgs;
pub use timeline::{
    DrainArgs, EventArgs, EvictArgs, FailArgs, RepairNodeArgs, RolloutArgs, ScaleArgs, TaintArgs,
    UpgradePoolArgs,
};

/// One scenario: workloads, the placements that could serve them, and what is good enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Towtank scenario")]
pub struct Scenario {
    /// Name of the scenario; results go to `results/<name>`.
    #[garde(custom(file_name))]
    pub name: String,
    /// What it is about, and what its figures do not say; shown with them.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Seed of every random number. 0 when left out.
    #[garde(skip)]
    #[serde(default)]
    pub seed: u64,
    /// Arrivals end here. May be left out when every workload ends by itself.
    #[garde(custom(not_zero))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<SimDuration>,
    /// Requests that arrive earlier are simulated but left out of every metric.
    #[garde(skip)]
    #[serde(default)]
    pub warmup: SimDuration,
    /// Whether the run goes on until every request has ended. On when left out.
    #[garde(skip)]
    #[serde(default = "yes")]
    pub drain: bool,
    /// Whether groups are ready at time 0. `warm` when left out.
    #[garde(skip)]
    #[serde(default)]
    pub start: StartArg,
    /// Also search the highest arrival rate that meets the slo.
    #[garde(skip)]
    #[serde(default)]
    pub find_rate: bool,
    /// A calibration of the user's own cluster, as `towtank calibrate` writes it; laid over the catalogue. The path is
    /// relative to this file.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<PathBuf>,
    /// What is good enough.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo: Option<SloArgs>,
    /// Runs of a scenario without traffic, each with other random numbers: their availabilities give an interval. 20 when
    /// left out.
    #[garde(range(min = 1, max = 10_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replications: Option<u32>,
    /// Classes of traffic. Without any the cluster is simulated alone, years in a moment, for its availability.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<WorkloadArgs<SloArgs>>,
    /// How requests find a group.
    #[garde(dive)]
    #[serde(default)]
    pub router: RouterArgs,
    /// Complete ways to serve the workloads; each is simulated alone. May be left out next to `plan`, which makes its own.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placements: Vec<PlacementArgs>,
    /// What `towtank plan` searches; other commands pass over it.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanArgs>,
    /// What fails at random. `none` when left out.
    #[garde(dive)]
    #[serde(default)]
    pub failures: FailuresArgs,
    /// Failures too rare to meet in a run with traffic: how often they come, and what one of them does in each hour of the
    /// week.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rare_events: Option<RareEventsArgs>,
    /// What someone does, or what breaks, at a known time.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<EventArgs>,
}

fn yes() -> bool {
    true
}

/// Results are written into a directory of this name.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn file_name(name: &str, (): &()) -> garde::Result {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(inside);
    if good {
        return Ok(());
    }
    Err(garde::Error::new(
        "expected a name of at most 128 letters, digits, `.`, `_` and `-` that starts with a letter or digit",
    ))
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn not_zero(duration: &Option<SimDuration>, (): &()) -> garde::Result {
    if *duration == Some(SimDuration::ZERO) { Err(garde::Error::new("must be above 0s")) } else { Ok(()) }
}

/// What is there at time 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartArg {
    /// Every group is ready.
    #[default]
    Warm,
    /// Nothing exists; the start is simulated.
    Cold,
}

/// One complete way to serve the workloads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacementArgs {
    /// Name of the placement: a row of the results.
    #[garde(custom(file_name))]
    pub name: String,
    /// Nodes.
    #[garde(length(min = 1), dive)]
    pub node_pools: Vec<NodePoolArgs>,
    /// What runs on them; several share the traffic.
    #[garde(length(min = 1), dive)]
    pub deployments: Vec<DeploymentArgs>,
    /// The cluster.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesArgs>,
    /// How long a start takes, instead of the catalogue's facts.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<StartupArgs>,
    /// What fails at random here, instead of the scenario's `failures`.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailuresArgs>,
}

/// One LeaderWorkerSet with its vLLM engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentArgs {
    /// Name of the deployment; pods are `<name>-<group>` and `<name>-<group>-<worker>`.
    #[garde(length(min = 1))]
    pub name: String,
    /// Name of the node pool it runs in.
    #[garde(length(min = 1))]
    pub node_pool: String,
    /// Hugging Face name of a model of the catalogue, or the path of a `config.json`.
    #[garde(length(min = 1))]
    pub model: String,
    /// vLLM's arguments.
    #[garde(dive)]
    #[serde(default)]
    pub engine: EngineArgs,
    /// The LeaderWorkerSet spec.
    #[garde(dive)]
    #[serde(default)]
    pub leaderworkerset: LeaderWorkerSetArgs,
    /// Its autoscaler.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hpa: Option<HpaArgs>,
    /// What matters of its pods.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodArgs>,
    /// Its disruption budget.
    #[garde(dive)]
    #[serde(default, rename = "podDisruptionBudget", skip_serializing_if = "Option::is_none")]
    pub pod_disruption_budget: Option<PodDisruptionBudgetArgs>,
}
