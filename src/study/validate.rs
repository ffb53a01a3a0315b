//! Published measurements held against predictions.
//!
//! Each [`Row`] becomes a scenario as far as its source says how it was measured; rows of the same run share one simulation.
//! What a row does not say is filled by rule, the same for every row: prompts share nothing, the smallest machine of the
//! catalogue that has the GPUs, 500 requests, ten rounds of a closed loop. A row that cannot be predicted says why. Rows that
//! are no measurement of what an engine does ([`incomparable`](comparable::incomparable)) are left out by rule, whatever a
//! prediction would have been.

mod comparable;
mod engine;
mod groups;
mod metric;
mod orderings;
mod reading;
mod row;
mod setup;
mod subject;
mod traffic;
mod words;

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use self::{metric::Metric, orderings::Measured, setup::Setup};
use super::Monitor;
use crate::catalog::Catalog;
use crate::metrics::{PlacementStatus, Simulated};
use crate::simulation::{Interrupted, Options};

pub use groups::Group;
pub use metric::Kind;
pub use orderings::{Ordering, Orderings};
pub use row::{MeasurementsError, Row};

/// One row, measured and predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The row's name.
    pub id: String,
    /// Its metric, in its own words.
    pub metric: String,
    /// What was measured, in the row's unit.
    pub measured: f64,
    /// What is predicted, in the same unit.
    pub predicted: Option<f64>,
    /// Signed error, as a fraction of what was measured.
    pub error: Option<f64>,
    /// Why nothing is predicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the row is read otherwise than it is labelled, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<&'static str>,
    /// What the row is like, as far as it was understood.
    #[serde(flatten)]
    pub labels: Labels,
}

/// What errors are summed up by.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Labels {
    /// `ttft`, `tpot`, `throughput`, `e2e` or `memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `A` or `B`.
    pub quality: String,
    /// The source, up to its first blank.
    pub source: String,
    /// Engine and generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Model, by the catalogue's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Format of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// GPU, by the catalogue's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Tensor-parallel size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tp: Option<u32>,
    /// Pipeline-parallel size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pp: Option<u32>,
    /// Whether requests queued in the simulated engine for most of their time to first token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<&'static str>,
}

/// All rows and what their errors say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Every row, in file order.
    pub rows: Vec<Prediction>,
    /// Their errors, summed up.
    pub groups: Vec<Group>,
    /// Whether predictions order configurations as they were measured.
    pub orderings: Orderings,
}

/// Predicts every row.
///
/// # Errors
/// If somebody stops it.
pub fn validate(catalog: &Catalog, rows: &[Row], monitor: &Monitor) -> Result<Validation, Interrupted> {
    let setups: Vec<Result<(Setup, Metric), String>> =
        rows.iter().map(|row| understood(catalog, row)).collect();
    let mut distinct: BTreeMap<&str, &Setup> = BTreeMap::new();
    for (setup, _) in setups.iter().flatten() {
        distinct.insert(&setup.key, setup);
    }
    let distinct: Vec<(&str, &Setup)> = distinct.into_iter().collect();
    let runs: Vec<(&str, Run)> = distinct
        .par_iter()
        .map(|(key, setup)| Ok((*key, simulate(catalog, setup, monitor)?)))
        .collect::<Result<_, Interrupted>>()?;
    let runs: BTreeMap<&str, Run> = runs.into_iter().collect();
    let predictions: Vec<Prediction> = rows
        .iter()
        .zip(&setups)
        .map(|(row, setup)| match setup {
            Err(reason) => Prediction::without(row, reason.clone()),
            Ok((setup, metric)) => Prediction::of(row, setup, *metric, &runs[setup.key.as_str()]),
        })
        .collect();
    let measured: Vec<Measured<'_>> = rows
        .iter()
        .zip(&setups)
        .zip(&predictions)
        .filter_map(|((row, setup), prediction)| {
            let ((setup, metric), predicted) = (setup.as_ref().ok()?, prediction.predicted?);
            Some(Measured { row, setup, metric: *metric, predicted })
        })
        .collect();
    let (groups, orderings) = (groups::of(&predictions), orderings::of(&measured));
    Ok(Validation { rows: predictions, groups, orderings })
}

/// A simulated row, or why there is none.
type Run = Result<Box<Simulated>, String>;

fn understood(catalog: &Catalog, row: &Row) -> Result<(Setup, Metric), String> {
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

impl Prediction {
    fn without(row: &Row, reason: String) -> Self {
        let labels = Labels {
            quality: row.quality.clone(),
            source: source(row),
            kind: Metric::parse(&row.metric, &row.unit).ok().map(|metric| metric.kind().to_string()),
            ..Labels::default()
        };
        Self {
            id: row.id.clone(),
            metric: row.metric.clone(),
            measured: row.value,
            predicted: None,
            error: None,
            reason: Some(reason),
            remark: reading::corrected(row).map(|(_, why)| why),
            labels,
        }
    }

    fn of(row: &Row, setup: &Setup, metric: Metric, run: &Run) -> Self {
        let value = run.as_ref().map_err(Clone::clone).and_then(|run| {
            metric.of(run, setup.subject.gpus()).ok_or_else(|| "no request gives this figure".to_owned())
        });
        let mut prediction = Self::without(row, String::new());
        prediction.labels = Labels {
            engine: Some(setup.engine.class()),
            model: Some(setup.subject.model.clone()),
            precision: Some(if setup.fp8 { "fp8" } else { "bf16" }.to_owned()),
            gpu: Some(setup.subject.gpu.clone()),
            tp: Some(setup.subject.tensor_parallel),
            pp: Some(setup.subject.pipeline_parallel),
            load: run.as_ref().ok().and_then(|run| load(run)),
            ..prediction.labels
        };
        match value {
            Ok(value) => {
                prediction.predicted = Some(value);
                prediction.error = Some(value / row.value - 1.0);
                prediction.reason = None;
            }
            Err(reason) => prediction.reason = Some(reason),
        }
        prediction
    }
}

fn source(row: &Row) -> String {
    row.source.split(' ').next().unwrap_or_default().to_owned()
}

/// Past saturation the median request queues for more than half of its time to first token.
fn load(run: &Simulated) -> Option<&'static str> {
    let overall = run.metrics.overall();
    let median =
        |distribution: &crate::metrics::Distribution| crate::metrics::LatencyFigures::of(distribution).p50;
    let (queue, ttft) = (median(&overall.latency.queue)?, median(&overall.latency.ttft_sent)?);
    Some(if queue > ttft / 2.0 { "saturated" } else { "below saturation" })
}
