//! How far predictions of a kind are known to be off.
//!
//! The catalogue's `accuracy` holds, by engine, how far predictions were from published measurements, and the ground those
//! covered. A prediction inside that ground is taken to be off as far as its rows were; outside of it as far as rows of a
//! source that was kept out of the fit; and where there is no row of the engine, of the GPU's generation or of such a model, as
//! far as the worst known.

mod ground;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, CatalogError, Fact};
use crate::hardware::Gpu;

pub use ground::{Ground, Position};

/// The kind of a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Inside the ground that measurements cover.
    Interpolated,
    /// Measurements of the engine and of the GPU's generation, but not of all the rest.
    Extrapolated,
    /// No measurement of the engine, none on the GPU's generation, or none of such a model.
    Unvalidated,
}

impl Standing {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interpolated => "interpolated",
            Self::Extrapolated => "extrapolated",
            Self::Unvalidated => "unvalidated",
        }
    }
}

/// How far figures may be off either way [fraction]: nine of ten measured rows of the kind were closer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelError {
    /// The kind of prediction.
    pub class: Standing,
    /// Time per output token and gaps between tokens.
    pub tpot: f64,
    /// Time to first token.
    pub ttft: f64,
    /// Throughput and the highest rate within an slo.
    pub throughput: f64,
    /// Dollars per token and request: a price over a throughput.
    pub cost: f64,
    /// What no measurement covers; empty of interpolated ones.
    pub reasons: Vec<String>,
}

/// How far predictions of one metric were from the rows of one engine [fraction].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricAccuracy {
    /// Rows.
    pub n: u64,
    /// Median absolute error.
    pub median_abs: f64,
    /// Absolute error that nine of ten rows stay below.
    pub p90_abs: f64,
    /// Median signed error; above 0 where predictions are too large.
    pub bias: f64,
    /// The same ninth decile, each source predicted with constants fitted without it.
    pub left_out_p90: f64,
}

/// What is known of one engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineAccuracy {
    /// What its rows cover.
    pub ground: Fact<Ground>,
    /// Time per output token, gaps between tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpot: Option<Fact<MetricAccuracy>>,
    /// Time to first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft: Option<Fact<MetricAccuracy>>,
    /// Tokens or requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Fact<MetricAccuracy>>,
}

/// One of the three, of an engine.
type Metric = fn(&EngineAccuracy) -> Option<&Fact<MetricAccuracy>>;
const TPOT: Metric = |engine| engine.tpot.as_ref();
const TTFT: Metric = |engine| engine.ttft.as_ref();
const THROUGHPUT: Metric = |engine| engine.throughput.as_ref();

impl ModelError {
    /// How far predictions for a deployment may be off.
    ///
    /// # Errors
    /// If the catalogue's `accuracy` is incomplete, or names a GPU that it does not have.
    pub fn of(catalog: &Catalog, position: &Position<'_>) -> Result<Self, CatalogError> {
        let section = catalog.section("accuracy")?;
        let engines = section.keys().map(|name| catalog.entry::<EngineAccuracy>("accuracy", name));
        let engines = engines.collect::<Result<Vec<_>, _>>()?;
        let own = section.keys().position(|name| name == position.engine).map(|index| &engines[index]);
        let Some(own) = own else {
            return Ok(Self::unvalidated(&engines, vec![format!("no row of {}", position.engine)]));
        };
        let mut generation = false;
        for name in own.ground.value.gpus.keys() {
            generation |= Gpu::read(catalog, name)?.architecture == position.gpu.architecture;
        }
        if !generation {
            let (gpu, engine) = (&position.gpu.name, position.engine);
            let reason =
                format!("no row of {engine} on {gpu} or another {:?} GPU", position.gpu.architecture);
            return Ok(Self::unvalidated(&engines, vec![reason]));
        }
        if !position.unmeasured.is_empty() {
            let reasons = position.unmeasured.iter().map(|what| format!("no row with {what}"));
            return Ok(Self::unvalidated(&engines, reasons.collect()));
        }
        let mut reasons = own.ground.value.outside(position);
        for (name, metric) in [("TPOT", TPOT), ("TTFT", TTFT), ("throughput", THROUGHPUT)] {
            if metric(own).is_none() {
                reasons.push(format!("{name} of {}: no row", position.engine));
            }
        }
        let inside = reasons.is_empty();
        let band = |metric: Metric| match metric(own) {
            Some(known) if inside => known.value.p90_abs,
            Some(known) => left_out(known),
            None => widest(&engines, metric),
        };
        let class = if inside { Standing::Interpolated } else { Standing::Extrapolated };
        Ok(Self::new(class, band, reasons))
    }

    fn unvalidated(engines: &[EngineAccuracy], reasons: Vec<String>) -> Self {
        Self::new(Standing::Unvalidated, |metric| widest(engines, metric), reasons)
    }

    fn new(class: Standing, band: impl Fn(Metric) -> f64, reasons: Vec<String>) -> Self {
        let throughput = band(THROUGHPUT);
        Self { class, tpot: band(TPOT), ttft: band(TTFT), throughput, cost: throughput, reasons }
    }

    /// The worst of several deployments that share the traffic; none if there are none.
    pub fn worst(errors: impl IntoIterator<Item = Self>) -> Option<Self> {
        errors.into_iter().reduce(|mut worst, other| {
            worst.class = worst.class.max(other.class);
            worst.tpot = worst.tpot.max(other.tpot);
            worst.ttft = worst.ttft.max(other.ttft);
            worst.throughput = worst.throughput.max(other.throughput);
            worst.cost = worst.cost.max(other.cost);
            for reason in other.reasons {
                if !worst.reasons.contains(&reason) {
                    worst.reasons.push(reason);
                }
            }
            worst
        })
    }
}

/// An unknown source can hardly be predicted better than the known ones.
fn left_out(known: &Fact<MetricAccuracy>) -> f64 {
    known.value.left_out_p90.max(known.value.p90_abs)
}

/// The widest band known of a metric.
fn widest(engines: &[EngineAccuracy], metric: Metric) -> f64 {
    engines.iter().filter_map(metric).map(left_out).fold(0.0, f64::max)
}
