//! What `towtank fit` shows: how a deployment fills its GPUs.

use std::fmt::Write;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

use super::table::{align_numbers, csv_text};
use crate::metrics::MemoryFigures;

/// One deployment's memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FitRow {
    /// Name of the placement.
    pub placement: String,
    /// Name of the deployment.
    pub deployment: String,
    /// What lies in its GPUs.
    pub memory: MemoryFigures,
    /// What is left of a GPU [bytes].
    pub free_bytes_per_gpu: u64,
    /// Why it does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

const COLUMNS: [&str; 10] = [
    "placement",
    "deployment",
    "fits",
    "weights GiB/GPU",
    "other GiB/GPU",
    "KV GiB/GPU",
    "free GiB/GPU",
    "KV tokens",
    "full-length seqs",
    "seqs of workload",
];

const KEYS: [&str; 10] = [
    "placement",
    "deployment",
    "fits",
    "weights_bytes_per_gpu",
    "other_bytes_per_gpu",
    "kv_cache_bytes_per_gpu",
    "free_bytes_per_gpu",
    "kv_cache_tokens",
    "max_full_length_sequences",
    "sequences_at_this_workload",
];

/// One cell a column; weights per stage are separated by slashes.
fn row(
    fit: &FitRow,
    bytes: impl Fn(u64) -> String,
    number: impl Fn(f64) -> String,
    none: &str,
) -> Vec<String> {
    let memory = &fit.memory;
    let weights: Vec<String> = memory.weights_bytes_per_gpu.iter().map(|stage| bytes(*stage)).collect();
    vec![
        fit.placement.clone(),
        fit.deployment.clone(),
        if memory.fits { "yes" } else { "no" }.to_owned(),
        weights.join("/"),
        bytes(memory.other_bytes_per_gpu),
        bytes(memory.kv_cache_bytes_per_gpu),
        bytes(fit.free_bytes_per_gpu),
        memory.kv_cache_tokens.to_string(),
        number(memory.max_full_length_sequences),
        memory.sequences_at_this_workload.map_or_else(|| none.to_owned(), number),
    ]
}

/// The table, then why something does not fit; ends with a line end.
pub fn fit_table(rows: &[FitRow]) -> String {
    let gib = |bytes: u64| format!("{:.2}", bytes as f64 / f64::from(1 << 30));
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(COLUMNS);
    for fit in rows {
        table.add_row(row(fit, gib, |value| format!("{value:.1}"), "-"));
    }
    align_numbers(&mut table, 3);
    let mut text = format!("{table}\n");
    for fit in rows {
        if let Some(reason) = &fit.reason {
            writeln!(text, "does not fit ({}/{}): {reason}", fit.placement, fit.deployment)
                .expect("a string takes every write");
        }
    }
    text
}

/// The same as CSV, in bytes.
pub fn fit_csv(rows: &[FitRow]) -> String {
    csv_text(&KEYS, rows.iter().map(|fit| row(fit, |bytes| bytes.to_string(), |value| value.to_string(), "")))
}
