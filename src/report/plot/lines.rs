//! Lines over two axes: distributions, figures over a rate.

use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Area, Drawn, WIDTH, figure, line, text, words, write};
use super::legend::Legend;
use super::{Caption, Figure, Scale};
use crate::report::palette::{self, GRID, INK, MUTED};

/// Height of a plot without its legend [units].
const HEIGHT: i32 = 540;

/// A line of one thing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Line<'a> {
    /// Its name.
    pub(in crate::report) name: &'a str,
    /// Which thing it is: its colour.
    pub(in crate::report) index: usize,
    /// Values, in order.
    pub(in crate::report) points: Vec<(f64, f64)>,
    /// Values to be marked on it.
    pub(in crate::report) marks: Vec<Mark>,
}

/// A marked value: a disc, or a ring where something is missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct Mark {
    /// Where.
    pub(in crate::report) at: (f64, f64),
    /// A disc.
    pub(in crate::report) met: bool,
}

impl Mark {
    /// Draws it in the colour of the thing at `index`.
    pub(super) fn draw(self, area: &Area<'_>, at: (i32, i32), index: usize) -> Drawn {
        let colour = palette::colour(index);
        let style = if self.met { colour.filled() } else { colour.stroke_width(3) };
        area.draw(&Circle::new(at, 8, style)).map_err(words)
    }
}

/// Lines, their axes, and values that must not be exceeded.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Lines<'a> {
    /// From left to right.
    pub(in crate::report) x: Scale,
    /// From below.
    pub(in crate::report) y: Scale,
    /// The lines.
    pub(in crate::report) lines: Vec<Line<'a>>,
    /// Horizontal rules and what they stand for.
    pub(in crate::report) rules: Vec<(f64, String)>,
    /// An upright rule: where it ends to be good.
    pub(in crate::report) stop: Option<f64>,
}

impl Lines<'_> {
    /// Draws them.
    ///
    /// # Errors
    /// If the library cannot, in its words.
    pub(in crate::report) fn figure(&self, caption: Caption) -> Result<Figure, String> {
        let legend = Legend::of(self.lines.iter().map(|line| line.name));
        let above = legend.height();
        figure(caption, HEIGHT + above, |root| {
            let (strip, plot) = root.split_vertically(above);
            if above > 0 {
                legend.lines(&strip, &self.lines)?;
            }
            self.plot(&plot)
        })
    }

    fn plot(&self, area: &Area<'_>) -> Drawn {
        let (x, y) = (&self.x, &self.y);
        let corner = area.get_base_pixel();
        let mut chart = ChartBuilder::on(area)
            .margin_right(40)
            .margin_top(44)
            .margin_bottom(4)
            .x_label_area_size(84)
            .y_label_area_size(86)
            .build_cartesian_2d(x.clone(), y.clone())
            .map_err(words)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(MUTED.stroke_width(2))
            .set_all_tick_mark_size(8)
            .label_style(text(MUTED, HPos::Center, VPos::Center))
            .x_labels(x.ticks().len())
            .y_labels(y.ticks().len())
            .draw()
            .map_err(words)?;
        write(area, &y.label, (4, 4), &text(MUTED, HPos::Left, VPos::Top))?;
        write(area, &x.label, (WIDTH - 40, HEIGHT - 6), &text(MUTED, HPos::Right, VPos::Bottom))?;
        for (value, name) in &self.rules {
            let ends = [x.range().start, x.range().end].map(|end| (end, *value));
            chart.draw_series(DashedLineSeries::new(ends, 10, 8, INK.stroke_width(2))).map_err(words)?;
            // At the left lines are low; above a rule at the top there is no room.
            let (v_pos, dy) = if y.part(*value) > 0.85 { (VPos::Top, 6) } else { (VPos::Bottom, -4) };
            let at = chart.backend_coord(&ends[0]);
            write(area, name, (at.0 + 10 - corner.0, at.1 + dy - corner.1), &text(INK, HPos::Left, v_pos))?;
        }
        if let Some(stop) = self.stop {
            let ends = [y.range().start, y.range().end].map(|end| (stop, end));
            chart.draw_series(DashedLineSeries::new(ends, 10, 8, INK.stroke_width(2))).map_err(words)?;
        }
        for drawn in &self.lines {
            let style = line(drawn.index);
            chart.draw_series(LineSeries::new(drawn.points.iter().copied(), style)).map_err(words)?;
            for mark in &drawn.marks {
                let at = chart.backend_coord(&mark.at);
                mark.draw(area, (at.0 - corner.0, at.1 - corner.1), drawn.index)?;
            }
        }
        Ok(())
    }
}
