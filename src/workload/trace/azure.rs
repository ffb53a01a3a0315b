//! `AzurePublicDataset`'s LLM inference traces, 2023 and 2024 (data/*.csv, analysis notebooks).

use std::io::BufRead;

use super::{
    TraceError,
    csv::{Columns, Rows},
    stamp::date_time,
};

/// The rows of a file.
pub(super) fn rows<R: BufRead>(input: R, file: &str) -> Result<Rows<R>, TraceError> {
    let columns = Columns { at: "TIMESTAMP", input: "ContextTokens", output: "GeneratedTokens" };
    Rows::new(input, file, columns, date_time, "a time such as 2023-11-16 18:17:03.9799600")
}
