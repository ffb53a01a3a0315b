//! `towtank validate`: predict published measurements, say how far off.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    CliError,
    options::{Format, catalog},
    output,
    watch::watched,
};
use crate::report::{ParityPoint, parity_svg, write_file, write_json};
use crate::study::{self, Group, Prediction, Row, Validation};

#[derive(Args)]
pub(super) struct ValidateArgs {
    /// CSV file of measurements, one figure a row
    #[arg(value_name = "MEASUREMENTS")]
    measurements: PathBuf,
    /// A JSON file whose facts extend or override the built-in catalogue
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// Directory for rows.csv, summary.json and parity.svg
    #[arg(long, value_name = "DIR", default_value = "validation")]
    out: PathBuf,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Simulations at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

/// Columns of the rows.
const ROWS: [&str; 10] =
    ["id", "engine", "model", "gpu", "tp", "metric", "measured", "predicted", "error", "reason"];
/// Columns of the groups.
const GROUPS: [&str; 6] = ["rows", "n", "median", "mean", "p90", "bias"];

/// Columns of the orderings.
const ORDERINGS: [&str; 4] = ["differing in", "pairs", "winner as measured", "part"];

/// Reads, predicts, prints.
pub(super) fn validate(args: &ValidateArgs) -> Result<(), CliError> {
    let catalog = catalog(&args.catalog)?;
    let rows = Row::read_file(&args.measurements)?;
    output::writable(&args.out)?;
    let (monitor, pool) = watched(args.jobs)?;
    let validation =
        pool.install(|| study::validate(&catalog, &rows, &monitor)).map_err(|_| CliError::Interrupted)?;
    write(&args.out, &validation)?;
    print(args.format, &validation)?;
    output::remark(&format!("results in {}", args.out.display()));
    Ok(())
}

/// Rows, what they say together, and the picture.
fn write(dir: &Path, validation: &Validation) -> io::Result<()> {
    let summary = json!({"groups": validation.groups, "orderings": validation.orderings});
    write_file(&dir.join("rows.csv"), |out| write_rows(out, validation)).map_err(io::Error::other)?;
    write_file(&dir.join("summary.json"), |out| write_json(out, &summary)).map_err(io::Error::other)?;
    let points: Vec<ParityPoint> = validation.rows.iter().filter_map(point).collect();
    let svg = parity_svg(&points).map_err(io::Error::other)?;
    write_file(&dir.join("parity.svg"), |out| out.write_all(svg.as_bytes())).map_err(io::Error::other)
}

/// A line a row; numbers to six digits, which no platform's arithmetic moves.
fn write_rows(out: impl Write, validation: &Validation) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(ROWS)?;
    for row in &validation.rows {
        let labels = &row.labels;
        let number = |number: Option<f64>| number.map(|number| significant(number, 6).to_string());
        writer.write_record([
            row.id.clone(),
            labels.engine.clone().unwrap_or_default(),
            labels.model.clone().unwrap_or_default(),
            labels.gpu.clone().unwrap_or_default(),
            labels.tp.map(|tp| tp.to_string()).unwrap_or_default(),
            row.metric.clone(),
            row.measured.to_string(),
            number(row.predicted).unwrap_or_default(),
            row.error.map(percent).unwrap_or_default(),
            row.reason.clone().or(row.remark.map(str::to_owned)).unwrap_or_default(),
        ])?;
    }
    writer.flush()
}

fn point(row: &Prediction) -> Option<ParityPoint> {
    let kind = row.labels.kind.clone()?;
    // Latencies are drawn in milliseconds, whatever the source prints.
    let scale = if kind == "ttft" || kind == "tpot" { row.to_ms } else { 1.0 };
    Some(ParityPoint {
        kind,
        engine: row.labels.engine.clone()?,
        full: row.labels.quality == "A",
        measured: scale * row.measured,
        predicted: scale * row.predicted?,
    })
}

/// A table of rows, one of groups and one of orderings; as JSON one object, as CSV the rows alone.
fn print(format: Format, validation: &Validation) -> io::Result<()> {
    match format {
        Format::Table => print_tables(validation),
        Format::Json => output::print_json(validation),
        Format::Csv => {
            let mut text = Vec::new();
            write_rows(&mut text, validation)?;
            output::print(&String::from_utf8_lossy(&text))
        }
    }
}

fn print_tables(validation: &Validation) -> io::Result<()> {
    let format = Format::Table;
    // A reason is longer than a cell; they are counted below.
    let rows = validation.rows.iter().filter(|row| row.predicted.is_some());
    output::print_rows(format, &ROWS[..ROWS.len() - 1], &rows.map(cells).collect::<Vec<_>>())?;
    output::print("\n")?;
    output::print_rows(format, &GROUPS, &validation.groups.iter().map(group_cells).collect::<Vec<_>>())?;
    output::print("\n")?;
    let factors = validation.orderings.factors.iter();
    let rows: Vec<Vec<Value>> = factors
        .map(|(factor, of)| {
            vec![json!(factor), json!(of.pairs), json!(of.right), json!(percent(of.fraction()))]
        })
        .collect();
    output::print_rows(format, &ORDERINGS, &rows)?;
    for (what, count) in notes(&validation.rows) {
        output::print(&format!("\n{count} {} {what}", if count == 1 { "row:" } else { "rows:" }))?;
    }
    output::print("\n")
}

/// Why rows are not predicted, or how they are read, and how many of each.
fn notes(rows: &[Prediction]) -> BTreeMap<String, usize> {
    let mut notes = BTreeMap::new();
    for row in rows {
        if let Some(reason) = &row.reason {
            *notes.entry(format!("not predicted: {reason}")).or_default() += 1;
        }
        if let Some(remark) = row.remark {
            *notes.entry(remark.to_owned()).or_default() += 1;
        }
    }
    notes
}

fn cells(row: &Prediction) -> Vec<Value> {
    let labels = &row.labels;
    let shown = |number: f64| json!(significant(number, 4));
    vec![
        json!(row.id),
        json!(labels.engine),
        json!(labels.model),
        json!(labels.gpu),
        json!(labels.tp),
        json!(row.metric),
        shown(row.measured),
        row.predicted.map_or(Value::Null, shown),
        row.error.map_or(Value::Null, |error| json!(percent(error))),
    ]
}

fn group_cells(group: &Group) -> Vec<Value> {
    let by: Vec<String> = group.by.values().cloned().collect();
    let of = &group.accuracy;
    vec![
        json!(by.join(", ")),
        json!(of.n),
        json!(percent(of.median_abs)),
        json!(percent(of.mean_abs)),
        json!(percent(of.p90_abs)),
        json!(percent(of.bias)),
    ]
}

/// A number to so many significant digits.
fn significant(number: f64, digits: i32) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(digits - 1 - number.abs().log10().floor() as i32);
    (number * scale).round() / scale
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}
