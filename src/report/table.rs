//! A run on the terminal: one row a placement, warnings below.

mod availability;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::remarks::{Remarks, tied_pairs};
use super::summary::rates_searched;
use super::{Metric, PlacementSummary, Status, Summary};
use crate::metrics::{LatencyFigures, ModelError};

/// Columns of the table and of the text below it. A long placement name is not cut; the table grows beyond it instead.
const WIDTH: usize = 110;

const COLUMNS: [&str; 12] = [
    "placement",
    "fits",
    "TTFT ms\np50 / p95",
    "TPOT ms\np50 / p95",
    "req/s\n",
    "out\ntok/s",
    "max\nreq/s",
    "limited by",
    "$/h",
    "$/M at\nload",
    "$/M at\nmax",
    "slo\nmet",
];

/// Ruled under the header only: vertical lines would cost a column each.
pub(super) const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// Position of `limited by`, the one text among the numbers.
const LIMITED_BY: usize = 7;

/// Column names of the CSV form.
const KEYS: [&str; 18] = [
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
    "usd_per_million_total_tokens_at_offered_load",
    "usd_per_million_total_tokens_at_capacity",
    "slo_met",
    "model_error_class",
    "ttft_error",
    "tpot_error",
    "throughput_error",
];

const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// Two percentiles of a latency; `-` for what is not known.
fn percentiles(latency: &LatencyFigures, places: usize) -> String {
    format!("{} / {}", shown(latency.p50, places), shown(latency.p95, places))
}

fn shown(value: Option<f64>, places: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
}

/// One row of the table; `split` puts what a limit is due to on a line of its own.
fn cells(placement: &PlacementSummary, split: bool) -> Vec<String> {
    let mut cells = vec![placement.name.clone(), yes_or_no(placement.status == Status::Ok).to_owned()];
    match &placement.figures {
        Some(figures) => {
            let (latency, throughput) = (&figures.traffic.latency, &figures.traffic.throughput);
            let capacity = figures.capacity.as_ref();
            let limit = capacity.map_or("-", |capacity| &capacity.limited_by);
            cells.extend([
                percentiles(&latency.ttft_ms, 0),
                percentiles(&latency.tpot_ms, 1),
                shown(Some(throughput.requests_per_s), 2),
                shown(Some(throughput.output_tokens_per_s), 0),
                shown(capacity.map(|capacity| capacity.max_requests_per_s_at_slo), 2),
                if split { limit.replace(" (", "\n(") } else { limit.to_owned() },
                shown(Some(figures.cost.usd_per_hour), 2),
                shown(Metric::UsdPerMillionTokensAtLoad.value(placement), 2),
                shown(Metric::UsdPerMillionTokensAtCapacity.value(placement), 2),
            ]);
        }
        None => cells.extend(std::iter::repeat_n("-".to_owned(), 9)),
    }
    cells.push(placement.slo_met.map_or("-", yes_or_no).to_owned());
    cells
}

/// The table alone, without spaces at the ends of its lines.
fn table(summary: &Summary, split: bool) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(COLUMNS);
    for placement in &summary.placements {
        table.add_row(cells(placement, split));
    }
    for (index, column) in table.column_iter_mut().enumerate().skip(2) {
        let left = index == LIMITED_BY;
        column.set_cell_alignment(if left { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.trim_fmt()
}

/// The table, then what its headers mean, why a placement does not fit, and warnings; ends with a line end.
pub fn summary_table(summary: &Summary) -> String {
    let traffic = summary.placements.iter().filter_map(|placement| placement.figures.as_ref());
    let traffic =
        traffic.clone().count() == 0 || traffic.clone().any(|figures| !figures.workloads.is_empty());
    let mut text = String::new();
    if traffic {
        let one_line = table(summary, false);
        let wide = one_line.lines().any(|line| line.chars().count() > WIDTH);
        text = if wide { table(summary, true) } else { one_line };
        text.push_str("\n\n");
    }
    if let Some(groups) = availability::table(summary) {
        text.push_str(&groups);
        text.push_str("\n\nready: at least one group serves. capacity: ready groups of those wanted. recovery: from the fault.\n");
    }
    for placement in &summary.placements {
        let figures = placement.figures.as_ref();
        if let Some(rare) = figures.and_then(|figures| figures.rare_events.as_ref()) {
            line(&mut text, &placement.name, "rare events", &availability::rare_events(rare));
        }
    }
    if !traffic {
        legend(&mut text, summary);
        return text;
    }
    text.push_str(
        "$/M at load: dollars per million tokens, prompts and answers, at the offered load; - if it was not met.\n",
    );
    if rates_searched(&summary.placements) {
        text.push_str("max req/s: the highest arrival rate within the slo. $/M at max: the same dollars at that rate.\n");
    }
    legend(&mut text, summary);
    remarks(&mut text, "model error", &summary.placements, |placement| {
        placement.figures.iter().map(|figures| model_error(&figures.model_error)).collect()
    });
    remarks(&mut text, "warning", &summary.placements, |placement| {
        placement.warnings.iter().map(|warning| warning.text.clone()).collect()
    });
    ties(&mut text, &summary.placements);
    text
}

/// What the times were calibrated on, and why placements do not fit.
fn legend(text: &mut String, summary: &Summary) {
    if let Some(runs) = &summary.calibrated_on {
        wrapped(text, &format!("calibrated on {runs}"));
    }
    for placement in &summary.placements {
        if let Some(reason) = &placement.reason {
            line(text, &placement.name, "does not fit", reason);
        }
    }
}

/// How far the figures may be off, in percent.
fn model_error(error: &ModelError) -> String {
    let percent = |fraction: f64| format!("±{:.0} %", 100.0 * fraction);
    format!(
        "{}: TTFT {}, TPOT {}, throughput, max req/s and $/M tok {}",
        error.class.name(),
        percent(error.ttft),
        percent(error.tpot),
        percent(error.throughput)
    )
}

/// Remarks of a kind, those of a placement as `of` has them; what all placements share is said once.
fn remarks(
    text: &mut String,
    what: &str,
    placements: &[PlacementSummary],
    of: impl Fn(&PlacementSummary) -> Vec<String>,
) {
    let remarks = Remarks::of(placements, of);
    for (index, why) in &remarks.own {
        line(text, &placements[*index].name, what, why);
    }
    for why in &remarks.shared {
        line(text, "all placements", what, why);
    }
}

/// Pairs of placements that the model cannot tell apart, each with the figures in which it cannot.
fn ties(text: &mut String, placements: &[PlacementSummary]) {
    for ([first, second], names) in tied_pairs(placements) {
        line(
            text,
            &format!("{first}, {second}"),
            "tie",
            &format!("{}: within the model error", names.join(", ")),
        );
    }
}

/// A remark about placements below the table.
pub(super) fn line(text: &mut String, whose: &str, what: &str, why: &str) {
    wrapped(text, &format!("{what} ({whose}): {why}"));
}

/// A remark, wrapped; what does not fit its first line is indented.
pub(super) fn wrapped(text: &mut String, remark: &str) {
    let mut column = 0;
    for word in remark.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push_str("\n ");
            column = 1;
        }
        if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
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

/// One row of the CSV form: what is not known is empty, numbers are not rounded.
fn exact(placement: &PlacementSummary) -> Vec<String> {
    let mut fields = vec![placement.name.clone(), yes_or_no(placement.status == Status::Ok).to_owned()];
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    match &placement.figures {
        Some(figures) => {
            let (latency, throughput) = (&figures.traffic.latency, &figures.traffic.throughput);
            let capacity = figures.capacity.as_ref();
            fields.extend([
                number(latency.ttft_ms.p50),
                number(latency.ttft_ms.p95),
                number(latency.tpot_ms.p50),
                number(latency.tpot_ms.p95),
                number(Some(throughput.requests_per_s)),
                number(Some(throughput.output_tokens_per_s)),
                number(capacity.map(|capacity| capacity.max_requests_per_s_at_slo)),
                capacity.map_or_else(String::new, |capacity| capacity.limited_by.clone()),
                number(Some(figures.cost.usd_per_hour)),
                number(Metric::UsdPerMillionTokensAtLoad.value(placement)),
                number(Metric::UsdPerMillionTokensAtCapacity.value(placement)),
            ]);
        }
        None => fields.extend(std::iter::repeat_n(String::new(), 11)),
    }
    fields.push(placement.slo_met.map_or("", yes_or_no).to_owned());
    match placement.figures.as_ref().map(|figures| &figures.model_error) {
        Some(error) => {
            fields.push(error.class.name().to_owned());
            fields.extend([error.ttft, error.tpot, error.throughput].map(|fraction| fraction.to_string()));
        }
        None => fields.extend(std::iter::repeat_n(String::new(), 4)),
    }
    fields
}

/// The same rows as CSV.
pub fn summary_csv(summary: &Summary) -> String {
    csv_text(&KEYS, summary.placements.iter().map(exact))
}
