//! The highest arrival rate at which a placement still meets the slo, on common random numbers.

use super::{Monitor, bisection};
use crate::metrics::{Capacity, PlacementResult, PlacementStatus, Simulated, WarningKind, warnings};
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
    let mut best: Option<(f64, Simulated)> = None;
    let mut worst: Option<(f64, String)> = None;
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
    let limited_by = worst.map_or_else(|| "not found".to_owned(), |(_, limit)| limit);
    Ok(Some(match best {
        Some((factor, simulated)) => capacity(resolved, factor, &simulated, limited_by),
        None => Capacity::none(limited_by),
    }))
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

fn capacity(resolved: &Resolved, factor: f64, simulated: &Simulated, limited_by: String) -> Capacity {
    let overall = simulated.metrics.overall();
    let span = (simulated.end - simulated.metrics.setup().warmup).as_secs_f64();
    let per_s = |amount: u64| if span > 0.0 { amount as f64 / span } else { 0.0 };
    let offered: f64 =
        resolved.workloads.iter().filter_map(|workload| workload.expected.requests_per_s).sum();
    Capacity {
        max_requests_per_s_at_slo: offered * factor,
        input_tokens_per_s: per_s(overall.tokens.input),
        output_tokens_per_s: per_s(overall.tokens.output),
        good_requests_per_s: per_s(overall.good),
        prefill: simulated.cost.prefill,
        decode: simulated.cost.decode,
        limited_by,
        headroom: Some(factor - 1.0),
    }
}
