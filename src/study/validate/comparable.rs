//! Rows that measure something else than what an engine does.

use super::{metric::Kind, row::Row};

/// Why a row is not held against a prediction, decided by how it was measured, never by what came out.
pub(super) fn incomparable(row: &Row, kind: Kind) -> Option<String> {
    let says = |words: &str| row.notes.contains(words);
    if kind == Kind::Ttft && says("stream_interval") {
        return Some(
            "the server held its tokens back (stream_interval): not the time to first token".to_owned(),
        );
    }
    if row.engine_version.contains("eager") || says("no CUDA graphs") {
        return Some("a research build without CUDA graphs, bound by launches no release has".to_owned());
    }
    None
}
