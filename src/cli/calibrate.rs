//! `towtank calibrate`: measurements in, a file to lay over the catalogue out.

mod cluster;
mod kernels;
mod rows;

use std::{io, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::options::{Format, InputOptions};
use super::output;
use crate::accuracy::Accuracy;
use crate::report::{write_file, write_json};
use crate::timing::MEASURED_GPU;

#[derive(Args)]
pub(super) struct CalibrateArgs {
    /// Tables of measured kernels (.csv); result files (.json) of `vllm bench serve --save-result` runs on your own
    /// cluster; with --fit, published measurements as `validate` reads them (.csv)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The scenario that the runs came from; each run overrides how requests are sent
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<PathBuf>,
    /// The placement that was measured, where the scenario has several
    #[arg(long, value_name = "NAME", requires = "scenario")]
    placement: Option<String>,
    /// The GPU whose kernels were measured, by its name in the catalogue
    #[arg(long, value_name = "GPU", default_value = MEASURED_GPU, conflicts_with = "scenario")]
    gpu: String,
    /// Where the tables come from, to be remembered beside their names
    #[arg(long, value_name = "TEXT", conflicts_with = "scenario")]
    source: Option<String>,
    /// When the kernels were measured; without it, the day the newest table was changed
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "scenario")]
    date: Option<String>,
    /// A constant of the catalogue to fit to published measurements, such as `engine_overheads/v1/worker_step`
    #[arg(long, value_name = "KIND/ENTRY/FACT", conflicts_with = "scenario")]
    fit: Vec<String>,
    /// Qualities of the published measurements that count
    #[arg(long, value_name = "QUALITY", default_values_t = ["A".to_owned()], requires = "fit")]
    quality: Vec<String>,
    /// Also predict each source of the measurements with constants fitted to the others: one more fit a source
    #[arg(long, requires = "fit")]
    left_out: bool,
    /// Where to write the calibration, for `--catalog FILE` or a scenario's `calibration: FILE`
    #[arg(long, value_name = "FILE", default_value = "calibration.json")]
    out: PathBuf,
    /// How to print predicted against measured
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    input: InputOptions,
}

/// Fits, writes the file, prints the errors before and after.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<(), CliError> {
    let of =
        |kind: &str| args.files.iter().filter(|file| file.extension().is_some_and(|is| is == kind)).count();
    match (of("csv"), of("json")) {
        (tables, _) if tables == args.files.len() && !args.fit.is_empty() => rows::calibrate(args),
        (tables, _) if tables == args.files.len() => kernels::calibrate(args),
        (_, runs) if runs == args.files.len() => cluster::calibrate(args),
        _ => {
            let message = "calibrate takes tables of kernels (.csv) or runs of `vllm bench serve` (.json), not both at once and nothing else";
            Err(CliError::Usage(message.to_owned()))
        }
    }
}

/// Writes what was found.
fn write(args: &CalibrateArgs, overlay: &Value) -> io::Result<()> {
    write_file(&args.out, |out| write_json(out, overlay)).map_err(io::Error::other)
}

/// Remarks, and where the result lies, go to stderr.
fn remark(args: &CalibrateArgs, remarks: &[String]) {
    for text in remarks {
        output::remark(&format!("note: {text}"));
    }
    output::remark(&format!("written to {}", args.out.display()));
}

/// Median, 90th percentile and bias.
fn errors(format: Format, of: &Accuracy) -> [Value; 3] {
    [of.median_abs, of.p90_abs, of.bias].map(|error| shown(format, error, 3))
}

/// A number as it is for a script, rounded for a reader.
fn shown(format: Format, number: f64, places: i32) -> Value {
    let one = 10_f64.powi(places);
    if format == Format::Csv { json!(number) } else { json!((number * one).round() / one) }
}
