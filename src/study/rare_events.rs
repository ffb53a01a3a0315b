//! What failures cost that are too rare to meet in a run with traffic: how often they come and what one of them does, each
//! found where it can be seen.

use rayon::prelude::*;

use super::{run::Monitor, years::years};
use crate::confidence::interval;
use crate::metrics::{Availability, HourOfWeek, LatencyFigures, Loss, RareEvents, Simulated};
use crate::random::derived;
use crate::scenario::{RareEventsArgs, Resolved, ResolvedPlacement};
use crate::simulation::{Interrupted, Options, rare_fault};
use crate::units::{SimDuration, SimTime};

const YEAR: SimDuration = SimDuration::from_secs(365 * 86_400);
const HOUR: SimDuration = SimDuration::from_secs(3_600);
const HOURS_OF_A_WEEK: u32 = 168;

/// Years without a token, then a failure in each hour of the week. None if the placement does not fit, or nothing can fail.
pub(super) fn rare_events(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    args: &RareEventsArgs,
    monitor: &Monitor,
) -> Result<Option<RareEvents>, Interrupted> {
    if placement.does_not_fit().is_some() || placement.failures.is_empty() {
        return Ok(None);
    }
    let availability = without_traffic(resolved, placement, args.years, monitor)?;
    let hours: Vec<HourOfWeek> = (0..args.hours)
        .into_par_iter()
        .map(|hour| in_hour(resolved, placement, args, hour, monitor))
        .collect::<Result<_, _>>()?;
    let losses: Vec<Loss> = hours.iter().map(|hour| hour.loss).collect();
    let lost: Vec<f64> = losses.iter().map(|loss| loss.requests_lost).collect();
    let per_failure = Loss::mean(&losses);
    // Those that hit no group too: `per_failure` is a mean over all that are drawn.
    let failures_per_year = availability.by_cause.values().map(|figures| figures.faults).sum();
    Ok(Some(RareEvents {
        years: args.years,
        availability: availability.fraction,
        availability_interval: availability.fraction_interval,
        failures_per_year,
        per_failure,
        requests_lost_interval: interval(&lost).map(|ends| ends.map(|end| end.max(0.0))),
        requests_lost_per_year: failures_per_year * per_failure.requests_lost,
        hours_cut_short: hours.iter().filter(|hour| hour.cut_short).count() as u32,
        by_hour: hours,
    }))
}

/// Availability in years without a token, of a placement that fits.
pub(super) fn without_traffic(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    count: u32,
    monitor: &Monitor,
) -> Result<Availability, Interrupted> {
    let mut quiet = resolved.clone();
    (quiet.workloads, quiet.duration, quiet.replications) = (Vec::new(), Some(YEAR), count);
    let mut alone = placement.clone();
    alone.agenda.clear();
    let live = Options { live: true, ..Options::figures(1.0) };
    let long = years(&quiet, &alone, &live, monitor)?;
    Ok(long.simulated().expect("a placement that fits is simulated").availability.clone())
}

/// One failure under the traffic of one hour.
fn in_hour(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    args: &RareEventsArgs,
    hour: u32,
    monitor: &Monitor,
) -> Result<HourOfWeek, Interrupted> {
    let fault = rare_fault(placement, resolved.seed, hour, SimTime::ZERO + args.before);
    let fault = fault.expect("something can fail");
    let mut resolved = resolved.clone();
    resolved.seed = derived(resolved.seed, "rare-events/hour", hour);
    resolved.duration = Some(args.before + args.after);
    resolved.warmup = SimDuration::ZERO;
    // A week earlier or later is the same in a weekly curve, and nobody sends before time 0.
    let midnight = SimDuration::from_nanos(HOUR.as_nanos() * u64::from(hour + HOURS_OF_A_WEEK));
    for workload in &mut resolved.workloads {
        workload.class = workload.class.from(midnight - args.before);
    }
    let mut placement = placement.clone();
    placement.failures.clear();
    placement.agenda = vec![(fault.at, fault.action)];
    let options = Options { live: true, ..Options::figures(1.0) };
    let result = monitor.simulate(&resolved, &placement, &options)?;
    let simulated = result.simulated().expect("a placement that fits is simulated");
    Ok(of_hour(hour, fault.cause, simulated))
}

fn of_hour(hour: u32, cause: &str, simulated: &Simulated) -> HourOfWeek {
    let overall = simulated.metrics.overall();
    let (requests, availability) = (&overall.requests, &simulated.availability);
    HourOfWeek {
        hour,
        cause: cause.to_owned(),
        arrived: requests.arrived,
        loss: Loss {
            requests_lost: requests.failed as f64,
            cut_mid_stream: requests.cut_mid_stream as f64,
            requests_retried: requests.retried as f64,
            tokens_lost: overall.tokens.lost as f64,
            downtime_s: availability.downtime_s,
        },
        ttft_p95_ms: LatencyFigures::of(&overall.latency.ttft).p95,
        cut_short: availability.capacity_fraction < 1.0 && availability.mean_time_to_recover_s.is_none(),
        time_to_recover_s: availability.mean_time_to_recover_s,
    }
}
