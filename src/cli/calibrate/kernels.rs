//! Constants of kernels from tables of measured times.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::{CalibrateArgs, errors, remark, write};
use crate::cli::CliError;
use crate::cli::options::Format;
use crate::cli::output;
use crate::study::{KernelCalibration, KernelInputs, KernelReport, calibrate_kernels};

/// Columns of the errors; those of a prediction are fractions, on rows that were not fitted.
const ERRORS: [&str; 10] = [
    "kernel",
    "rows",
    "fitted",
    "held_out",
    "median_before",
    "p90_before",
    "bias_before",
    "median_after",
    "p90_after",
    "bias_after",
];

pub(super) fn calibrate(args: &CalibrateArgs) -> Result<(), CliError> {
    if let Some(path) = args.input.sets.first() {
        let message = format!("--set {path}: tables of kernels have no scenario");
        return Err(CliError::Usage(message));
    }
    let files: Vec<&Path> = args.files.iter().map(AsRef::as_ref).collect();
    let (source, date) = (args.source.as_deref(), args.date.as_deref());
    let inputs = KernelInputs { gpu: &args.gpu, files: &files, source, date };
    let found = calibrate_kernels(&args.input.catalog()?, &inputs)?;
    write(args, &found.overlay)?;
    print(args.format, &found)?;
    remark(args, &found.remarks);
    Ok(())
}

fn print(format: Format, found: &KernelCalibration) -> io::Result<()> {
    if format == Format::Json {
        return output::print_json(found);
    }
    let row = |of: &KernelReport| -> Vec<Value> {
        let mut row = vec![json!(of.kernel), json!(of.rows), json!(of.fitted), json!(of.after.n)];
        row.extend([&of.before, &of.after].map(|of| errors(format, of)).concat());
        row
    };
    output::print_rows(format, &ERRORS, &found.kernels.iter().map(row).collect::<Vec<_>>())
}
