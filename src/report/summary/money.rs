//! Cost and capacity.

use serde::{Deserialize, Serialize};

use crate::metrics::{Capacity, CostInputs, Served, Trial, UnitCost};
use crate::units::{SimDuration, SimTime};

/// What a placement costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostSummary {
    /// Machines.
    pub nodes: u32,
    /// GPUs in them.
    pub gpus: u32,
    /// Price of all of them.
    pub usd_per_hour: f64,
    /// Price of the run, from its start to its end.
    pub usd_total: f64,
    /// The run's price over what it served.
    pub at_offered_load: UnitCost,
    /// At the highest rate within the slo, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_capacity: Option<UnitCost>,
    /// Price of 730 h.
    pub usd_per_month_run_rate: f64,
    /// Node hours.
    pub hours: Hours,
    /// Date of the price.
    pub price_date: String,
    /// Where it was read.
    pub price_source: String,
}

/// Node hours by what the nodes did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hours {
    /// In a ready group with at least one request.
    pub serving: f64,
    /// In a ready group without requests.
    pub idle: f64,
    /// In a group that is not ready yet.
    pub starting: f64,
    /// Broken, or in a group that is.
    pub down: f64,
    /// Paid for and in no group.
    pub spare: f64,
}

/// The highest arrival rate that meets the slo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacitySummary {
    /// That rate.
    pub max_requests_per_s_at_slo: f64,
    /// Answers there.
    pub output_tokens_per_s: f64,
    /// What fails just above it.
    pub limited_by: String,
    /// That rate over the offered one, minus 1.
    pub headroom: Option<f64>,
    /// Every rate that the search tried, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
}

impl CapacitySummary {
    pub(super) fn new(capacity: &Capacity) -> Self {
        Self {
            max_requests_per_s_at_slo: capacity.max_requests_per_s_at_slo,
            output_tokens_per_s: capacity.output_tokens_per_s,
            limited_by: capacity.limited_by.clone(),
            headroom: capacity.headroom,
            trials: capacity.trials.clone(),
        }
    }
}

fn hours(time_ns: u128) -> f64 {
    time_ns as f64 / 1e9 / 3600.0
}

impl CostSummary {
    pub(super) fn new(cost: &CostInputs, end: SimTime, served: &Served, capacity: Option<&Capacity>) -> Self {
        let usd_total = cost.usd_total;
        let time = &cost.node_time;
        Self {
            nodes: cost.nodes,
            gpus: cost.gpus,
            usd_per_hour: cost.usd_per_hour,
            usd_total,
            at_offered_load: UnitCost::share(usd_total, cost.prefill, cost.decode, served),
            at_capacity: capacity
                .filter(|capacity| capacity.exists())
                .map(|capacity| at_capacity(cost, capacity)),
            usd_per_month_run_rate: cost.usd_per_month(end - SimTime::ZERO),
            hours: Hours {
                serving: hours(time.serving),
                idle: hours(time.idle),
                starting: hours(time.starting),
                down: hours(time.down),
                spare: hours(time.spare),
            },
            price_date: cost.price_date.clone(),
            price_source: cost.price_source.clone(),
        }
    }
}

/// A second's price over a second's tokens.
fn at_capacity(cost: &CostInputs, capacity: &Capacity) -> UnitCost {
    let a_second = Served {
        input_tokens: capacity.input_tokens_per_s,
        output_tokens: capacity.output_tokens_per_s,
        good_requests: capacity.good_requests_per_s,
    };
    UnitCost::share(cost.usd(SimDuration::SECOND), capacity.prefill, capacity.decode, &a_second)
}
