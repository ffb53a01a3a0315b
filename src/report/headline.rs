//! A placement in one row of exact numbers, for tables that are read by programs.

use super::{Figures, Metric, PlacementSummary, Status};

/// A column: its name, and its cell of a placement that was simulated.
type Column = (&'static str, fn(&PlacementSummary, &Figures) -> String);

/// Columns that every placement has.
const ALWAYS: [&str; 4] = ["placement", "status", "reason", "slo_met"];

const MEASURED: [Column; 28] = [
    ("arrived", |_, figures| figures.traffic.requests.arrived.to_string()),
    ("completed", |_, figures| figures.traffic.requests.completed.to_string()),
    ("failed", |_, figures| figures.traffic.requests.failed.to_string()),
    ("rejected", |_, figures| figures.traffic.requests.rejected.to_string()),
    ("ttft_p50_ms", |_, figures| number(figures.traffic.latency.ttft_ms.p50)),
    ("ttft_p95_ms", |_, figures| number(figures.traffic.latency.ttft_ms.p95)),
    ("ttft_p99_ms", |_, figures| number(figures.traffic.latency.ttft_ms.p99)),
    ("tpot_p50_ms", |_, figures| number(figures.traffic.latency.tpot_ms.p50)),
    ("tpot_p95_ms", |_, figures| number(figures.traffic.latency.tpot_ms.p95)),
    ("tpot_p99_ms", |_, figures| number(figures.traffic.latency.tpot_ms.p99)),
    ("e2e_p50_ms", |_, figures| number(figures.traffic.latency.e2e_ms.p50)),
    ("e2e_p95_ms", |_, figures| number(figures.traffic.latency.e2e_ms.p95)),
    ("queue_p95_ms", |_, figures| number(figures.traffic.latency.queue_ms.p95)),
    ("requests_per_s", |_, figures| figures.traffic.throughput.requests_per_s.to_string()),
    ("output_tokens_per_s", |_, figures| figures.traffic.throughput.output_tokens_per_s.to_string()),
    ("output_tokens_per_s_per_gpu", |_, figures| {
        figures.traffic.throughput.output_tokens_per_s_per_gpu.to_string()
    }),
    ("good_requests_per_s", |_, figures| figures.traffic.goodput.requests_per_s.to_string()),
    ("max_requests_per_s_at_slo", |_, figures| {
        number(figures.capacity.as_ref().map(|capacity| capacity.max_requests_per_s_at_slo))
    }),
    ("limited_by", |_, figures| {
        figures.capacity.as_ref().map_or_else(String::new, |capacity| capacity.limited_by.clone())
    }),
    ("nodes", |_, figures| figures.cost.nodes.to_string()),
    ("gpus", |_, figures| figures.cost.gpus.to_string()),
    ("usd_per_hour", |_, figures| figures.cost.usd_per_hour.to_string()),
    ("usd_total", |_, figures| figures.cost.usd_total.to_string()),
    ("usd_per_million_total_tokens_at_offered_load", |placement, _| {
        number(Metric::UsdPerMillionTokensAtLoad.value(placement))
    }),
    ("usd_per_million_total_tokens_at_capacity", |placement, _| {
        number(Metric::UsdPerMillionTokensAtCapacity.value(placement))
    }),
    ("availability", |_, figures| figures.availability.fraction.to_string()),
    ("downtime_s", |_, figures| figures.availability.downtime_s.to_string()),
    ("model_error_class", |_, figures| figures.model_error.class.name().to_owned()),
];

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Names of the columns.
pub fn headline_columns() -> impl Iterator<Item = &'static str> {
    ALWAYS.into_iter().chain(MEASURED.iter().map(|(name, _)| *name))
}

/// The row of a placement, a cell a column: what is not known is empty, numbers are not rounded.
pub fn headline_row(placement: &PlacementSummary) -> Vec<String> {
    let status = match placement.status {
        Status::Ok => "ok",
        Status::DoesNotFit => "does_not_fit",
    };
    let slo_met = match placement.slo_met {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    };
    let reason = placement.reason.as_deref().unwrap_or_default();
    let always = [&placement.name, status, reason, slo_met].map(str::to_owned);
    let figures = placement.figures.as_ref();
    let cell = |(_, cell): &Column| figures.map_or_else(String::new, |figures| cell(placement, figures));
    let measured = MEASURED.iter().map(cell);
    always.into_iter().chain(measured).collect()
}
