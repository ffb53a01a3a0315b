//! Whether what was asked for was kept.

use serde::{Deserialize, Serialize};

use super::{ClassMetrics, LatencyFigures, LatencyMetric, Simulated, SloArgs, Threshold};

/// One stated threshold, held against what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SloCheck {
    /// Whose slo: a workload's, or the scenario's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// `ttft_p95`, `availability` and the like.
    pub name: String,
    /// The threshold [ms, or a fraction].
    pub limit: f64,
    /// The measured figure; `None` when nothing was there to measure.
    pub value: Option<f64>,
    /// Whether it was kept.
    pub met: bool,
}

/// Holds every stated threshold against one class of traffic, `availability` against that of the placement.
pub fn check_slo(
    slo: &SloArgs,
    class: &ClassMetrics,
    availability: f64,
    workload: Option<&str>,
) -> Vec<SloCheck> {
    let latency = |threshold: Threshold| {
        let figures = LatencyFigures::of(class.latency.of(threshold.metric));
        let value = figures.get(threshold.statistic);
        let limit = threshold.limit.as_millis_f64();
        let met =
            value.map_or_else(|| holds_without_samples(threshold.metric, class), |value| value <= limit);
        SloCheck { workload: workload.map(str::to_owned), name: threshold.name(), limit, value, met }
    };
    let mut checks: Vec<SloCheck> = slo.thresholds().into_iter().map(latency).collect();
    if let Some(limit) = slo.availability {
        checks.push(SloCheck {
            workload: workload.map(str::to_owned),
            name: "availability".to_owned(),
            limit,
            value: Some(availability),
            met: availability >= limit,
        });
    }
    checks
}

impl Simulated {
    /// Every threshold the scenario and its workloads state, held against the run.
    pub fn slo_checks(&self) -> Vec<SloCheck> {
        let setup = self.metrics.setup();
        let fraction = self.availability.fraction;
        let mut checks = Vec::new();
        if let Some(slo) = &setup.slo {
            checks.extend(check_slo(slo, &self.metrics.overall(), fraction, None));
        }
        for (index, workload) in setup.workloads.iter().enumerate() {
            if let Some(slo) = &workload.slo {
                checks.extend(check_slo(slo, self.metrics.class(index), fraction, Some(&workload.name)));
            }
        }
        checks
    }
}

/// Answers of one token each have no gaps that could be too long. Otherwise no samples are no proof.
fn holds_without_samples(metric: LatencyMetric, class: &ClassMetrics) -> bool {
    let between_tokens = matches!(metric, LatencyMetric::Tpot | LatencyMetric::Itl);
    between_tokens && class.requests.completed > 0 && class.tokens.output == class.requests.completed
}
