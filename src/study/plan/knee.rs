//! What one group does as its rate rises: where latency bends, and what its server shows there.

use rayon::prelude::*;

use super::{
    candidates::Spec,
    figures::{p95s, served},
    fleet::{Ground, NoRun, Outcome, with_timeline},
};
use crate::metrics::{Simulated, TimelineRow};
use crate::report::plan::{Knee, KneePoint};
use crate::simulation::Options;
use crate::study::bisection;
use crate::units::SimTime;

/// Rates of the knee chart, over the highest within the slo.
const KNEE: [f64; 10] = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.05, 1.1, 1.2];

/// Latency over the rate of one group, and where to page.
pub(super) fn knee(ground: &Ground<'_>, spec: &Spec, planned: f64) -> Result<(Knee, Option<f64>), NoRun> {
    let floor = spec.candidate.floor.expect("what is simulated has a floor");
    // The analytic most is near; the search starts there.
    let start = floor.requests_per_s_per_group / planned;
    let resolved = ground.resolved(spec, 1)?;
    let mut lowest_failing: Option<(f64, String)> = None;
    let bracket = bisection::search(|multiple| {
        let factor = start * multiple;
        let limit = ground.judge(&resolved, &Options::figures(factor))?.limited_by;
        if let Some(limit) = limit.clone()
            && lowest_failing.as_ref().is_none_or(|(known, _)| factor < *known)
        {
            lowest_failing = Some((factor, limit));
        }
        Ok::<_, NoRun>(limit.is_none())
    })?;
    let capacity = start * bracket.meets.unwrap_or_default();
    let reached: Vec<f64> = KNEE.into_iter().filter(|_| capacity > 0.0).collect();
    let runs = reached.into_par_iter().map(|part| {
        let run = ground.judge(&resolved, &with_timeline(capacity * part))?;
        Ok((part, Steady::of(&run, planned * capacity * part)))
    });
    let runs: Vec<(f64, Steady)> = runs.collect::<Result<_, NoRun>>()?;
    let edge = runs.iter().find(|(part, _)| part.total_cmp(&1.0).is_eq()).map(|(_, steady)| steady);
    // A group's share of its nodes: groups that share one pay for a part of it.
    let usd_per_s = spec.candidate.usd_per_node_hour * f64::from(spec.candidate.nodes_per_group)
        / f64::from(spec.candidate.groups_per_node)
        / 3600.0;
    let usd_per_million =
        edge.and_then(|edge| (edge.tokens_per_s > 0.0).then(|| usd_per_s / edge.tokens_per_s * 1e6));
    let knee = Knee {
        points: runs.iter().map(|(_, steady)| steady.point).collect(),
        max_requests_per_s_at_slo: planned * capacity,
        limited_by: lowest_failing.map_or_else(|| "not found".to_owned(), |(_, limit)| limit),
        page_num_requests_waiting: edge.map_or(0.0, |edge| edge.point.num_requests_waiting),
        page_kv_cache_usage_perc: edge.map_or(0.0, |edge| edge.point.kv_cache_usage_perc),
    };
    Ok((knee, usd_per_million))
}

/// One rate of the knee chart, and what else is known there.
struct Steady {
    point: KneePoint,
    tokens_per_s: f64,
}

impl Steady {
    fn of(run: &Outcome, requests_per_s: f64) -> Self {
        let (ttft_p95_ms, tpot_p95_ms) = p95s(&run.simulated);
        let rows = steady_rows(&run.simulated);
        let tokens = served(&run.simulated);
        Self {
            point: KneePoint {
                requests_per_s,
                ttft_p95_ms,
                tpot_p95_ms,
                num_requests_waiting: mean(rows.iter().map(|row| f64::from(row.waiting))),
                kv_cache_usage_perc: mean(rows.iter().map(|row| row.kv_cache_usage)),
                slo_met: run.limited_by.is_none(),
            },
            tokens_per_s: tokens.input_tokens_per_s + tokens.output_tokens_per_s,
        }
    }
}

/// The samples between the warm-up and the last arrival.
fn steady_rows(simulated: &Simulated) -> Vec<&TimelineRow> {
    let metrics = &simulated.metrics;
    let last = metrics.arrivals().map_or(SimTime::ZERO, |(_, last)| last);
    let rows = metrics.timeline().iter();
    rows.filter(|row| row.at >= metrics.setup().warmup && row.at <= last).collect()
}

/// Mean of samples; 0 without any.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let samples = values.len().max(1) as f64;
    values.sum::<f64>() / samples
}
