//! A run on the terminal: one row a placement, warnings below.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use super::{Figures, PlacementSummary, Status, Summary};
use crate::metrics::{UnitCost, Warning};

const COLUMNS: [&str; 13] = [
    "placement",
    "fits",
    "TTFT p50 ms",
    "TTFT p95 ms",
    "TPOT p50 ms",
    "TPOT p95 ms",
    "req/s",
    "out tok/s",
    "max req/s in slo",
    "limited by",
    "$/h",
    "$/M tok",
    "slo met",
];

/// Column names of the CSV form.
const KEYS: [&str; 13] = [
    "placement",
    "fits",
    "ttft_p50_ms",
    "ttft_p95_ms",
    "tpot_p50_ms",
    "tpot_p95_ms",
    "requests_per_s",
    "output_tokens_per_s",
    "max_requests_per_s_at_slo",
    "limited_by",
    "usd_per_hour",
    "usd_per_million_total_tokens",
    "slo_met",
];

/// The price of a token at the highest rate within the slo, or at the offered one where that was not asked for.
fn unit_cost(figures: &Figures) -> &UnitCost {
    figures.cost.at_capacity.as_ref().unwrap_or(&figures.cost.at_offered_load)
}

/// The numbers of a row, in the order of the columns between `fits` and `slo met`; `limited by` left out.
fn numbers(figures: &Figures) -> [(Option<f64>, usize); 9] {
    let (latency, throughput) = (&figures.traffic.latency, &figures.traffic.throughput);
    let capacity = figures.capacity.as_ref().map(|capacity| capacity.max_requests_per_s_at_slo);
    [
        (latency.ttft_ms.p50, 0),
        (latency.ttft_ms.p95, 0),
        (latency.tpot_ms.p50, 1),
        (latency.tpot_ms.p95, 1),
        (Some(throughput.requests_per_s), 2),
        (Some(throughput.output_tokens_per_s), 0),
        (capacity, 2),
        (Some(figures.cost.usd_per_hour), 2),
        (unit_cost(figures).usd_per_million_total_tokens, 2),
    ]
}

/// One row; `number` writes a value to so many places.
fn row(placement: &PlacementSummary, number: impl Fn(Option<f64>, usize) -> String) -> Vec<String> {
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let mut cells = vec![placement.name.clone(), yes_or_no(placement.status == Status::Ok)];
    match &placement.figures {
        Some(figures) => cells.extend(numbers(figures).map(|(value, places)| number(value, places))),
        None => cells.extend(std::iter::repeat_n(number(None, 0), 9)),
    }
    let limit = placement.figures.as_ref().and_then(|figures| figures.capacity.as_ref());
    cells.insert(9, limit.map_or_else(|| number(None, 0), |capacity| capacity.limited_by.clone()));
    cells.push(placement.slo_met.map_or_else(|| number(None, 0), yes_or_no));
    cells
}

/// The table, then why a placement does not fit, then warnings; ends with a line end.
pub fn summary_table(summary: &Summary) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(COLUMNS);
    for placement in &summary.placements {
        table.add_row(row(placement, |value, places| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
        }));
    }
    align_numbers(&mut table, 2);
    let mut text = format!("{table}\n");
    if summary
        .placements
        .iter()
        .any(|placement| placement.figures.as_ref().is_some_and(|f| f.capacity.is_some()))
    {
        text.push_str(
            "$/M tok: dollars per million tokens, prompts and answers, at the highest rate within the slo.\n",
        );
    } else {
        text.push_str("$/M tok: dollars per million tokens, prompts and answers, at the offered load.\n");
    }
    for placement in &summary.placements {
        if let Some(reason) = &placement.reason {
            line(&mut text, &placement.name, "does not fit", reason);
        }
    }
    warnings(&mut text, &summary.placements);
    text
}

/// What all placements share is said once.
fn warnings(text: &mut String, placements: &[PlacementSummary]) {
    let ran = placements.iter().filter(|placement| placement.figures.is_some()).count();
    let mut shared: Vec<&Warning> = Vec::new();
    for placement in placements {
        for warning in &placement.warnings {
            let count = placements.iter().filter(|other| other.warnings.contains(warning)).count();
            if ran > 1 && count == ran {
                if !shared.contains(&warning) {
                    shared.push(warning);
                }
            } else {
                line(text, &placement.name, "warning", &warning.text);
            }
        }
    }
    for warning in shared {
        line(text, "all placements", "warning", &warning.text);
    }
}

fn line(text: &mut String, whose: &str, what: &str, why: &str) {
    writeln!(text, "{what} ({whose}): {why}").expect("a string takes every write");
}

/// Aligns every column from `first` to the right.
pub(super) fn align_numbers(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Records as CSV text.
pub(super) fn csv_text(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(header).expect("a vector takes every write");
    for row in rows {
        csv.write_record(row).expect("a vector takes every write, and rows are as long as the header");
    }
    String::from_utf8(csv.into_inner().expect("a vector takes every write")).expect("made from strings")
}

/// The same row as CSV; what is not known is empty, numbers are not rounded.
pub fn summary_csv(summary: &Summary) -> String {
    let exact = |value: Option<f64>, _| value.map_or_else(String::new, |value| value.to_string());
    csv_text(&KEYS, summary.placements.iter().map(|placement| row(placement, exact)))
}
