//! A run read back from the files it left behind: all that its report is made from.

mod events;
mod requests;
mod timeline;

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::csv_error;
use crate::document::{self, FileError, Problem};
use crate::report::plan::Plan;
use crate::report::{Figures, Status, Summary};

pub(super) use events::EventLine;
pub(super) use requests::Samples;
pub(super) use timeline::Moments;

/// A run, as far as its files tell.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) summary: Summary,
    /// The scenario as it was understood.
    pub(super) scenario: String,
    /// Latencies by placement; none where the run wrote no `requests.csv`.
    pub(super) samples: Option<Vec<Samples>>,
    /// States of the groups by placement.
    pub(super) moments: Vec<Moments>,
    /// Changes by placement, in order.
    pub(super) events: Vec<Vec<EventLine>>,
}

impl Recorded {
    /// Reads a directory of results.
    ///
    /// # Errors
    /// If it holds no run, or a file of it is not what `towtank run` writes; the error says which and where.
    pub(super) fn read(dir: &Path) -> Result<Self, FileError> {
        let summary = summary(&dir.join("summary.json"))?;
        let (_, scenario) = document::read(&dir.join("scenario.yaml"))?;
        let requests = dir.join("requests.csv");
        let samples = requests.exists().then(|| requests::read(&requests, &summary)).transpose()?;
        let moments = timeline::read(&dir.join("timeline.csv"), &summary)?;
        let events = events::read(&dir.join("events.jsonl"), &summary)?;
        Ok(Self { summary, scenario, samples, moments, events })
    }
}

/// Reads `plan.json`.
pub(super) fn read_plan(path: &Path) -> Result<Plan, FileError> {
    let (file, text) = document::read(path)?;
    serde_json::from_str(&text).map_err(|error| json_error(&file, &text, &error))
}

/// Reads `summary.json`.
fn summary(path: &Path) -> Result<Summary, FileError> {
    let (file, text) = document::read(path)?;
    let summary: Summary = serde_json::from_str(&text).map_err(|error| json_error(&file, &text, &error))?;
    for (index, placement) in summary.placements.iter().enumerate() {
        // Absent figures are those of a placement that does not fit; figures of one that ran say what they lack.
        if placement.status == Status::Ok && placement.figures.is_none() {
            let tree: Value =
                serde_json::from_str(&text).map_err(|error| json_error(&file, &text, &error))?;
            let lacking = Figures::deserialize(&tree["placements"][index]).err();
            let why = lacking.map_or_else(|| "incomplete".to_owned(), |error| error.to_string());
            return Err(FileError::file(&file, format!("placements[{index}]: {why}")));
        }
    }
    Ok(summary)
}

/// What is wrong with JSON, and where.
fn json_error(file: &str, text: &str, error: &serde_json::Error) -> FileError {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let snippet = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    FileError::at(file, (line as u64, column.max(1) as u64), snippet, message)
}

/// Index of a placement by its name.
fn placement(summary: &Summary, name: &str) -> Result<usize, String> {
    let known = summary.placements.iter().position(|placement| placement.name == name);
    known.ok_or_else(|| {
        format!("placement `{name}` is not in summary.json: these files are of different runs")
    })
}

/// Reads the rows of a CSV file, each as a `T`; `take` has it and tells what is wrong with it.
fn rows<T: for<'a> Deserialize<'a>>(
    path: &Path,
    mut take: impl FnMut(T) -> Result<(), String>,
) -> Result<(), FileError> {
    let file = path.display().to_string();
    let wrong = |line: u64, message: String| {
        let known = FileError::file(&file, message).problem().clone();
        FileError::from(Problem { at: Some((line, 1)), ..known })
    };
    let open = std::fs::File::open(path).map_err(|error| FileError::unreadable(&file, &error))?;
    let mut reader = csv::Reader::from_reader(std::io::BufReader::new(open));
    let headers = reader.headers().map_err(|error| wrong(1, csv_error::reason(&error)))?.clone();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            wrong(line, csv_error::reason(&error))
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        let row =
            record.deserialize(Some(&headers)).map_err(|error| wrong(line, why_no_row(&error, &headers)))?;
        take(row).map_err(|message| wrong(line, message))?;
    }
    Ok(())
}

/// What is wrong with a row, by the name of its column.
fn why_no_row(error: &csv::Error, headers: &csv::StringRecord) -> String {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return csv_error::reason(error) };
    let column = err.field().and_then(|field| headers.get(field as usize));
    column.map_or_else(|| err.kind().to_string(), |column| format!("{column}: {}", err.kind()))
}
