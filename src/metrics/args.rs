//! What a scenario file says about good enough.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// A latency of `vllm bench serve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatencyMetric {
    /// Time to first token.
    Ttft,
    /// Time per output token after the first, a value a request.
    Tpot,
    /// Gap between two tokens, all gaps of all requests pooled.
    Itl,
    /// Time to last token.
    E2e,
}

impl LatencyMetric {
    /// As it stands in front of a threshold.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::E2e => "e2e",
        }
    }
}

/// Which number of a distribution a threshold bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// Median.
    P50,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Mean.
    Mean,
}

impl Statistic {
    /// As it stands behind the metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
        }
    }

    /// The share below it, for a percentile.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.50),
            Self::P90 => Some(0.90),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::Mean => None,
        }
    }
}

/// A stated upper bound on one number of one latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Of which latency.
    pub metric: LatencyMetric,
    /// Which number.
    pub statistic: Statistic,
    /// Good enough up to this, inclusive.
    pub limit: SimDuration,
}

impl Threshold {
    /// `ttft_p95` and the like.
    pub fn name(&self) -> String {
        format!("{}_{}", self.metric.name(), self.statistic.name())
    }
}

/// What one request must meet to count as good, each bound inclusive as in `vllm bench serve --goodput`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GoodputArgs {
    /// Time to first token.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft: Option<SimDuration>,
    /// Time per output token after the first.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpot: Option<SimDuration>,
    /// Time to last token.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e2e: Option<SimDuration>,
}

/// Declares [`SloArgs`] with one optional threshold a line, and the list of those stated.
macro_rules! slo_args {
    ($($(#[$doc:meta])* $field:ident: $metric:ident $statistic:ident;)*) => {
        /// What is good enough. Every stated threshold must hold; a latency bound is inclusive.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct SloArgs {
            $(
                $(#[$doc])*
                #[garde(skip)]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<SimDuration>,
            )*
            /// Share of the time in which at least one group is ready, at the least.
            #[garde(range(min = 0.0, max = 1.0), custom(number))]
            #[serde(skip_serializing_if = "Option::is_none")]
            pub availability: Option<f64>,
            /// What one request must meet to count as good; the largest stated threshold of each metric when left
            /// out.
            #[garde(dive)]
            #[serde(skip_serializing_if = "Option::is_none")]
            pub goodput: Option<GoodputArgs>,
        }

        impl SloArgs {
            /// The stated latency thresholds, in the order of the fields.
            pub fn thresholds(&self) -> Vec<Threshold> {
                let stated = [$((LatencyMetric::$metric, Statistic::$statistic, self.$field)),*];
                let keep = |(metric, statistic, limit): (_, _, Option<_>)| {
                    limit.map(|limit| Threshold { metric, statistic, limit })
                };
                stated.into_iter().filter_map(keep).collect()
            }
        }
    };
}

slo_args! {
    /// Median time to first token.
    ttft_p50: Ttft P50;
    /// 90th percentile of the time to first token.
    ttft_p90: Ttft P90;
    /// 95th percentile of the time to first token.
    ttft_p95: Ttft P95;
    /// 99th percentile of the time to first token.
    ttft_p99: Ttft P99;
    /// Mean time to first token.
    ttft_mean: Ttft Mean;
    /// Median time per output token.
    tpot_p50: Tpot P50;
    /// 90th percentile of the time per output token.
    tpot_p90: Tpot P90;
    /// 95th percentile of the time per output token.
    tpot_p95: Tpot P95;
    /// 99th percentile of the time per output token.
    tpot_p99: Tpot P99;
    /// Mean time per output token.
    tpot_mean: Tpot Mean;
    /// Median gap between two tokens.
    itl_p50: Itl P50;
    /// 90th percentile of the gap between two tokens.
    itl_p90: Itl P90;
    /// 95th percentile of the gap between two tokens.
    itl_p95: Itl P95;
    /// 99th percentile of the gap between two tokens.
    itl_p99: Itl P99;
    /// Mean gap between two tokens.
    itl_mean: Itl Mean;
    /// Median time to last token.
    e2e_p50: E2e P50;
    /// 90th percentile of the time to last token.
    e2e_p90: E2e P90;
    /// 95th percentile of the time to last token.
    e2e_p95: E2e P95;
    /// 99th percentile of the time to last token.
    e2e_p99: E2e P99;
    /// Mean time to last token.
    e2e_mean: E2e Mean;
}

impl SloArgs {
    /// What one request must meet: as stated, or the largest threshold of each metric. Gaps are pooled over all
    /// requests, so they bound no single one, as in `vllm bench serve`.
    pub fn goodput(&self) -> GoodputArgs {
        if let Some(stated) = self.goodput {
            return stated;
        }
        let thresholds = self.thresholds();
        let largest = |metric| thresholds.iter().filter(|t| t.metric == metric).map(|t| t.limit).max();
        GoodputArgs {
            ttft: largest(LatencyMetric::Ttft),
            tpot: largest(LatencyMetric::Tpot),
            e2e: largest(LatencyMetric::E2e),
        }
    }
}

/// Refuses NaN, which lies in every range as `garde` compares.
#[expect(clippy::ref_option, reason = "garde passes a reference to the field")]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn number(value: &Option<f64>, (): &()) -> garde::Result {
    if value.is_some_and(f64::is_nan) { Err(garde::Error::new("not a number")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodput_defaults_to_the_largest_threshold_of_each_metric() {
        let text = r#"{"ttft_p50": "1s", "ttft_p95": "5s", "tpot_p95": "80ms", "itl_p99": "1s"}"#;
        let slo: SloArgs = serde_json::from_str(text).unwrap();
        let names: Vec<String> = slo.thresholds().iter().map(Threshold::name).collect();
        assert_eq!(names, ["ttft_p50", "ttft_p95", "tpot_p95", "itl_p99"]);
        let goodput = slo.goodput();
        assert_eq!(goodput.ttft, Some(SimDuration::from_secs(5)));
        assert_eq!(goodput.tpot, Some(SimDuration::from_millis(80)));
        assert_eq!(goodput.e2e, None);
    }

    #[test]
    fn unknown_thresholds_and_impossible_shares_are_refused() {
        assert!(serde_json::from_str::<SloArgs>(r#"{"ttft_p96": "1s"}"#).is_err());
        for availability in [1.5, f64::NAN] {
            let slo = SloArgs { availability: Some(availability), ..SloArgs::default() };
            assert!(slo.validate().is_err());
        }
        assert!(SloArgs { availability: Some(0.999), ..SloArgs::default() }.validate().is_ok());
    }
}
