//! Latency against the arrival rate: every rate that the search for the highest one tried.

use super::{Ran, listed, served};
use crate::metrics::Trial;
use crate::report::page::{Part, Section};
use crate::report::plot::{Caption, Figure, Line, Lines, Mark, Scale};
use crate::report::recorded::Recorded;
use crate::report::words::{figure, latency};

/// A latency at a rate.
type Of = fn(&Trial) -> Option<f64>;

pub(super) fn section(recorded: &Recorded) -> Result<Option<Section>, String> {
    let searched: Vec<(Ran<'_>, &[Trial])> = served(recorded)
        .into_iter()
        .filter_map(|ran| Some((ran, ran.figures.capacity.as_ref()?.trials.as_slice())))
        .filter(|(_, trials)| !trials.is_empty())
        .collect();
    if searched.is_empty() {
        return Ok(None);
    }
    let figures = vec![
        curve(&searched, |trial| trial.ttft_p95_ms, ("rate-ttft", "TTFT against the rate", "ttft_p95"))?,
        curve(&searched, |trial| trial.tpot_p95_ms, ("rate-tpot", "TPOT against the rate", "tpot_p95"))?,
    ];
    Ok(Some(Section {
        id: "rates",
        title: "Latency against the rate",
        lead: "Each point is a simulation of its own: the same requests, closer together or further apart. The search for the highest rate within the slo made them."
            .to_owned(),
        parts: vec![Part::Figures(figures)],
    }))
}

fn curve(
    searched: &[(Ran<'_>, &[Trial])],
    of: Of,
    (name, title, threshold): (&str, &str, &str),
) -> Result<Figure, String> {
    let lines: Vec<Line<'_>> = searched
        .iter()
        .map(|(ran, trials)| {
            let marks = trials
                .iter()
                .filter_map(|trial| Some(Mark { at: (trial.requests_per_s, of(trial)?), met: trial.met }));
            let marks: Vec<Mark> = marks.collect();
            Line {
                name: ran.name(),
                index: ran.index,
                points: marks.iter().map(|mark| mark.at).collect(),
                marks,
            }
        })
        .collect();
    let points = || lines.iter().flat_map(|line| line.points.iter());
    let limit = searched.first().and_then(|(ran, _)| ran.limit(threshold));
    let x = Scale::linear("arrivals [requests/s]", points().map(|(rate, _)| *rate).fold(0.0, f64::max));
    let y = Scale::of_latencies("95th percentile [ms]", points().map(|(_, ms)| *ms).chain(limit));
    let described = searched.iter().filter_map(|(ran, _)| {
        let capacity = ran.figures.capacity.as_ref()?;
        Some((ran.name(), format!("up to {} requests/s", figure(capacity.max_requests_per_s_at_slo))))
    });
    let caption = Caption::new(
        name,
        title,
        "Discs meet the slo and keep up, rings do not; a placement is good up to its last disc.",
        format!("Within the slo: {}.", listed(described)),
    );
    let rules = limit.map(|limit| (limit, format!("slo {}", latency(limit))));
    Lines { x, y, lines, rules: rules.into_iter().collect(), stop: None }.figure(caption)
}
