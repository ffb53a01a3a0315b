//! `summary.json`: what a run says, in numbers with their units in their names.

mod build;
mod money;
mod ties;
mod traffic;

use serde::{Deserialize, Serialize};

use crate::metrics::{
    Availability, MemoryFigures, ModelError, RareEvents, SloCheck, UnitCost, Warning, WarningKind,
};
use crate::scenario::Resolved;

pub use money::{CapacitySummary, CostSummary, Hours};
pub use ties::{Headline, Tie};
pub(super) use ties::{rates_searched, tied};
pub use traffic::{Goodput, Latency, Throughput, Tokens, TrafficSummary, Window};

/// A whole run: every placement of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this program.
    pub towtank_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of its random numbers.
    pub seed: u64,
    /// What the times were calibrated on; absent where they are as the catalogue has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated_on: Option<String>,
    /// In file order.
    pub placements: Vec<PlacementSummary>,
    /// Pairs that the model cannot tell apart.
    pub ties: Vec<Tie>,
}

/// What is known of a run besides its placements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryHead<'a> {
    /// Name of the scenario.
    pub scenario: &'a str,
    /// Seed of its random numbers.
    pub seed: u64,
    /// What its times were calibrated on.
    pub calibrated_on: Option<&'a str>,
    /// Whether the scenario or a workload states an slo.
    pub has_slo: bool,
}

impl<'a> SummaryHead<'a> {
    /// Of a scenario that was run.
    pub fn of(resolved: &'a Resolved) -> Self {
        Self {
            scenario: &resolved.name,
            seed: resolved.seed,
            calibrated_on: resolved.calibrated_on.as_deref(),
            has_slo: resolved.has_slo(),
        }
    }
}

/// Whether a placement could serve at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It served.
    Ok,
    /// It does not fit into its GPUs.
    DoesNotFit,
}

/// One placement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacementSummary {
    /// Its name.
    pub name: String,
    /// Whether it could serve at all.
    pub status: Status,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether every stated threshold holds; absent without an slo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo_met: Option<bool>,
    /// Every stated threshold next to what was measured [ms, or a fraction].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slo: Vec<SloCheck>,
    /// What keeps a reader from a wrong conclusion.
    pub warnings: Vec<Warning>,
    /// Everything measured; absent of a placement that does not fit.
    #[serde(flatten)]
    pub figures: Option<Figures>,
}

impl PlacementSummary {
    /// What a token cost at the offered load; none where that rate was not met, by what a search for the highest rate goes by: the
    /// slo is missed, or more arrives than is served.
    pub fn cost_at_load(&self) -> Option<&UnitCost> {
        let overloaded = self.warnings.iter().any(|warning| warning.kind == WarningKind::Overload);
        let met = self.slo_met != Some(false) && !overloaded;
        self.figures.as_ref().filter(|_| met).map(|figures| &figures.cost.at_offered_load)
    }

    /// What a token costs at the highest rate within the slo; none where nobody asked for it, or no rate is within.
    pub fn cost_at_max(&self) -> Option<&UnitCost> {
        self.figures.as_ref()?.cost.at_capacity.as_ref()
    }
}

/// Everything measured of one placement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// All traffic together.
    #[serde(flatten)]
    pub traffic: TrafficSummary,
    /// The highest rate within the slo, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacitySummary>,
    /// Engine and memory per deployment.
    pub deployments: Vec<DeploymentSummary>,
    /// What it costs.
    pub cost: CostSummary,
    /// How far its figures may be off.
    pub model_error: ModelError,
    /// How long it could serve.
    pub availability: Availability,
    /// What failures cost that are too rare to meet, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rare_events: Option<RareEvents>,
    /// Per class of traffic.
    pub workloads: Vec<WorkloadSummary>,
}

/// One class of traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadSummary {
    /// Its name.
    pub name: String,
    /// Whether the thresholds of its own slo hold; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo_met: Option<bool>,
    /// Its traffic.
    #[serde(flatten)]
    pub traffic: TrafficSummary,
}

/// One deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentSummary {
    /// Its name.
    pub name: String,
    /// What its engines did.
    pub engine: EngineSummary,
    /// What its memory holds.
    pub memory: MemoryFigures,
}

/// What the engines of a deployment did, the warm-up included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineSummary {
    /// Batches dispatched.
    pub steps: u64,
    /// Times a request lost its KV cache.
    pub preemptions: u64,
    /// Part of the prompt tokens looked up that the prefix cache held; absent when none were looked up.
    pub prefix_cache_hit_rate: Option<f64>,
    /// Part of the KV blocks in use.
    pub kv_cache_usage: MeanMax,
    /// Requests in a batch.
    pub batch_size: MeanMax,
    /// Part of the time each stage worked.
    pub stage_busy_fraction: Vec<f64>,
    /// Steps that the fast path could not take.
    pub slow_steps: u64,
}

/// A mean and the largest value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanMax {
    /// Mean.
    pub mean: f64,
    /// Largest.
    pub max: f64,
}
