//! Availability: the cluster alone, without a token, over the same span again and again.

use rayon::prelude::*;

use super::run::{Monitor, replicated};
use crate::metrics::{Availability, NodeTime, PlacementResult, PlacementStatus, Simulated};
use crate::scenario::{Resolved, ResolvedPlacement};
use crate::simulation::{Interrupted, Options};

/// Simulates a placement as often as the scenario asks for, each time with other random numbers, and says what the runs say
/// together. What is kept besides figures is that of the first.
pub(super) fn years(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    options: &Options,
    monitor: &Monitor,
) -> Result<PlacementResult, Interrupted> {
    let run = |replication: u32| {
        let figures = Options { live: true, ..Options::figures(1.0) };
        let options = if replication == 0 { options } else { &figures };
        monitor.simulate(&replicated(resolved, replication), placement, options)
    };
    let results: Vec<_> = (0..resolved.replications).into_par_iter().map(run).collect::<Result<_, _>>()?;
    Ok(together(results))
}

/// Means over all runs, in the place of the first.
fn together(results: Vec<PlacementResult>) -> PlacementResult {
    let runs: Vec<Simulated> = results.iter().filter_map(|result| result.simulated().cloned()).collect();
    let mut first = results.into_iter().next().expect("a scenario has at least one replication");
    if let PlacementStatus::Ok(simulated) = &mut first.status {
        let availabilities: Vec<&Availability> = runs.iter().map(|run| &run.availability).collect();
        simulated.availability = Availability::together(&availabilities);
        let times: Vec<NodeTime> = runs.iter().map(|run| run.cost.node_time).collect();
        simulated.cost.node_time = NodeTime::mean(&times);
        simulated.cost.usd_total = runs.iter().map(|run| run.cost.usd_total).sum::<f64>() / runs.len() as f64;
    }
    first
}
