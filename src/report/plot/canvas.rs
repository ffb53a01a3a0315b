//! What every figure is drawn on.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Caption, Figure};
use crate::report::palette;

/// Width of every figure [units]: twice what it is at a scale of 1.
pub(super) const WIDTH: i32 = 880;
/// Text that is read [units]; the library writes a size over 1.24.
const TEXT: f64 = 32.0;
/// Width of a line of data [units].
const LINE: u32 = 4;
/// Widths that stand for dashes and dots, which the library cannot draw: nothing else has them.
const DASHED: u32 = 5;
const DOTTED: u32 = 6;
/// Mean width of a letter over its height.
const LETTER: f64 = 0.6;

/// The library's error in words, or nothing.
pub(super) type Drawn = Result<(), String>;
/// What is drawn on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// An error of the library in words.
pub(super) fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Draws a figure of `height` units.
///
/// # Errors
/// If the library cannot draw it, in its words.
pub(super) fn figure(
    caption: Caption,
    height: i32,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<Figure, String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
        draw(&root)?;
        root.present().map_err(words)?;
    }
    let svg = finished(&svg, &caption, height);
    Ok(Figure { name: caption.name, title: caption.title, reading: caption.reading, svg })
}

/// Gives the library's document a name and a description, no fixed size, dashes, and no bytes that say nothing.
fn finished(svg: &str, caption: &Caption, height: i32) -> String {
    let Caption { name, title, description, .. } = caption;
    let body = svg.split_once(">\n").map_or("", |(_, body)| body);
    let body = body
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(
            &format!("stroke-width=\"{DASHED}\""),
            &format!("stroke-width=\"{LINE}\" stroke-dasharray=\"16 9\""),
        )
        .replace(
            &format!("stroke-width=\"{DOTTED}\""),
            &format!("stroke-width=\"{LINE}\" stroke-dasharray=\"4 7\""),
        )
        .replace("\">\n", "\">")
        .replace("\n</text>", "</text>");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"{name}-title {name}-desc\" font-family=\"sans-serif\">\n\
         <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-desc\">{}</desc>\n{body}",
        escaped(title),
        escaped(description),
    )
}

/// As text of an XML document.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Style of text: colour and where its anchor is.
pub(super) fn text(colour: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    ("sans-serif", TEXT).into_font().color(&colour).pos(Pos::new(h, v))
}

/// Style of the line of the thing at `index`.
pub(super) fn line(index: usize) -> ShapeStyle {
    let width = match palette::round(index) {
        0 => LINE,
        1 => DASHED,
        _ => DOTTED,
    };
    palette::colour(index).stroke_width(width)
}

/// Writes `label` at a place.
pub(super) fn write(
    area: &Area<'_>,
    label: impl Into<String>,
    at: (i32, i32),
    style: &TextStyle<'_>,
) -> Drawn {
    area.draw(&Text::new(label.into(), at, style.clone())).map_err(words)
}

/// Fills a rectangle.
pub(super) fn fill(area: &Area<'_>, corners: [(i32, i32); 2], colour: RGBColor) -> Drawn {
    area.draw(&Rectangle::new(corners, colour.filled())).map_err(words)
}

/// Draws a straight line.
pub(super) fn stroke(area: &Area<'_>, ends: [(i32, i32); 2], style: ShapeStyle) -> Drawn {
    area.draw(&PathElement::new(ends, style)).map_err(words)
}

/// Letters that fit into `width` units.
fn letters(width: i32) -> usize {
    (f64::from(width) / (TEXT / 1.24 * LETTER)) as usize
}

/// `label` cut to about `width` units, with an ellipsis where its end is missing.
pub(super) fn cut(label: &str, width: i32) -> String {
    let letters = letters(width);
    if label.chars().count() <= letters {
        return label.to_owned();
    }
    let kept: String = label.chars().take(letters.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// `label` cut to about `width` units, its end kept, which is what tells it from others.
pub(super) fn cut_before(label: &str, width: i32) -> String {
    let (letters, all) = (letters(width), label.chars().count());
    if all <= letters {
        return label.to_owned();
    }
    let kept: String = label.chars().skip(all + 1 - letters).collect();
    format!("…{kept}")
}

/// About how wide `label` is [units].
pub(super) fn width(label: &str) -> i32 {
    (label.chars().count() as f64 * TEXT / 1.24 * LETTER) as i32
}
