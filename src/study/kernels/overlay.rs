//! A calibration of kernels as a catalogue file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::KernelInputs;
use super::date;
use super::fit::Fitted;
use crate::accuracy::Accuracy;
use crate::catalog::Fact;

/// The constants and how far off they were, as the catalogue has them.
pub(super) fn overlay(fitted: &[Fitted], inputs: &KernelInputs<'_>, link: Option<&str>) -> Value {
    let date = date(inputs);
    let mut sections: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for of in fitted {
        let (kernel, report) = (of.kernel.name(), &of.report);
        let section = if of.kernel.is_collective() { "collectives" } else { "kernels" };
        let entry = sections.entry(section).or_default();
        let fact = |value: Value, unit: &str| {
            let (unit, source, date) = (unit.to_owned(), source(inputs, &of.files), date.clone());
            json!(Fact { value, unit, source, date, low: None, high: None, recalled: false, note: None })
        };
        let unit = if of.kernel.by_gpus() { "by GPUs; as the names say" } else { "as the names say" };
        entry.insert(kernel.to_owned(), fact(value(of), unit));
        let held_out = entry.entry("held_out").or_insert_with(|| json!({}));
        held_out[kernel] = fact(accuracy(&report.after), "fraction, on rows not fitted");
    }
    let named = sections.into_iter().map(|(section, entry)| {
        let name = if section == "kernels" { inputs.gpu } else { link.expect("its collectives were fitted") };
        (section.to_owned(), json!({name: entry}))
    });
    Value::Object(named.collect())
}

fn value(of: &Fitted) -> Value {
    let by_gpus = of.constants.iter().map(|(gpus, constants)| (gpus, constants.clone().into_value()));
    let mut fields = Map::new();
    for (gpus, constants) in by_gpus {
        match gpus {
            Some(gpus) => fields.insert(gpus.to_string(), constants),
            None => return constants,
        };
    }
    Value::Object(fields)
}

/// Four decimals: a hundredth of a percent.
fn accuracy(of: &Accuracy) -> Value {
    let short = |error: f64| (error * 1e4).round() / 1e4;
    json!(Accuracy {
        n: of.n,
        median_abs: short(of.median_abs),
        mean_abs: short(of.mean_abs),
        p90_abs: short(of.p90_abs),
        bias: short(of.bias),
    })
}

fn source(inputs: &KernelInputs<'_>, files: &BTreeSet<usize>) -> String {
    let name = |file: &usize| inputs.files[*file].file_name().unwrap_or_default().to_string_lossy();
    let files = files.iter().map(name).collect::<Vec<_>>().join(", ");
    let origin = inputs.source.map_or_else(String::new, |source| format!("{source}: "));
    format!("towtank calibrate on 70 % of the rows of {origin}{files}")
}

fn date(inputs: &KernelInputs<'_>) -> String {
    inputs.date.map_or_else(|| date::newest(inputs.files), ToOwned::to_owned)
}
