//! One published figure, as a row of a CSV file.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use serde::Serialize;
use thiserror::Error;

use crate::catalog::suggestion;
use crate::csv_error::reason;

/// Columns a file must have; all others may be left out.
const NEEDED: [&str; 10] =
    ["id", "engine", "model", "gpu", "TP", "input_tokens", "output_tokens", "arrival", "metric", "value"];

/// Values that a figure can have, in any unit.
const FIGURES: std::ops::RangeInclusive<f64> = 1e-9..=1e15;

/// A file that holds no measurements.
#[derive(Debug, Error)]
pub enum MeasurementsError {
    /// It cannot be read at all.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why, in the operating system's words.
        reason: String,
    },
    /// A column is missing.
    #[error("{file}:1: no column `{column}` among {found}{suggestion}")]
    NoColumn {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
        /// Those there are.
        found: String,
        /// The nearest of them.
        suggestion: String,
    },
    /// A line is wrong.
    #[error("{file}:{line}: {reason}")]
    Line {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a header and nothing below it.
    #[error("{file}: no rows")]
    Empty {
        /// The file.
        file: String,
    },
}

/// One published figure and how it was measured, in the words of its source; a column that is not there is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Name of the row.
    pub id: String,
    /// `A` fully specified, `B` some inference needed.
    pub quality: String,
    /// Where it was published.
    pub source: String,
    /// Engine.
    pub engine: String,
    /// Its release.
    pub engine_version: String,
    /// Model.
    pub model: String,
    /// Format of the weights.
    pub weight_dtype: String,
    /// Format of the KV cache.
    pub kv_dtype: String,
    /// GPU.
    pub gpu: String,
    /// GPUs a machine.
    pub gpus_per_node: String,
    /// Machines.
    pub nodes: String,
    /// Tensor-parallel size.
    pub tensor_parallel: String,
    /// Pipeline-parallel size.
    pub pipeline_parallel: String,
    /// Data-parallel size.
    pub data_parallel: String,
    /// Most running sequences.
    pub max_num_seqs: String,
    /// Token budget of a step.
    pub max_num_batched_tokens: String,
    /// Prompt length.
    pub input_tokens: String,
    /// Answer length.
    pub output_tokens: String,
    /// How lengths spread.
    pub length_dist: String,
    /// Requests sent.
    pub num_requests: String,
    /// How they were sent.
    pub arrival: String,
    /// What was measured.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Whether constants are fitted without it, so that it can say how good they are.
    pub held_out: bool,
    /// Anything else the source says.
    pub notes: String,
}

impl Row {
    /// Reads every row of a CSV text; `file` is its name in errors.
    ///
    /// # Errors
    /// If a needed column is missing, a line is no row, or a value is no number.
    pub fn read_all(file: &str, text: &str) -> Result<Vec<Self>, MeasurementsError> {
        let line =
            |line: u64, reason: String| MeasurementsError::Line { file: file.to_owned(), line, reason };
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| line(1, error.to_string()))?.clone();
        let names: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
        for column in NEEDED {
            if !names.contains(&column) {
                return Err(MeasurementsError::NoColumn {
                    file: file.to_owned(),
                    column,
                    found: names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
                    suggestion: suggestion(column, names.iter().copied()),
                });
            }
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record
                .map_err(|error| line(error.position().map_or(0, csv::Position::line), reason(&error)))?;
            let at = record.position().map_or(0, csv::Position::line);
            rows.push(Self::of(&names, &record).map_err(|reason| line(at, reason))?);
        }
        if rows.is_empty() {
            return Err(MeasurementsError::Empty { file: file.to_owned() });
        }
        Ok(rows)
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or as [`Row::read_all`].
    pub fn read_file(path: &Path) -> Result<Vec<Self>, MeasurementsError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| MeasurementsError::Unreadable {
            file: file.clone(),
            reason: error.to_string(),
        })?;
        Self::read_all(&file, &text)
    }

    fn of(names: &[&str], record: &StringRecord) -> Result<Self, String> {
        let text = |column: &str| {
            let index = names.iter().position(|name| *name == column);
            index.and_then(|index| record.get(index)).unwrap_or_default().to_owned()
        };
        let value = text("value");
        let number = value.parse::<f64>().ok().filter(|value| FIGURES.contains(value));
        let Some(value) = number else {
            let (least, most) = (FIGURES.start(), FIGURES.end());
            return Err(format!("`value` is `{value}`: expected a number from {least:e} to {most:e}"));
        };
        if text("id").is_empty() {
            return Err("`id` is empty: expected a name for the row".to_owned());
        }
        Ok(Self {
            id: text("id"),
            quality: text("quality"),
            source: text("source"),
            engine: text("engine"),
            engine_version: text("engine_version"),
            model: text("model"),
            weight_dtype: text("weight_dtype"),
            kv_dtype: text("kv_dtype"),
            gpu: text("gpu"),
            gpus_per_node: text("gpus_per_node"),
            nodes: text("nodes"),
            tensor_parallel: text("TP"),
            pipeline_parallel: text("PP"),
            data_parallel: text("DP"),
            max_num_seqs: text("max_num_seqs_or_batch"),
            max_num_batched_tokens: text("max_num_batched_tokens"),
            input_tokens: text("input_tokens"),
            output_tokens: text("output_tokens"),
            length_dist: text("length_dist"),
            num_requests: text("num_requests"),
            arrival: text("arrival"),
            metric: text("metric"),
            value,
            unit: text("unit"),
            held_out: text("held_out") == "yes",
            notes: text("notes"),
        })
    }
}
