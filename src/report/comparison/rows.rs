//! `compare.csv` and `replications.csv`.

use std::io::{self, Write};

use super::{Comparison, MeanOfRuns, Replication};
use crate::report::{Metric, table::csv_text};

/// Columns of `compare.csv`.
const COLUMNS: [&str; 12] = [
    "metric",
    "placement",
    "versus",
    "n",
    "mean",
    "low",
    "high",
    "sampling_error",
    "model_error",
    "combined_error",
    "relative",
    "verdict",
];

/// Columns of `replications.csv`.
const REPLICATION_COLUMNS: [&str; 5] = ["replication", "seed", "placement", "metric", "value"];

/// A row a figure of a placement, and one a difference to an earlier placement, which stands under `versus`.
pub fn comparison_csv(comparison: &Comparison) -> String {
    let rows = comparison.metrics.iter().flat_map(|metric| {
        let key = &metric.metric;
        let figures = metric.placements.iter().map(|measured| {
            row(key, [&measured.placement, ""], &measured.mean, [String::new(), String::new()])
        });
        let differences = metric.differences.iter().map(|difference| {
            let [first, second] = &difference.placements;
            let last = [number(difference.relative), difference.verdict.name().to_owned()];
            row(key, [second, first], &difference.mean, last)
        });
        figures.chain(differences)
    });
    csv_text(&COLUMNS, rows)
}

fn row(metric: &str, whose: [&str; 2], mean: &MeanOfRuns, last: [String; 2]) -> Vec<String> {
    let mut fields = vec![metric.to_owned()];
    fields.extend(whose.map(str::to_owned));
    let [low, high] = mean.interval.map_or([None, None], |ends| ends.map(Some));
    fields.push(mean.n.to_string());
    let band = mean.band;
    let numbers =
        [Some(mean.mean), low, high, band.sampling_error, band.model_error, Some(band.combined_error)];
    fields.extend(numbers.map(number));
    fields.extend(last);
    fields
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Writes a row a figure of a placement in a replication.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_replications(out: impl Write, replications: &[Replication]) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(REPLICATION_COLUMNS)?;
    for (ordinal, runs) in replications.iter().enumerate() {
        for (index, placement) in runs.placements.iter().enumerate() {
            for metric in Metric::all() {
                let Some(value) = runs.value(metric, index) else { continue };
                csv.write_record([
                    &ordinal.to_string(),
                    &runs.seed.to_string(),
                    &placement.name,
                    &metric.key(),
                    &value.to_string(),
                ])?;
            }
        }
    }
    csv.flush()
}
