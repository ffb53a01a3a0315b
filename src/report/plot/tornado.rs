//! A tornado: how far one uncertain thing after the other moves a figure, most first.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::bars::axis;
use super::canvas::{Area, Drawn, WIDTH, cut, figure, fill, stroke, text, write};
use super::{Caption, Figure, Scale};
use crate::report::palette::{self, INK};

/// From one row to the next [units].
const ROW: i32 = 84;
/// From the top of a row to its bar [units].
const ABOVE: i32 = 40;
/// Height of a bar [units].
const BAR: i32 = 28;
/// Room behind the bars for their values [units].
const VALUES: i32 = 230;
/// Room for the axis below the rows [units].
const AXIS: i32 = 84;

/// One uncertain thing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct TornadoRow {
    /// What varies, and between what.
    pub(in crate::report) name: String,
    /// The figure at its low and at its high end, where there is one.
    pub(in crate::report) ends: [Option<f64>; 2],
    /// What stands behind it.
    pub(in crate::report) text: String,
}

/// All of them around the figure as planned.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Tornado {
    /// What the figure is, with its unit.
    pub(in crate::report) label: String,
    /// As planned.
    pub(in crate::report) base: f64,
    /// From the top.
    pub(in crate::report) rows: Vec<TornadoRow>,
}

impl Tornado {
    /// Draws it.
    ///
    /// # Errors
    /// If the library cannot, in its words.
    pub(in crate::report) fn figure(&self, caption: Caption) -> Result<Figure, String> {
        let ends = self.rows.iter().flat_map(|row| row.ends.into_iter().flatten());
        let scale = Scale::linear(&self.label, ends.fold(self.base, f64::max));
        let rows = self.rows.len() as i32 * ROW;
        figure(caption, rows + AXIS, |root| {
            axis(root, &scale, (0, rows), WIDTH - VALUES)?;
            for (index, row) in self.rows.iter().enumerate() {
                self.row(root, row, &scale, index as i32 * ROW)?;
            }
            let base = x(&scale, self.base);
            stroke(root, [(base, 0), (base, rows)], INK.stroke_width(2))
        })
    }

    fn row(&self, area: &Area<'_>, row: &TornadoRow, scale: &Scale, top: i32) -> Drawn {
        write(area, cut(&row.name, WIDTH - 10), (0, top + 8), &text(INK, HPos::Left, VPos::Top))?;
        let base = x(scale, self.base);
        // Colours by the end of the thing that varies: the low one, the high one.
        for (end, colour) in row.ends.iter().zip([palette::shade(2), palette::colour(0)]) {
            let Some(end) = end.map(|end| x(scale, end)).filter(|end| *end != base) else { continue };
            fill(area, [(base.min(end), top + ABOVE), (base.max(end), top + ABOVE + BAR)], colour)?;
        }
        let at = (WIDTH - VALUES + 14, top + ABOVE + BAR / 2);
        write(area, &row.text, at, &text(INK, HPos::Left, VPos::Center))
    }
}

fn x(scale: &Scale, value: f64) -> i32 {
    (scale.part(value) * f64::from(WIDTH - VALUES)).round() as i32
}
