//! Cost and latency, a bar a placement.

use super::{Ran, listed, served};
use crate::report::Metric;
use crate::report::page::{Part, Section};
use crate::report::plot::{Bar, Bars, Caption, Figure, Scale};
use crate::report::recorded::Recorded;
use crate::report::summary::rates_searched;
use crate::report::words::{figure, latency, or_dash, usd};

/// A figure of a placement and how far it may be off.
type Value = fn(&Ran<'_>) -> (Option<f64>, f64);

pub(super) fn section(recorded: &Recorded) -> Result<Option<Section>, String> {
    let served = served(recorded);
    if served.is_empty() {
        return Ok(None);
    }
    let searched = rates_searched(&recorded.summary.placements);
    let mut figures = costs(&served, searched)?;
    figures.extend([
        bars(
            &served,
            |ran| (ran.figures.traffic.latency.ttft_ms.p95, ran.figures.model_error.ttft),
            |ran| ran.figures.traffic.latency.ttft_ms.p50,
            (latency, "TTFT [ms]", Some("ttft_p95")),
            (
                "ttft",
                "Time to first token, 95th percentile",
                "Shorter is faster. The notch is the median.".to_owned(),
            ),
        )?,
        bars(
            &served,
            |ran| (ran.figures.traffic.latency.tpot_ms.p95, ran.figures.model_error.tpot),
            |ran| ran.figures.traffic.latency.tpot_ms.p50,
            (latency, "TPOT [ms]", Some("tpot_p95")),
            (
                "tpot",
                "Time per output token, 95th percentile",
                "Shorter is faster. The notch is the median.".to_owned(),
            ),
        )?,
    ]);
    if searched {
        figures.push(bars(
            &served,
            |ran| {
                let capacity = ran.figures.capacity.as_ref();
                (
                    capacity.map(|capacity| capacity.max_requests_per_s_at_slo),
                    ran.figures.model_error.throughput,
                )
            },
            |_| None,
            (figure, "requests/s", None),
            (
                "capacity",
                "Highest rate within the slo",
                "Longer is better: more load before the slo is missed.".to_owned(),
            ),
        )?);
    }
    Ok(Some(Section {
        id: "comparison",
        title: "Cost and latency",
        lead: "The grey line under a bar is the model error: nine of ten predictions of published measurements were that close. Which placements it leaves in a tie stands under How far to trust it."
            .to_owned(),
        parts: vec![Part::Figures(figures)],
    }))
}

/// What a million tokens cost at the offered load, and at the highest rate within the slo where that was searched.
fn costs(served: &[Ran<'_>], searched: bool) -> Result<Vec<Figure>, String> {
    let cost = |name, value: Value, at: &str| {
        let reading = format!("Shorter is cheaper. Prompts and answers together, {at}.");
        let title = format!("Cost of a million tokens, {at}");
        bars(served, value, |_| None, (usd, "$ per million tokens", None), (name, &title, reading))
    };
    let at_load: Value =
        |ran| (Metric::UsdPerMillionTokensAtLoad.value(ran.placement), ran.figures.model_error.cost);
    let at_max: Value =
        |ran| (Metric::UsdPerMillionTokensAtCapacity.value(ran.placement), ran.figures.model_error.cost);
    let mut figures = vec![cost("cost-at-load", at_load, "at the offered load")?];
    if searched {
        figures.push(cost("cost-at-max", at_max, "at the highest rate within the slo")?);
    }
    Ok(figures)
}

fn bars(
    served: &[Ran<'_>],
    value: Value,
    notch: impl Fn(&Ran<'_>) -> Option<f64>,
    (words, unit, limit): (fn(f64) -> String, &str, Option<&str>),
    (name, title, reading): (&str, &str, String),
) -> Result<Figure, String> {
    let bars: Vec<Bar> = served
        .iter()
        .map(|ran| {
            let (known, error) = value(ran);
            Bar {
                name: ran.name().to_owned(),
                index: ran.index,
                value: known,
                notch: notch(ran),
                range: known.map(|known| (known * (1.0 - error), known * (1.0 + error))),
                text: or_dash(known, words),
            }
        })
        .collect();
    let limit = limit.and_then(|name| Some((served.first()?.limit(name)?, "slo")));
    let ends = bars.iter().filter_map(|bar| bar.range.map(|(_, high)| high));
    let most = ends.chain(limit.map(|(limit, _)| limit)).fold(0.0, f64::max);
    let described = listed(bars.iter().map(|bar| (bar.name.as_str(), bar.text.clone())));
    let reading = match limit {
        Some((limit, _)) => format!("{reading} The line is the slo's {}.", words(limit)),
        None => reading,
    };
    let limit = limit.map(|(limit, name)| (limit, format!("{name} {}", words(limit))));
    Bars { scale: Scale::linear(unit, most), rows: bars, limit }
        .figure(Caption::new(name, title, reading, described))
}
