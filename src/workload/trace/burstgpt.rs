//! `BurstGPT` (HPMLL/BurstGPT, README): version 1 has six columns, version 2 has eight, with two new ones in front of those
//! read here. Failed requests are rows without response tokens.

use std::io::BufRead;

use super::{
    TraceError,
    csv::{Columns, Rows},
    stamp::seconds,
};

/// The rows of a file.
pub(super) fn rows<R: BufRead>(input: R, file: &str) -> Result<Rows<R>, TraceError> {
    let columns = Columns { at: "Timestamp", input: "Request tokens", output: "Response tokens" };
    Rows::new(input, file, columns, seconds, "seconds such as 45 or 19440110.0")
}
