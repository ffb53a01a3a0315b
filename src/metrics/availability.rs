//! How long a placement could serve, and what kept it from that.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::confidence::interval;

/// How long a placement could serve. A group counts as ready from when requests are sent to it and answered until
/// something happens to it, whether or not anybody has noticed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// Part of the time with at least one group ready.
    pub fraction: f64,
    /// 95 % confidence interval of `fraction`, where several runs were made and some had downtime; never outside what is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction_interval: Option<[f64; 2]>,
    /// Ready groups over wanted ones, mean over time.
    pub capacity_fraction: f64,
    /// Groups that were recreated as a whole.
    pub group_restarts: f64,
    /// Time without any ready group [s].
    pub downtime_s: f64,
    /// From a fault to ready again, mean over all recoveries [s].
    pub mean_time_to_recover_s: Option<f64>,
    /// By what happened.
    pub by_cause: BTreeMap<String, CauseFigures>,
    /// Groups that were made ready without having failed: the first ones, and those of a scale-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<StartFigures>,
    /// From ready again until as few requests were open as before the fault [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_drain: Option<Spread>,
}

/// What one cause did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CauseFigures {
    /// Faults of this kind, whether or not they hit a group.
    pub faults: f64,
    /// Time without any ready group that began with one [s].
    pub downtime_s: f64,
    /// Groups that recovered.
    pub recoveries: f64,
    /// How long that took [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_recover: Option<Spread>,
    /// The same by stage, in order; means over the recoveries [s].
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub stages_s: Map<String, Value>,
}

/// Starts of groups that had not failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartFigures {
    /// How many.
    pub count: f64,
    /// How long they took [s].
    pub time: Spread,
    /// The same by stage, in order; means [s].
    pub stages_s: Map<String, Value>,
}

/// A mean and the largest value [s].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean [s].
    pub mean_s: f64,
    /// Largest [s].
    pub max_s: f64,
}

impl Spread {
    /// Of some values; none without any.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mean_s = values.iter().sum::<f64>() / values.len() as f64;
        let max_s = values.iter().copied().reduce(f64::max)?;
        Some(Self { mean_s, max_s })
    }
}

/// Mean of figures of several runs.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let runs = values.len() as f64;
    values.sum::<f64>() / runs
}

/// Spreads of several runs as one, each weighted by how many values it stands for.
fn pooled(spreads: &[(f64, Spread)]) -> Option<Spread> {
    let weight: f64 = spreads.iter().map(|(weight, _)| weight).sum();
    let mean_s = spreads.iter().map(|(weight, spread)| weight * spread.mean_s).sum::<f64>() / weight;
    let max_s = spreads.iter().map(|(_, spread)| spread.max_s).reduce(f64::max)?;
    Some(Spread { mean_s, max_s })
}

/// Means of stages, each run weighted by how many it stands for.
fn pooled_stages(stages: &[(f64, &Map<String, Value>)]) -> Map<String, Value> {
    let weight: f64 = stages.iter().map(|(weight, _)| weight).sum();
    let mut pooled = Map::new();
    for (name, _) in stages.iter().flat_map(|(_, stages)| stages.iter()) {
        let sum: f64 =
            stages.iter().filter_map(|(weight, stages)| Some(weight * stages.get(name)?.as_f64()?)).sum();
        pooled.entry(name.clone()).or_insert_with(|| (sum / weight).into());
    }
    pooled
}

impl CauseFigures {
    /// Time that groups were away, over all of them: recoveries times their mean time [s].
    pub fn group_seconds_lost(&self) -> f64 {
        self.time_to_recover.map_or(0.0, |spread| self.recoveries * spread.mean_s)
    }

    fn together(runs: &[&Self], of: usize) -> Self {
        let of = of as f64;
        let sum = |figure: fn(&Self) -> f64| runs.iter().map(|run| figure(run)).sum::<f64>();
        let spreads: Vec<_> =
            runs.iter().filter_map(|run| Some((run.recoveries, run.time_to_recover?))).collect();
        let recovered = runs.iter().filter(|run| run.recoveries > 0.0);
        let stages: Vec<_> = recovered.map(|run| (run.recoveries, &run.stages_s)).collect();
        Self {
            faults: sum(|run| run.faults) / of,
            downtime_s: sum(|run| run.downtime_s) / of,
            recoveries: sum(|run| run.recoveries) / of,
            time_to_recover: pooled(&spreads),
            stages_s: pooled_stages(&stages),
        }
    }
}

impl Availability {
    /// Several runs of the same span as one: means, and what they leave open.
    ///
    /// # Panics
    /// If there is no run.
    pub fn together(runs: &[&Self]) -> Self {
        assert!(!runs.is_empty(), "several runs are at least one");
        let over = |figure: fn(&Self) -> f64| mean(runs.iter().map(|run| figure(run)));
        let fractions: Vec<f64> = runs.iter().map(|run| run.fraction).collect();
        // Runs without any downtime do not say how much there is in others.
        let seen = fractions.iter().any(|fraction| *fraction < 1.0);
        let causes: BTreeSet<&String> = runs.iter().flat_map(|run| run.by_cause.keys()).collect();
        let by_cause = causes.into_iter().map(|cause| {
            let of_cause: Vec<_> = runs.iter().filter_map(|run| run.by_cause.get(cause)).collect();
            (cause.clone(), CauseFigures::together(&of_cause, runs.len()))
        });
        let by_cause: BTreeMap<String, CauseFigures> = by_cause.collect();
        let recoveries: Vec<_> = by_cause
            .values()
            .filter_map(|figures| Some((figures.recoveries, figures.time_to_recover?)))
            .collect();
        let starts: Vec<&StartFigures> = runs.iter().filter_map(|run| run.starts.as_ref()).collect();
        let start_times: Vec<_> = starts.iter().map(|start| (start.count, start.time)).collect();
        let start_stages: Vec<_> = starts.iter().map(|start| (start.count, &start.stages_s)).collect();
        let drains: Vec<_> = runs.iter().filter_map(|run| Some((1.0, run.backlog_drain?))).collect();
        Self {
            fraction: over(|run| run.fraction),
            fraction_interval: seen
                .then(|| interval(&fractions))
                .flatten()
                .map(|ends| ends.map(|end| end.clamp(0.0, 1.0))),
            capacity_fraction: over(|run| run.capacity_fraction),
            group_restarts: over(|run| run.group_restarts),
            downtime_s: over(|run| run.downtime_s),
            mean_time_to_recover_s: pooled(&recoveries).map(|spread| spread.mean_s),
            by_cause,
            starts: pooled(&start_times).map(|time| StartFigures {
                count: starts.iter().map(|start| start.count).sum::<f64>() / runs.len() as f64,
                time,
                stages_s: pooled_stages(&start_stages),
            }),
            backlog_drain: pooled(&drains),
        }
    }

    /// Nothing failed.
    pub fn always() -> Self {
        Self {
            fraction: 1.0,
            fraction_interval: None,
            capacity_fraction: 1.0,
            group_restarts: 0.0,
            downtime_s: 0.0,
            mean_time_to_recover_s: None,
            by_cause: BTreeMap::new(),
            starts: None,
            backlog_drain: None,
        }
    }
}
