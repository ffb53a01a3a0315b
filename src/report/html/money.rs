//! Where the money goes: node hours by what the nodes did, times their price.

use maud::html;

use super::{Ran, listed, ran};
use crate::report::page::{Column, Part, Section, Table, swatch};
use crate::report::plot::{Bar, Bars, Caption, Figure, Scale, Stack, StackRow};
use crate::report::recorded::Recorded;
use crate::report::words::{DASH, fixed, or_dash, share, usd};

/// What nodes that are paid for do.
const PARTS: [&str; 5] = ["serving", "idle", "starting", "down", "spare"];

pub(super) fn section(recorded: &Recorded) -> Result<Option<Section>, String> {
    let ran = ran(recorded);
    if ran.is_empty() {
        return Ok(None);
    }
    let mut sources: Vec<String> = ran
        .iter()
        .map(|ran| format!("{} ({})", ran.figures.cost.price_source, ran.figures.cost.price_date))
        .collect();
    sources.sort();
    sources.dedup();
    let mut figures = vec![split(&ran)?];
    figures.extend(good_requests(&ran)?);
    Ok(Some(Section {
        id: "money",
        title: "Where the money goes",
        lead: format!("A month of 730 hours that is like this run. Prices: {}.", sources.join("; ")),
        parts: vec![Part::Figures(figures), table(&ran).into()],
    }))
}

/// Dollars a month by what the nodes did, in the order of [`PARTS`].
fn parts(ran: &Ran<'_>) -> [f64; 5] {
    let cost = &ran.figures.cost;
    let hours = cost.hours;
    let hours = [hours.serving, hours.idle, hours.starting, hours.down, hours.spare];
    let paid: f64 = hours.iter().sum();
    hours.map(|part| if paid > 0.0 { cost.usd_per_month_run_rate * part / paid } else { 0.0 })
}

fn split(ran: &[Ran<'_>]) -> Result<Figure, String> {
    let rows: Vec<StackRow> = ran
        .iter()
        .map(|ran| StackRow {
            name: ran.name().to_owned(),
            index: ran.index,
            parts: parts(ran).map(|usd| usd / 1e3).to_vec(),
            text: usd(ran.figures.cost.usd_per_month_run_rate),
        })
        .collect();
    let most = rows.iter().map(|row| row.parts.iter().sum()).fold(0.0, f64::max);
    let described = listed(ran.iter().map(|ran| {
        let parts = PARTS.iter().zip(parts(ran)).map(|(name, part)| format!("{name} {}", usd(part)));
        (ran.name(), parts.collect::<Vec<_>>().join(", "))
    }));
    let caption = Caption::new(
        "money",
        "Dollars a month, by what the nodes do",
        "Only the first part of a bar serves requests. Idle nodes are ready without any, starting and down ones are of no use yet or no more, spare ones are in no group.",
        described,
    );
    Stack { scale: Scale::linear("thousand $ a month", most), parts: &PARTS, rows }.figure(caption)
}

/// What a request costs that met every goodput threshold, where any did.
fn good_requests(ran: &[Ran<'_>]) -> Result<Option<Figure>, String> {
    let bar = |ran: &Ran<'_>| {
        let value = ran.placement.cost_at_load().and_then(|unit| unit.usd_per_slo_met_request);
        Bar {
            name: ran.name().to_owned(),
            index: ran.index,
            value,
            notch: None,
            range: None,
            text: or_dash(value, usd),
        }
    };
    let bars: Vec<Bar> = ran.iter().map(bar).collect();
    let most = bars.iter().filter_map(|bar| bar.value).fold(0.0, f64::max);
    if most == 0.0 {
        return Ok(None);
    }
    let described = listed(bars.iter().map(|bar| (bar.name.as_str(), bar.text.clone())));
    let caption = Caption::new(
        "good-request",
        "Cost of a good request",
        "At the offered load, where it was met: all dollars of the run over the requests that met every goodput threshold of the slo. What was paid for and lost counts too.",
        described,
    );
    Bars { scale: Scale::linear("$ a request", most), rows: bars, limit: None }.figure(caption).map(Some)
}

fn table(ran: &[Ran<'_>]) -> Table {
    let columns = vec![
        Column::words("placement"),
        Column::number("nodes"),
        Column::number("GPUs"),
        Column::number("$/h"),
        Column::number("$ a month"),
        Column::number("serving"),
        Column::number("idle"),
        Column::number("starting"),
        Column::number("down"),
        Column::number("spare"),
        Column::number("$/M input at load"),
        Column::number("$/M output at load"),
        Column::number("$/good request at load"),
        Column::number("$/M input at max"),
        Column::number("$/M output at max"),
        Column::number("$/good request at max"),
    ];
    let rows = ran.iter().map(|ran| {
        let cost = &ran.figures.cost;
        let total = cost.usd_per_month_run_rate;
        let mut row = vec![
            swatch(ran.index, ran.name()),
            html! { (cost.nodes) },
            html! { (cost.gpus) },
            html! { (fixed(cost.usd_per_hour, 2)) },
            html! { (fixed(total, 0)) },
        ];
        let part = |usd: f64| if total > 0.0 { share(usd / total) } else { DASH.to_owned() };
        row.extend(parts(ran).map(|usd| html! { (part(usd)) }));
        for unit in [ran.placement.cost_at_load(), ran.placement.cost_at_max()] {
            let unit = unit.copied().unwrap_or_default();
            row.extend(
                [
                    or_dash(unit.usd_per_million_input_tokens, |usd| fixed(usd, 2)),
                    or_dash(unit.usd_per_million_output_tokens, |usd| fixed(usd, 2)),
                    or_dash(unit.usd_per_slo_met_request, usd),
                ]
                .map(|cell| html! { (cell) }),
            );
        }
        row
    });
    let caption =
        "Cost; at load: the offered one, if it was met; at max: the highest rate within the slo".to_owned();
    Table { id: "money-split".to_owned(), caption, columns, rows: rows.collect() }
}
