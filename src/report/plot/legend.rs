//! Legends: what a colour stands for, above a plot; in two columns where names are short enough.

use plotters::style::text_anchor::{HPos, VPos};

use super::Line;
use super::canvas::{Area, Drawn, WIDTH, cut, fill, line, stroke, text, width, write};
use crate::report::palette;

/// From one row to the next [units].
const ROW: i32 = 36;
/// Room for a sample [units].
const SAMPLE: i32 = 56;

/// Names, each with a sample.
pub(super) struct Legend<'a> {
    names: Vec<&'a str>,
    columns: usize,
}

impl<'a> Legend<'a> {
    /// Of these names.
    pub(super) fn of(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.collect();
        let longest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        Self { names, columns: if longest < WIDTH / 2 - SAMPLE - 16 { 2 } else { 1 } }
    }

    /// Its height [units]; none for a single name, which the title says.
    pub(super) fn height(&self) -> i32 {
        if self.names.len() < 2 { 0 } else { self.names.len().div_ceil(self.columns) as i32 * ROW + 10 }
    }

    /// Draws it with a line for each name, or with a mark where there is no line.
    pub(super) fn lines(&self, area: &Area<'_>, lines: &[Line<'_>]) -> Drawn {
        for (place, drawn) in lines.iter().enumerate() {
            let (x, y) = self.entry(area, place)?;
            match drawn.marks.first().filter(|_| drawn.points.is_empty()) {
                Some(mark) => mark.draw(area, (x + SAMPLE / 2, y), drawn.index)?,
                None => stroke(area, [(x, y), (x + SAMPLE - 14, y)], line(drawn.index))?,
            }
        }
        Ok(())
    }

    /// Draws it with a shade for each name.
    pub(super) fn shades(&self, area: &Area<'_>) -> Drawn {
        for place in 0..self.names.len() {
            let (x, y) = self.entry(area, place)?;
            fill(area, [(x + 8, y - 11), (x + 36, y + 11)], palette::shade(place))?;
        }
        Ok(())
    }

    /// Writes the name at `place`; tells where its sample begins.
    fn entry(&self, area: &Area<'_>, place: usize) -> Result<(i32, i32), String> {
        let column = WIDTH / self.columns as i32;
        let (x, y) = ((place % self.columns) as i32 * column, (place / self.columns) as i32 * ROW + ROW / 2);
        let style = text(palette::INK, HPos::Left, VPos::Center);
        write(area, cut(self.names[place], column - SAMPLE - 16), (x + SAMPLE, y), &style)?;
        Ok((x, y))
    }
}
