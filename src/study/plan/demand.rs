//! The demand that candidates must serve: the peak of the busiest month of the horizon.

use crate::document::path::{field, item};
use crate::report::plan::Demand;
use crate::scenario::{PlanArgs, Resolved, ResolvedWorkload, ScenarioError, ScenarioFile};
use crate::units::{Rate, SimDuration};
use crate::workload::{Arrivals, Demand as ClassDemand, WorkloadArgs};

/// Months planned for unless stated: a quarter.
const MONTHS: u32 = 3;
/// Part added on top of the peak unless stated.
const HEADROOM: f64 = 0.2;
/// A rate curve is looked at hour by hour over a week.
const HOURS_OF_A_WEEK: u32 = 168;
const HOUR: SimDuration = SimDuration::from_secs(3_600);

/// The traffic of the planned peak, and how it got there.
pub(super) struct Peak<S: garde::Validate<Context = ()>> {
    /// The workloads with the rates of that hour, steady.
    pub(super) workloads: Vec<WorkloadArgs<S>>,
    /// The same in figures.
    pub(super) demand: Demand,
    /// Load of every hour of a week over that of the busiest.
    pub(super) load: Vec<f64>,
}

/// Months planned for.
pub(super) fn months(args: &PlanArgs) -> u32 {
    args.months.unwrap_or(MONTHS)
}

/// Factor on the demand of today in a month of the horizon, counted from 1.
pub(super) fn growth(args: &PlanArgs, month: u32) -> f64 {
    (1.0 + args.growth_percent_per_month / 100.0).powi(month as i32)
}

/// The same in the busiest month: the last, or the first where demand shrinks.
pub(super) fn most_growth(args: &PlanArgs) -> f64 {
    growth(args, 1).max(growth(args, months(args)))
}

/// Part added on top of the peak.
pub(super) fn headroom(args: &PlanArgs) -> f64 {
    args.headroom.unwrap_or(HEADROOM)
}

/// Works out the peak; `resolved` is the scenario as it stands.
pub(super) fn peak(
    file: &ScenarioFile,
    args: &PlanArgs,
    resolved: &Resolved,
) -> Result<Peak<crate::metrics::SloArgs>, ScenarioError> {
    for (index, workload) in resolved.workloads.iter().enumerate() {
        if workload.expected.requests_per_s.is_none_or(|rate| rate <= 0.0) || !workload.class.has_rate() {
            let message = format!(
                "a plan scales the demand, and `{}` has no arrival rate: give it `arrivals` with a rate, or a trace",
                workload.class.name
            );
            return Err(file.error(&item("workloads", index), message));
        }
        if file.scenario.workloads[index].requests.is_some() {
            let message = "a plan scales the demand, and requests that are written down have no rate";
            return Err(file.error(&field(&item("workloads", index), "requests"), message));
        }
    }
    let by_hour: Vec<f64> = (0..HOURS_OF_A_WEEK).map(|hour| rate_at(resolved, hour)).collect();
    let mean = by_hour.iter().sum::<f64>() / by_hour.len() as f64;
    let (busiest, peak) = by_hour.iter().copied().enumerate().fold((0, 0.0), |best, (hour, rate)| {
        // The first of equal hours.
        if rate > best.1 { (hour as u32, rate) } else { best }
    });
    let months = months(args);
    let growth = most_growth(args) * (1.0 + headroom(args));
    let workloads = file.scenario.workloads.iter().zip(&resolved.workloads);
    let workloads: Vec<_> =
        workloads.map(|(args, resolved)| scaled(args, resolved, busiest, growth)).collect();
    let (input_tokens, output_tokens) = mean_lengths(&resolved.workloads);
    let demand = Demand {
        mean_requests_per_s: mean,
        peak_over_mean: peak / mean,
        growth_percent_per_month: args.growth_percent_per_month,
        months,
        headroom: headroom(args),
        planned_requests_per_s: peak * growth,
        input_tokens,
        output_tokens,
    };
    Ok(Peak { workloads, demand, load: by_hour.iter().map(|rate| rate / peak).collect() })
}

/// Requests a second of all classes in an hour of the week, as of today.
fn rate_at(resolved: &Resolved, hour: u32) -> f64 {
    let rates = resolved.workloads.iter().map(|workload| {
        let whole = workload.class.curve_mean(SimDuration::ZERO, resolved.duration);
        let rate = workload.expected.requests_per_s.unwrap_or_default();
        if whole > 0.0 { rate / whole * factor_at(workload, hour) } else { 0.0 }
    });
    rates.sum()
}

fn factor_at(workload: &ResolvedWorkload, hour: u32) -> f64 {
    workload.class.curve_mean(SimDuration::from_nanos(HOUR.as_nanos() * u64::from(hour)), Some(HOUR))
}

/// A class as it is in that hour of the week, `growth` times as often.
fn scaled(
    args: &WorkloadArgs<crate::metrics::SloArgs>,
    resolved: &ResolvedWorkload,
    hour: u32,
    growth: f64,
) -> WorkloadArgs<crate::metrics::SloArgs> {
    let mut args = args.clone();
    if let Some(slo) = &mut args.slo {
        // Availability is judged apart from traffic.
        slo.availability = None;
    }
    if let Some(trace) = &mut args.trace {
        trace.speed *= growth;
    }
    if let (Some(arrivals), ClassDemand::Generated(generated)) = (&mut args.arrivals, &resolved.class.demand)
        && let Arrivals::Renewal(process) = &generated.arrivals
    {
        arrivals.rate = Some(Rate::per_s(process.rate_per_s * factor_at(resolved, hour) * growth));
        arrivals.rate_from = None;
        arrivals.rate_curve = None;
        arrivals.rate_curve_start = None;
    }
    args
}

/// Mean prompt and answer over all classes, weighted by their rates [tokens].
pub(super) fn mean_lengths(workloads: &[ResolvedWorkload]) -> (f64, f64) {
    let mut sums = (0.0, 0.0, 0.0);
    for workload in workloads {
        let rate = workload.expected.requests_per_s.unwrap_or_default();
        sums.0 += rate;
        sums.1 += rate * workload.expected.input_tokens;
        sums.2 += rate * workload.expected.output_tokens;
    }
    (sums.1 / sums.0, sums.2 / sums.0)
}
