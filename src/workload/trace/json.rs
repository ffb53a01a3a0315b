//! JSON lines with hash ids: Mooncake's traces (kvcache-ai/Mooncake, FAST25-release/README.md), and what `vllm bench serve
//! --dataset-name timed_trace` replays (vllm/benchmarks/datasets, class `TimedTrace`).
//!
//! The keys are the same. What differs is what nobody writes into the file: Mooncake counts milliseconds and hashes 512 tokens a
//! block, vLLM's defaults are seconds and 16 tokens. Since a wrong block size silently gives prompts that share far too
//! little or too much, hash ids that do not cover the prompt are refused.

use std::io::BufRead;

use serde::Deserialize;

use super::{RawRow, Reading, TraceError, bad_row, stamp::decimal};
use crate::document::json_line;
use crate::workload::args::TraceFormat;

#[derive(Deserialize)]
struct Line {
    timestamp: serde_json::Number,
    input_length: u32,
    output_length: u32,
    #[serde(default)]
    hash_ids: Vec<u64>,
}

/// Tokens a hash id stands for.
pub(super) fn block_size(reading: &Reading<'_>) -> u32 {
    let of_format = if reading.format == TraceFormat::VllmTimed { 16 } else { 512 };
    reading.block_size.unwrap_or(of_format)
}

/// The rows of a file; empty lines are skipped.
pub(super) fn rows<R: BufRead>(
    input: R,
    reading: &Reading<'_>,
) -> impl Iterator<Item = Result<RawRow, TraceError>> {
    (1..).zip(input.lines()).filter_map(|(number, line)| match line {
        Ok(line) if line.trim().is_empty() => None,
        Ok(line) => Some(row(&line, number, reading)),
        Err(error) => Some(Err(bad_row(reading.file, number, error))),
    })
}

fn row(text: &str, number: u64, reading: &Reading<'_>) -> Result<RawRow, TraceError> {
    let bad = |reason: String| bad_row(reading.file, number, reason);
    let line: Line = json_line(text.trim_start_matches('\u{feff}')).map_err(|what| {
        let expected =
            "{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [46, 47]}";
        bad(format!("{what}: expected a line such as {expected}"))
    })?;
    let digits = if reading.format == TraceFormat::VllmTimed { 9 } else { 6 };
    let stamp = line.timestamp.to_string();
    let at_ns = decimal(&stamp, digits)
        .ok_or_else(|| bad(format!("`timestamp` is {stamp}: expected a number from 0 in plain digits")))?;
    let (block, ids) = (u64::from(block_size(reading)), line.hash_ids.len() as u64);
    let needed = u64::from(line.input_length).div_ceil(block);
    if ids > 0 && ids != needed {
        let fits = u64::from(line.input_length).div_ceil(ids);
        return Err(bad(format!(
            "{ids} hash ids of {block} tokens for {} input tokens: expected {needed}; is `block_size` {}?",
            line.input_length,
            fits.next_power_of_two()
        )));
    }
    Ok(RawRow {
        line: number,
        at_ns,
        input_tokens: line.input_length,
        output_tokens: line.output_length,
        hash_ids: line.hash_ids,
    })
}
