//! `towtank calibrate`: measurements in, a file to lay over the catalogue out.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::options::{Format, InputOptions};
use super::output;
use crate::report::{write_file, write_json};
use crate::study::{ClusterCalibration, ClusterInputs, Comparison, Monitor, Multiplier, calibrate_cluster};

#[derive(Args)]
pub(super) struct CalibrateArgs {
    /// Result files (.json) of `vllm bench serve --save-result` runs on your own cluster
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The scenario that the runs came from; each run overrides how requests are sent
    #[arg(long, value_name = "SCENARIO")]
    scenario: PathBuf,
    /// The placement that was measured, where the scenario has several
    #[arg(long, value_name = "NAME")]
    placement: Option<String>,
    /// Where to write the calibration, for `--catalog FILE` or a scenario's `calibration: FILE`
    #[arg(long, value_name = "FILE", default_value = "calibration.json")]
    out: PathBuf,
    /// How to print predicted against measured
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    input: InputOptions,
}

/// Columns of the errors.
const ERRORS: [&str; 7] = ["run", "metric", "measured", "before", "error_before", "after", "error_after"];
/// Columns of the multipliers.
const MULTIPLIERS: [&str; 3] = ["multiplier", "value", "identified"];

/// Fits, writes the file, prints the errors before and after.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    let files: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    let inputs = ClusterInputs {
        scenario: &args.scenario,
        sets: &args.input.sets,
        placement: args.placement.as_deref(),
        files: &files,
    };
    let found = calibrate_cluster(&catalog, &inputs, &Monitor::default())?;
    write_file(&args.out, |out| write_json(out, &found.overlay())).map_err(io::Error::other)?;
    for remark in &found.remarks {
        output::remark(&format!("note: {remark}"));
    }
    print(args.format, &found)?;
    output::remark(&format!("written to {}", args.out.display()));
    Ok(())
}

/// A table of errors and one of multipliers; as JSON one object, as CSV the errors alone.
fn print(format: Format, found: &ClusterCalibration) -> io::Result<()> {
    if format == Format::Json {
        let mut text = Vec::new();
        write_json(&mut text, found)?;
        return output::print(&String::from_utf8_lossy(&text));
    }
    let shown = |number: f64, places: i32| {
        let one = 10_f64.powi(places);
        if format == Format::Csv { json!(number) } else { json!((number * one).round() / one) }
    };
    let row = |of: &Comparison| -> Vec<Value> {
        let error = |predicted: f64| shown(predicted / of.measured - 1.0, 3);
        vec![
            json!(of.run),
            json!(of.metric),
            shown(of.measured, 2),
            shown(of.before, 2),
            error(of.before),
            shown(of.after, 2),
            error(of.after),
        ]
    };
    output::print_rows(format, &ERRORS, &found.comparisons.iter().map(row).collect::<Vec<_>>())?;
    if format == Format::Csv {
        return Ok(());
    }
    let row = |of: &Multiplier| {
        vec![json!(of.name), shown(of.value, 3), json!(if of.identified { "yes" } else { "no" })]
    };
    output::print("\n")?;
    output::print_rows(format, &MULTIPLIERS, &found.multipliers.iter().map(row).collect::<Vec<_>>())
}
