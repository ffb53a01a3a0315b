//! Cells of a CSV file that know where they stand.

use std::path::Path;

use csv::StringRecord;

use super::KernelError;
use crate::csv_error::reason;

/// A CSV file with a header.
pub(super) struct Sheet {
    file: String,
    header: StringRecord,
    records: Vec<StringRecord>,
}

impl Sheet {
    pub(super) fn read(path: &Path) -> Result<Self, KernelError> {
        let file = path.display().to_string();
        let bad = |error: csv::Error| {
            let line = error.position().map_or(String::new(), |place| format!("line {}: ", place.line()));
            KernelError::NotATable { file: file.clone(), reason: format!("{line}{}", reason(&error)) }
        };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(bad)?;
        let header = reader.headers().map_err(bad)?.clone();
        let records = reader.records().collect::<Result<_, _>>().map_err(bad)?;
        Ok(Self { file, header, records })
    }

    /// Whether it has all these columns.
    pub(super) fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.header.iter().any(|name| name == *column))
    }

    pub(super) fn columns(&self) -> String {
        self.header.iter().collect::<Vec<_>>().join(",")
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Cells<'_>> {
        self.records.iter().map(|record| Cells { sheet: self, record })
    }

    pub(super) fn error(&self, reason: String) -> KernelError {
        KernelError::NotATable { file: self.file.clone(), reason }
    }
}

/// One line.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    sheet: &'a Sheet,
    record: &'a StringRecord,
}

impl Cells<'_> {
    /// The text in a column that the sheet has.
    pub(super) fn text(&self, column: &str) -> &str {
        let index = self.sheet.header.iter().position(|name| name == column);
        index.and_then(|index| self.record.get(index)).unwrap_or_default()
    }

    /// A count of at least one.
    pub(super) fn count(&self, column: &str) -> Result<u32, KernelError> {
        let text = self.text(column);
        let count = text.parse().ok().filter(|count| *count > 0);
        count.ok_or_else(|| self.error(column, format!("`{text}`, expected a whole number of at least 1")))
    }

    /// A size; nothing at all is one.
    pub(super) fn size(&self, column: &str) -> Result<u64, KernelError> {
        let text = self.text(column);
        text.parse().map_err(|_| self.error(column, format!("`{text}`, expected a whole number of bytes")))
    }

    /// A time, in units of `unit` ns [ns].
    pub(super) fn time(&self, column: &str, unit: f64) -> Result<f64, KernelError> {
        let text = self.text(column);
        let time = text.parse::<f64>().ok().filter(|time| time.is_finite() && *time > 0.0);
        let wrong = || self.error(column, format!("`{text}`, expected a positive time"));
        time.map(|time| time * unit).ok_or_else(wrong)
    }

    fn error(&self, column: &str, reason: String) -> KernelError {
        KernelError::BadCell {
            file: self.sheet.file.clone(),
            line: self.record.position().map_or(0, csv::Position::line),
            column: column.to_owned(),
            reason,
        }
    }
}
