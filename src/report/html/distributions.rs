//! Latencies of all requests: which part of them was answered within which time.

use super::{Ran, listed, served};
use crate::metrics::LatencyFigures;
use crate::report::page::{Part, Section};
use crate::report::plot::{Caption, Figure, Line, Lines, Scale};
use crate::report::recorded::{Recorded, Samples};
use crate::report::words::{latency, or_dash};

/// Points of a line: more than that no eye tells apart.
const POINTS: usize = 160;

/// A latency: name of its plot, title, its samples, its figures.
struct Kind {
    name: &'static str,
    title: &'static str,
    samples: fn(&Samples) -> &[f64],
    figures: fn(&Ran<'_>) -> LatencyFigures,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "ttft-distribution",
        title: "Time to first token",
        samples: |samples| &samples.ttft,
        figures: |ran| ran.figures.traffic.latency.ttft_ms,
    },
    Kind {
        name: "tpot-distribution",
        title: "Time per output token",
        samples: |samples| &samples.tpot,
        figures: |ran| ran.figures.traffic.latency.tpot_ms,
    },
    Kind {
        name: "e2e-distribution",
        title: "Time to last token",
        samples: |samples| &samples.e2e,
        figures: |ran| ran.figures.traffic.latency.e2e_ms,
    },
];

pub(super) fn section(recorded: &Recorded) -> Result<Option<Section>, String> {
    let Some(all) = &recorded.samples else { return Ok(None) };
    let with: Vec<(Ran<'_>, &Samples)> = served(recorded)
        .into_iter()
        .map(|ran| (ran, &all[ran.index]))
        .filter(|(_, samples)| !samples.ttft.is_empty())
        .collect();
    if with.is_empty() {
        return Ok(None);
    }
    let whole =
        with.iter().all(|(ran, samples)| samples.ttft.len() as u64 >= ran.figures.traffic.requests.completed);
    let of = if whole { "all completed requests" } else { "the completed requests kept in requests.csv" };
    let figures: Result<Vec<Figure>, String> = KINDS.iter().map(|kind| distribution(&with, kind)).collect();
    Ok(Some(Section {
        id: "distributions",
        title: "Latency of every request",
        lead: format!("Cumulative distributions over {of}, the warm-up left out."),
        parts: vec![Part::Figures(figures?)],
    }))
}

fn distribution(with: &[(Ran<'_>, &Samples)], kind: &Kind) -> Result<Figure, String> {
    let lines: Vec<Line<'_>> = with
        .iter()
        .map(|(ran, samples)| Line {
            name: ran.name(),
            index: ran.index,
            points: thinned((kind.samples)(samples)),
            marks: Vec::new(),
        })
        .collect();
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(value, _)| *value));
    let x = Scale::of_latencies(format!("{} [ms]", kind.title.to_lowercase()), values);
    let described = with.iter().map(|(ran, _)| {
        let figures = (kind.figures)(ran);
        let words = [figures.p50, figures.p95, figures.p99].map(|value| or_dash(value, latency));
        (ran.name(), format!("p50 {}, p95 {}, p99 {}", words[0], words[1], words[2]))
    });
    let caption = Caption::new(
        kind.name,
        kind.title,
        "A point says how many percent of the requests took at most so long; further left is faster, and steeper is steadier.",
        listed(described),
    );
    let y = Scale::linear("requests answered within that time [%]", 100.0);
    Lines { x, y, lines, rules: vec![(95.0, "p95".to_owned())], stop: None }.figure(caption)
}

/// Sorted samples as a cumulative distribution of few points: value and percent.
fn thinned(sorted: &[f64]) -> Vec<(f64, f64)> {
    let Some(last) = sorted.len().checked_sub(1) else { return Vec::new() };
    let points = last.clamp(1, POINTS);
    let at = |point: usize| {
        let index = (point * last).div_ceil(points);
        (sorted[index], 100.0 * (index + 1) as f64 / sorted.len() as f64)
    };
    let mut line = vec![(sorted[0], 0.0)];
    line.extend((0..=points).map(at));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_distribution_keeps_its_ends_and_its_height() {
        let samples: Vec<f64> = (1..=20_000).map(f64::from).collect();
        let line = thinned(&samples);
        assert_eq!(line.len(), POINTS + 2);
        assert_eq!((line[0], *line.last().unwrap()), ((1.0, 0.0), (20_000.0, 100.0)));
        assert!(line.iter().skip(1).all(|(value, percent)| (value / 200.0 - percent).abs() < 0.01));
        assert_eq!(thinned(&[7.0]), [(7.0, 0.0), (7.0, 100.0), (7.0, 100.0)]);
        assert_eq!(thinned(&[]), []);
    }
}
