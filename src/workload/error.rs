//! What can be wrong with a class of traffic that its fields, one by one, do not show.

use std::path::PathBuf;

use thiserror::Error;

use super::trace::TraceError;
use crate::catalog::CatalogError;

/// Why a workload cannot be simulated.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// Nothing to send, or several kinds of it.
    #[error(
        "workload `{workload}`: expected exactly one of `arrivals`, `trace` and `requests`, found {found}"
    )]
    Demand {
        /// The class.
        workload: String,
        /// How many of them were given.
        found: usize,
    },
    /// A field is missing.
    #[error("workload `{workload}`: `{field}` is missing, which {because} needs")]
    Missing {
        /// The class.
        workload: String,
        /// Path of the field in the workload.
        field: &'static str,
        /// Who needs it.
        because: String,
    },
    /// A field would have no effect.
    #[error("workload `{workload}`: `{field}` means nothing with {with}")]
    Pointless {
        /// The class.
        workload: String,
        /// Path of the field in the workload.
        field: &'static str,
        /// What makes it pointless.
        with: String,
    },
    /// A value does not fit its neighbours.
    #[error("workload `{workload}`: `{field}` {reason}")]
    Value {
        /// The class.
        workload: String,
        /// Path of the field in the workload.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A preset or curve that the catalogue does not have.
    #[error("workload `{workload}`: `{field}`: {source}")]
    Catalog {
        /// The class.
        workload: String,
        /// Path of the field in the workload.
        field: &'static str,
        /// What the catalogue says.
        source: CatalogError,
    },
    /// A trace cannot be read.
    #[error("workload `{workload}`: {source}")]
    Trace {
        /// The class.
        workload: String,
        /// Where and why.
        source: TraceError,
    },
    /// A trace file cannot be opened.
    #[error("workload `{workload}`: cannot read {}: {reason}", file.display())]
    File {
        /// The class.
        workload: String,
        /// Its path.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
}
