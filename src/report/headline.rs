//! A placement in one row of exact numbers, for tables that are read by programs.

use super::{Figures, PlacementSummary, Status};

/// A column: its name, and its cell of a placement that was simulated.
type Column = (&'static str, fn(&Figures) -> String);

/// Columns that every placement has.
const ALWAYS: [&str; 4] = ["placement", "status", "reason", "slo_met"];

const MEASURED: [Column; 27] = [
    ("arrived", |figures| figures.traffic.requests.arrived.to_string()),
    ("completed", |figures| figures.traffic.requests.completed.to_string()),
    ("failed", |figures| figures.traffic.requests.failed.to_string()),
    ("rejected", |figures| figures.traffic.requests.rejected.to_string()),
    ("ttft_p50_ms", |figures| number(figures.traffic.latency.ttft_ms.p50)),
    ("ttft_p95_ms", |figures| number(figures.traffic.latency.ttft_ms.p95)),
    ("ttft_p99_ms", |figures| number(figures.traffic.latency.ttft_ms.p99)),
    ("tpot_p50_ms", |figures| number(figures.traffic.latency.tpot_ms.p50)),
    ("tpot_p95_ms", |figures| number(figures.traffic.latency.tpot_ms.p95)),
    ("tpot_p99_ms", |figures| number(figures.traffic.latency.tpot_ms.p99)),
    ("e2e_p50_ms", |figures| number(figures.traffic.latency.e2e_ms.p50)),
    ("e2e_p95_ms", |figures| number(figures.traffic.latency.e2e_ms.p95)),
    ("queue_p95_ms", |figures| number(figures.traffic.latency.queue_ms.p95)),
    ("requests_per_s", |figures| figures.traffic.throughput.requests_per_s.to_string()),
    ("output_tokens_per_s", |figures| figures.traffic.throughput.output_tokens_per_s.to_string()),
    ("output_tokens_per_s_per_gpu", |figures| {
        figures.traffic.throughput.output_tokens_per_s_per_gpu.to_string()
    }),
    ("good_requests_per_s", |figures| figures.traffic.goodput.requests_per_s.to_string()),
    ("max_requests_per_s_at_slo", |figures| {
        number(figures.capacity.as_ref().map(|capacity| capacity.max_requests_per_s_at_slo))
    }),
    ("limited_by", |figures| {
        figures.capacity.as_ref().map_or_else(String::new, |capacity| capacity.limited_by.clone())
    }),
    ("nodes", |figures| figures.cost.nodes.to_string()),
    ("gpus", |figures| figures.cost.gpus.to_string()),
    ("usd_per_hour", |figures| figures.cost.usd_per_hour.to_string()),
    ("usd_total", |figures| figures.cost.usd_total.to_string()),
    ("usd_per_million_total_tokens", |figures| number(figures.unit_cost().usd_per_million_total_tokens)),
    ("availability", |figures| figures.availability.fraction.to_string()),
    ("downtime_s", |figures| figures.availability.downtime_s.to_string()),
    ("model_error_class", |figures| figures.model_error.class.name().to_owned()),
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
    let measured = MEASURED.iter().map(|(_, cell)| placement.figures.as_ref().map_or_else(String::new, cell));
    always.into_iter().chain(measured).collect()
}
