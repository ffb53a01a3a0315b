//! How long a placement could serve, and what kept it from that.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// How long a placement could serve. A group counts as ready from when requests are sent to it and answered until
/// something happens to it, whether or not anybody has noticed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Availability {
    /// Part of the time with at least one group ready.
    pub fraction: f64,
    /// 95 % confidence interval of `fraction`, where several runs were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction_interval: Option<[f64; 2]>,
    /// Ready groups over wanted ones, mean over time.
    pub capacity_fraction: f64,
    /// Groups that were recreated as a whole.
    pub group_restarts: f64,
    /// Time without any ready group [s].
    pub downtime_s: f64,
    /// From a fault to ready again, mean over all recoveries [s].
    pub mean_time_to_recover_s: Option<f64>,
    /// By what happened.
    pub by_cause: BTreeMap<&'static str, CauseFigures>,
    /// Groups that were made ready without having failed: the first ones, and those of a scale-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<StartFigures>,
    /// From ready again until as few requests were open as before the fault [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_drain: Option<Spread>,
}

/// What one cause did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CauseFigures {
    /// Faults of this kind, whether or not they hit a group.
    pub faults: f64,
    /// Time without any ready group that began with one [s].
    pub downtime_s: f64,
    /// Groups that recovered.
    pub recoveries: f64,
    /// How long that took [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_recover: Option<Spread>,
    /// The same by stage, in order; means over the recoveries [s].
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub stages_s: Map<String, Value>,
}

/// Starts of groups that had not failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StartFigures {
    /// How many.
    pub count: f64,
    /// How long they took [s].
    pub time: Spread,
    /// The same by stage, in order; means [s].
    pub stages_s: Map<String, Value>,
}

/// A mean and the largest value [s].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Mean [s].
    pub mean_s: f64,
    /// Largest [s].
    pub max_s: f64,
}

impl Spread {
    /// Of some values; none without any.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mean_s = values.iter().sum::<f64>() / values.len() as f64;
        let max_s = values.iter().copied().reduce(f64::max)?;
        Some(Self { mean_s, max_s })
    }
}

impl Availability {
    /// Nothing failed.
    pub fn always() -> Self {
        Self {
            fraction: 1.0,
            fraction_interval: None,
            capacity_fraction: 1.0,
            group_restarts: 0.0,
            downtime_s: 0.0,
            mean_time_to_recover_s: None,
            by_cause: BTreeMap::new(),
            starts: None,
            backlog_drain: None,
        }
    }
}
