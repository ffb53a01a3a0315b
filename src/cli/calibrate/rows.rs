//! Constants of engines and GPUs from published serving measurements.

use std::io;

use serde_json::{Value, json};

use super::{CalibrateArgs, errors, remark, shown, write};
use crate::cli::{
    CliError,
    options::Format,
    output::{self, print_rows},
    watch::watched,
};
use crate::study::{FitOptions, Fitted, Row, fit_rows};

/// Columns of the constants.
const CONSTANTS: [&str; 3] = ["constant", "before", "after"];
/// Columns of the errors.
const ERRORS: [&str; 9] = [
    "kind",
    "rows",
    "median_before",
    "p90_before",
    "bias_before",
    "median_after",
    "p90_after",
    "bias_after",
    "median_left_out",
];

/// Fits the constants of `--fit` to the rows of all files.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    let mut rows = Vec::new();
    for file in &args.files {
        rows.extend(Row::read_file(file)?);
    }
    let options = FitOptions { qualities: args.quality.clone(), left_out: args.left_out };
    let (monitor, pool) = watched(None)?;
    let fitted = pool.install(|| fit_rows(&catalog, &rows, &args.fit, &options, &monitor))?;
    write(args, &fitted.overlay)?;
    print(args.format, &fitted)?;
    remark(args, &[format!("rows from {}", fitted.sources.join("; "))]);
    Ok(())
}

/// A table of constants and one of errors; as JSON one object, as CSV the errors alone.
fn print(format: Format, fitted: &Fitted) -> io::Result<()> {
    if format == Format::Json {
        return output::print_json(fitted);
    }
    if format == Format::Table {
        let constants: Vec<Vec<Value>> = fitted
            .parameters
            .iter()
            .map(|of| vec![json!(of.path), shown(format, of.before, 3), shown(format, of.after, 3)])
            .collect();
        print_rows(format, &CONSTANTS, &constants)?;
        output::print("\n")?;
    }
    let rows: Vec<Vec<Value>> = fitted
        .kinds
        .iter()
        .map(|of| {
            let mut row = vec![json!(of.kind), json!(of.after.n)];
            row.extend([&of.before, &of.after].map(|of| errors(format, of)).concat());
            row.push(of.left_out.map_or(Value::Null, |left_out| shown(format, left_out.median_abs, 3)));
            row
        })
        .collect();
    print_rows(format, &ERRORS, &rows)
}
