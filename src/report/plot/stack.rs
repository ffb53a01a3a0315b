//! Stacked bars: how a whole divides into parts, a row a thing.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::bars::axis;
use super::canvas::{Area, Drawn, WIDTH, cut, figure, fill, text, write};
use super::legend::Legend;
use super::{Caption, Figure, Scale};
use crate::report::palette::{self, INK};

/// From one row to the next [units].
const ROW: i32 = 78;
/// From the top of a row to its bar [units].
const ABOVE: i32 = 36;
/// Height of a bar [units].
const BAR: i32 = 28;
/// Room behind the bars for their values [units].
const VALUES: i32 = 150;
/// Room for the axis below the rows [units].
const AXIS: i32 = 84;

/// One whole and its parts.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct StackRow {
    /// Its name.
    pub(in crate::report) name: String,
    /// Which thing it belongs to: the colour of its dot.
    pub(in crate::report) index: usize,
    /// Its parts, in the order of the legend.
    pub(in crate::report) parts: Vec<f64>,
    /// What stands behind it.
    pub(in crate::report) text: String,
}

/// Wholes of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Stack<'a> {
    /// From left to right.
    pub(in crate::report) scale: Scale,
    /// What the parts are.
    pub(in crate::report) parts: &'a [&'a str],
    /// From the top.
    pub(in crate::report) rows: Vec<StackRow>,
}

impl Stack<'_> {
    /// Draws them.
    ///
    /// # Errors
    /// If the library cannot, in its words.
    pub(in crate::report) fn figure(&self, caption: Caption) -> Result<Figure, String> {
        let legend = Legend::of(self.parts.iter().copied());
        let above = legend.height();
        let rows = self.rows.len() as i32 * ROW;
        figure(caption, above + rows + AXIS, |root| {
            legend.shades(root)?;
            axis(root, &self.scale, (above, above + rows), WIDTH - VALUES)?;
            for (index, row) in self.rows.iter().enumerate() {
                self.row(root, row, above + index as i32 * ROW)?;
            }
            Ok(())
        })
    }

    fn row(&self, area: &Area<'_>, row: &StackRow, top: i32) -> Drawn {
        let dot = Circle::new((10, top + 18), 9, palette::colour(row.index).filled());
        area.draw(&dot).map_err(super::canvas::words)?;
        write(area, cut(&row.name, WIDTH - 40), (30, top + 6), &text(INK, HPos::Left, VPos::Top))?;
        let x = |value: f64| (self.scale.part(value) * f64::from(WIDTH - VALUES)).round() as i32;
        let mut sum = 0.0;
        for (index, part) in row.parts.iter().enumerate() {
            let from = x(sum);
            sum += part;
            // A part too small to be seen is none.
            if x(sum) > from {
                let corners = [(from, top + ABOVE), (x(sum), top + ABOVE + BAR)];
                fill(area, corners, palette::shade(index))?;
            }
        }
        write(area, &row.text, (x(sum) + 14, top + ABOVE + BAR / 2), &text(INK, HPos::Left, VPos::Center))
    }
}
