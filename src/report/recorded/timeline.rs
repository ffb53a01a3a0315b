//! States of the groups out of `timeline.csv`, those of a placement together.

use std::path::Path;

use serde::Deserialize;

use super::{placement, rows};
use crate::document::FileError;
use crate::report::Summary;

/// What the groups of a placement held, sample by sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::report) struct Moments {
    /// When, in order [s].
    pub(in crate::report) t_s: Vec<f64>,
    /// Requests in the queues of all groups.
    pub(in crate::report) waiting: Vec<f64>,
    /// Part of the KV blocks in use, in the group that uses most.
    pub(in crate::report) kv_cache_usage: Vec<f64>,
}

#[derive(Deserialize)]
struct Row {
    placement: String,
    t_s: f64,
    waiting: f64,
    kv_cache_usage: f64,
}

/// Reads them, placement by placement.
pub(super) fn read(path: &Path, summary: &Summary) -> Result<Vec<Moments>, FileError> {
    let mut samples: Vec<Vec<Row>> = summary.placements.iter().map(|_| Vec::new()).collect();
    rows(path, |row: Row| {
        samples[placement(summary, &row.placement)?].push(row);
        Ok(())
    })?;
    Ok(samples.into_iter().map(together).collect())
}

/// Samples of one instant become one.
fn together(mut rows: Vec<Row>) -> Moments {
    rows.sort_by(|one, other| one.t_s.total_cmp(&other.t_s));
    let mut moments = Moments::default();
    for row in rows {
        if moments.t_s.last() != Some(&row.t_s) {
            moments.t_s.push(row.t_s);
            moments.waiting.push(0.0);
            moments.kv_cache_usage.push(0.0);
        }
        if let (Some(waiting), Some(usage)) = (moments.waiting.last_mut(), moments.kv_cache_usage.last_mut())
        {
            *waiting += row.waiting;
            *usage = usage.max(row.kv_cache_usage);
        }
    }
    moments
}
