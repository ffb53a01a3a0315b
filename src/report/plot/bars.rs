//! Bars from left to right, a row a thing: its name above, its value behind.

use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Area, Drawn, WIDTH, cut, figure, fill, stroke, text, write};
use super::{Caption, Figure, Scale};
use crate::report::palette::{self, GRID, INK, MUTED};

/// From one row to the next [units].
const ROW: i32 = 90;
/// From the top of a row to its bar [units].
const ABOVE: i32 = 36;
/// Height of a bar [units].
const BAR: i32 = 24;
/// Room behind the bars for their values [units].
const VALUES: i32 = 190;
/// Room for the axis below the rows [units].
const AXIS: i32 = 84;
/// Room for the name of a limit above the rows [units].
const LIMIT: i32 = 38;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Bar {
    /// Its name.
    pub(in crate::report) name: String,
    /// Which thing it belongs to: its colour.
    pub(in crate::report) index: usize,
    /// How long it is; nothing is drawn of what is not known.
    pub(in crate::report) value: Option<f64>,
    /// A second value, as a notch.
    pub(in crate::report) notch: Option<f64>,
    /// Between which values it may truly end.
    pub(in crate::report) range: Option<(f64, f64)>,
    /// What stands behind it.
    pub(in crate::report) text: String,
}

/// Bars, their axis, and a value that must not be exceeded.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Bars {
    /// From left to right.
    pub(in crate::report) scale: Scale,
    /// From the top.
    pub(in crate::report) bars: Vec<Bar>,
    /// The value, and what it stands for.
    pub(in crate::report) limit: Option<(f64, String)>,
}

impl Bars {
    /// Draws them.
    ///
    /// # Errors
    /// If the library cannot, in its words.
    pub(in crate::report) fn figure(&self, caption: Caption) -> Result<Figure, String> {
        let above = if self.limit.is_some() { LIMIT } else { 0 };
        let rows = self.bars.len() as i32 * ROW;
        figure(caption, above + rows + AXIS, |root| {
            axis(root, &self.scale, (above, above + rows), WIDTH - VALUES)?;
            if let Some((value, name)) = &self.limit {
                let x = self.x(*value);
                stroke(root, [(x, above), (x, above + rows)], INK.stroke_width(2))?;
                let anchor = if x > WIDTH / 2 { HPos::Right } else { HPos::Left };
                write(root, name, (x, above - 4), &text(INK, anchor, VPos::Bottom))?;
            }
            for (row, bar) in self.bars.iter().enumerate() {
                self.bar(root, bar, above + row as i32 * ROW)?;
            }
            Ok(())
        })
    }

    fn x(&self, value: f64) -> i32 {
        (self.scale.part(value) * f64::from(WIDTH - VALUES)).round() as i32
    }

    fn bar(&self, area: &Area<'_>, bar: &Bar, top: i32) -> Drawn {
        let ink = text(INK, HPos::Left, VPos::Top);
        let top_of_bar = top + ABOVE;
        write(area, cut(&bar.name, WIDTH - 10), (0, top + 6), &ink)?;
        let end = bar.value.map_or(0, |value| self.x(value).max(3));
        if bar.value.is_some() {
            fill(area, [(0, top_of_bar), (end, top_of_bar + BAR)], palette::colour(bar.index))?;
        }
        if let Some(notch) = bar.notch {
            let x = self.x(notch).max(3);
            fill(area, [(x - 3, top_of_bar - 4), (x + 3, top_of_bar + BAR + 4)], INK)?;
        }
        let mut behind = end;
        if let Some((low, high)) = bar.range {
            let y = top_of_bar + BAR + 8;
            let (low, high) = (self.x(low), self.x(high));
            stroke(area, [(low, y), (high, y)], MUTED.stroke_width(4))?;
            behind = behind.max(high);
        }
        write(area, &bar.text, (behind + 14, top_of_bar + BAR / 2), &text(INK, HPos::Left, VPos::Center))
    }
}

/// Grid, ticks and name of a scale from the left edge to `width`, below rows from `top` to `bottom`.
pub(super) fn axis(area: &Area<'_>, scale: &Scale, (top, bottom): (i32, i32), width: i32) -> Drawn {
    let muted = |anchor| text(MUTED, anchor, VPos::Top);
    let mut free_from = i32::MIN;
    for tick in scale.ticks() {
        let x = (scale.part(*tick) * f64::from(width)).round() as i32;
        stroke(area, [(x, top), (x, bottom)], GRID.stroke_width(2))?;
        let number = Scale::format(tick);
        let half = super::canvas::width(&number) / 2;
        // Where two numbers would touch, the second is left out.
        if x - half > free_from {
            let anchor = if x == 0 { HPos::Left } else { HPos::Center };
            write(area, number, (x, bottom + 8), &muted(anchor))?;
            free_from = x + half + 10;
        }
    }
    write(area, &scale.label, (0, bottom + 44), &muted(HPos::Left))
}
