//! Many rows, understood once and predicted under any catalogue.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Prediction, comparable, metric::Metric, orderings::Measured, reading, row::Row, setup::Setup};
use crate::catalog::Catalog;
use crate::metrics::{PlacementStatus, Simulated};
use crate::simulation::{Interrupted, Options};
use crate::study::Monitor;

/// A simulated row, or why there is none.
pub(super) type Run = Result<Box<Simulated>, String>;

/// What was understood of a row, or why nothing was.
type Understood = Result<(Setup, Metric), String>;

/// Rows with what was understood of each.
pub(super) struct Campaign<'a> {
    rows: Vec<(&'a Row, Understood)>,
}

impl<'a> Campaign<'a> {
    /// Understands every row.
    pub(super) fn new(catalog: &Catalog, rows: impl IntoIterator<Item = &'a Row>) -> Self {
        Self { rows: rows.into_iter().map(|row| (row, understood(catalog, row))).collect() }
    }

    /// Predicts every row.
    ///
    /// # Errors
    /// If somebody stops it.
    pub(super) fn predict(
        &self,
        catalog: &Catalog,
        monitor: &Monitor,
    ) -> Result<Vec<Prediction>, Interrupted> {
        let setups = self.rows.iter().filter_map(|(_, understood)| understood.as_ref().ok());
        // Rows of the same run share one simulation.
        let distinct: BTreeMap<&str, &Setup> = setups.map(|(setup, _)| (setup.key.as_str(), setup)).collect();
        let distinct: Vec<(&str, &Setup)> = distinct.into_iter().collect();
        let runs: Vec<(&str, Run)> = distinct
            .par_iter()
            .map(|(key, setup)| Ok((*key, simulate(catalog, setup, monitor)?)))
            .collect::<Result<_, Interrupted>>()?;
        let runs: BTreeMap<&str, Run> = runs.into_iter().collect();
        let predictions = self.rows.iter().map(|(row, understood)| match understood {
            Err(reason) => Prediction::without(row, reason.clone()),
            Ok((setup, metric)) => Prediction::of(catalog, row, setup, *metric, &runs[setup.key.as_str()]),
        });
        Ok(predictions.collect())
    }

    /// The predicted rows, as far as their order goes.
    pub(super) fn measured(&self, predictions: &[Prediction]) -> Vec<Measured<'_>> {
        self.rows
            .iter()
            .zip(predictions)
            .filter_map(|((row, understood), prediction)| {
                let ((setup, metric), predicted) = (understood.as_ref().ok()?, prediction.predicted?);
                Some(Measured { row, setup, metric: *metric, predicted })
            })
            .collect()
    }
}

fn understood(catalog: &Catalog, row: &Row) -> Understood {
    let metric = Metric::parse(&row.metric, &row.unit)?;
    let read = reading::corrected(row);
    let row = read.as_ref().map_or(row, |(row, _)| row);
    if let Some(reason) = comparable::incomparable(row, metric.kind()) {
        return Err(reason);
    }
    Ok((Setup::of(catalog, row)?, metric))
}

fn simulate(catalog: &Catalog, setup: &Setup, monitor: &Monitor) -> Result<Run, Interrupted> {
    let resolved = match setup.resolve(catalog) {
        Ok(resolved) => resolved,
        Err(reason) => return Ok(Err(reason)),
    };
    let result = monitor.simulate(&resolved, &resolved.placements[0], &Options::figures(1.0))?;
    Ok(match result.status {
        PlacementStatus::Ok(simulated) => Ok(simulated),
        PlacementStatus::DoesNotFit { reason } => Err(format!("does not fit: {reason}")),
    })
}
