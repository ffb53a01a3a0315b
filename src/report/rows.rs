//! `requests.csv` and `timeline.csv`.

use std::io::{self, Write};

use super::decimal::{millis, seconds};
use super::groups::Groups;
use crate::metrics::{Outcome, PlacementResult, RequestRecord, Simulated};

const REQUEST_COLUMNS: [&str; 16] = [
    "placement",
    "workload",
    "id",
    "deployment",
    "group",
    "arrival_s",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "queue_ms",
    "ttft_ms",
    "tpot_ms",
    "e2e_ms",
    "preemptions",
    "retries",
    "outcome",
];

const TIMELINE_COLUMNS: [&str; 9] = [
    "placement",
    "deployment",
    "group",
    "t_s",
    "running",
    "waiting",
    "kv_cache_usage",
    "tokens_per_s",
    "ready",
];

/// The placements that were simulated, by name.
pub(super) fn simulated(results: &[PlacementResult]) -> impl Iterator<Item = (&str, &Simulated)> {
    results.iter().filter_map(|result| Some((result.name.as_str(), result.simulated()?)))
}

/// Writes a row a kept request, ordered by placement, end and id.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_requests(out: impl Write, results: &[PlacementResult]) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(REQUEST_COLUMNS)?;
    for (placement, simulated) in simulated(results) {
        let groups = Groups::of(&simulated.deployments);
        let mut rows: Vec<(String, &RequestRecord)> =
            simulated.metrics.rows().iter().map(|row| (row.name.to_string(), row)).collect();
        rows.sort_by(|(a_name, a), (b_name, b)| a.end.cmp(&b.end).then_with(|| a_name.cmp(b_name)));
        for (name, row) in rows {
            let workload = &simulated.metrics.setup().workloads[row.workload].name;
            // A request that never found a ready group belongs to none.
            let group = row.group.map(|group| groups.name(group));
            csv.write_record([
                placement,
                workload,
                &name,
                group.map_or("", |(deployment, _)| deployment),
                &group.map(|(_, group)| group.to_string()).unwrap_or_default(),
                &seconds(row.wanted),
                &row.input_tokens.to_string(),
                &row.output_tokens.to_string(),
                &row.cached_tokens.to_string(),
                &millis(row.queue()),
                &millis(row.ttft()),
                &millis(row.tpot()),
                &millis((row.outcome != Outcome::Unfinished).then(|| row.e2e())),
                &row.preemptions.to_string(),
                &row.attempts.saturating_sub(1).to_string(),
                row.outcome.name(),
            ])?;
        }
    }
    csv.flush()
}

/// Writes a row a sampled group, in the order of placements and time.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_timeline(out: impl Write, results: &[PlacementResult]) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(TIMELINE_COLUMNS)?;
    for (placement, simulated) in simulated(results) {
        let groups = Groups::of(&simulated.deployments);
        for row in simulated.metrics.timeline() {
            let (deployment, group) = groups.name(row.group);
            csv.write_record([
                placement,
                deployment,
                &group.to_string(),
                &seconds(row.at),
                &row.running.to_string(),
                &row.waiting.to_string(),
                &format!("{:.6}", row.kv_cache_usage),
                &format!("{:.3}", row.tokens_per_s),
                if row.ready { "true" } else { "false" },
            ])?;
        }
    }
    csv.flush()
}
