//! What else was looked at: the fronts, the ranking, what was rejected and why, and what moves the bill.

use std::collections::BTreeMap;

use maud::html;

use super::{Won, described};
use crate::report::page::{Column, Part, Section, Table, texts};
use crate::report::plan::{Candidate, Figures, Plan, Verdict};
use crate::report::plot::{Caption, Figure, Line, Lines, Mark, Scale, Tornado, TornadoRow};
use crate::report::words::{DASH, figure, fixed, or_dash, usd};

/// Candidates in the ranking.
const RANKED: usize = 15;

pub(super) fn section(plan: &Plan, won: Option<Won<'_>>) -> Result<Section, String> {
    let mut figures = vec![
        front(
            plan,
            ("pareto-throughput", "Throughput against speed", &plan.pareto_throughput),
            |figures| Some((figures.output_tokens_per_s_per_user?, figures.output_tokens_per_s_per_gpu)),
            ("answers of one user [tokens/s]", "answers of one GPU [tokens/s]"),
            "Up is more for the money, right is faster for a user; nothing beats the candidates on the line in both.",
        )?,
        front(
            plan,
            ("pareto-cost", "Cost against latency", &plan.pareto_cost),
            |figures| Some((figures.usd_per_month / 1e3, figures.ttft_p95_ms?)),
            ("thousand $ a month", "TTFT p95 [ms]"),
            "Left is cheaper, down is faster; nothing beats the candidates on the line in both.",
        )?,
    ];
    figures.retain(|figure| !figure.svg.is_empty());
    if let Some(won) = won {
        figures.extend(tornado(won)?);
    }
    let mut parts = Vec::new();
    if won.is_none() {
        let what = if plan.interrupted {
            "The search was stopped before a candidate met the slo."
        } else {
            "No candidate meets the slo."
        };
        parts.push(Part::Html(html! { p.verdict { (what) } }));
    }
    parts.push(Part::Figures(figures));
    parts.push(ranking(plan).into());
    parts.push(rejected(plan).into());
    let counts = plan.counts;
    Ok(Section {
        id: "search",
        title: "What else was looked at",
        lead: format!(
            "Of {} candidates {} do not fit, {} miss the slo with any number of groups, {} were dropped because even their analytic floor costs more than one already found; {} were simulated.",
            fixed(f64::from(counts.candidates), 0),
            counts.does_not_fit,
            counts.miss_slo,
            counts.pruned,
            counts.simulated
        ),
        parts,
    })
}

/// Candidates in two figures, those that nothing beats on a line.
fn front(
    plan: &Plan,
    (name, title, names): (&str, &str, &[String]),
    of: impl Fn(&Figures) -> Option<(f64, f64)>,
    (x, y): (&str, &str),
    reading: &str,
) -> Result<Figure, String> {
    let place = |candidate: &Candidate| candidate.figures.as_ref().and_then(&of);
    let ring = |at| Mark { at, met: false };
    let others: Vec<Mark> = plan.candidates.iter().filter_map(place).map(ring).collect();
    let known: Vec<(&str, (f64, f64))> = names
        .iter()
        .filter_map(|name| plan.candidates.iter().find(|candidate| candidate.name == *name))
        .filter_map(|candidate| Some((candidate.name.as_str(), place(candidate)?)))
        .collect();
    let points: Vec<(f64, f64)> = known.iter().map(|(_, at)| *at).collect();
    let best: Vec<Mark> = plan
        .winner
        .iter()
        .filter_map(|winner| plan.candidates.iter().find(|candidate| candidate.name == winner.name))
        .filter_map(place)
        .map(|at| Mark { at, met: true })
        .collect();
    let words = known.iter().map(|(name, (a, b))| format!("{name}: {} and {}", figure(*a), figure(*b)));
    let caption = Caption::new(
        name,
        title,
        reading,
        format!("{x}, {y}. On the line: {}.", words.collect::<Vec<_>>().join("; ")),
    );
    let marks = points.iter().map(|at| Mark { at: *at, met: true }).collect();
    Lines {
        x: Scale::around(x, others.iter().map(|mark| mark.at.0)),
        y: Scale::around(y, others.iter().map(|mark| mark.at.1)),
        curves: vec![
            Line { name: "other candidates", index: 4, points: Vec::new(), marks: others },
            Line { name: "not beaten in both", index: 0, points, marks },
            Line { name: "the winner", index: 1, points: Vec::new(), marks: best },
        ],
        rules: Vec::new(),
        stop: None,
    }
    .figure(caption)
}

fn tornado(won: Won<'_>) -> Result<Option<Figure>, String> {
    let Some(base) = won.winner.months.last().map(|month| month.usd.base) else { return Ok(None) };
    let rows: Vec<TornadoRow> = won
        .winner
        .tornado
        .iter()
        .map(|swing| TornadoRow {
            name: format!("{}: {} to {}", swing.what, swing.low, swing.high),
            ends: [swing.usd_low, swing.usd_high].map(|usd| usd.map(|usd| usd / 1e3)),
            text: either(swing.usd_low, swing.usd_high, base),
        })
        .collect();
    let words: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.name, row.text)).collect();
    let caption = Caption::new(
        "tornado",
        "What moves the bill",
        format!(
            "The bill of the last month if one thing comes out otherwise; the upright line is the plan, {}; grey is the low end of what varies, blue the high end. Groups are whole, so small changes may cost nothing.",
            usd(base)
        ),
        words.join("; "),
    );
    Tornado { label: "thousand $ a month".to_owned(), base: base / 1e3, rows }.figure(caption).map(Some)
}

/// Two ends of the bill in words, where either is another one than as planned.
fn either(low: Option<f64>, high: Option<f64>, base: f64) -> String {
    let moved = [low, high].into_iter().any(|end| end.is_none_or(|end| (end - base).abs() >= 1.0));
    if moved { format!("{} – {}", or_none(low), or_none(high)) } else { "no change".to_owned() }
}

fn or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "slo missed".to_owned(), |usd| format!("{}k", fixed(usd / 1e3, 0)))
}

fn ranking(plan: &Plan) -> Table {
    let columns = vec![
        Column::words("candidate"),
        Column::number("groups by the floor"),
        Column::number("simulated"),
        Column::number("spare"),
        Column::number("nodes"),
        Column::number("$ a month"),
        Column::number("$/M tokens at the planned rate"),
        Column::number("TTFT p95 [ms]"),
        Column::number("TPOT p95 [ms]"),
        Column::number("tok/s a GPU"),
        Column::number("tok/s a user"),
    ];
    let met = plan.candidates.iter().filter(|candidate| candidate.verdict == Verdict::MeetsSlo);
    let rows = met.take(RANKED).filter_map(|candidate| {
        let figures = candidate.figures.as_ref()?;
        let limits =
            [("sequences", candidate.max_num_seqs), ("tokens a step", candidate.max_num_batched_tokens)];
        let limits = limits.iter().filter_map(|(name, limit)| Some(format!(", {} {name}", (*limit)?)));
        let tied = if plan.ties.contains(&candidate.name) { " (tied)" } else { "" };
        Some(texts([
            format!("{}{}{tied}", described(candidate), limits.collect::<String>()),
            or_dash(candidate.floor.map(|floor| f64::from(floor.groups)), |groups| fixed(groups, 0)),
            figures.groups.to_string(),
            figures.spare_groups.to_string(),
            figures.nodes.to_string(),
            fixed(figures.usd_per_month, 0),
            or_dash(figures.usd_per_million_total_tokens_at_planned_rate, |usd| fixed(usd, 2)),
            or_dash(figures.ttft_p95_ms, figure),
            or_dash(figures.tpot_p95_ms, figure),
            figure(figures.output_tokens_per_s_per_gpu),
            or_dash(figures.output_tokens_per_s_per_user, figure),
        ]))
    });
    let caption = format!("The {RANKED} cheapest that meet the slo; candidates.csv has all");
    Table { id: "ranking".to_owned(), caption, columns, rows: rows.collect() }
}

/// How many were rejected for what, with an example each.
fn rejected(plan: &Plan) -> Table {
    let mut by_reason: BTreeMap<(u8, String), (u32, &Candidate)> = BTreeMap::new();
    for candidate in &plan.candidates {
        let verdict = match candidate.verdict {
            Verdict::MeetsSlo => continue,
            Verdict::DoesNotFit => (0, "does not fit"),
            Verdict::MissesSlo => (1, "misses the slo"),
            Verdict::Pruned => (2, "pruned"),
            Verdict::NotReached => (3, "not reached"),
        };
        let key = (verdict.0, format!("{}, {}", verdict.1, candidate.machine));
        by_reason.entry(key).or_insert((0, candidate)).0 += 1;
    }
    let rows = by_reason.into_iter().map(|((_, what), (count, example))| {
        let reason = example.reason.clone().unwrap_or_else(|| DASH.to_owned());
        texts([what, count.to_string(), example.name.clone(), reason])
    });
    let columns = vec![
        Column::words("what became of them"),
        Column::number("candidates"),
        Column::words("for example"),
        Column::words("why"),
    ];
    Table { id: "rejected".to_owned(), caption: "Not chosen".to_owned(), columns, rows: rows.collect() }
}
