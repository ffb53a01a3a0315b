//! Legends: what a colour stands for, in two columns above a plot.

use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Area, Drawn, WIDTH, cut, fill, line, stroke, text, write};
use crate::report::palette;

/// From one row to the next [units].
const ROW: i32 = 36;
/// Room for a sample [units].
const SAMPLE: i32 = 56;

/// Height of a legend of so many entries [units]; none for a single one, which the title names.
pub(super) fn height(entries: usize) -> i32 {
    if entries < 2 { 0 } else { entries.div_ceil(2) as i32 * ROW + 10 }
}

/// Lines of things by their index.
pub(super) fn lines<'a>(area: &Area<'_>, names: impl Iterator<Item = (&'a str, usize)>) -> Drawn {
    for (place, (name, index)) in names.enumerate() {
        let (x, y) = entry(area, place, name)?;
        stroke(area, [(x, y), (x + SAMPLE - 14, y)], line(index))?;
    }
    Ok(())
}

/// Shades of the parts of a whole.
pub(super) fn parts(area: &Area<'_>, names: &[&str]) -> Drawn {
    for (place, name) in names.iter().enumerate() {
        let (x, y) = entry(area, place, name)?;
        fill(area, [(x + 8, y - 11), (x + 36, y + 11)], palette::shade(place))?;
    }
    Ok(())
}

/// Writes the name of an entry; tells where its sample begins.
fn entry(area: &Area<'_>, place: usize, name: &str) -> Result<(i32, i32), String> {
    let column = WIDTH / 2;
    let (x, y) = (place as i32 % 2 * column, place as i32 / 2 * ROW + ROW / 2);
    let style = text(palette::INK, HPos::Left, VPos::Center);
    write(area, cut(name, column - SAMPLE - 16), (x + SAMPLE, y), &style)?;
    Ok((x, y))
}
