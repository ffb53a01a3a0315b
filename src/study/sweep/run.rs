//! The points of one shard.

use std::{path::Path, str::FromStr, sync::atomic::Ordering};

use rayon::prelude::*;

use super::{SweepError, SweepPlan, plan::Point, point::PointResult};
use crate::metrics::KeepRows;
use crate::report::{Summary, SummaryHead};
use crate::scenario::Resolved;
use crate::study::{Monitor, RunOptions, run};

/// Every `count`-th point, beginning with the `index`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 0, as Kubernetes counts.
    index: usize,
    count: usize,
}

impl Shard {
    /// All points.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Reads `I/N`; without I it is `completion_index`, which a pod of an Indexed Job finds in its environment.
    ///
    /// # Errors
    /// If there is no such shard.
    pub fn parse(text: &str, completion_index: Option<&str>) -> Result<Self, SweepError> {
        let wrong = |reason: &str| SweepError::Shard(format!("--shard {text}: {reason}"));
        let expected = "expected I/N with I from 0 to N - 1, such as 0/4";
        let (index, count) = text.split_once('/').ok_or_else(|| wrong(expected))?;
        let index = if index.is_empty() {
            completion_index.ok_or_else(|| wrong("JOB_COMPLETION_INDEX is not set"))?
        } else {
            index
        };
        match (usize::from_str(index), usize::from_str(count)) {
            (Ok(index), Ok(count)) if index < count => Ok(Self { index, count }),
            _ => Err(wrong(expected)),
        }
    }

    fn points(self, plan: &SweepPlan) -> impl Iterator<Item = &Point> {
        plan.points.iter().skip(self.index).step_by(self.count)
    }
}

/// Simulates the points of a shard whose results are not in `dir` yet; `begins` hears how many those are. Returns how many
/// points the shard has.
///
/// # Errors
/// If a point cannot be run or written, or somebody stops the run; results of finished points stay.
pub fn run_shard(
    plan: &SweepPlan,
    dir: &Path,
    shard: Shard,
    monitor: &Monitor,
    begins: impl FnOnce(usize),
) -> Result<usize, SweepError> {
    let catalog = plan.catalog()?;
    let all = shard.points(plan).count();
    let mut left = Vec::new();
    for point in shard.points(plan) {
        if PointResult::read(dir, point)?.is_none() {
            left.push(point);
        }
    }
    begins(left.len());
    let done = all - left.len();
    let simulate = |point: &&Point| -> Result<bool, SweepError> {
        if monitor.interrupted.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let resolved = plan.resolve(dir, &catalog, point)?;
        let Some(summary) = summary(&resolved, monitor) else { return Ok(false) };
        PointResult::new(point, &summary).write(dir, point)?;
        monitor.points.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    };
    let finished = left.par_iter().map(simulate).collect::<Result<Vec<bool>, _>>()?;
    match finished.iter().filter(|finished| **finished).count() {
        count if count == left.len() => Ok(all),
        count => Err(SweepError::Interrupted { done: done + count, all }),
    }
}

/// What a run of the point says; nothing if it was stopped.
fn summary(resolved: &Resolved, monitor: &Monitor) -> Option<Summary> {
    let options = RunOptions { rows: KeepRows::None, ..RunOptions::default() };
    let result = run(resolved, &options, monitor);
    let head = SummaryHead::of(resolved);
    (!result.interrupted).then(|| Summary::new(&head, &result.placements))
}
