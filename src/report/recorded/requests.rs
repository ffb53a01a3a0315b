//! Latencies out of `requests.csv`.

use std::path::Path;

use serde::Deserialize;

use super::{placement, rows};
use crate::document::FileError;
use crate::report::Summary;

/// Latencies of the completed requests of a placement that the summary counts, sorted [ms].
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::report) struct Samples {
    /// Time to first token.
    pub(in crate::report) ttft: Vec<f64>,
    /// Time per output token.
    pub(in crate::report) tpot: Vec<f64>,
    /// Time to last token.
    pub(in crate::report) e2e: Vec<f64>,
}

#[derive(Deserialize)]
struct Row {
    placement: String,
    arrival_s: f64,
    ttft_ms: Option<f64>,
    tpot_ms: Option<f64>,
    e2e_ms: Option<f64>,
    outcome: String,
}

/// Reads them, placement by placement.
pub(super) fn read(path: &Path, summary: &Summary) -> Result<Vec<Samples>, FileError> {
    let warmup = |index: usize| {
        let figures = summary.placements[index].figures.as_ref();
        figures.map_or(0.0, |figures| figures.traffic.window_s.rates[0])
    };
    let mut all = vec![Samples::default(); summary.placements.len()];
    rows(path, |row: Row| {
        let index = placement(summary, &row.placement)?;
        if row.outcome == "completed" && row.arrival_s >= warmup(index) {
            let samples = &mut all[index];
            samples.ttft.extend(row.ttft_ms);
            samples.tpot.extend(row.tpot_ms);
            samples.e2e.extend(row.e2e_ms);
        }
        Ok(())
    })?;
    for samples in &mut all {
        for latencies in [&mut samples.ttft, &mut samples.tpot, &mut samples.e2e] {
            latencies.sort_by(f64::total_cmp);
        }
    }
    Ok(all)
}
