//! The one error a bad file is answered with.

use std::fmt;

use thiserror::Error;

/// What is wrong with a file, and where; prints as `file:line:column: field: message` and the line itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FileError(Box<Problem>);

/// What a [`FileError`] holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the user named it; `-` is stdin.
    pub file: String,
    /// Line and column of the value or key, counted from 1; none for a file that cannot be read or a `--set`.
    pub at: Option<(u64, u64)>,
    /// The field, such as `placements[0].node_pools[0].machine`; empty for the whole file.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// The line of the file, for the snippet.
    pub line: Option<String>,
    /// The value came from `--set`, not from the file.
    pub from_set: bool,
}

impl FileError {
    /// An error about a file as a whole.
    pub fn file(file: &str, message: impl fmt::Display) -> Self {
        Self::from(Problem {
            file: file.to_owned(),
            at: None,
            path: String::new(),
            message: message.to_string(),
            line: None,
            from_set: false,
        })
    }

    /// An error at a place of a file: line and column, counted from 1, and the line itself.
    pub fn at(file: &str, at: (u64, u64), line: &str, message: impl fmt::Display) -> Self {
        let Problem { file, path, message, from_set, .. } = *Self::file(file, message).0;
        Self::from(Problem { file, at: Some(at), path, message, line: Some(line.to_owned()), from_set })
    }

    /// A file that cannot be read, in the operating system's words without its number.
    pub fn unreadable(file: &str, error: &std::io::Error) -> Self {
        Self::file(file, reason(error))
    }

    /// The error taken apart.
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

/// Why a file cannot be read.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
        std::io::ErrorKind::IsADirectory => "a directory, not a file".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

impl From<Problem> for FileError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if self.from_set {
            f.write_str(" (set with --set)")?;
        }
        let (Some((number, column)), Some(line)) = (self.at, &self.line) else { return Ok(()) };
        let gutter = " ".repeat(number.to_string().len());
        let (line, column) = excerpt(line, column as usize);
        let caret = " ".repeat(column.saturating_sub(1));
        write!(f, "\n{gutter} |\n{number} | {line}\n{gutter} | {caret}^")
    }
}

/// Keeps the part of a long line around `column` that a terminal can show.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    const SHOWN: usize = 110;
    let line = line.replace('\t', " ");
    if line.chars().count() <= SHOWN {
        return (line, column);
    }
    let skipped = column.saturating_sub(SHOWN / 2);
    let shown: String = line.chars().skip(skipped).take(SHOWN).collect();
    if skipped == 0 {
        (format!("{shown}…"), column)
    } else {
        (format!("…{shown}…"), column - skipped + 1)
    }
}
