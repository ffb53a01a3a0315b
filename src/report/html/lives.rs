//! What happened over time, a figure a placement: groups, queue and cache on one axis.

use super::{Ran, ran};
use crate::report::life::{Life, Moment};
use crate::report::page::{Part, Section};
use crate::report::plot::{Caption, Clock, Figure, LifeFigure, Scale, Track};
use crate::report::recorded::{Moments, Recorded};
use crate::report::words::{count as number, percent, share};

/// Slices of a run that are drawn; the largest value of each.
const SLICES: usize = 220;

pub(super) fn section(recorded: &Recorded) -> Result<Option<Section>, String> {
    let ran = ran(recorded);
    if ran.is_empty() {
        return Ok(None);
    }
    let traffic = ran.iter().any(|ran| !ran.figures.workloads.is_empty());
    let most = |of: fn(&Moments) -> &[f64]| {
        recorded.moments.iter().flat_map(|moments| of(moments).iter().copied()).fold(0.0, f64::max)
    };
    let scales = [
        Scale::linear("requests waiting", most(|moments| &moments.waiting)),
        Scale::linear("KV cache in use [%]", 100.0 * most(|moments| &moments.kv_cache_usage)),
    ];
    let figures: Result<Vec<Figure>, String> =
        ran.iter().map(|ran| life(recorded, ran, traffic.then_some(&scales))).collect();
    let lead = if traffic {
        "A row is a group, in full colour while it is ready as Kubernetes sees it; shaded behind it are rollouts and upgrades. Below, the largest values of each moment: requests in the queues of all groups, and the KV cache of the group that uses most of it, on the same axes for all placements."
    } else {
        "A row is a group, in full colour while it is ready as Kubernetes sees it, in the first of the simulated runs; shaded behind it are rollouts and upgrades."
    };
    Ok(Some(Section {
        id: "time",
        title: "Over time",
        lead: lead.to_owned(),
        parts: vec![Part::Figures(figures?)],
    }))
}

fn life(recorded: &Recorded, ran: &Ran<'_>, scales: Option<&[Scale; 2]>) -> Result<Figure, String> {
    let end_s = ran.figures.traffic.window_s.cost[1];
    let deployments: Vec<&str> =
        ran.figures.deployments.iter().map(|deployment| deployment.name.as_str()).collect();
    let life = Life::of(&recorded.events[ran.index], &deployments, end_s);
    let moments = &recorded.moments[ran.index];
    let sampled = |values: &[f64], factor: f64| {
        sliced(&moments.t_s, values, end_s).into_iter().map(|(t_s, value)| (t_s, factor * value)).collect()
    };
    let tracks = scales.map_or_else(Vec::new, |[waiting, usage]| {
        vec![
            Track { scale: waiting.clone(), points: sampled(&moments.waiting, 1.0) },
            Track { scale: usage.clone(), points: sampled(&moments.kv_cache_usage, 100.0) },
        ]
    });
    let count = |moment: Moment| life.moments.iter().filter(|(_, other)| *other == moment).count();
    let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let happened = [
        (life.groups.len(), "group", "groups"),
        (count(Moment::Failure), "failure", "failures"),
        (count(Moment::Maintenance), "maintenance window", "maintenance windows"),
        (count(Moment::Scaling), "change of scale", "changes of scale"),
        (life.changes.len(), "rollout or upgrade", "rollouts or upgrades"),
    ];
    let happened = happened
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, several)| format!("{count} {}", if count == 1 { one } else { several }));
    let held = if scales.is_some() {
        format!(
            "; at most {} requests waiting and {} of the KV cache in use",
            number(largest(&moments.waiting)),
            share(largest(&moments.kv_cache_usage))
        )
    } else {
        String::new()
    };
    let described = format!(
        "{}; {} % of the wanted groups ready{held}.",
        happened.collect::<Vec<_>>().join(", "),
        percent(ran.figures.availability.capacity_fraction, None)
    );
    let caption = Caption::new(format!("life-{}", slug(ran)), ran.name(), described.clone(), described);
    LifeFigure { index: ran.index, clock: Clock::until(end_s), life: &life, tracks }.figure(caption)
}

/// A placement's name as a file is called, with its place, so that no two are the same.
fn slug(ran: &Ran<'_>) -> String {
    let plain =
        ran.name().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    format!("{}-{}", ran.index, plain.collect::<String>())
}

/// The largest value in each of few slices of the time until `end_s`.
fn sliced(t_s: &[f64], values: &[f64], end_s: f64) -> Vec<(f64, f64)> {
    let mut slices: Vec<(f64, f64)> = Vec::new();
    let mut last = usize::MAX;
    for (t_s, value) in t_s.iter().zip(values) {
        let slice = (t_s / end_s.max(f64::MIN_POSITIVE) * SLICES as f64) as usize;
        match slices.last_mut().filter(|_| slice == last) {
            Some((_, largest)) => *largest = largest.max(*value),
            None => slices.push((*t_s, *value)),
        }
        last = slice;
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_keeps_its_peak() {
        let t_s: Vec<f64> = (1..=1_000).map(f64::from).collect();
        let mut values = vec![1.0; 1_000];
        values[501] = 9.0;
        let slices = sliced(&t_s, &values, 1_000.0);
        assert!(slices.len() <= SLICES + 1);
        assert_eq!(slices.iter().filter(|(_, value)| *value > 8.0).count(), 1);
        assert_eq!(sliced(&[], &[], 0.0), []);
    }
}
