//! Which placements the model cannot tell apart.

use serde::{Deserialize, Serialize};

use super::super::{band::Band, metric::Metric};
use super::PlacementSummary;
use crate::metrics::{LatencyMetric, Statistic};

/// A figure that `summary.json` lists ties of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Headline {
    /// Dollars per million tokens: of every placement at the highest rate within the slo where that was searched, of every one
    /// at the offered load where it was not.
    UsdPerMillionTotalTokens,
    /// The highest arrival rate within the slo.
    MaxRequestsPerSAtSlo,
    /// 95th percentile of the time to first token.
    TtftP95Ms,
    /// 95th percentile of the time per output token.
    TpotP95Ms,
}

/// Two placements whose figures are no further apart than the model errors of both allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// Which figure.
    pub metric: Headline,
    /// Their names, in file order.
    pub placements: [String; 2],
}

impl Headline {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::TtftP95Ms, Self::TpotP95Ms, Self::MaxRequestsPerSAtSlo, Self::UsdPerMillionTotalTokens];

    /// The figure it is of every placement; `searched` says whether the highest rate within the slo was asked for.
    fn metric(self, searched: bool) -> Metric {
        match self {
            Self::UsdPerMillionTotalTokens if searched => Metric::UsdPerMillionTokensAtCapacity,
            Self::UsdPerMillionTotalTokens => Metric::UsdPerMillionTokensAtLoad,
            Self::MaxRequestsPerSAtSlo => Metric::MaxRequestsPerSAtSlo,
            Self::TtftP95Ms => Metric::Latency(LatencyMetric::Ttft, Statistic::P95),
            Self::TpotP95Ms => Metric::Latency(LatencyMetric::Tpot, Statistic::P95),
        }
    }
}

/// Whether the highest rate within the slo of any placement was searched.
pub(in crate::report) fn rates_searched(placements: &[PlacementSummary]) -> bool {
    placements.iter().filter_map(|placement| placement.figures.as_ref()).any(|f| f.capacity.is_some())
}

/// Pairs of placements that tie in a figure, in file order.
pub(in crate::report) fn tied(placements: &[PlacementSummary], metric: Metric) -> Vec<[&str; 2]> {
    let known: Vec<_> = placements
        .iter()
        .filter_map(|placement| {
            let value = metric.value(placement)?;
            let error = metric.model_error(&placement.figures.as_ref()?.model_error);
            Some((placement.name.as_str(), value, error.map(|error| error * value)))
        })
        .collect();
    let mut found = Vec::new();
    for (index, (first, one, one_error)) in known.iter().enumerate() {
        for (second, other, other_error) in &known[index + 1..] {
            if Band::of_difference(None, [*one_error, *other_error]).tie(one - other).is_some() {
                found.push([*first, *second]);
            }
        }
    }
    found
}

/// Every pair of placements that ties, figure by figure.
pub(super) fn ties(placements: &[PlacementSummary]) -> Vec<Tie> {
    let searched = rates_searched(placements);
    let of = |metric: Headline| {
        let pairs = tied(placements, metric.metric(searched)).into_iter();
        pairs.map(move |pair| Tie { metric, placements: pair.map(str::to_owned) })
    };
    Headline::ALL.into_iter().flat_map(of).collect()
}
