//! What a placement costs, and what a token does.

use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// Hours in a month of the run rate.
const HOURS_PER_MONTH: f64 = 730.0;

/// Node time by what the nodes did, summed over nodes [ns]; more than a clock holds in a few hundred node-years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTime {
    /// In a ready group with at least one request.
    pub serving: u128,
    /// In a ready group without requests.
    pub idle: u128,
    /// In a group that is not ready yet.
    pub starting: u128,
    /// Broken, or in a group that is.
    pub down: u128,
    /// Paid for and in no group.
    pub spare: u128,
}

impl NodeTime {
    /// All of it [ns].
    pub const fn paid(&self) -> u128 {
        self.serving + self.idle + self.starting + self.down + self.spare
    }

    /// Mean of several runs.
    ///
    /// # Panics
    /// If there is none.
    pub fn mean(runs: &[Self]) -> Self {
        let mean = |part: fn(&Self) -> u128| runs.iter().map(part).sum::<u128>() / runs.len() as u128;
        Self {
            serving: mean(|time| time.serving),
            idle: mean(|time| time.idle),
            starting: mean(|time| time.starting),
            down: mean(|time| time.down),
            spare: mean(|time| time.spare),
        }
    }
}

/// What the cost is worked out from.
#[derive(Clone, Debug, PartialEq)]
pub struct CostInputs {
    /// Machines.
    pub nodes: u32,
    /// GPUs in them.
    pub gpus: u32,
    /// Price of all of them [USD/h].
    pub usd_per_hour: f64,
    /// What was paid for: all of them all the time, or fewer where nodes come and go [USD].
    pub usd_total: f64,
    /// Date of the price.
    pub price_date: String,
    /// Where the price was read.
    pub price_source: String,
    /// GPU time that prompts took.
    pub prefill: SimDuration,
    /// GPU time that answers took.
    pub decode: SimDuration,
    /// Node time by what the nodes did.
    pub node_time: NodeTime,
}

/// Tokens and good requests that share a bill; an amount, or amounts a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// Prompt tokens.
    pub input_tokens: f64,
    /// Answer tokens.
    pub output_tokens: f64,
    /// Requests that met every goodput threshold.
    pub good_requests: f64,
}

/// Dollars for one of something; absent where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitCost {
    /// For a million prompt tokens.
    pub usd_per_million_input_tokens: Option<f64>,
    /// For a million answer tokens.
    pub usd_per_million_output_tokens: Option<f64>,
    /// For a million tokens of either kind.
    pub usd_per_million_total_tokens: Option<f64>,
    /// For a request that met every goodput threshold.
    pub usd_per_slo_met_request: Option<f64>,
}

impl UnitCost {
    /// Shares `usd` between prompts and answers by the GPU time each took, so that the two parts add up to it.
    pub fn share(usd: f64, prefill: SimDuration, decode: SimDuration, served: &Served) -> Self {
        let busy = (prefill + decode).as_secs_f64();
        let prefill_share = if busy > 0.0 { prefill.as_secs_f64() / busy } else { 0.0 };
        let per = |usd: f64, amount: f64| (amount > 0.0).then(|| usd / amount);
        let total = served.input_tokens + served.output_tokens;
        let by_kind =
            |share: f64, tokens: f64| if busy > 0.0 { per(usd * share * 1e6, tokens) } else { None };
        Self {
            usd_per_million_input_tokens: by_kind(prefill_share, served.input_tokens),
            usd_per_million_output_tokens: by_kind(1.0 - prefill_share, served.output_tokens),
            usd_per_million_total_tokens: per(usd * 1e6, total),
            usd_per_slo_met_request: per(usd, served.good_requests),
        }
    }
}

impl CostInputs {
    /// Price of `time` [USD].
    pub fn usd(&self, time: SimDuration) -> f64 {
        self.usd_per_hour * time.as_secs_f64() / 3600.0
    }

    /// Price of a month that is like the run, which lasted `span` [USD].
    pub fn usd_per_month(&self, span: SimDuration) -> f64 {
        let whole = self.usd(span);
        let paid = if whole > 0.0 { self.usd_total / whole } else { 1.0 };
        self.usd_per_hour * HOURS_PER_MONTH * paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_and_output_add_up_to_the_bill() {
        let served = Served { input_tokens: 3e6, output_tokens: 0.5e6, good_requests: 100.0 };
        let cost = UnitCost::share(70.0, SimDuration::from_secs(30), SimDuration::from_secs(70), &served);
        assert!((cost.usd_per_million_input_tokens.unwrap() - 7.0).abs() < 1e-12);
        assert!((cost.usd_per_million_output_tokens.unwrap() - 98.0).abs() < 1e-12);
        assert_eq!(cost.usd_per_million_total_tokens, Some(20.0));
        assert_eq!(cost.usd_per_slo_met_request, Some(0.7));
    }

    #[test]
    fn nothing_served_has_no_price() {
        let cost = UnitCost::share(70.0, SimDuration::ZERO, SimDuration::ZERO, &Served::default());
        assert_eq!(cost, UnitCost::default());
    }
}
