//! A comparison on the terminal: what placements are, then figure by figure what they do and how they differ.

use comfy_table::{CellAlignment, Table};

use super::{ComparedMetric, ComparedPlacement, Comparison, Difference, Measured, Verdict};
use crate::metrics::{LatencyMetric, Statistic};
use crate::report::{
    Metric, Status, TieBy,
    table::{STYLE, line, wrapped},
};

/// Figures shown; the files have all.
const SHOWN: [Metric; 10] = [
    Metric::Latency(LatencyMetric::Ttft, Statistic::P95),
    Metric::Latency(LatencyMetric::Tpot, Statistic::P95),
    Metric::Latency(LatencyMetric::E2e, Statistic::P95),
    Metric::GoodputRequestsPerS,
    Metric::OutputTokensPerSPerGpu,
    Metric::MaxRequestsPerSAtSlo,
    Metric::UsdPerMillionTokensAtLoad,
    Metric::UsdPerMillionTokensAtCapacity,
    Metric::Availability,
    Metric::RequestsFailed,
];

const GIB: f64 = (1_u64 << 30) as f64;

/// Position of the verdicts, the one text among the numbers.
const VERDICT: usize = 7;

/// Most digits behind the point.
const MOST_PLACES: i32 = 6;

/// Both tables and what is to be said about them; ends with a line end.
pub fn comparison_table(comparison: &Comparison) -> String {
    let shown: Vec<&ComparedMetric> = SHOWN
        .iter()
        .filter_map(|metric| comparison.metrics.iter().find(|known| known.metric == metric.key()))
        .filter(|metric| says_something(metric))
        .collect();
    let mut text = String::new();
    if let Some(description) = &comparison.description {
        wrapped(&mut text, description);
        text.push('\n');
    }
    text.push_str(&placements(comparison));
    text.push_str("\n\n");
    text.push_str(&figures(comparison, &shown));
    text.push_str("\n\n");
    legend(&mut text, comparison);
    winners(&mut text, comparison, &shown);
    text
}

/// Nobody wants to read that nothing failed anywhere.
fn says_something(metric: &ComparedMetric) -> bool {
    let failed = metric.metric == Metric::RequestsFailed.key();
    !failed || metric.placements.iter().any(|measured| measured.mean.mean > 0.0)
}

/// What is no matter of chance.
fn placements(comparison: &Comparison) -> String {
    let mut table = Table::new();
    let slo = format!("slo met\nof {}", comparison.replications);
    table.load_style(STYLE).set_header([
        "placement",
        "fits",
        "nodes",
        "GPUs",
        "weights\nGiB/GPU",
        "KV cache\ntokens",
        "sequences\nat once",
        "$/h",
        &slo,
    ]);
    for placement in &comparison.placements {
        table.add_row(placement_cells(placement));
    }
    right(&mut table, 2);
    table.trim_fmt()
}

fn placement_cells(placement: &ComparedPlacement) -> Vec<String> {
    let unknown = || "-".to_owned();
    let mut cells = vec![placement.name.clone()];
    cells.push(if placement.status == Status::Ok { "yes" } else { "no" }.to_owned());
    match &placement.fixed {
        Some(fixed) => {
            let sequences =
                fixed.sequences_at_this_workload.iter().map(|count| count.map_or_else(unknown, whole));
            let tokens = fixed.kv_cache_tokens.iter().map(u64::to_string);
            cells.extend([
                fixed.nodes.to_string(),
                fixed.gpus.to_string(),
                format!("{:.1}", fixed.weights_bytes_per_gpu as f64 / GIB),
                tokens.collect::<Vec<_>>().join(" / "),
                sequences.collect::<Vec<_>>().join(" / "),
                format!("{:.2}", fixed.usd_per_hour),
            ]);
        }
        None => cells.extend(std::iter::repeat_n(unknown(), 6)),
    }
    cells.push(placement.slo_met.map_or_else(unknown, |met| met.to_string()));
    cells
}

fn whole(count: f64) -> String {
    format!("{count:.0}")
}

/// Every figure of every placement, next to the baseline's.
fn figures(comparison: &Comparison, shown: &[&ComparedMetric]) -> String {
    let mut table = Table::new();
    let versus = comparison
        .baseline
        .as_deref()
        .map_or_else(|| "difference\n".to_owned(), |baseline| format!("less {baseline}'s\n95 % interval"));
    table.load_style(STYLE).set_header([
        "figure\n placement",
        "mean\n",
        "sampling\n±",
        "model\n±",
        "both\n±",
        &versus,
        "%\n",
        "which\nis",
    ]);
    for metric in shown {
        table.add_row([&metric.name]);
        for measured in &metric.placements {
            table.add_row(figure_cells(metric, measured, comparison.baseline.as_deref()));
        }
    }
    right(&mut table, 1);
    if let Some(verdicts) = table.column_mut(VERDICT) {
        verdicts.set_cell_alignment(CellAlignment::Left);
    }
    table.trim_fmt()
}

fn right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn figure_cells(metric: &ComparedMetric, measured: &Measured, baseline: Option<&str>) -> Vec<String> {
    let (mean, band) = (measured.mean.mean, measured.mean.band);
    let places = places(mean, band.sampling_error);
    let error =
        |error: Option<f64>| error.map_or_else(|| "-".to_owned(), |error| format!("{error:.places$}"));
    let mut cells = vec![
        format!(" {}", measured.placement),
        format!("{mean:.places$}"),
        error(band.sampling_error),
        error(band.model_error),
        error(Some(band.combined_error)),
    ];
    let against = baseline.and_then(|baseline| metric.against(&measured.placement, baseline));
    match against {
        Some((difference, sign)) => cells.extend(difference_cells(metric, difference, sign, baseline)),
        None => cells.extend([const { String::new() }; 3]),
    }
    cells
}

fn difference_cells(
    metric: &ComparedMetric,
    difference: &Difference,
    sign: f64,
    baseline: Option<&str>,
) -> [String; 3] {
    let mean = sign * difference.mean.mean;
    if difference.tie_by == Some(TieBy::Equality) {
        return ["0".to_owned(), String::new(), "the same".to_owned()];
    }
    let half = difference.mean.band.sampling_error;
    let places = places(mean, half);
    let interval = half.map_or_else(
        || format!("{mean:+.places$}"),
        |half| format!("{:+.places$} to {:+.places$}", mean - half, mean + half),
    );
    let of = metric.placements.iter().find(|measured| Some(measured.placement.as_str()) == baseline);
    let relative = of.map(|of| of.mean.mean).filter(|of| *of != 0.0).map(|of| 100.0 * mean / of);
    let verdict = if sign > 0.0 { difference.verdict } else { difference.verdict.reversed() };
    let verdict = match difference.tie_by {
        None => verdict.name().to_owned(),
        Some(TieBy::Equality | TieBy::Model) => format!("{} (model)", Verdict::Tie.name()),
        Some(TieBy::Sampling) => format!("{} (sampling)", Verdict::Tie.name()),
    };
    [interval, relative.map_or_else(String::new, |percent| format!("{percent:+.1}")), verdict]
}

/// Digits behind the point: two of the error, or four of a figure without one.
fn places(value: f64, error: Option<f64>) -> usize {
    let digits = |of: f64, wanted: i32| wanted - 1 - of.abs().log10().floor() as i32;
    let places = match error {
        Some(error) if error > 0.0 => digits(error, 2),
        _ if value == 0.0 => 0,
        _ => digits(value, 4),
    };
    places.clamp(0, MOST_PLACES) as usize
}

/// What the columns mean, and what keeps a reader from a wrong conclusion.
fn legend(text: &mut String, comparison: &Comparison) {
    wrapped(
        text,
        &format!(
            "{} replications, each placement on the same random numbers. sampling: half the 95 % confidence interval of \
             the mean (Student's t). model: nine of ten measured figures of the kind were closer. both: root of the sum \
             of squares. tie: a difference within both errors of it; (model): however many replications; (sampling): \
             more could tell.",
            comparison.replications
        ),
    );
    if let Some(precision) = &comparison.precision {
        let percent = |fraction: f64| format!("{:.1} %", 100.0 * fraction);
        let reached = if precision.reached { "reached" } else { "not reached" };
        let worst = precision.widest.as_ref().map_or_else(String::new, |widest| {
            format!("; known worst: {} of {}, ±{}", widest.metric, widest.placement, percent(widest.relative))
        });
        wrapped(text, &format!("precision {}: {reached}{worst}", percent(precision.relative)));
    }
    if let Some(runs) = &comparison.calibrated_on {
        wrapped(text, &format!("calibrated on {runs}"));
    }
    for placement in &comparison.placements {
        if let Some(reason) = &placement.reason {
            line(text, &placement.name, "does not fit", reason);
        }
        for warning in &placement.warnings {
            let often = if warning.replications == comparison.replications {
                String::new()
            } else {
                format!(" (in {} of {} replications)", warning.replications, comparison.replications)
            };
            line(text, &placement.name, "warning", &format!("{}{often}", warning.text));
        }
    }
}

/// Who is best at what, alone or in a tie.
fn winners(text: &mut String, comparison: &Comparison, shown: &[&ComparedMetric]) {
    if comparison.placements.iter().filter(|placement| placement.status == Status::Ok).count() < 2 {
        return;
    }
    let mut winners: Vec<(&[String], Vec<&str>)> = Vec::new();
    for metric in shown {
        match winners.iter_mut().find(|(names, _)| *names == metric.best) {
            Some((_, metrics)) => metrics.push(&metric.name),
            None => winners.push((&metric.best, vec![&metric.name])),
        }
    }
    for (names, metrics) in winners {
        let what = if names.len() == 1 { "best" } else { "tie for the best" };
        line(text, &names.join(", "), what, &metrics.join(", "));
    }
}
