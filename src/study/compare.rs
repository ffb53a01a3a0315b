//! Replications of a scenario: every placement again and again, each time all of them on the same random numbers.

use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::{
    rare_events::without_traffic,
    run::{Monitor, replicated, replication_seed, usual},
};
use crate::confidence::{Estimate, Precision};
use crate::metrics::{PlacementResult, PlacementStatus};
use crate::report::{Metric, PlacementSummary, Replication};
use crate::scenario::Resolved;
use crate::simulation::{Interrupted, Options};

/// How many replications there are to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Replications {
    /// So many.
    Fixed(u32),
    /// As many as it takes for every deciding figure to be known so precisely.
    Until {
        /// How precisely.
        precision: Precision,
        /// But no more than these.
        most: u32,
    },
}

/// What came of them.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Whole replications, from the first on.
    pub replications: Vec<Replication>,
    /// Every deciding figure is known as precisely as was asked for.
    pub precise: bool,
    /// Somebody stopped it: there would have been more.
    pub interrupted: bool,
}

impl Replications {
    /// The most there can be.
    pub const fn most(self) -> u32 {
        match self {
            Self::Fixed(count) | Self::Until { most: count, .. } => count,
        }
    }
}

/// Simulates replications until there are enough.
///
/// The number that is kept depends on their results in order and on nothing else: what was simulated beyond it, because
/// threads were free, is thrown away.
pub fn compare(resolved: &Resolved, count: Replications, monitor: &Monitor) -> Compared {
    let mut replications: Vec<Replication> = Vec::new();
    loop {
        let done = replications.len() as u32;
        let next = match count {
            Replications::Fixed(most) => most,
            Replications::Until { most, .. } => {
                let round = Precision::LOOK_AHEAD.max(rayon::current_num_threads());
                most.min(if done == 0 { Precision::FEWEST } else { replications.len() + round } as u32)
            }
        };
        let interrupted = more(&mut replications, next, resolved, monitor);
        let enough = match count {
            Replications::Fixed(_) => None,
            Replications::Until { precision, .. } => {
                Precision::stop(replications.len(), |count| known(&replications[..count], precision))
            }
        };
        if let Some(enough) = enough {
            replications.truncate(enough);
        }
        if interrupted || enough.is_some() || next == count.most() {
            return Compared { replications, precise: enough.is_some(), interrupted };
        }
    }
}

/// Adds replications up to the `next`-th; says whether it was stopped before.
fn more(replications: &mut Vec<Replication>, next: u32, resolved: &Resolved, monitor: &Monitor) -> bool {
    let placements = resolved.placements.len();
    let numbered = |(replication, index): (u32, usize)| {
        let result = one(resolved, replication, index, monitor);
        monitor.placements.fetch_add(1, Ordering::Relaxed);
        ((replication, index), result.map(|result| PlacementSummary::new(resolved.has_slo(), &result)))
    };
    let first = replications.len() as u32;
    let going_on = |_: &(u32, usize)| !monitor.interrupted.load(Ordering::Relaxed);
    let pairs = (first..next).flat_map(|replication| (0..placements).map(move |index| (replication, index)));
    // A bridge takes them in order, so that those that are whole when somebody stops it are the first ones.
    let mut results: Vec<((u32, usize), Result<PlacementSummary, Interrupted>)> =
        pairs.take_while(going_on).par_bridge().map(numbered).collect();
    results.sort_unstable_by_key(|(place, _)| *place);
    let mut results = results.into_iter().map(|(_, result)| result);
    for replication in first..next {
        // Later ones that happen to be whole are those that were quick, and would say so.
        match results.by_ref().take(placements).collect::<Result<Vec<_>, _>>() {
            Ok(summaries) if summaries.len() == placements => {
                let seed = replication_seed(resolved.seed, replication);
                replications.push(Replication { seed, placements: summaries });
            }
            _ => return true,
        }
    }
    false
}

/// One placement of one replication. Where failures are looked at apart, its availability is that of a year without traffic.
fn one(
    resolved: &Resolved,
    replication: u32,
    index: usize,
    monitor: &Monitor,
) -> Result<PlacementResult, Interrupted> {
    // One run of the cluster; that there are several is what a comparison is for.
    let resolved = &Resolved { replications: 1, ..replicated(resolved, replication) };
    let placement = &resolved.placements[index];
    let options = Options { live: true, ..Options::figures(1.0) };
    let mut result = usual(resolved, placement, &options, monitor)?;
    if let PlacementStatus::Ok(simulated) = &mut result.status
        && resolved.rare_events.is_some()
        && !placement.failures.is_empty()
    {
        simulated.availability = without_traffic(resolved, placement, 1, monitor)?;
    }
    Ok(result)
}

/// Whether every deciding figure of every placement is known so precisely.
fn known(replications: &[Replication], precision: Precision) -> bool {
    let placements = replications.first().map_or(0, |runs| runs.placements.len());
    (0..placements).all(|placement| {
        Metric::DECIDING.iter().all(|metric| {
            let values = Replication::values(replications, *metric, placement);
            // A figure that a placement does not have is none to wait for.
            Estimate::of(&values).is_none_or(|estimate| precision.is_met(&estimate))
        })
    })
}
