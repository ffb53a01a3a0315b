//! What the run of a candidate says, in the words of the plan.

use super::{HOURS_PER_MONTH, candidates::Spec};
use crate::metrics::{LatencyFigures, Simulated};
use crate::report::plan::Figures;

/// Tokens that a run served after its warm-up, and how long that took.
pub(super) struct Served {
    pub(super) input_tokens_per_s: f64,
    pub(super) output_tokens_per_s: f64,
}

/// Over the window of rates.
pub(super) fn served(simulated: &Simulated) -> Served {
    let overall = simulated.metrics.overall();
    let span = (overall.last_end.max(simulated.metrics.setup().warmup) - simulated.metrics.setup().warmup)
        .as_secs_f64();
    let per_s = |tokens: u64| if span > 0.0 { tokens as f64 / span } else { 0.0 };
    Served {
        input_tokens_per_s: per_s(overall.tokens.input),
        output_tokens_per_s: per_s(overall.tokens.output),
    }
}

/// 95th percentiles of TTFT and TPOT [ms].
pub(super) fn p95s(simulated: &Simulated) -> (Option<f64>, Option<f64>) {
    let overall = simulated.metrics.overall();
    (LatencyFigures::of(&overall.latency.ttft).p95, LatencyFigures::of(&overall.latency.tpot).p95)
}

/// Of a run with the groups that the slo needs, and so many spare ones beside it.
pub(super) fn of(
    spec: &Spec,
    (groups, spare_groups): (u32, u32),
    simulated: &Simulated,
    availability: Option<f64>,
) -> Figures {
    let nodes = spec.nodes(groups + spare_groups);
    let gpus_per_node = simulated.cost.gpus / simulated.cost.nodes.max(1);
    let usd_per_month = spec.usd_per_month(groups + spare_groups);
    let Served { input_tokens_per_s, output_tokens_per_s } = served(simulated);
    let tokens_per_s = input_tokens_per_s + output_tokens_per_s;
    let (ttft_p95_ms, tpot_p95_ms) = p95s(simulated);
    let tpot = LatencyFigures::of(&simulated.metrics.overall().latency.tpot).mean;
    Figures {
        groups,
        spare_groups,
        nodes,
        gpus: nodes * gpus_per_node,
        usd_per_month,
        ttft_p95_ms,
        tpot_p95_ms,
        output_tokens_per_s_per_gpu: output_tokens_per_s / f64::from(simulated.cost.gpus.max(1)),
        output_tokens_per_s_per_user: tpot.filter(|ms| *ms > 0.0).map(|ms| 1e3 / ms),
        usd_per_million_total_tokens_at_planned_rate: (tokens_per_s > 0.0)
            .then(|| usd_per_month / HOURS_PER_MONTH / 3600.0 / tokens_per_s * 1e6),
        availability,
    }
}
