//! Multipliers of a cluster from runs on it.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{CalibrateArgs, remark, shown, write};
use crate::cli::CliError;
use crate::cli::options::Format;
use crate::cli::output;
use crate::study::{ClusterCalibration, ClusterInputs, Comparison, Monitor, Multiplier, calibrate_cluster};

/// Columns of the errors.
const ERRORS: [&str; 7] = ["run", "metric", "measured", "before", "error_before", "after", "error_after"];
/// Columns of the multipliers.
const MULTIPLIERS: [&str; 3] = ["multiplier", "value", "identified"];

pub(super) fn calibrate(args: &CalibrateArgs) -> Result<(), CliError> {
    let Some(scenario) = &args.scenario else {
        let message = "runs of `vllm bench serve` need the scenario they came from: --scenario SCENARIO";
        return Err(CliError::Usage(message.to_owned()));
    };
    let catalog = args.input.catalog()?;
    let files: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    let inputs = ClusterInputs {
        scenario,
        sets: &args.input.sets,
        placement: args.placement.as_deref(),
        files: &files,
    };
    let found = calibrate_cluster(&catalog, &inputs, &Monitor::default())?;
    write(args, &found.overlay())?;
    print(args.format, &found)?;
    remark(args, &found.remarks);
    Ok(())
}

/// A table of errors and one of multipliers; as JSON one object, as CSV the errors alone.
fn print(format: Format, found: &ClusterCalibration) -> io::Result<()> {
    if format == Format::Json {
        return output::print_json(found);
    }
    let row = |of: &Comparison| -> Vec<Value> {
        let error = |predicted: f64| shown(format, predicted / of.measured - 1.0, 3);
        vec![
            json!(of.run),
            json!(of.metric),
            shown(format, of.measured, 2),
            shown(format, of.before, 2),
            error(of.before),
            shown(format, of.after, 2),
            error(of.after),
        ]
    };
    output::print_rows(format, &ERRORS, &found.comparisons.iter().map(row).collect::<Vec<_>>())?;
    if format == Format::Csv {
        return Ok(());
    }
    let row = |of: &Multiplier| {
        vec![json!(of.name), shown(format, of.value, 3), json!(if of.identified { "yes" } else { "no" })]
    };
    output::print("\n")?;
    output::print_rows(format, &MULTIPLIERS, &found.multipliers.iter().map(row).collect::<Vec<_>>())
}
