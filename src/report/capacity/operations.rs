//! The second part: where a group's limits are and when to page, what a lost group does, and what takes groups away.

use maud::html;

use super::{Won, rate};
use crate::report::page::{Column, Part, Section, Table, Tile, texts, tiles};
use crate::report::plan::{Incident, KneePoint};
use crate::report::plot::{Bar, Bars, Caption, Figure, Line, Lines, Mark, Scale};
use crate::report::words::{count, figure, fixed, latency, or_dash, percent, share, span, usd};

pub(super) fn section(won: Won<'_>) -> Result<Section, String> {
    let knee = &won.winner.knee;
    let limit = |name: &str| {
        let limits = won.plan.slo.iter().filter(|limit| limit.workload.is_none());
        limits
            .filter(|limit| limit.name == name)
            .map(|limit| (limit.limit, format!("slo {}", latency(limit.limit))))
            .next()
    };
    let mut figures = vec![
        curve(
            won,
            ("knee-ttft", "TTFT of a group", "TTFT p95 [ms]"),
            |point| point.ttft_p95_ms,
            limit("ttft_p95"),
        )?,
        curve(
            won,
            ("knee-tpot", "TPOT of a group", "TPOT p95 [ms]"),
            |point| point.tpot_p95_ms,
            limit("tpot_p95"),
        )?,
        curve(
            won,
            ("knee-waiting", "Queue of a group", "num_requests_waiting, mean"),
            |point| Some(point.num_requests_waiting),
            Some((
                knee.page_num_requests_waiting,
                format!("page above {}", figure(knee.page_num_requests_waiting)),
            )),
        )?,
        curve(
            won,
            ("knee-kv-cache", "KV cache of a group", "kv_cache_usage_perc, mean [%]"),
            |point| Some(100.0 * point.kv_cache_usage_perc),
            Some((
                100.0 * knee.page_kv_cache_usage_perc,
                format!("page above {}", share(knee.page_kv_cache_usage_perc)),
            )),
        )?,
    ];
    if let Some(incident) = &won.winner.incident {
        figures.extend(recovery(incident)?);
        figures.extend(budget(incident)?);
    }
    Ok(Section {
        id: "operations",
        title: "For the one who is paged",
        lead: format!(
            "A group serves up to {} within the slo; {} is what fails first beyond. Discs meet the slo, rings do not.",
            rate(knee.max_requests_per_s_at_slo),
            knee.limited_by
        ),
        parts: vec![
            Part::Html(tiles(&paging(won))),
            Part::Figures(figures),
            redundancy(won).into(),
            bound(won),
            stages_and_causes(won),
        ],
    })
}

fn paging(won: Won<'_>) -> Vec<Tile> {
    let knee = &won.winner.knee;
    let tile = |name: &str, value: String, note: String| Tile { name: name.to_owned(), value, note };
    let mut tiles = vec![
        tile(
            "Page when vllm:num_requests_waiting averages more than",
            figure(knee.page_num_requests_waiting),
            "over minutes, in a group; what it averages at the highest rate within the slo".to_owned(),
        ),
        tile(
            "or vllm:kv_cache_usage_perc more than",
            figure(knee.page_kv_cache_usage_perc),
            "likewise".to_owned(),
        ),
    ];
    if let Some(incident) = &won.winner.incident {
        let longest =
            incident.stages.iter().find(|stage| Some(&stage.name) == incident.dominant_stage.as_ref());
        let stage = longest.map_or_else(String::new, |stage| {
            format!("most of it is {} ({})", plain(&stage.name), span(stage.mean_s))
        });
        tiles.push(tile("Recovery of a group, mean", or_dash(incident.mean_time_to_recover_s, span), stage));
        tiles.push(tile(
            "One group is ready",
            format!("{} %", percent(incident.group_availability, None)),
            format!("of {} years without traffic", incident.years),
        ));
        tiles.push(tile(
            "One node is up",
            format!("{} %", percent(incident.node_availability, None)),
            "a node takes all of its groups with it: no fleet on one node is ready more often".to_owned(),
        ));
    }
    let chosen = won.winner.redundancy.iter().find(|option| option.spare_groups == won.winner.spare_groups);
    if let Some(down) = chosen.and_then(|option| option.one_down) {
        let met = if down.slo_met { "slo met" } else { "slo missed" };
        tiles.push(tile(
            "Peak with one node down",
            met.to_owned(),
            format!(
                "TTFT p95 {}, TPOT p95 {}",
                or_dash(down.ttft_p95_ms, latency),
                or_dash(down.tpot_p95_ms, latency)
            ),
        ));
    }
    tiles
}

/// A name of the program in words.
fn plain(name: &str) -> String {
    name.replace('_', " ")
}

fn curve(
    won: Won<'_>,
    (name, title, label): (&str, &str, &str),
    of: impl Fn(&KneePoint) -> Option<f64>,
    rule: Option<(f64, String)>,
) -> Result<Figure, String> {
    let knee = &won.winner.knee;
    let marks = knee
        .points
        .iter()
        .filter_map(|point| Some(Mark { at: (point.requests_per_s, of(point)?), met: point.slo_met }));
    let marks: Vec<Mark> = marks.collect();
    let points: Vec<(f64, f64)> = marks.iter().map(|mark| mark.at).collect();
    let most_rate = points.iter().map(|(rate, _)| *rate).fold(0.0, f64::max);
    // Above a rule there is room for a curve that goes on.
    let above = rule.iter().map(|(value, _)| 1.1 * value);
    let most = points.iter().map(|(_, value)| *value).chain(above).fold(0.0, f64::max);
    let reading = format!(
        "One group over its rate; the upright line is the highest rate within the slo, {}.",
        rate(knee.max_requests_per_s_at_slo)
    );
    let described = points.iter().map(|(rate, value)| format!("{} at {}/s", figure(*value), figure(*rate)));
    let described = format!("{label}: {}", described.collect::<Vec<_>>().join(", "));
    Lines {
        x: Scale::linear("requests/s of one group", most_rate),
        y: Scale::linear(label, most),
        curves: vec![Line { name: &won.winner.name, index: 0, points, marks }],
        rules: rule.into_iter().collect(),
        stop: Some(knee.max_requests_per_s_at_slo),
    }
    .figure(Caption::new(name, title, reading, described))
}

fn bars(values: &[(String, f64, String)], label: &str, caption: Caption) -> Result<Option<Figure>, String> {
    let most = values.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    if most == 0.0 {
        return Ok(None);
    }
    let bar = |(name, value, text): &(String, f64, String)| Bar {
        name: name.clone(),
        index: 0,
        value: Some(*value),
        notch: None,
        range: None,
        text: text.clone(),
    };
    let bars = values.iter().map(bar).collect();
    Bars { scale: Scale::linear(label, most), rows: bars, limit: None }.figure(caption).map(Some)
}

fn words(values: &[(String, f64, String)]) -> String {
    values.iter().map(|(name, _, text)| format!("{name} {text}")).collect::<Vec<_>>().join(", ")
}

fn recovery(incident: &Incident) -> Result<Option<Figure>, String> {
    let stages = incident.stages.iter().filter(|stage| stage.mean_s > 0.0);
    let values: Vec<(String, f64, String)> =
        stages.map(|stage| (plain(&stage.name), stage.mean_s / 60.0, span(stage.mean_s))).collect();
    let dominant = incident
        .dominant_stage
        .as_deref()
        .map_or_else(String::new, |stage| format!(" The longest is {}: shorten that first.", plain(stage)));
    let caption = Caption::new(
        "recovery",
        "Where the time of a recovery goes",
        format!("Mean over all recoveries, from the fault to ready, stage by stage.{dominant}"),
        words(&values),
    );
    bars(&values, "min", caption)
}

fn budget(incident: &Incident) -> Result<Option<Figure>, String> {
    let causes = incident.causes.iter().filter(|cause| cause.group_seconds_lost_per_year > 0.0);
    let values: Vec<(String, f64, String)> = causes
        .map(|cause| (plain(&cause.name), cause.group_seconds_lost_per_year / 3600.0, share(cause.share)))
        .collect();
    let caption = Caption::new(
        "error-budget",
        "What the error budget is spent on",
        format!(
            "Hours a year in which a group is away, {} groups together, by what took it away.",
            incident.groups
        ),
        words(&values),
    );
    bars(&values, "group hours a year", caption)
}

fn redundancy(won: Won<'_>) -> Table {
    let columns = vec![
        Column::words("groups"),
        Column::number("nodes"),
        Column::number("$ a month"),
        Column::number("enough groups ready, at least [%]"),
        Column::number("groups on a node"),
        Column::words("peak without a node"),
        Column::number("TTFT p95"),
        Column::number("TPOT p95"),
        Column::number("a node dies at the peak: requests lost"),
        Column::number("requests sent for each wanted"),
        Column::number("ready again after"),
        Column::number("backlog gone after"),
    ];
    let rows = won.winner.redundancy.iter().map(|option| {
        let (down, fault) = (option.one_down, option.fault.as_ref());
        let chosen = if option.spare_groups == won.winner.spare_groups { ", as planned" } else { "" };
        let mut row = texts([
            format!("N+{}: {}{chosen}", option.spare_groups, option.groups),
            option.nodes.to_string(),
            usd(option.usd_per_month),
            or_dash(option.availability, |fraction| percent(fraction, None)),
            option.groups_lost_with_a_node.to_string(),
        ]);
        row.push(match down {
            Some(down) if down.slo_met => html! { span.good { "slo met" } },
            Some(_) => html! { span.bad { "slo missed" } },
            None => html! { "no group left" },
        });
        row.extend(texts([
            or_dash(down.and_then(|down| down.ttft_p95_ms), latency),
            or_dash(down.and_then(|down| down.tpot_p95_ms), latency),
            or_dash(fault.map(|fault| fault.requests_failed as f64), count),
            or_dash(fault.map(|fault| fault.retry_amplification), |ratio| fixed(ratio, 4)),
            or_dash(fault.and_then(|fault| fault.time_to_recover_s), span),
            or_dash(fault.and_then(|fault| fault.backlog_drain_s), span),
        ]));
        row
    });
    Table {
        id: "redundancy".to_owned(),
        caption: "With more groups, and without a node".to_owned(),
        columns,
        rows: rows.collect(),
    }
}

/// Why there are spare groups, and what the availabilities above are.
fn bound(won: Won<'_>) -> Part {
    let Won { plan, winner, .. } = won;
    Part::Html(html! {
        @if let Some(reason) = &winner.spare_reason {
            p.lead { "Of the spare groups none can be left out: with " (winner.spare_groups - 1) ", " (reason) "." }
        }
        @if let Some(note) = &plan.availability_note {
            p.lead { "Where nodes fail, the " (note) "." }
        }
    })
}

/// The figures behind the two plots of failures.
fn stages_and_causes(won: Won<'_>) -> Part {
    let Some(incident) = &won.winner.incident else {
        return Part::Html(
            html! { p.lead { "Nothing fails in this plan: its scenario states no failures." } },
        );
    };
    let columns = vec![
        Column::words("cause"),
        Column::number("faults a year, all nodes"),
        Column::number("group time lost a year"),
        Column::number("of all lost"),
    ];
    let rows = incident.causes.iter().map(|cause| {
        texts([
            plain(&cause.name),
            figure(cause.faults_per_year),
            span(cause.group_seconds_lost_per_year),
            share(cause.share),
        ])
    });
    Table {
        id: "causes".to_owned(),
        caption: "Error budget by cause".to_owned(),
        columns,
        rows: rows.collect(),
    }
    .into()
}
