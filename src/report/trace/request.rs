//! A request over its phases, from its client's wish to its end.

use std::io::{self, Write};

use serde_json::json;

use super::event::Trace;
use crate::metrics::RequestRecord;
use crate::units::SimTime;

/// Name of a request that no other placement's has.
pub(super) fn id(placement: &str, row: &RequestRecord) -> String {
    format!("{placement}/{}", row.name)
}

/// Writes one request; of several attempts the last one has phases, those before are the client's.
pub(super) fn write(
    trace: &mut Trace<impl Write>,
    process: u32,
    placement: &str,
    workload: &str,
    row: &RequestRecord,
) -> io::Result<()> {
    let (id, name) = (id(placement, row), row.name.to_string());
    let args = json!({
        "workload": workload,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cached_tokens": row.cached_tokens,
        "preemptions": row.preemptions,
        "retries": row.attempts.saturating_sub(1),
        "outcome": row.outcome.name(),
    });
    trace.asynchronous(process, (row.wanted, row.end), (&id, &name), args, |trace| {
        phases(row).into_iter().try_for_each(|(phase, span)| {
            trace.asynchronous(process, span, (&id, phase), json!({}), |_| Ok(()))
        })
    })
}

/// Phases that took any time, in their order; each lasts until the next begins.
fn phases(row: &RequestRecord) -> Vec<(&'static str, (SimTime, SimTime))> {
    let begun = [
        ("client", Some(row.wanted)),
        ("queue", row.group.map(|_| row.queued)),
        ("prefill", row.scheduled),
        ("decode", row.first_token),
    ];
    let begun: Vec<_> = begun.into_iter().filter_map(|(phase, at)| Some((phase, at?))).collect();
    let ends = begun.iter().skip(1).map(|(_, at)| *at).chain([row.end]);
    let spans = begun.iter().zip(ends).map(|((phase, start), end)| (*phase, (*start, end)));
    spans.filter(|(_, (start, end))| start < end).collect()
}
