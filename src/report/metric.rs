//! The figures that placements are compared by.

use super::PlacementSummary;
use crate::metrics::{LatencyMetric, ModelError, Statistic};

/// A figure of a placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A number of a latency [ms].
    Latency(LatencyMetric, Statistic),
    /// Completed requests [1/s].
    RequestsPerS,
    /// Their answers [tokens/s].
    OutputTokensPerS,
    /// Their answers, over all GPUs paid for [tokens/s].
    OutputTokensPerSPerGpu,
    /// Requests that meet every goodput threshold [1/s].
    GoodputRequestsPerS,
    /// The highest arrival rate within the slo [1/s].
    MaxRequestsPerSAtSlo,
    /// A million tokens of either kind at the offered load [USD].
    UsdPerMillionTokensAtLoad,
    /// A million tokens of answers at the offered load [USD].
    UsdPerMillionOutputTokensAtLoad,
    /// A million tokens of either kind at the highest rate within the slo [USD].
    UsdPerMillionTokensAtCapacity,
    /// A million tokens of answers at the highest rate within the slo [USD].
    UsdPerMillionOutputTokensAtCapacity,
    /// Part of the time with at least one group that serves.
    Availability,
    /// Requests that failed.
    RequestsFailed,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// The latencies, and the numbers of each.
const LATENCIES: [LatencyMetric; 4] =
    [LatencyMetric::Ttft, LatencyMetric::Tpot, LatencyMetric::Itl, LatencyMetric::E2e];
const STATISTICS: [Statistic; 4] = [Statistic::P50, Statistic::P95, Statistic::P99, Statistic::Mean];

/// What there is besides latencies.
const RATES: [Metric; 11] = [
    Metric::RequestsPerS,
    Metric::OutputTokensPerS,
    Metric::OutputTokensPerSPerGpu,
    Metric::GoodputRequestsPerS,
    Metric::MaxRequestsPerSAtSlo,
    Metric::UsdPerMillionTokensAtLoad,
    Metric::UsdPerMillionOutputTokensAtLoad,
    Metric::UsdPerMillionTokensAtCapacity,
    Metric::UsdPerMillionOutputTokensAtCapacity,
    Metric::Availability,
    Metric::RequestsFailed,
];

impl Metric {
    /// Those a choice is made by: a precision asked for is one of these, and a run names ties in them.
    pub const DECIDING: [Self; 5] = [
        Self::Latency(LatencyMetric::Ttft, Statistic::P95),
        Self::Latency(LatencyMetric::Tpot, Statistic::P95),
        Self::MaxRequestsPerSAtSlo,
        Self::UsdPerMillionTokensAtLoad,
        Self::UsdPerMillionTokensAtCapacity,
    ];

    /// All of them, latencies first.
    pub fn all() -> impl Iterator<Item = Self> {
        let latencies = LATENCIES.into_iter().flat_map(|latency| {
            STATISTICS.into_iter().map(move |statistic| Self::Latency(latency, statistic))
        });
        latencies.chain(RATES)
    }

    /// Its name in files, unit last.
    pub fn key(self) -> String {
        match self {
            Self::Latency(latency, statistic) => format!("{}_{}_ms", latency.name(), statistic.name()),
            Self::RequestsPerS => "requests_per_s".to_owned(),
            Self::OutputTokensPerS => "output_tokens_per_s".to_owned(),
            Self::OutputTokensPerSPerGpu => "output_tokens_per_s_per_gpu".to_owned(),
            Self::GoodputRequestsPerS => "goodput_requests_per_s".to_owned(),
            Self::MaxRequestsPerSAtSlo => "max_requests_per_s_at_slo".to_owned(),
            Self::UsdPerMillionTokensAtLoad => "usd_per_million_total_tokens_at_offered_load".to_owned(),
            Self::UsdPerMillionOutputTokensAtLoad => {
                "usd_per_million_output_tokens_at_offered_load".to_owned()
            }
            Self::UsdPerMillionTokensAtCapacity => "usd_per_million_total_tokens_at_capacity".to_owned(),
            Self::UsdPerMillionOutputTokensAtCapacity => {
                "usd_per_million_output_tokens_at_capacity".to_owned()
            }
            Self::Availability => "availability".to_owned(),
            Self::RequestsFailed => "requests_failed".to_owned(),
        }
    }

    /// Its name for a reader, unit last.
    pub fn name(self) -> String {
        match self {
            Self::Latency(latency, statistic) => {
                let latency = match latency {
                    LatencyMetric::E2e => "e2e".to_owned(),
                    other => other.name().to_uppercase(),
                };
                format!("{latency} {} ms", statistic.name())
            }
            Self::RequestsPerS => "req/s".to_owned(),
            Self::OutputTokensPerS => "out tok/s".to_owned(),
            Self::OutputTokensPerSPerGpu => "out tok/s/GPU".to_owned(),
            Self::GoodputRequestsPerS => "good req/s".to_owned(),
            Self::MaxRequestsPerSAtSlo => "max req/s".to_owned(),
            Self::UsdPerMillionTokensAtLoad => "$/M tok at load".to_owned(),
            Self::UsdPerMillionOutputTokensAtLoad => "$/M out at load".to_owned(),
            Self::UsdPerMillionTokensAtCapacity => "$/M tok at max".to_owned(),
            Self::UsdPerMillionOutputTokensAtCapacity => "$/M out at max".to_owned(),
            Self::Availability => "availability".to_owned(),
            Self::RequestsFailed => "failed requests".to_owned(),
        }
    }

    /// Which way it is better.
    pub const fn better(self) -> Better {
        match self {
            Self::RequestsPerS
            | Self::OutputTokensPerS
            | Self::OutputTokensPerSPerGpu
            | Self::GoodputRequestsPerS
            | Self::MaxRequestsPerSAtSlo
            | Self::Availability => Better::Higher,
            _ => Better::Lower,
        }
    }

    /// Whether it is money for tokens at some rate.
    pub const fn is_cost(self) -> bool {
        matches!(
            self,
            Self::UsdPerMillionTokensAtLoad
                | Self::UsdPerMillionOutputTokensAtLoad
                | Self::UsdPerMillionTokensAtCapacity
                | Self::UsdPerMillionOutputTokensAtCapacity
        )
    }

    /// The figure; `None` where there was nothing to measure.
    pub fn value(self, placement: &PlacementSummary) -> Option<f64> {
        let figures = placement.figures.as_ref()?;
        let traffic = &figures.traffic;
        let (latency, throughput) = (&traffic.latency, &traffic.throughput);
        // Without workloads nothing was asked for, and rates of 0 would say otherwise.
        let rate = |value: f64| (!figures.workloads.is_empty()).then_some(value);
        match self {
            Self::Latency(LatencyMetric::Ttft, statistic) => latency.ttft_ms.get(statistic),
            Self::Latency(LatencyMetric::Tpot, statistic) => latency.tpot_ms.get(statistic),
            Self::Latency(LatencyMetric::Itl, statistic) => latency.itl_ms.get(statistic),
            Self::Latency(LatencyMetric::E2e, statistic) => latency.e2e_ms.get(statistic),
            Self::RequestsPerS => rate(throughput.requests_per_s),
            Self::OutputTokensPerS => rate(throughput.output_tokens_per_s),
            Self::OutputTokensPerSPerGpu => rate(throughput.output_tokens_per_s_per_gpu),
            Self::GoodputRequestsPerS => rate(traffic.goodput.requests_per_s),
            Self::MaxRequestsPerSAtSlo => {
                figures.capacity.as_ref().map(|capacity| capacity.max_requests_per_s_at_slo)
            }
            Self::UsdPerMillionTokensAtLoad => placement.cost_at_load()?.usd_per_million_total_tokens,
            Self::UsdPerMillionOutputTokensAtLoad => placement.cost_at_load()?.usd_per_million_output_tokens,
            Self::UsdPerMillionTokensAtCapacity => placement.cost_at_max()?.usd_per_million_total_tokens,
            Self::UsdPerMillionOutputTokensAtCapacity => {
                placement.cost_at_max()?.usd_per_million_output_tokens
            }
            Self::Availability => Some(figures.availability.fraction),
            Self::RequestsFailed => rate(traffic.requests.failed as f64),
        }
    }

    /// How far predictions of it may be off [fraction]; `None` where that was never measured.
    pub fn model_error(self, error: &ModelError) -> Option<f64> {
        match self {
            Self::Latency(LatencyMetric::Ttft, _) => Some(error.ttft),
            Self::Latency(LatencyMetric::Tpot | LatencyMetric::Itl, _) => Some(error.tpot),
            // A first token and then the others: no further off than the worse of the two.
            Self::Latency(LatencyMetric::E2e, _) => Some(error.ttft.max(error.tpot)),
            Self::RequestsPerS
            | Self::OutputTokensPerS
            | Self::OutputTokensPerSPerGpu
            | Self::GoodputRequestsPerS
            | Self::MaxRequestsPerSAtSlo => Some(error.throughput),
            Self::Availability | Self::RequestsFailed => None,
            cost => cost.is_cost().then_some(error.cost),
        }
    }
}
