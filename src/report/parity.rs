//! The parity plot: what was predicted over what was measured.
//!
//! A panel for each kind of figure, both axes logarithmic; on the diagonal a prediction is right, within the grey lines it is
//! off by no more than a tenth. One colour an engine; figures
//! whose source says everything are filled, those that needed inference are rings.

use plotters::prelude::*;

use super::palette;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct ParityPoint {
    /// Kind of figure: a panel.
    pub kind: String,
    /// Engine: a colour.
    pub engine: String,
    /// Whether its source says everything about how it was measured.
    pub full: bool,
    /// What was measured.
    pub measured: f64,
    /// What was predicted, in the same unit.
    pub predicted: f64,
}

/// A kind that has a panel: its name, title and unit.
const PANELS: [(&str, &str, &str); 3] = [
    ("tpot", "Time per output token", "ms"),
    ("ttft", "Time to first token", "ms"),
    ("throughput", "Throughput (or seconds for a lot)", "1/s or s"),
];

/// Size of a panel [px].
const PANEL: (u32, u32) = (460, 480);
/// Room for the legend above the panels [px].
const LEGEND: i32 = 40;
/// From one engine of the legend to the next [px].
const ENTRY: i32 = 200;
/// A prediction within this much of the measured figure lies between the grey lines.
const TENTH: f64 = 1.1;

/// An error of the plotting library, in words.
type Drawn = Result<(), String>;

/// Draws the plot as an SVG document.
///
/// # Errors
/// If the library cannot draw it, in its words.
pub fn parity_svg(points: &[ParityPoint]) -> Result<String, String> {
    let mut engines: Vec<&str> = points.iter().map(|point| point.engine.as_str()).collect();
    engines.sort_unstable();
    engines.dedup();
    let colour = |engine: &str| {
        let place = engines.iter().position(|known| *known == engine).unwrap_or_default();
        palette::colour(place)
    };
    let mut svg = String::new();
    {
        let size = (PANEL.0 * PANELS.len() as u32, PANEL.1 + LEGEND.unsigned_abs());
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(text)?;
        let (legend, panels) = root.split_vertically(LEGEND);
        let mut at = (30, LEGEND / 2);
        for engine in &engines {
            legend.draw(&Circle::new(at, 5, colour(engine).filled())).map_err(text)?;
            let label = Text::new((*engine).to_owned(), (at.0 + 12, at.1 - 8), ("sans-serif", 16));
            legend.draw(&label).map_err(text)?;
            at.0 += ENTRY;
        }
        let note = Text::new(
            "filled: fully specified; ring: some inference needed; grey: 10 % off".to_owned(),
            (at.0, at.1 - 8),
            ("sans-serif", 16),
        );
        legend.draw(&note).map_err(text)?;
        let areas = panels.split_evenly((1, PANELS.len()));
        for ((kind, title, unit), area) in PANELS.iter().zip(&areas) {
            let of_kind: Vec<&ParityPoint> = points.iter().filter(|point| point.kind == *kind).collect();
            panel(area, title, unit, &of_kind, &colour)?;
        }
        root.present().map_err(text)?;
    }
    Ok(svg)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    title: &str,
    unit: &str,
    points: &[&ParityPoint],
    colour: &impl Fn(&str) -> RGBColor,
) -> Drawn {
    let figures = points.iter().flat_map(|point| [point.measured, point.predicted]);
    let (least, most) =
        figures.fold((f64::INFINITY, 0.0_f64), |(least, most), figure| (least.min(figure), most.max(figure)));
    // Without a point the panel still says so, on any axis.
    let (least, most) = if points.is_empty() { (1.0, 10.0) } else { (least / 1.3, most * 1.3) };
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(format!("{title}: {} figures", points.len()), ("sans-serif", 18))
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((least..most).log_scale(), (least..most).log_scale())
        .map_err(text)?;
    let number = |value: &f64| {
        if *value >= 1.0 { format!("{value:.0}") } else { format!("{value}") }
    };
    chart
        .configure_mesh()
        .x_desc(format!("measured [{unit}]"))
        .y_desc(format!("predicted [{unit}]"))
        .axis_desc_style(("sans-serif", 16))
        .label_style(("sans-serif", 13))
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_labels(4)
        .y_labels(4)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .draw()
        .map_err(text)?;
    for (factor, style) in
        [(1.0, BLACK), (TENTH, RGBColor(130, 130, 130)), (1.0 / TENTH, RGBColor(130, 130, 130))]
    {
        let ends = [least.max(least / factor), most.min(most / factor)];
        chart.draw_series(LineSeries::new(ends.map(|x| (x, x * factor)), style)).map_err(text)?;
    }
    let marks = points.iter().map(|point| {
        let style = colour(&point.engine);
        let style = if point.full { style.mix(0.7).filled() } else { style.stroke_width(1) };
        Circle::new((point.measured, point.predicted), 3, style)
    });
    chart.draw_series(marks).map_err(text)?;
    Ok(())
}
