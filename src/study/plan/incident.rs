//! What failures do to the winner: how often groups are away, why, and how they come back.

use super::{
    candidates::Spec,
    fleet::{Ground, NoRun},
    uptime::Uptime,
};
use crate::metrics::{Availability, CauseFigures};
use crate::report::plan::{Cause, Incident, Stage};
use crate::scenario::Resolved;
use crate::simulation::Options;
use crate::study::years::years;
use crate::units::SimDuration;

/// Years without traffic that tell how often groups are away.
const YEARS: u32 = 20;
/// Length of a simulated year.
pub(super) const YEAR: SimDuration = SimDuration::from_secs(365 * 86_400);

/// Uptime of nodes and groups, from simulated years of the fleet for `groups` groups with its nodes filled up.
pub(super) fn uptime(ground: &Ground<'_>, spec: &Spec, groups: u32) -> Result<Uptime, NoRun> {
    let filled = spec.filled(groups);
    Ok(Uptime::of(spec, filled, &quiet(ground, spec, filled)?))
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

/// What failures do to `groups` groups, and the uptime of a fleet whose nodes are filled up.
pub(super) fn incident(ground: &Ground<'_>, spec: &Spec, groups: u32) -> Result<(Incident, Uptime), NoRun> {
    let filled = spec.filled(groups);
    let availability = quiet(ground, spec, filled)?;
    let uptime = Uptime::of(spec, filled, &availability);
    let lost = CauseFigures::group_seconds_lost;
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
    let incident = Incident {
        years: YEARS,
        groups: filled,
        group_availability: availability.capacity_fraction,
        node_availability: uptime.of_one_node(),
        mean_time_to_recover_s: availability.mean_time_to_recover_s,
        dominant_stage: longest.map(|stage| stage.name.clone()),
        stages,
        causes,
    };
    Ok((incident, uptime))
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
