//! `plots/compare.svg`: what placements do, and how sure that is.
//!
//! A panel a figure, a line a placement: the dot is the mean over replications, the thick bar its 95 % confidence interval,
//! the thin one what the model's error adds.

use plotters::{coord::Shift, prelude::*};

use super::{ComparedMetric, Comparison, Measured};
use crate::metrics::{LatencyMetric, Statistic};
use crate::report::{Metric, palette};

/// Figures with a panel, where placements have them.
const PANELS: [Metric; 6] = [
    Metric::Latency(LatencyMetric::Ttft, Statistic::P95),
    Metric::Latency(LatencyMetric::Tpot, Statistic::P95),
    Metric::Latency(LatencyMetric::E2e, Statistic::P95),
    Metric::MaxRequestsPerSAtSlo,
    Metric::UsdPerMillionTokensAtLoad,
    Metric::UsdPerMillionTokensAtCapacity,
];

/// Width of the plot [px].
const WIDTH: u32 = 860;
/// Height of the legend above the panels [px].
const LEGEND: u32 = 30;
/// Room for the names of placements [px].
const NAMES: u32 = 190;
/// Height of a placement's line [px].
const LINE: u32 = 26;
/// Height of a panel besides its lines: title and axis [px].
const FRAME: u32 = 66;
/// Width of a letter of a name, at the most [px].
const LETTER: usize = 8;

/// An error of the plotting library, in words.
type Drawn = Result<(), String>;

/// Draws the plot as an SVG document; `None` if no placement has any of its figures.
///
/// # Errors
/// If the library cannot draw it, in its words.
pub fn comparison_svg(comparison: &Comparison) -> Result<Option<String>, String> {
    let metrics: Vec<&ComparedMetric> = PANELS
        .iter()
        .filter_map(|metric| comparison.metrics.iter().find(|known| known.metric == metric.key()))
        .collect();
    let heights: Vec<u32> =
        metrics.iter().map(|metric| FRAME + LINE * metric.placements.len() as u32).collect();
    if metrics.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = comparison.placements.iter().map(|placement| placement.name.as_str()).collect();
    let mut svg = String::new();
    {
        let size = (WIDTH, LEGEND + heights.iter().sum::<u32>());
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(text)?;
        let legend = format!(
            "dot: mean of {} replications; thick: its 95 % confidence interval; thin: with the model's error",
            comparison.replications
        );
        root.draw(&Text::new(legend, (12, 8), ("sans-serif", 13))).map_err(text)?;
        let mut below = LEGEND;
        for (metric, height) in metrics.iter().zip(heights) {
            let area = root.clone().shrink((0, below), (WIDTH, height));
            panel(&area, metric, &names)?;
            below += height;
        }
        root.present().map_err(text)?;
    }
    Ok(Some(svg))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    metric: &ComparedMetric,
    names: &[&str],
) -> Drawn {
    // The first placement on top.
    let upwards: Vec<&Measured> = metric.placements.iter().rev().collect();
    let ends = upwards.iter().map(|measured| measured.mean.mean + measured.mean.band.combined_error);
    let most = ends.fold(0.0_f64, f64::max);
    let right = if most > 0.0 { 1.05 * most } else { 1.0 };
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{} ({} is better)", metric.name, metric.better), ("sans-serif", 15))
        .margin_right(24)
        .x_label_area_size(26)
        .y_label_area_size(NAMES)
        .build_cartesian_2d(0.0..right, (0..upwards.len() - 1).into_segmented())
        .map_err(text)?;
    let name = |line: &SegmentValue<usize>| match line {
        SegmentValue::CenterOf(line) => {
            upwards.get(*line).map_or_else(String::new, |measured| shortened(&measured.placement))
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(upwards.len())
        .y_label_formatter(&name)
        .x_labels(7)
        .x_label_formatter(&f64::to_string)
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.12))
        .label_style(("sans-serif", 13))
        .draw()
        .map_err(text)?;
    for (line, measured) in upwards.iter().enumerate() {
        let place = names.iter().position(|name| *name == measured.placement).unwrap_or_default();
        let colour = palette::colour(place);
        let (mean, band) = (measured.mean.mean, measured.mean.band);
        let bar = |half: f64, width: u32| {
            let ends = [(mean - half).max(0.0), mean + half].map(|x| (x, SegmentValue::CenterOf(line)));
            std::iter::once(PathElement::new(ends, colour.stroke_width(width)))
        };
        chart.draw_series(bar(band.combined_error, 1)).map_err(text)?;
        chart.draw_series(bar(band.sampling_error.unwrap_or_default(), 5)).map_err(text)?;
        let dot = Circle::new((mean, SegmentValue::CenterOf(line)), 4, colour.filled());
        chart.draw_series(std::iter::once(dot)).map_err(text)?;
    }
    Ok(())
}

/// A name that fits beside a panel.
fn shortened(name: &str) -> String {
    let most = NAMES as usize / LETTER;
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}
