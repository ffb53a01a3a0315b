//! Months, prices and what they hang on.

use serde::{Deserialize, Serialize};

/// A figure under low, expected and high demand on the fleet: the band is the model error of the throughput.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range<T> {
    /// If the fleet does better than simulated by the model error.
    pub low: T,
    /// As simulated.
    pub base: T,
    /// If it does worse.
    pub high: T,
}

/// One month of the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Month {
    /// From 1 on.
    pub month: u32,
    /// Peak, headroom included [1/s].
    pub requests_per_s: f64,
    /// Groups, spare ones included.
    pub groups: Range<u32>,
    /// Price on the terms of the plan.
    pub usd: Range<f64>,
}

/// The winner's nodes, bought on other terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceOption {
    /// `on-demand`, `commitment-1y`, `commitment-3y`, `spot`, `flex-start`.
    pub terms: String,
    /// Price of a node.
    pub usd_per_node_hour: f64,
    /// Price of the last month's fleet.
    pub usd_per_month: f64,
    /// Price of the whole horizon.
    pub usd_over_horizon: f64,
    /// What comes with the terms.
    pub note: String,
    /// Region.
    pub region: String,
    /// Date of the price.
    pub date: String,
    /// Where it was read.
    pub source: String,
    /// Remembered rather than read.
    pub recalled: bool,
}

/// Commitments against the load-duration curve of the last month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commitments {
    /// Nodes that the load needs, the busiest hours first; each entry holds for its hours.
    pub load_duration: Vec<LoadHours>,
    /// `commitment-1y` or `commitment-3y`; the rest is bought on demand, hour by hour.
    pub terms: String,
    /// Nodes to commit to for the least cost.
    pub committed_nodes: u32,
    /// What the month costs with them.
    pub usd_per_month: f64,
    /// What it costs if demand comes out otherwise.
    pub regret: Vec<DemandSwing>,
}

/// Hours of a month in which a number of nodes is needed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadHours {
    /// Nodes.
    pub nodes: u32,
    /// Hours of the month of 730 h.
    pub hours: f64,
}

/// A month whose demand came out otherwise than planned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandSwing {
    /// Factor on the demand.
    pub demand: f64,
    /// Cost with the commitment as chosen.
    pub usd_per_month: f64,
    /// Nodes that would have been right.
    pub best_committed_nodes: u32,
    /// Cost above what those would have cost.
    pub regret_usd_per_month: f64,
}

/// How the last month's money splits [USD a month].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Money {
    /// Node hours under the commitment, needed ones.
    pub committed: f64,
    /// Node hours on demand.
    pub on_demand: f64,
    /// Committed node hours that the load does not need.
    pub idle: f64,
    /// Node hours of spare groups.
    pub spare: f64,
}

/// From how many hours a month on a node is cheaper on given terms than on demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakEven {
    /// `commitment-1y` or `commitment-3y`.
    pub terms: String,
    /// Of the month of 730 h.
    pub hours_per_month: f64,
}

/// The fleet against an API that bills by the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManagedApi {
    /// Tokens of the last month, prompts and answers [million].
    pub million_tokens_per_month: f64,
    /// Price a million tokens at which the API costs as much as the fleet.
    pub break_even_usd_per_million_tokens: f64,
    /// The stated price of an API.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usd_per_million_tokens: Option<f64>,
    /// What the month would cost there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usd_per_month: Option<f64>,
}

/// How far one uncertain thing moves the bill of the last month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swing {
    /// What varies: `output length`, `demand`, `price`, `model error`, `failure rate`.
    pub what: String,
    /// The low end, in words: `-30 %`.
    pub low: String,
    /// The high end, in words.
    pub high: String,
    /// The bill at the low end; absent where nothing meets the slo there [USD a month].
    pub usd_low: Option<f64>,
    /// The bill at the high end [USD a month].
    pub usd_high: Option<f64>,
    /// Groups at the low end, spare ones included.
    pub groups_low: Option<u32>,
    /// Groups at the high end.
    pub groups_high: Option<u32>,
}
