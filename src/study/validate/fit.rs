//! Constants of engines and GPUs from published measurements.
//!
//! A parameter is a fact of the catalogue, named by its path. Rows count whose prediction the parameters move; a time to first
//! token counts below saturation only, since a queue's length says more about the requests drawn than about any
//! constant. Next to the errors after the fit stand, where asked for, those of each source predicted with
//! constants fitted to all the others.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::{campaign::Campaign, prediction::Prediction, row::Row};
use crate::accuracy::Accuracy;
use crate::catalog::Catalog;
use crate::least_squares;
use crate::simulation::Interrupted;
use crate::study::Monitor;

/// Change of all parameters that shows which rows they move.
const NUDGE: f64 = 1.3;
/// Difference of two predictions that is more than rounding [fraction].
const MOVED: f64 = 1e-4;
/// Step of a numeric derivative, in the logarithm of a parameter: wide against the jumps of a simulation.
const STEP: f64 = 0.08;

/// A parameter twice its start weighs as much as a row that is `PRIOR` times ln 2 off: enough to hold what the rows cannot tell.
const PRIOR: f64 = 0.1;
/// A parameter this many times its start is as good as any farther away.
const FARTHEST: f64 = 30.0;

/// Why nothing can be fitted.
#[derive(Debug, Error)]
pub enum FitError {
    /// The catalogue has no such number, or it is not positive.
    #[error("{path}: {reason}")]
    Parameter {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No row says anything about the parameters.
    #[error(
        "rows of the qualities asked for that say something about the constants: {rows}; expected more than there are constants, {parameters}"
    )]
    TooFewRows {
        /// Rows that do.
        rows: usize,
        /// Parameters asked for.
        parameters: usize,
    },
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl From<Interrupted> for FitError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// Which rows count, and what is asked of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitOptions {
    /// Qualities of the rows that count.
    pub qualities: Vec<String>,
    /// Also predict each source with constants fitted to all the others: one more fit a source.
    pub left_out: bool,
}

/// A fact of the catalogue that is fitted: kind, entry and field, with slashes between.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Where it stands.
    pub path: String,
    /// What the catalogue says.
    pub before: f64,
    /// What was found.
    pub after: f64,
}

/// Errors of one kind of figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindErrors {
    /// `ttft`, `tpot`, `throughput` or `e2e`.
    pub kind: String,
    /// With the catalogue's constants.
    pub before: Accuracy,
    /// With those found.
    pub after: Accuracy,
    /// Each source with constants fitted to the others; nothing where that was not asked for or there is only one.
    pub left_out: Option<Accuracy>,
}

/// What came of a fit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fitted {
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// Errors by kind of figure.
    pub kinds: Vec<KindErrors>,
    /// Where the rows come from.
    pub sources: Vec<String>,
    /// The catalogue with the constants found laid over it, as a file.
    #[serde(skip)]
    pub overlay: Value,
}

/// Fits the facts at `paths` to rows that are not held out.
///
/// # Errors
/// If a path names no positive number, or too few rows say anything about them.
pub fn fit_rows(
    catalog: &Catalog,
    rows: &[Row],
    paths: &[String],
    options: &FitOptions,
    monitor: &Monitor,
) -> Result<Fitted, FitError> {
    let facts = paths.iter().map(|path| FactPath::find(catalog, path)).collect::<Result<Vec<_>, _>>()?;
    if let Some(path) =
        paths.iter().enumerate().find_map(|(at, path)| paths[..at].contains(path).then_some(path))
    {
        return Err(FitError::Parameter { path: path.clone(), reason: "named twice".to_owned() });
    }
    let before: Vec<f64> = facts.iter().map(|fact| fact.value).collect();
    let full: Vec<&Row> =
        rows.iter().filter(|row| options.qualities.contains(&row.quality) && !row.held_out).collect();
    let search = Search { catalog, facts: &facts, monitor };
    let moved = search.moved(&full, &before)?;
    if moved.len() <= facts.len() {
        return Err(FitError::TooFewRows { rows: moved.len(), parameters: facts.len() });
    }
    let after = search.fit(&moved, &before)?;
    let campaign = search.campaign(&moved);
    let (old, new) = (search.predict(&campaign, &before)?, search.predict(&campaign, &after)?);
    let sources: BTreeSet<&str> = moved.iter().map(|row| row.source.as_str()).collect();
    let left_out = if options.left_out { search.left_out(&moved, &sources, &before)? } else { Vec::new() };
    let (old, new, left_out) = (by_kind(&old), by_kind(&new), by_kind(&left_out));
    let kinds = new.iter().filter_map(|(kind, errors)| {
        Some(KindErrors {
            kind: (*kind).to_owned(),
            before: Accuracy::of(old.get(kind)?)?,
            after: Accuracy::of(errors)?,
            left_out: left_out.get(kind).map(Vec::as_slice).and_then(Accuracy::of),
        })
    });
    Ok(Fitted {
        kinds: kinds.collect(),
        sources: sources.into_iter().map(str::to_owned).collect(),
        overlay: overlay(&facts, &after),
        parameters: paths
            .iter()
            .zip(before.iter().zip(&after))
            .map(|(path, (before, after))| Parameter { path: path.clone(), before: *before, after: *after })
            .collect(),
    })
}

/// A fact's place in the catalogue.
struct FactPath {
    kind: String,
    entry: String,
    fields: Vec<String>,
    value: f64,
}

impl FactPath {
    /// Finds `kind/entry/field`, a field of a fact's value behind it where the value has fields.
    fn find(catalog: &Catalog, path: &str) -> Result<Self, FitError> {
        let wrong = |reason: &str| FitError::Parameter { path: path.to_owned(), reason: reason.to_owned() };
        let mut parts = path.split('/').map(str::to_owned);
        let (Some(kind), Some(entry)) = (parts.next(), parts.next()) else {
            return Err(wrong("expected KIND/ENTRY/FACT, such as engine_overheads/v1/worker_step"));
        };
        let mut fields: Vec<String> = parts.collect();
        let section = catalog.section(&kind).map_err(|error| wrong(&error.to_string()))?;
        let known: Vec<&str> = section.keys().map(String::as_str).collect();
        let mut at = section
            .get(&entry)
            .ok_or_else(|| wrong(&format!("no such entry: expected one of {}", known.join(", "))))?;
        if let Some(fact) = fields.first().cloned() {
            at = at.get(&fact).ok_or_else(|| wrong("no such fact in this entry"))?;
            at = at.get("value").ok_or_else(|| wrong("this is no fact"))?;
            fields.insert(1, "value".to_owned());
        }
        for field in fields.iter().skip(2) {
            at = at.get(field).ok_or_else(|| wrong("no such field in this fact's value"))?;
        }
        match at.as_f64() {
            Some(value) if value > 0.0 => Ok(Self { kind, entry, fields, value }),
            _ => Err(wrong("expected a number above 0")),
        }
    }
}

/// A catalogue file that sets every fact to its value.
fn overlay(facts: &[FactPath], values: &[f64]) -> Value {
    let mut file = json!({});
    for (fact, value) in facts.iter().zip(values) {
        let at = &mut file[&fact.kind][&fact.entry];
        let at = fact.fields.iter().fold(at, |at, field| &mut at[field]);
        *at = json!(value);
    }
    file
}

struct Search<'a> {
    catalog: &'a Catalog,
    facts: &'a [FactPath],
    monitor: &'a Monitor,
}

impl Search<'_> {
    /// Rows to be predicted many times: what a row says does not depend on the constants.
    fn campaign<'r>(&self, rows: &[&'r Row]) -> Campaign<'r> {
        Campaign::new(self.catalog, rows.iter().copied())
    }

    fn predict(&self, campaign: &Campaign<'_>, values: &[f64]) -> Result<Vec<Prediction>, Interrupted> {
        let mut catalog = self.catalog.clone();
        let text = overlay(self.facts, values).to_string();
        catalog.extend("parameters", &text).expect("the overlay has the catalogue's layout");
        campaign.predict(&catalog, self.monitor)
    }

    /// The rows of each source, predicted with constants fitted to the others where those are enough.
    fn left_out(
        &self,
        rows: &[&Row],
        sources: &BTreeSet<&str>,
        start: &[f64],
    ) -> Result<Vec<Prediction>, Interrupted> {
        let mut predictions = Vec::new();
        for source in sources {
            let (theirs, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.source == *source);
            if others.len() > self.facts.len() {
                let values = self.fit(&others, start)?;
                predictions.extend(self.predict(&self.campaign(&theirs), &values)?);
            }
        }
        Ok(predictions)
    }

    /// The rows whose prediction the parameters move.
    fn moved<'r>(&self, rows: &[&'r Row], values: &[f64]) -> Result<Vec<&'r Row>, Interrupted> {
        let nudged: Vec<f64> = values.iter().map(|value| value * NUDGE).collect();
        let campaign = self.campaign(rows);
        let (plain, nudged) = (self.predict(&campaign, values)?, self.predict(&campaign, &nudged)?);
        let counted = rows.iter().zip(plain.iter().zip(&nudged)).filter(|(_, (plain, nudged))| {
            let (Some(one), Some(other)) = (plain.predicted, nudged.predicted) else { return false };
            let labels = &plain.labels;
            let queued = labels.kind.as_deref() == Some("ttft") && labels.load == Some("saturated");
            !queued && labels.kind.as_deref() != Some("memory") && (other / one - 1.0).abs() > MOVED
        });
        Ok(counted.map(|(row, _)| *row).collect())
    }

    fn fit(&self, rows: &[&Row], start: &[f64]) -> Result<Vec<f64>, Interrupted> {
        let campaign = self.campaign(rows);
        // An interruption shows in the prediction below; until then any number will do.
        let found = least_squares::fit_coarse(start, STEP, |values| {
            let values: Vec<f64> = values
                .iter()
                .zip(start)
                .map(|(value, start)| value.clamp(start / FARTHEST, start * FARTHEST))
                .collect();
            let values = values.as_slice();
            let predicted = self.predict(&campaign, values).unwrap_or_default();
            let ratio = |row: &Prediction| row.error.map_or(0.0, f64::ln_1p);
            let mut ratios: Vec<f64> = predicted.iter().map(ratio).collect();
            ratios.resize(rows.len(), 0.0);
            ratios.extend(values.iter().zip(start).map(|(value, start)| PRIOR * (value / start).ln()));
            ratios
        });
        self.predict(&self.campaign(&rows[..1]), &found)?;
        Ok(found)
    }
}

/// Errors by the kind of their figure.
fn by_kind(predictions: &[Prediction]) -> BTreeMap<&str, Vec<f64>> {
    let mut kinds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in predictions {
        if let (Some(kind), Some(error)) = (&row.labels.kind, row.error) {
            kinds.entry(kind).or_default().push(error);
        }
    }
    kinds
}
