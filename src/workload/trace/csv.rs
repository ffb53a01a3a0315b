//! What the CSV layouts share: columns by name, numbers, lines.

use std::io::BufRead;

use csv::{ReaderBuilder, StringRecord, StringRecordsIntoIter, Trim};

use super::{RawRow, TraceError, bad_row};
use crate::catalog::suggestion;
use crate::csv_error::reason;

/// The columns of a layout: when, prompt length, answer length.
pub(super) struct Columns {
    pub(super) at: &'static str,
    pub(super) input: &'static str,
    pub(super) output: &'static str,
}

/// Reads a time stamp [ns].
type ReadStamp = fn(&str) -> Option<i64>;

/// The rows of a CSV file with a header.
pub(super) struct Rows<R> {
    file: String,
    columns: Columns,
    indices: [usize; 3],
    records: StringRecordsIntoIter<R>,
    stamp: ReadStamp,
    stamp_form: &'static str,
}

impl<R: BufRead> Rows<R> {
    /// Finds the columns; `stamp_form` says how a stamp looks that `stamp` can read.
    pub(super) fn new(
        input: R,
        file: &str,
        columns: Columns,
        stamp: ReadStamp,
        stamp_form: &'static str,
    ) -> Result<Self, TraceError> {
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(input);
        let header = reader.headers().map_err(|error| bad_row(file, 1, error))?.clone();
        let names: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
        let find = |column: &'static str| {
            names.iter().position(|name| *name == column).ok_or_else(|| TraceError::NoColumn {
                file: file.to_owned(),
                column,
                found: names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
                suggestion: suggestion(column, names.iter().copied()),
            })
        };
        let indices = [find(columns.at)?, find(columns.input)?, find(columns.output)?];
        Ok(Self {
            file: file.to_owned(),
            columns,
            indices,
            records: reader.into_records(),
            stamp,
            stamp_form,
        })
    }

    fn row(&self, record: &StringRecord) -> Result<RawRow, TraceError> {
        let line = record.position().map_or(0, csv::Position::line);
        let text = |index: usize| record.get(self.indices[index]).unwrap_or("");
        let bad = |column: &str, index: usize, expected: &str| {
            bad_row(&self.file, line, format!("`{column}` is `{}`: expected {expected}", text(index)))
        };
        let count = |column: &str, index: usize| {
            tokens(text(index)).ok_or_else(|| bad(column, index, "a whole number of tokens"))
        };
        Ok(RawRow {
            line,
            at_ns: (self.stamp)(text(0)).ok_or_else(|| bad(self.columns.at, 0, self.stamp_form))?,
            input_tokens: count(self.columns.input, 1)?,
            output_tokens: count(self.columns.output, 2)?,
            hash_ids: Vec::new(),
        })
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<RawRow, TraceError>;
    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(match record {
            Ok(record) => self.row(&record),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                Err(bad_row(&self.file, line, reason(&error)))
            }
        })
    }
}

/// A token count; whole numbers may be written as `7564.0`, as spreadsheets and data frames do.
fn tokens(text: &str) -> Option<u32> {
    let whole = text.split_once('.').map_or(Some(text), |(whole, rest)| {
        (!rest.is_empty() && rest.bytes().all(|digit| digit == b'0')).then_some(whole)
    })?;
    whole.parse().ok()
}
