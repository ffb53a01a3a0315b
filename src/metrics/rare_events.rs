//! What failures cost that are too rare to meet in a run with traffic.

use serde::{Deserialize, Serialize};

/// Failures of a placement: how often they come, and what one does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RareEvents {
    /// Years simulated without traffic.
    pub years: u32,
    /// Part of the time with at least one group ready.
    pub availability: f64,
    /// 95 % confidence interval of it.
    pub availability_interval: Option<[f64; 2]>,
    /// Random failures in a year, whether or not they hit a group.
    pub failures_per_year: f64,
    /// What one failure costs, mean over the hours.
    pub per_failure: Loss,
    /// 95 % confidence interval of the requests that one failure loses.
    pub requests_lost_interval: Option<[f64; 2]>,
    /// Requests lost in a year: failures times what one of them loses.
    pub requests_lost_per_year: f64,
    /// Hours whose failure was not over when the traffic was: what it cost is a lower bound.
    pub hours_cut_short: u32,
    /// One failure an hour of the week.
    pub by_hour: Vec<HourOfWeek>,
}

/// What a failure costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Requests that failed for good.
    pub requests_lost: f64,
    /// Of these, streams that were cut.
    pub cut_mid_stream: f64,
    /// Requests that were sent more than once.
    pub requests_retried: f64,
    /// Answer tokens that were thrown away.
    pub tokens_lost: f64,
    /// Time without any ready group [s].
    pub downtime_s: f64,
}

/// A failure in one hour of the week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HourOfWeek {
    /// Counted from the start of the week.
    pub hour: u32,
    /// What failed.
    pub cause: String,
    /// Requests that arrived around it.
    pub arrived: u64,
    /// What it cost.
    #[serde(flatten)]
    pub loss: Loss,
    /// 95th percentile of the time to first token of those that were answered [ms].
    pub ttft_p95_ms: Option<f64>,
    /// Whether the traffic was over before the group was back.
    pub cut_short: bool,
    /// From the fault to ready again [s]; absent if that took longer than the traffic went on, or nothing was away.
    pub time_to_recover_s: Option<f64>,
}

impl Loss {
    /// Mean of several.
    pub fn mean(losses: &[Self]) -> Self {
        let runs = losses.len().max(1) as f64;
        let mean = |figure: fn(&Self) -> f64| losses.iter().map(figure).sum::<f64>() / runs;
        Self {
            requests_lost: mean(|loss| loss.requests_lost),
            cut_mid_stream: mean(|loss| loss.cut_mid_stream),
            requests_retried: mean(|loss| loss.requests_retried),
            tokens_lost: mean(|loss| loss.tokens_lost),
            downtime_s: mean(|loss| loss.downtime_s),
        }
    }
}
