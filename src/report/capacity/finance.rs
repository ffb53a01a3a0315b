//! The first page: what to rent, what it costs, on which terms, and against what else.

use maud::html;

use super::{Won, described, rate, several};
use crate::report::page::{Column, Part, Section, Table, Tile, texts, tiles};
use crate::report::plan::{Commitments, Month, Range};
use crate::report::plot::{Bar, Bars, Caption, Figure, Line, Lines, Scale, Stack, StackRow};
use crate::report::words::{figure, fixed, or_dash, share, usd};

/// Hours in a month.
const HOURS: f64 = 730.0;
/// How the money splits.
const PARTS: [&str; 4] = ["committed", "on demand", "idle", "spare"];

pub(super) fn section(won: Won<'_>) -> Result<Section, String> {
    let mut figures = vec![split(won)?, months(won)?, unit_costs(won)?];
    figures.extend(load(won)?);
    let mut parts = vec![
        Part::Html(html! { p.verdict { (decision(won)) } }),
        Part::Html(tiles(&figures_of_the_decision(won))),
        Part::Figures(figures),
        prices(won).into(),
    ];
    parts.extend(commitments(won));
    parts.push(month_table(won).into());
    Ok(Section { id: "finance", title: "For the one who pays", lead: String::new(), parts })
}

fn decision(won: Won<'_>) -> String {
    let Won { plan, winner, candidate } = won;
    let nodes = candidate.figures.map_or(0, |figures| figures.nodes);
    let spare = match winner.spare_groups {
        0 => "none of them spare".to_owned(),
        spare => format!("{spare} of them spare"),
    };
    let last = winner.months.last();
    let month = last.map_or_else(String::new, |month| format!(" for {} a month", usd(month.usd.base)));
    let tied = match won.plan.ties.len() {
        0 => String::new(),
        others => format!(" As far as can be told, {} cost no more.", several(others as u32, "other")),
    };
    format!(
        "Rent {} of {}{month}: {}, {spare} ({}). That serves {} at the peak of month {}, {} headroom included, and is the cheapest of {} candidates that meets the slo.{tied}",
        several(nodes, "node"),
        candidate.machine,
        several(won.groups(), "group"),
        described(candidate),
        rate(plan.demand.planned_requests_per_s),
        plan.demand.months,
        share(plan.demand.headroom),
        fixed(f64::from(plan.counts.candidates), 0),
    )
}

/// A figure, and its range where it has one.
fn between(range: Range<f64>) -> String {
    if range.high - range.low < 1.0 {
        "the same within the model error".to_owned()
    } else {
        format!("{} to {} within the model error", usd(range.low), usd(range.high))
    }
}

/// The sum of all months.
fn horizon(months: &[Month]) -> Range<f64> {
    let sum = |of: fn(&Month) -> f64| months.iter().map(of).sum();
    Range {
        low: sum(|month| month.usd.low),
        base: sum(|month| month.usd.base),
        high: sum(|month| month.usd.high),
    }
}

fn figures_of_the_decision(won: Won<'_>) -> Vec<Tile> {
    let winner = won.winner;
    let tile = |name: &str, value: String, note: String| Tile { name: name.to_owned(), value, note };
    let groups = winner.groups;
    let mut tiles = Vec::new();
    if let Some(month) = winner.months.last() {
        tiles.push(tile("A month, at the end of the horizon", usd(month.usd.base), between(month.usd)));
    }
    let whole = horizon(&winner.months);
    let months = several(winner.months.len() as u32, "month");
    tiles.push(tile(&format!("All {months}"), usd(whole.base), between(whole)));
    let range = if groups.low == groups.high {
        String::new()
    } else {
        format!("{} to {} within the model error and between seeds, ", groups.low, groups.high)
    };
    tiles.push(tile(
        "Groups that the slo needs",
        format!("{} + {} spare", groups.base, winner.spare_groups),
        format!("{range}{} by the analytic floor", winner.floor_groups),
    ));
    tiles.push(tile(
        "A million tokens, as forecast",
        usd(winner.unit_cost.at_forecast),
        winner
            .unit_cost
            .at_capacity
            .map_or_else(String::new, |cost| format!("{} with every group at capacity", usd(cost))),
    ));
    let api = &winner.managed_api;
    let against = match (api.usd_per_million_tokens, api.usd_per_month) {
        (Some(price), Some(month)) => format!(
            "at {} the API costs {} a month: {}",
            usd(price),
            usd(month),
            if price < api.break_even_usd_per_million_tokens {
                "cheaper than the fleet"
            } else {
                "dearer than the fleet"
            }
        ),
        _ => "a million tokens: dearer than that, and the fleet pays".to_owned(),
    };
    tiles.push(tile("Break-even with a managed API", usd(api.break_even_usd_per_million_tokens), against));
    for pays in &winner.break_even {
        tiles.push(tile(
            &format!("{} pays from", pays.terms.replace('-', " ")),
            format!("{} h a month", fixed(pays.hours_per_month, 0)),
            format!("a node used for {} of the month", share(pays.hours_per_month / HOURS)),
        ));
    }
    tiles
}

fn split(won: Won<'_>) -> Result<Figure, String> {
    let money = won.winner.money;
    let parts = [money.committed, money.on_demand, money.idle, money.spare];
    let total: f64 = parts.iter().sum();
    let words: Vec<String> = PARTS
        .iter()
        .zip(parts)
        .filter(|(_, part)| *part > 0.0)
        .map(|(name, part)| format!("{name} {}", usd(part)))
        .collect();
    let row = StackRow {
        name: "last month, on the best terms".to_owned(),
        index: 0,
        parts: parts.map(|part| part / 1e3).to_vec(),
        text: usd(total),
    };
    let caption = Caption::new(
        "money-split",
        "A month, if nodes are given back when not needed",
        format!(
            "{}. On demand, only the node hours that the load of each hour needs are bought; idle hours are committed and not needed.",
            words.join(", ")
        ),
        words.join(", "),
    );
    Stack { scale: Scale::linear("thousand $ a month", total / 1e3), parts: &PARTS, rows: vec![row] }
        .figure(caption)
}

fn months(won: Won<'_>) -> Result<Figure, String> {
    let months = &won.winner.months;
    let bars: Vec<Bar> = months
        .iter()
        .map(|month| Bar {
            name: format!(
                "month {}: {} groups, {}",
                month.month,
                month.groups.base,
                rate(month.requests_per_s)
            ),
            index: 0,
            value: Some(month.usd.base / 1e3),
            notch: None,
            range: Some((month.usd.low / 1e3, month.usd.high / 1e3)),
            text: usd(month.usd.base),
        })
        .collect();
    let most = months.iter().map(|month| month.usd.high / 1e3).fold(0.0, f64::max);
    let described = months.iter().map(|month| format!("month {} {}", month.month, usd(month.usd.base)));
    let caption = Caption::new(
        "months",
        "The bill, month by month",
        "The grey line under a bar is what the bill becomes if the fleet serves more or less than simulated, by the model error.",
        described.collect::<Vec<_>>().join(", "),
    );
    Bars { scale: Scale::linear("thousand $ a month", most), rows: bars, limit: None }.figure(caption)
}

fn unit_costs(won: Won<'_>) -> Result<Figure, String> {
    let (cost, api) = (won.winner.unit_cost, &won.winner.managed_api);
    let values = [
        ("fleet, as forecast", Some(cost.at_forecast), 0),
        ("fleet, every group at capacity", cost.at_capacity, 0),
        ("managed API, as stated", api.usd_per_million_tokens, 1),
    ];
    let bars: Vec<Bar> = values
        .into_iter()
        .filter_map(|(name, value, index)| {
            let value = value?;
            Some(Bar {
                name: name.to_owned(),
                index,
                value: Some(value),
                notch: None,
                range: None,
                text: usd(value),
            })
        })
        .collect();
    let most = bars.iter().filter_map(|bar| bar.value).fold(0.0, f64::max);
    let described =
        bars.iter().map(|bar| format!("{} {}", bar.name, bar.text)).collect::<Vec<_>>().join(", ");
    let caption = Caption::new(
        "unit-cost",
        "A million tokens",
        format!(
            "Prompts and answers together; the forecast is {} million tokens a month, nights and headroom paid for.",
            figure(api.million_tokens_per_month)
        ),
        described,
    );
    Bars { scale: Scale::linear("$ per million tokens", most), rows: bars, limit: None }.figure(caption)
}

/// The load-duration curve, with what is best committed to; none without commitments.
fn load(won: Won<'_>) -> Result<Option<Figure>, String> {
    let cheapest =
        |one: &&Commitments, other: &&Commitments| one.usd_per_month.total_cmp(&other.usd_per_month);
    let Some(best) = won.winner.commitments.iter().min_by(cheapest) else { return Ok(None) };
    let mut points = Vec::new();
    let mut hours = 0.0;
    for entry in &best.load_duration {
        let nodes = f64::from(entry.nodes);
        points.push((hours, nodes));
        hours += entry.hours;
        points.push((hours, nodes));
    }
    let most = points.iter().map(|(_, nodes)| *nodes).fold(0.0, f64::max);
    let rule = format!("{}: {}", best.terms, best.committed_nodes);
    let caption = Caption::new(
        "load-duration",
        "Nodes needed, busiest hours first",
        "The curve says for how many hours of the month at least so many nodes are needed; the dashed line is what is best committed to, on the cheapest terms.",
        format!("Best committed nodes: {rule}."),
    );
    let line = Line { name: "nodes", index: 0, points, marks: Vec::new() };
    Lines {
        x: Scale::until("hours of the month", HOURS),
        y: Scale::linear("nodes", most),
        curves: vec![line],
        rules: vec![(f64::from(best.committed_nodes), rule)],
        stop: None,
    }
    .figure(caption)
    .map(Some)
}

fn prices(won: Won<'_>) -> Table {
    let columns = vec![
        Column::words("terms"),
        Column::words("machine"),
        Column::words("region"),
        Column::number("$ a node hour"),
        Column::number("$ a month"),
        Column::number("$ over the horizon"),
        Column::words("what comes with it"),
        Column::words("date and source of the price"),
    ];
    let rows = won.winner.prices.iter().map(|price| {
        let recalled = if price.recalled { " (remembered, not read)" } else { "" };
        texts([
            price.terms.replace('-', " "),
            won.candidate.machine.clone(),
            price.region.clone(),
            fixed(price.usd_per_node_hour, 3),
            fixed(price.usd_per_month, 0),
            fixed(price.usd_over_horizon, 0),
            price.note.clone(),
            format!("{}: {}{recalled}", price.date, price.source),
        ])
    });
    Table {
        id: "prices".to_owned(),
        caption: "The same nodes on other terms".to_owned(),
        columns,
        rows: rows.collect(),
    }
}

fn commitments(won: Won<'_>) -> Vec<Part> {
    let mut rows = Vec::new();
    for commitment in &won.winner.commitments {
        for swing in &commitment.regret {
            rows.push(texts([
                commitment.terms.replace('-', " "),
                commitment.committed_nodes.to_string(),
                fixed(commitment.usd_per_month, 0),
                demand(swing.demand),
                fixed(swing.usd_per_month, 0),
                swing.best_committed_nodes.to_string(),
                fixed(swing.regret_usd_per_month, 0),
            ]));
        }
    }
    if rows.is_empty() {
        let why =
            format!("The catalogue has no commitment price for {} in this region.", won.candidate.machine);
        return vec![Part::Html(html! { p.lead { (why) } })];
    }
    let columns = vec![
        Column::words("terms"),
        Column::number("nodes committed"),
        Column::number("$ a month"),
        Column::number("if demand is"),
        Column::number("$ a month then"),
        Column::number("nodes that would have been right"),
        Column::number("regret, $ a month"),
    ];
    let caption = "Commitments, and what they cost if demand comes out otherwise".to_owned();
    vec![Table { id: "commitments".to_owned(), caption, columns, rows }.into()]
}

/// A factor on the demand, in words.
fn demand(factor: f64) -> String {
    if (factor - 1.0).abs() < 1e-9 {
        "as planned".to_owned()
    } else {
        format!("{:+.0} %", 100.0 * (factor - 1.0))
    }
}

fn month_table(won: Won<'_>) -> Table {
    let columns = vec![
        Column::words("month"),
        Column::number("peak with headroom, requests/s"),
        Column::number("groups, low"),
        Column::number("base"),
        Column::number("high"),
        Column::number("$, low"),
        Column::number("base"),
        Column::number("high"),
    ];
    let row = |name: String, rate: Option<f64>, groups: Option<Range<u32>>, money: Range<f64>| {
        let groups = |of: fn(&Range<u32>) -> u32| {
            or_dash(groups.map(|groups| f64::from(of(&groups))), |n| fixed(n, 0))
        };
        texts([
            name,
            or_dash(rate, figure),
            groups(|range| range.low),
            groups(|range| range.base),
            groups(|range| range.high),
            fixed(money.low, 0),
            fixed(money.base, 0),
            fixed(money.high, 0),
        ])
    };
    let months = &won.winner.months;
    let mut rows: Vec<_> = months
        .iter()
        .map(|month| row(month.month.to_string(), Some(month.requests_per_s), Some(month.groups), month.usd))
        .collect();
    rows.push(row("all".to_owned(), None, None, horizon(months)));
    Table {
        id: "month-by-month".to_owned(),
        caption: "Month by month, spare groups included".to_owned(),
        columns,
        rows,
    }
}
