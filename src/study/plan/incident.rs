//! What failures do to the winner: how often groups are away, why, and how they come back.

use super::{
    candidates::Spec,
    fleet::{Ground, NoRun},
};
use crate::metrics::{Availability, CauseFigures};
use crate::report::plan::{Cause, Incident, Stage};
use crate::scenario::Resolved;
use crate::simulation::Options;
use crate::study::years::years;
use crate::units::SimDuration;

/// Years without traffic that tell how often groups are away.
const YEARS: u32 = 20;
const YEAR: SimDuration = SimDuration::from_secs(365 * 86_400);

/// Part of the time that one group of a fleet of so many can serve.
pub(super) fn group_availability(ground: &Ground<'_>, spec: &Spec, groups: u32) -> Result<f64, NoRun> {
    Ok(quiet(ground, spec, groups)?.capacity_fraction)
}

/// Part of the time that at least `groups` of `groups + spare` are ready, if each is ready for a part `each` of it and they
/// fail apart from each other.
pub(super) fn all_ready(groups: u32, spare: u32, each: f64) -> f64 {
    let all = groups + spare;
    if each <= 0.0 {
        return 0.0;
    }
    // From none away up: each term of the binomial distribution from the one before.
    let mut term = each.powi(all as i32);
    let mut sum = term;
    for away in 1..=spare {
        term *= f64::from(all - away + 1) / f64::from(away) * (1.0 - each) / each;
        sum += term;
    }
    sum.min(1.0)
}

/// Years of the fleet without a token.
fn quiet(ground: &Ground<'_>, spec: &Spec, groups: u32) -> Result<Availability, NoRun> {
    let mut resolved: Resolved = ground.failing(spec, groups)?;
    (resolved.workloads, resolved.duration, resolved.replications) = (Vec::new(), Some(YEAR), YEARS);
    resolved.warmup = SimDuration::ZERO;
    let options = Options { live: true, ..Options::figures(1.0) };
    let result = years(&resolved, &resolved.placements[0], &options, ground.monitor)?;
    let simulated = result.simulated().expect("a candidate that fits is simulated");
    Ok(simulated.availability.clone())
}

/// What failures do to so many groups.
pub(super) fn incident(ground: &Ground<'_>, spec: &Spec, groups: u32) -> Result<Incident, NoRun> {
    let availability = quiet(ground, spec, groups)?;
    let lost = |figures: &CauseFigures| {
        figures.time_to_recover.map_or(0.0, |spread| figures.recoveries * spread.mean_s)
    };
    let total: f64 = availability.by_cause.values().map(lost).sum();
    let mut causes: Vec<Cause> = availability
        .by_cause
        .iter()
        .map(|(name, figures)| Cause {
            name: name.clone(),
            faults_per_year: figures.faults,
            group_seconds_lost_per_year: lost(figures),
            share: if total > 0.0 { lost(figures) / total } else { 0.0 },
        })
        .collect();
    causes.sort_by(|a, b| b.group_seconds_lost_per_year.total_cmp(&a.group_seconds_lost_per_year));
    let stages = stages(&availability);
    let longest = stages.iter().max_by(|a, b| a.mean_s.total_cmp(&b.mean_s));
    Ok(Incident {
        years: YEARS,
        group_availability: availability.capacity_fraction,
        mean_time_to_recover_s: availability.mean_time_to_recover_s,
        dominant_stage: longest.map(|stage| stage.name.clone()),
        stages,
        causes,
    })
}

/// Mean length of each stage over the recoveries of all causes, in the order in which they follow each other.
fn stages(availability: &Availability) -> Vec<Stage> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    let mut recoveries = 0.0;
    for figures in availability.by_cause.values().filter(|figures| figures.recoveries > 0.0) {
        recoveries += figures.recoveries;
        for (name, mean_s) in &figures.stages_s {
            let part = figures.recoveries * mean_s.as_f64().unwrap_or_default();
            match sums.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += part,
                None => sums.push((name.clone(), part)),
            }
        }
    }
    sums.into_iter().map(|(name, sum)| Stage { name, mean_s: sum / recoveries }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_enough_is_the_binomial_sum() {
        assert!((all_ready(2, 0, 0.9) - 0.81).abs() < 1e-12);
        assert!((all_ready(2, 1, 0.9) - (0.729 + 3.0 * 0.81 * 0.1)).abs() < 1e-12);
        assert!((all_ready(1, 2, 0.5) - 0.875).abs() < 1e-12);
        assert!((all_ready(3, 2, 1.0) - 1.0).abs() < 1e-12);
    }
}
