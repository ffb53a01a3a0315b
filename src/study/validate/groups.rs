//! Errors summed up by what rows have in common.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Prediction;
use crate::accuracy::Accuracy;

/// The errors of all rows that agree in some labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Label to value.
    pub by: BTreeMap<&'static str, String>,
    /// Their errors together.
    #[serde(flatten)]
    pub accuracy: Accuracy,
}

/// Which labels are taken together, besides the kind of figure.
const BY: [&[&str]; 12] = [
    &[],
    &["quality"],
    &["quality", "engine"],
    &["quality", "load"],
    &["quality", "held_out"],
    &["engine"],
    &["model"],
    &["precision"],
    &["gpu"],
    &["tp"],
    &["pp"],
    &["source"],
];

/// Every group that has a row, in the order of [`BY`] and of the labels.
pub(super) fn of(rows: &[Prediction]) -> Vec<Group> {
    let mut groups = Vec::new();
    for labels in BY {
        let mut errors: BTreeMap<BTreeMap<&'static str, String>, Vec<f64>> = BTreeMap::new();
        for row in rows {
            let Some(error) = row.error else { continue };
            let mut by = BTreeMap::new();
            for label in ["kind"].iter().chain(labels) {
                if let Some(value) = value(row, label) {
                    by.insert(*label, value);
                }
            }
            errors.entry(by).or_default().push(error);
        }
        groups.extend(
            errors
                .into_iter()
                .filter_map(|(by, errors)| Accuracy::of(&errors).map(|accuracy| Group { by, accuracy })),
        );
    }
    groups
}

fn value(row: &Prediction, label: &str) -> Option<String> {
    let labels = &row.labels;
    match label {
        "kind" => labels.kind.clone(),
        "quality" => Some(labels.quality.clone()),
        "held_out" => labels.held_out.then(|| "held out".to_owned()),
        "engine" => labels.engine.clone(),
        "load" => labels.load.map(str::to_owned),
        "model" => labels.model.clone(),
        "precision" => labels.precision.clone(),
        "gpu" => labels.gpu.clone(),
        "tp" => labels.tp.map(|size| size.to_string()),
        "pp" => labels.pp.map(|size| size.to_string()),
        _ => Some(labels.source.clone()),
    }
}
