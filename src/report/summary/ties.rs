//! Which placements the model cannot tell apart.

use serde::{Deserialize, Serialize};

use super::{Figures, PlacementSummary};
use crate::metrics::{ModelError, UnitCost};

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

/// Two placements, each of whose figures lies inside the other's model error.
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

    /// The figure of a placement and how far it may be off [fraction].
    fn of(self, figures: &Figures) -> Option<(f64, f64)> {
        let ModelError { tpot, ttft, throughput, cost, .. } = figures.model_error;
        let latency = &figures.traffic.latency;
        let capacity = || figures.capacity.as_ref().map(|capacity| capacity.max_requests_per_s_at_slo);
        match self {
            Self::UsdPerMillionTotalTokens => {
                figures.unit_cost().usd_per_million_total_tokens.map(|usd| (usd, cost))
            }
            Self::MaxRequestsPerSAtSlo => capacity().map(|rate| (rate, throughput)),
            Self::TtftP95Ms => latency.ttft_ms.p95.map(|ms| (ms, ttft)),
            Self::TpotP95Ms => latency.tpot_ms.p95.map(|ms| (ms, tpot)),
        }
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
                if inside(*one, *other) && inside(*other, *one) {
                    found.push(Tie { metric, placements: [first.name.clone(), second.name.clone()] });
                }
            }
        }
    }
    found
}

/// Whether `value` lies within the error of another figure.
fn inside((value, _): (f64, f64), (centre, error): (f64, f64)) -> bool {
    (value - centre).abs() <= error * centre
}
