//! All placements of one scenario.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::{find_rate, rare_events::rare_events, years::years};
use crate::metrics::{KeepRows, PlacementResult, PlacementStatus, Simulated};
use crate::random::derived;
use crate::scenario::{Resolved, ResolvedPlacement};
use crate::simulation::{Interrupted, Options, Watch, simulate};

/// What to keep besides figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Rows of `requests.csv` a placement.
    pub rows: KeepRows,
    /// Keep every batch, for `steps.jsonl` and `trace.json`.
    pub steps: bool,
    /// Read what servers count of themselves.
    pub servers: bool,
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// Finished placements, in file order.
    pub placements: Vec<PlacementResult>,
    /// Somebody stopped the run: placements are missing.
    pub interrupted: bool,
}

/// Shared with whoever draws the progress bar or catches Ctrl-C.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Simulations finished.
    pub simulations: AtomicU64,
    /// Placements finished.
    pub placements: AtomicU64,
    /// Points of a sweep finished.
    pub points: AtomicU64,
    /// Simulated time of one of the simulations under way [ns].
    pub now: AtomicU64,
    /// Set to stop early.
    pub interrupted: AtomicBool,
}

impl Monitor {
    fn watch(&self) -> Watch<'_> {
        Watch { progress: &self.now, interrupted: &self.interrupted }
    }

    /// One simulation of one placement.
    pub(super) fn simulate(
        &self,
        resolved: &Resolved,
        placement: &ResolvedPlacement,
        options: &Options,
    ) -> Result<PlacementResult, Interrupted> {
        let result = simulate(resolved, placement, options, &self.watch());
        self.simulations.fetch_add(1, Ordering::Relaxed);
        result
    }
}

/// One simulation of a placement, or why it does not fit.
pub(super) fn simulated_or_refused(
    monitor: &Monitor,
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    options: &Options,
) -> Result<Result<Simulated, String>, Interrupted> {
    Ok(match monitor.simulate(resolved, placement, options)?.status {
        PlacementStatus::Ok(simulated) => Ok(*simulated),
        PlacementStatus::DoesNotFit { reason } => Err(reason),
    })
}

/// Simulates every placement.
pub fn run(resolved: &Resolved, options: &RunOptions, monitor: &Monitor) -> RunResult {
    let options = Options {
        rate_factor: 1.0,
        rows: options.rows,
        timeline: true,
        events: true,
        steps: options.steps,
        servers: options.servers,
        live: true,
    };
    let one = |placement: &ResolvedPlacement| {
        let mut result = usual(resolved, placement, &options, monitor)?;
        if let Some(args) = &resolved.rare_events {
            result.rare_events = rare_events(resolved, placement, args, monitor)?;
        }
        monitor.placements.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Interrupted>(result)
    };
    let results: Vec<_> = resolved.placements.par_iter().map(one).collect();
    let interrupted = results.iter().any(Result::is_err);
    RunResult { placements: results.into_iter().flatten().collect(), interrupted }
}

/// One placement as it usually is: its traffic, or the years of a scenario without any, and the search for the highest rate.
/// Failures that are looked at apart are left out.
pub(super) fn usual(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    options: &Options,
    monitor: &Monitor,
) -> Result<PlacementResult, Interrupted> {
    let mut usual = placement.clone();
    if resolved.rare_events.is_some() {
        usual.failures.clear();
    }
    let mut result = if resolved.workloads.is_empty() {
        years(resolved, &usual, options, monitor)?
    } else {
        monitor.simulate(resolved, &usual, options)?
    };
    if resolved.find_rate {
        result.capacity = find_rate(resolved, &usual, &result, monitor)?;
    }
    Ok(result)
}

/// The scenario with the random numbers of its `replication`-th replication; the first is the scenario as it is.
pub(super) fn replicated(resolved: &Resolved, replication: u32) -> Resolved {
    Resolved { seed: replication_seed(resolved.seed, replication), ..resolved.clone() }
}

/// The seed of the `replication`-th replication of a scenario with this one.
pub(super) fn replication_seed(seed: u64, replication: u32) -> u64 {
    if replication == 0 { seed } else { derived(seed, "replication", replication) }
}
