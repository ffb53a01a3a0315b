//! The highest arrival rate at which a placement still meets the slo, on common random numbers.

use super::{Monitor, bisection};
use crate::metrics::{
    Capacity, LatencyFigures, PlacementResult, PlacementStatus, Simulated, Trial, WarningKind, warnings,
};
use crate::scenario::{Resolved, ResolvedPlacement};
use crate::simulation::{Interrupted, Options};

/// Searches the rate; `first` is the run at the offered load. `None` if the placement does not fit; a capacity of 0
/// if no rate meets the slo.
///
/// A rate counts only if the placement keeps up with it: an slo on TPOT alone would otherwise be met at any load, since a
/// full engine decodes no slower for having a queue.
///
/// # Errors
/// If the run is interrupted.
pub fn find_rate(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    first: &PlacementResult,
    monitor: &Monitor,
) -> Result<Option<Capacity>, Interrupted> {
    let PlacementStatus::Ok(first) = &first.status else { return Ok(None) };
    let offered: f64 =
        resolved.workloads.iter().filter_map(|workload| workload.expected.requests_per_s).sum();
    let mut best: Option<(f64, Simulated)> = None;
    let mut worst: Option<(f64, String)> = None;
    let mut trials = Vec::new();
    bisection::search(|factor| {
        // What happened to the cluster in the first run says nothing about a rate.
        let simulated = if factor.total_cmp(&1.0).is_eq() && !placement.is_live() {
            (**first).clone()
        } else {
            let result = monitor.simulate(resolved, placement, &Options::figures(factor))?;
            let PlacementStatus::Ok(simulated) = result.status else {
                unreachable!("a placement that fits at one rate fits at all")
            };
            *simulated
        };
        let limit = limited_by(placement, &simulated);
        let meets = limit.is_none();
        trials.push(trial(offered * factor, meets, &simulated));
        match limit {
            None => {
                if best.as_ref().is_none_or(|(known, _)| factor > *known) {
                    best = Some((factor, simulated));
                }
            }
            Some(limit) => {
                if worst.as_ref().is_none_or(|(known, _)| factor < *known) {
                    worst = Some((factor, limit));
                }
            }
        }
        Ok(meets)
    })?;
    trials.sort_by(|one, other| one.requests_per_s.total_cmp(&other.requests_per_s));
    let limited_by = worst.map_or_else(|| "not found".to_owned(), |(_, limit)| limit);
    Ok(Some(match best {
        Some((factor, simulated)) => capacity(offered, factor, &simulated, limited_by, trials),
        None => Capacity::none(limited_by, trials),
    }))
}

/// What one rate was like.
fn trial(requests_per_s: f64, met: bool, simulated: &Simulated) -> Trial {
    let overall = simulated.metrics.overall();
    let p95 = |distribution| LatencyFigures::of(distribution).p95;
    Trial {
        requests_per_s,
        ttft_p95_ms: p95(&overall.latency.ttft),
        tpot_p95_ms: p95(&overall.latency.tpot),
        met,
    }
}

/// The first thing that keeps a run from being good enough.
pub(super) fn limited_by(placement: &ResolvedPlacement, simulated: &Simulated) -> Option<String> {
    let missed = simulated.slo_checks().into_iter().find(|check| !check.met);
    let overload = || {
        let overloaded =
            warnings(&simulated.metrics).iter().any(|warning| warning.kind == WarningKind::Overload);
        overloaded.then(|| "throughput".to_owned())
    };
    let name = missed.map(|check| match check.workload {
        Some(workload) => format!("{workload}: {}", check.name),
        None => check.name,
    });
    Some(format!("{} ({})", name.or_else(overload)?, bottleneck(placement, simulated)))
}

/// What a placement at its limit has run out of.
fn bottleneck(placement: &ResolvedPlacement, simulated: &Simulated) -> &'static str {
    for (deployment, result) in placement.deployments.iter().zip(&simulated.deployments) {
        // A block short of full, or victims: the cache was what was missing.
        if result.engine.preemptions > 0 || result.engine.kv_usage_max > 0.99 {
            return "KV cache full";
        }
        if result.engine.batch_size_max >= deployment.engine.limits.max_num_seqs {
            return "max_num_seqs reached";
        }
    }
    "step time"
}

fn capacity(
    offered: f64,
    factor: f64,
    simulated: &Simulated,
    limited_by: String,
    trials: Vec<Trial>,
) -> Capacity {
    let overall = simulated.metrics.overall();
    let span = (simulated.end - simulated.metrics.setup().warmup).as_secs_f64();
    let per_s = |amount: u64| if span > 0.0 { amount as f64 / span } else { 0.0 };
    Capacity {
        max_requests_per_s_at_slo: offered * factor,
        input_tokens_per_s: per_s(overall.tokens.input),
        output_tokens_per_s: per_s(overall.tokens.output),
        good_requests_per_s: per_s(overall.good),
        prefill: simulated.cost.prefill,
        decode: simulated.cost.decode,
        limited_by,
        headroom: Some(factor - 1.0),
        trials,
    }
}
