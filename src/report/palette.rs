//! Colours: Okabe and Ito's, which colour-blind readers tell apart, and what becomes of them on a dark page.
//!
//! A thing that is compared keeps its colour on every figure of a report. Plots are drawn in the colours of a light page; a
//! style sheet that goes by the colours themselves turns them on a dark screen, so that a plot is right wherever it is shown.

use std::fmt::Write;

use plotters::style::RGBColor;

/// Okabe and Ito's palette, its yellow left out, which white swallows.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Parts of a whole, from the one that matters most; told apart by lightness alone.
const SHADES: [RGBColor; 5] = [
    RGBColor(46, 58, 77),
    RGBColor(88, 105, 133),
    RGBColor(134, 149, 173),
    RGBColor(176, 187, 203),
    RGBColor(211, 219, 229),
];

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(31, 36, 43);
/// What stands back: ticks, remarks.
pub(super) const MUTED: RGBColor = RGBColor(90, 99, 112);
/// Lines of the grid.
pub(super) const GRID: RGBColor = RGBColor(222, 226, 232);
/// Something failed.
pub(super) const ALARM: RGBColor = RGBColor(178, 24, 43);

/// On a dark screen, in the order light, dark.
const DARK: [(RGBColor, RGBColor); 10] = [
    (COLOURS[0], RGBColor(62, 148, 209)),
    (COLOURS[1], RGBColor(232, 118, 32)),
    (SHADES[0], RGBColor(226, 232, 241)),
    (SHADES[1], RGBColor(160, 174, 196)),
    (SHADES[2], RGBColor(112, 126, 150)),
    (SHADES[3], RGBColor(76, 88, 108)),
    (SHADES[4], RGBColor(48, 56, 70)),
    (INK, RGBColor(230, 233, 238)),
    (MUTED, RGBColor(160, 169, 182)),
    (GRID, RGBColor(48, 55, 66)),
];
/// The alarm is brighter on a dark screen.
const DARK_ALARM: RGBColor = RGBColor(255, 122, 122);

/// The colour of the thing at `index`; colours return where there are more things than colours.
pub(super) const fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// How often the colours have been gone through before `index`: lines tell things of one colour apart by dashes.
pub(super) const fn round(index: usize) -> usize {
    index / COLOURS.len()
}

/// The shade of the part at `index` of a whole.
pub(super) const fn shade(index: usize) -> RGBColor {
    SHADES[index % SHADES.len()]
}

/// As SVG and CSS write it.
pub(super) fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Rules that turn the colours of plots on a dark screen; paper stays light.
pub(super) fn dark_rules() -> String {
    let mut rules = "@media screen and (prefers-color-scheme: dark) {\n".to_owned();
    for (light, dark) in DARK.into_iter().chain([(ALARM, DARK_ALARM)]) {
        let (light, dark) = (hex(light), hex(dark));
        let _ = writeln!(
            rules,
            "svg [fill=\"{light}\"] {{ fill: {dark} }} svg [stroke=\"{light}\"] {{ stroke: {dark} }}"
        );
    }
    rules.push_str("}\n");
    rules
}
