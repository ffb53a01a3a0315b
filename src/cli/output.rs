//! Writing to stdout and stderr.

use std::{
    fmt::Display,
    fs,
    io::{self, ErrorKind, Write},
    path::Path,
};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::options::Format;
use crate::report::write_json;
use crate::scenario::{Resolved, ScenarioFile};

/// Writes `text` to stdout; a reader that has enough (`| head`) is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Makes a directory: a place that cannot be written to shows before the work is done, not after.
pub(super) fn writable(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
        .map_err(|source| io::Error::other(format!("cannot write {}: {source}", dir.display())))
}

/// A scenario as it was understood: the file with every default filled in.
pub(super) fn shown(file: &ScenarioFile, resolved: &Resolved) -> io::Result<String> {
    serde_saphyr::to_string(&file.filled(resolved)).map_err(io::Error::other)
}

/// Prints a value as JSON.
pub(super) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut text = Vec::new();
    write_json(&mut text, value)?;
    print(&String::from_utf8_lossy(&text))
}

/// Writes an error to stderr.
pub(super) fn complain(error: &impl Display) {
    // With stderr closed there is nobody left to tell; the exit status says it.
    let _ = writeln!(io::stderr().lock(), "error: {error}");
}

/// Writes a remark to stderr.
pub(super) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes what was ignored of manifests in a scenario to stderr.
pub(super) fn remark_ignored(file: &ScenarioFile) {
    for text in &file.remarks {
        remark(&format!("note: {text}"));
    }
}

/// Writes what a reader should know about the traces and datasets of a scenario to stderr.
pub(super) fn remark_notes(resolved: &Resolved) {
    for workload in &resolved.workloads {
        for note in &workload.class.notes {
            remark(&format!("workload `{}`: {note}", workload.class.name));
        }
    }
}

/// Prints rows of cells as a table, as JSON objects or as CSV.
pub(super) fn print_rows(format: Format, columns: &[&str], rows: &[Vec<Value>]) -> io::Result<()> {
    match format {
        Format::Table => {
            let mut table = table(columns);
            for row in rows {
                table.add_row(row.iter().map(cell));
            }
            print(&format!("{}\n", table.trim_fmt()))
        }
        Format::Json => {
            let object = |row: &Vec<Value>| -> Value {
                let fields = columns.iter().map(|column| (*column).to_owned()).zip(row.iter().cloned());
                Value::Object(fields.collect())
            };
            let rows: Vec<Value> = rows.iter().map(object).collect();
            print(&format!("{:#}\n", Value::Array(rows)))
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(columns)?;
            for row in rows {
                writer.write_record(row.iter().map(cell))?;
            }
            let text = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
            print(&String::from_utf8_lossy(&text))
        }
    }
}

/// An empty table with a header, plain enough to be pasted anywhere.
pub(super) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(ToString::to_string));
    table
}

/// Text of a cell: strings bare, nothing for null and false, `yes` for true.
fn cell(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
