//! The first section: what came out, a row a placement, and what to know before believing it.

use maud::{Markup, html};

use super::{Ran, ran, served};
use crate::report::page::{Column, Part, Section, Table, Tile, swatch, tiles};
use crate::report::recorded::Recorded;
use crate::report::remarks::Remarks;
use crate::report::summary::{rates_searched, tied};
use crate::report::words::{DASH, figure, fixed, latency, or_dash, percent, usd};
use crate::report::{Metric, PlacementSummary};

pub(super) fn section(recorded: &Recorded) -> Section {
    let mut parts = vec![Part::Html(html! { p.verdict { (verdict(recorded)) } })];
    let tiles_of_run = best(recorded);
    if !tiles_of_run.is_empty() {
        parts.push(Part::Html(tiles(&tiles_of_run)));
    }
    parts.push(headline(recorded).into());
    parts.push(Part::Html(remarks(&recorded.summary.placements)));
    Section { id: "overview", title: "In short", lead: String::new(), parts }
}

/// Those that meet the slo, or all where there is none.
fn eligible(recorded: &Recorded) -> Vec<Ran<'_>> {
    served(recorded).into_iter().filter(|ran| ran.placement.slo_met != Some(false)).collect()
}

/// The cheapest at one and the same rate: `cost` is the figure.
fn cheapest<'a>(of: &[Ran<'a>], cost: Metric) -> Option<(Ran<'a>, f64)> {
    let priced = of.iter().filter_map(|ran| Some((*ran, cost.value(ran.placement)?)));
    priced.min_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// What to conclude, in a sentence or two.
fn verdict(recorded: &Recorded) -> String {
    let placements = &recorded.summary.placements;
    let (all, eligible) = (placements.len(), eligible(recorded));
    if ran(recorded).is_empty() {
        return "No placement fits into its GPUs.".to_owned();
    }
    if served(recorded).is_empty() {
        return "No traffic was simulated: the figures are those of the cluster alone.".to_owned();
    }
    let stated = placements.iter().any(|placement| placement.slo_met.is_some());
    let met = match (stated, eligible.len()) {
        (false, _) => "The scenario states no slo.".to_owned(),
        (true, 0) => return format!("None of {all} placements meets the slo at the offered load."),
        (true, met) if all == 1 && met == 1 => "The placement meets the slo.".to_owned(),
        (true, met) => format!("{met} of {all} placements meet the slo."),
    };
    let (cost, at) = if rates_searched(placements) {
        (Metric::UsdPerMillionTokensAtCapacity, "at the highest rate within the slo")
    } else {
        (Metric::UsdPerMillionTokensAtLoad, "at the offered load")
    };
    let Some((best, usd_per_million)) = cheapest(&eligible, cost) else { return met };
    let whose = if stated { "The cheapest that does" } else { "The cheapest" };
    let tied: Vec<&str> = tied(placements, cost)
        .into_iter()
        .filter_map(|[one, other]| match best.name() {
            name if name == one => Some(other),
            name if name == other => Some(one),
            _ => None,
        })
        .filter(|name| eligible.iter().any(|ran| ran.name() == *name))
        .collect();
    let tied = match tied.as_slice() {
        [] => String::new(),
        tied => format!(" The model cannot tell its cost from that of {}.", tied.join(", ")),
    };
    format!("{met} {whose} {at} is {}: {} per million tokens.{tied}", best.name(), usd(usd_per_million))
}

/// The best of each headline figure.
fn best(recorded: &Recorded) -> Vec<Tile> {
    let eligible = eligible(recorded);
    let mut tiles = Vec::new();
    let mut tile = |name: &str, best: Option<(Ran<'_>, String)>| {
        if let Some((ran, value)) = best {
            tiles.push(Tile { name: name.to_owned(), value, note: ran.name().to_owned() });
        }
    };
    let least = |of: fn(&Ran<'_>) -> Option<f64>| {
        let known = eligible.iter().filter_map(|ran| Some((*ran, of(ran)?)));
        known.min_by(|(_, one), (_, other)| one.total_cmp(other))
    };
    for (cost, name) in [
        (Metric::UsdPerMillionTokensAtLoad, "Lowest cost per million tokens at the offered load"),
        (
            Metric::UsdPerMillionTokensAtCapacity,
            "Lowest cost per million tokens at the highest rate within the slo",
        ),
    ] {
        tile(name, cheapest(&eligible, cost).map(|(ran, cost)| (ran, usd(cost))));
    }
    let ttft = least(|ran| ran.figures.traffic.latency.ttft_ms.p95);
    tile("Shortest TTFT, 95th percentile", ttft.map(|(ran, ms)| (ran, latency(ms))));
    let tpot = least(|ran| ran.figures.traffic.latency.tpot_ms.p95);
    tile("Shortest TPOT, 95th percentile", tpot.map(|(ran, ms)| (ran, latency(ms))));
    let rate = least(|ran| ran.figures.capacity.as_ref().map(|capacity| -capacity.max_requests_per_s_at_slo));
    tile("Highest rate within the slo", rate.map(|(ran, rate)| (ran, format!("{}/s", figure(-rate)))));
    let ready = ran(recorded);
    let least_down = ready.iter().max_by(|one, other| {
        one.figures.availability.fraction.total_cmp(&other.figures.availability.fraction)
    });
    if let Some(ran) = least_down.filter(|_| tiles.is_empty()) {
        let availability = &ran.figures.availability;
        tiles.push(Tile {
            name: "Highest availability".to_owned(),
            value: format!("{} %", percent(availability.fraction, None)),
            note: ran.name().to_owned(),
        });
    }
    tiles
}

fn headline(recorded: &Recorded) -> Table {
    let columns = vec![
        Column::words("placement"),
        Column::words("slo"),
        Column::number("TTFT p50 [ms]"),
        Column::number("p95"),
        Column::number("TPOT p50 [ms]"),
        Column::number("p95"),
        Column::number("requests/s"),
        Column::number("output tok/s"),
        Column::number("max requests/s"),
        Column::words("limited by"),
        Column::number("$/h"),
        Column::number("$/M tokens at load"),
        Column::number("$/M tokens at max"),
        Column::number("ready [%]"),
    ];
    let rows = recorded.summary.placements.iter().enumerate().map(|(index, placement)| row(index, placement));
    Table { id: "headline".to_owned(), caption: "Placements; at load: at the offered one, if it was met; at max: at the highest rate within the slo".to_owned(), columns, rows: rows.collect() }
}

fn row(index: usize, placement: &PlacementSummary) -> Vec<Markup> {
    let slo = match placement.slo_met {
        Some(true) => html! { span.good { "met" } },
        Some(false) => html! { span.bad { "missed" } },
        None => html! { (DASH) },
    };
    let mut row = vec![swatch(index, &placement.name), slo];
    let Some(figures) = &placement.figures else {
        row[1] = html! { span.bad { "does not fit" } };
        row.extend(std::iter::repeat_n(html! { (DASH) }, 12));
        return row;
    };
    let (latency, throughput) = (&figures.traffic.latency, &figures.traffic.throughput);
    let capacity = figures.capacity.as_ref();
    let traffic = |value: f64| (!figures.workloads.is_empty()).then_some(value);
    row.extend(
        [
            or_dash(latency.ttft_ms.p50, figure),
            or_dash(latency.ttft_ms.p95, figure),
            or_dash(latency.tpot_ms.p50, figure),
            or_dash(latency.tpot_ms.p95, figure),
            or_dash(traffic(throughput.requests_per_s), figure),
            or_dash(traffic(throughput.output_tokens_per_s), figure),
            or_dash(capacity.map(|capacity| capacity.max_requests_per_s_at_slo), figure),
            capacity.map_or_else(|| DASH.to_owned(), |capacity| capacity.limited_by.clone()),
            fixed(figures.cost.usd_per_hour, 2),
            or_dash(Metric::UsdPerMillionTokensAtLoad.value(placement), |usd| fixed(usd, 2)),
            or_dash(Metric::UsdPerMillionTokensAtCapacity.value(placement), |usd| fixed(usd, 2)),
            percent(figures.availability.fraction, figures.availability.fraction_interval),
        ]
        .map(|cell| html! { (cell) }),
    );
    row
}

/// Why placements do not fit, and warnings; what all placements share is said once.
fn remarks(placements: &[PlacementSummary]) -> Markup {
    let warnings = Remarks::of(placements, |placement| {
        placement.warnings.iter().map(|warning| warning.text.clone()).collect()
    });
    html! {
        @if placements.iter().any(|placement| placement.reason.is_some() || !placement.warnings.is_empty()) {
            ul.remarks aria-label="Warnings" {
                @for (index, placement) in placements.iter().enumerate() {
                    @if let Some(reason) = &placement.reason {
                        li.warning { strong { (swatch(index, &placement.name)) " does not fit: " } (reason) }
                    }
                }
                @for (index, text) in &warnings.own {
                    li.warning { strong { (swatch(*index, &placements[*index].name)) ": " } (text) }
                }
                @for text in &warnings.shared { li.warning { strong { "All placements: " } (text) } }
            }
        }
    }
}
