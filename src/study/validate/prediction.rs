//! One row, measured and predicted.

use serde::Serialize;

use super::{campaign::Run, metric::Metric, reading, row::Row, setup::Setup};
use crate::catalog::Catalog;
use crate::metrics::{Distribution, LatencyFigures, Simulated};

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
    /// Factor from the row's unit to milliseconds, where it is a time.
    #[serde(skip)]
    pub to_ms: f64,
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
    /// Whether constants were fitted without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held_out: bool,
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

impl Prediction {
    pub(super) fn without(row: &Row, reason: String) -> Self {
        let metric = Metric::parse(&row.metric, &row.unit).ok();
        let labels = Labels {
            quality: row.quality.clone(),
            held_out: row.held_out,
            source: source(row),
            kind: metric.map(|metric| metric.kind().to_string()),
            ..Labels::default()
        };
        Self {
            id: row.id.clone(),
            metric: row.metric.clone(),
            measured: row.value,
            predicted: None,
            error: None,
            to_ms: metric.map_or(1.0, Metric::to_ms),
            reason: Some(reason),
            remark: reading::corrected(row).map(|(_, why)| why),
            labels,
        }
    }

    pub(super) fn of(catalog: &Catalog, row: &Row, setup: &Setup, metric: Metric, run: &Run) -> Self {
        let value = run.as_ref().map_err(Clone::clone).and_then(|run| {
            let frontend = setup.frontend(catalog).map_err(|error| error.to_string())?;
            let figure = metric.of(run, setup.subject.gpus(), frontend);
            figure.ok_or_else(|| "no request gives this figure".to_owned())
        });
        let mut prediction = Self::without(row, String::new());
        prediction.labels = Labels {
            engine: Some(setup.engine.class().to_owned()),
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
    let median = |distribution: &Distribution| LatencyFigures::of(distribution).p50;
    let (queue, ttft) = (median(&overall.latency.queue)?, median(&overall.latency.ttft_sent)?);
    Some(if queue > ttft / 2.0 { "saturated" } else { "below saturation" })
}
