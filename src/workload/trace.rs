//! Recorded traces: five layouts, read into rows, with an account of what was left out.
//!
//! Columns are found by name. Rows out of order are sorted, rows without tokens dropped, both counted in the [`TraceNote`]s;
//! a row that cannot be read is an error with its line. The earliest row is at time 0.

mod azure;
mod burstgpt;
mod chains;
mod csv;
mod json;
mod note;
mod plain;
mod stamp;

use std::{fmt, io::BufRead, sync::Arc};

use thiserror::Error;

use super::args::TraceFormat;
use crate::request::Segment;
use crate::units::SimTime;

pub use note::{Dropped, TraceNote};

/// A trace as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its rows, by time, then in the order of the file.
    pub rows: Vec<TraceRow>,
    /// Rows in the file, dropped ones included.
    pub rows_read: u32,
    /// What was left out or put in order.
    pub notes: Vec<TraceNote>,
}

/// One recorded request.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceRow {
    /// Number of the row in the file, counted from 0, dropped rows included.
    pub row: u32,
    /// When it arrived, the earliest row being at 0.
    pub at: SimTime,
    /// Prompt length [tokens].
    pub input_tokens: u32,
    /// Answer length [tokens].
    pub output_tokens: u32,
    /// The shared part of its prompt: chains of hash ids, each used from its first token on; stream numbers count from 0
    /// within the trace.
    pub shared: Arc<[Segment]>,
}

/// Why a trace cannot be read. Says the file and, if there is one, the line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// A column of the layout is missing.
    #[error("{file}:1: no column `{column}`: found {found}{suggestion}")]
    NoColumn {
        /// Path of the trace.
        file: String,
        /// The missing column.
        column: &'static str,
        /// The columns there are.
        found: String,
        /// `; did you mean ...?`, or empty.
        suggestion: String,
    },
    /// A row is not what the layout says.
    #[error("{file}:{line}: {reason}")]
    Row {
        /// Path of the trace.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// What was found, and what was expected.
        reason: String,
    },
    /// Nothing to replay.
    #[error("{file}: no row with input and output tokens")]
    Empty {
        /// Path of the trace.
        file: String,
    },
}

/// One row as a layout's reader hands it over, times absolute.
struct RawRow {
    line: u64,
    at_ns: i64,
    input_tokens: u32,
    output_tokens: u32,
    hash_ids: Vec<u64>,
}

/// Everything about how a trace is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Path, for messages.
    pub file: &'a str,
    /// Layout.
    pub format: TraceFormat,
    /// Rows to read at most.
    pub limit: Option<u32>,
    /// Tokens a hash id stands for; the layout's own when left out.
    pub block_size: Option<u32>,
    /// Factor on prompt lengths, hash ids included.
    pub input_scale: f64,
    /// Factor on answer lengths.
    pub output_scale: f64,
}

impl Trace {
    /// Reads a trace.
    ///
    /// # Errors
    /// If a column is missing, a row is not what the layout says, or nothing is left to replay.
    pub fn read(input: impl BufRead, reading: &Reading<'_>) -> Result<Self, TraceError> {
        let limit = reading.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut raw = Vec::new();
        let mut take = |row: Result<RawRow, TraceError>| -> Result<(), TraceError> {
            raw.push(row?);
            if raw.len() > u32::MAX as usize {
                let line = raw[raw.len() - 1].line;
                return Err(bad_row(reading.file, line, "more rows than can be numbered"));
            }
            Ok(())
        };
        match reading.format {
            TraceFormat::Azure => azure::rows(input, reading.file)?.take(limit).try_for_each(&mut take)?,
            TraceFormat::Burstgpt => {
                burstgpt::rows(input, reading.file)?.take(limit).try_for_each(&mut take)?;
            }
            TraceFormat::Csv => plain::rows(input, reading.file)?.take(limit).try_for_each(&mut take)?,
            TraceFormat::Mooncake | TraceFormat::VllmTimed => {
                json::rows(input, reading).take(limit).try_for_each(&mut take)?;
            }
        }
        Self::assemble(raw, reading)
    }

    fn assemble(mut raw: Vec<RawRow>, reading: &Reading<'_>) -> Result<Self, TraceError> {
        let rows_read = raw.len() as u32;
        let mut notes = Vec::new();
        let mut numbered: Vec<(u32, RawRow)> = (0..).zip(raw.drain(..)).collect();
        for (reason, empty) in [
            (Dropped::NoOutput, (|row| row.output_tokens == 0) as fn(&RawRow) -> bool),
            (Dropped::NoInput, |row| row.input_tokens == 0),
        ] {
            let before = numbered.len();
            numbered.retain(|(_, row)| !empty(row));
            if numbered.len() < before {
                notes.push(TraceNote::Dropped {
                    reason,
                    rows: (before - numbered.len()) as u32,
                    of: rows_read,
                });
            }
        }
        let late = numbered.windows(2).filter(|pair| pair[1].1.at_ns < pair[0].1.at_ns).count();
        if late > 0 {
            notes.push(TraceNote::Reordered { rows: late as u32 });
            numbered.sort_by_key(|(_, row)| row.at_ns);
        }
        let first_ns = numbered.first().map(|(_, row)| row.at_ns);
        let Some(first_ns) = first_ns else {
            return Err(TraceError::Empty { file: reading.file.to_owned() });
        };
        let shared = chains::shared(&numbered, json::block_size(reading), reading.input_scale);
        let scale = |tokens: u32, factor: f64| ((f64::from(tokens) * factor).round() as u32).max(1);
        let rows: Vec<_> = numbered
            .into_iter()
            .zip(shared)
            .map(|((number, row), shared)| TraceRow {
                row: number,
                at: SimTime::from_nanos(row.at_ns.abs_diff(first_ns)),
                input_tokens: scale(row.input_tokens, reading.input_scale),
                output_tokens: scale(row.output_tokens, reading.output_scale),
                shared,
            })
            .collect();
        notes.extend(TraceNote::ticks(&rows));
        Ok(Self { rows, rows_read, notes })
    }
}

pub(super) fn bad_row(file: &str, line: u64, reason: impl fmt::Display) -> TraceError {
    TraceError::Row { file: file.to_owned(), line, reason: reason.to_string() }
}
