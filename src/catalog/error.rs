//! What can be wrong with a catalogue or with a question to it.

use thiserror::Error;

/// Why the catalogue has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// No entry of that name.
    #[error("no {kind} named `{name}` in the catalogue{suggestion}")]
    UnknownName {
        /// Kind of entry, such as `machines`.
        kind: String,
        /// What was asked for.
        name: String,
        /// `; did you mean ...?`, or empty.
        suggestion: String,
    },
    /// No section of that kind.
    #[error("the catalogue has no `{kind}`{suggestion}")]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// `; did you mean ...?`, or empty.
        suggestion: String,
    },
    /// An entry does not hold what its kind must hold.
    #[error("{kind} `{name}`: {reason}")]
    BadEntry {
        /// Kind of entry.
        kind: String,
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is not a catalogue.
    #[error("{file}: {reason}")]
    BadFile {
        /// Path of the file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}
