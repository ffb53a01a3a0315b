//! Which placements the model cannot tell apart.

use serde::{Deserialize, Serialize};

use super::super::{band::Band, metric::Metric};
use super::{Figures, PlacementSummary};
use crate::metrics::{LatencyMetric, Statistic, UnitCost};

/// A figure that placements are chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Headline {
    /// Dollars per million tokens, at capacity where that was searched.
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

impl Figures {
    /// The price of a token at the highest rate within the slo, or at the offered one where that was not asked for.
    pub fn unit_cost(&self) -> &UnitCost {
        self.cost.at_capacity.as_ref().unwrap_or(&self.cost.at_offered_load)
    }
}

impl Headline {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::TtftP95Ms, Self::TpotP95Ms, Self::MaxRequestsPerSAtSlo, Self::UsdPerMillionTotalTokens];

    /// As the table heads its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UsdPerMillionTotalTokens => "$/M tok",
            Self::MaxRequestsPerSAtSlo => "max req/s",
            Self::TtftP95Ms => "TTFT p95",
            Self::TpotP95Ms => "TPOT p95",
        }
    }

    /// The figure it is of a placement.
    fn metric(self, figures: &Figures) -> Metric {
        match self {
            Self::UsdPerMillionTotalTokens if figures.cost.at_capacity.is_some() => {
                Metric::UsdPerMillionTokensAtCapacity
            }
            Self::UsdPerMillionTotalTokens => Metric::UsdPerMillionTokensAtLoad,
            Self::MaxRequestsPerSAtSlo => Metric::MaxRequestsPerSAtSlo,
            Self::TtftP95Ms => Metric::Latency(LatencyMetric::Ttft, Statistic::P95),
            Self::TpotP95Ms => Metric::Latency(LatencyMetric::Tpot, Statistic::P95),
        }
    }

    /// The figure of a placement and how far the model may have it wrong, in its own unit.
    fn of(self, figures: &Figures) -> Option<(f64, Option<f64>)> {
        let metric = self.metric(figures);
        let value = metric.value(figures)?;
        Some((value, metric.model_error(&figures.model_error).map(|error| error * value)))
    }
}

/// Every pair of placements that ties, figure by figure.
pub(super) fn ties(placements: &[PlacementSummary]) -> Vec<Tie> {
    let mut found = Vec::new();
    for metric in Headline::ALL {
        let known: Vec<_> = placements
            .iter()
            .filter_map(|placement| Some((placement, metric.of(placement.figures.as_ref()?)?)))
            .collect();
        for (index, (first, one)) in known.iter().enumerate() {
            for (second, other) in &known[index + 1..] {
                if Band::of_difference(None, [one.1, other.1]).tie(one.0 - other.0).is_some() {
                    found.push(Tie { metric, placements: [first.name.clone(), second.name.clone()] });
                }
            }
        }
    }
    found
}
