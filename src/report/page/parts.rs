//! Pieces of a page: tables, tiles, the patch of colour that stands for a thing.

use maud::{Markup, html};

use crate::report::palette;
use crate::report::words::DASH;

/// A column of a table.
pub(in crate::report) struct Column {
    name: String,
    number: bool,
}

impl Column {
    /// Of numbers, which stand at its right.
    pub(in crate::report) fn number(name: impl Into<String>) -> Self {
        Self { name: name.into(), number: true }
    }

    /// Of words.
    pub(in crate::report) fn words(name: impl Into<String>) -> Self {
        Self { name: name.into(), number: false }
    }

    const fn class(&self) -> &'static str {
        if self.number { "number" } else { "words" }
    }
}

/// A table; the first cell of a row says what the row is about.
pub(in crate::report) struct Table {
    /// Identifier on the page.
    pub(in crate::report) id: String,
    /// What it shows.
    pub(in crate::report) caption: String,
    /// From the left.
    pub(in crate::report) columns: Vec<Column>,
    /// From the top, a cell a column.
    pub(in crate::report) rows: Vec<Vec<Markup>>,
}

impl Table {
    /// Whether anything but dashes stands in the column at `index`.
    fn says_something(&self, index: usize) -> bool {
        index == 0 || self.rows.iter().any(|row| row[index].0 != DASH && !row[index].0.is_empty())
    }

    /// As HTML, in a region that scrolls where the screen is too narrow; columns that say nothing are left out.
    pub(in crate::report) fn html(&self) -> Markup {
        let columns: Vec<(usize, &Column)> =
            self.columns.iter().enumerate().filter(|(index, _)| self.says_something(*index)).collect();
        html! {
            div.scroll role="region" tabindex="0" aria-labelledby=(self.id) {
                table {
                    caption id=(self.id) { (self.caption) }
                    thead {
                        tr { @for (_, column) in &columns { th scope="col" class=(column.class()) { (column.name) } } }
                    }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                th scope="row" { (row[0]) }
                                @for (index, column) in &columns[1..] {
                                    td class=(column.class()) { (row[*index]) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Cells of plain text.
pub(in crate::report) fn texts<const N: usize>(cells: [String; N]) -> Vec<Markup> {
    cells.into_iter().map(|cell| html! { (cell) }).collect()
}

/// A figure that a reader should not miss.
pub(in crate::report) struct Tile {
    /// What it is.
    pub(in crate::report) name: String,
    /// The figure.
    pub(in crate::report) value: String,
    /// What to know about it.
    pub(in crate::report) note: String,
}

/// Tiles side by side.
pub(in crate::report) fn tiles(tiles: &[Tile]) -> Markup {
    html! {
        dl.tiles {
            @for tile in tiles {
                div {
                    dt { (tile.name) }
                    dd.value { (tile.value) }
                    @if !tile.note.is_empty() { dd.note { (tile.note) } }
                }
            }
        }
    }
}

/// The colour of the thing at `index`, and its name.
pub(in crate::report) fn swatch(index: usize, name: &str) -> Markup {
    html! {
        span.thing {
            svg.swatch viewBox="0 0 10 10" aria-hidden="true" {
                rect width="10" height="10" rx="2" fill=(palette::hex(palette::colour(index))) {}
            }
            (name)
        }
    }
}
