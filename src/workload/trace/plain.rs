//! The plain layout, which is that of Vidur's processed traces (microsoft/vidur, `data/processed_traces`).

use std::io::BufRead;

use super::{
    TraceError,
    csv::{Columns, Rows},
    stamp::seconds,
};

/// The rows of a file.
pub(super) fn rows<R: BufRead>(input: R, file: &str) -> Result<Rows<R>, TraceError> {
    let columns = Columns { at: "arrived_at", input: "num_prefill_tokens", output: "num_decode_tokens" };
    Rows::new(input, file, columns, seconds, "seconds such as 12.5")
}
