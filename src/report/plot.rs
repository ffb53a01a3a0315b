//! Figures: SVG documents that plotters draws, each with a title, a description and a sentence on how to read it.
//!
//! A figure is as wide as a telephone shows it; where there is room, several stand side by side. So no text in it becomes
//! smaller than a reader can bear. Coordinates of the library are whole numbers, which is why a figure is drawn twice as
//! large as it is shown.

mod bars;
mod canvas;
mod legend;
mod life;
mod lines;
mod scale;
mod stack;
mod tornado;

pub(super) use bars::{Bar, Bars};
pub(super) use life::{LifeFigure, Track};
pub(super) use lines::{Line, Lines, Mark};
pub(super) use scale::{Clock, Scale};
pub(super) use stack::{Stack, StackRow};
pub(super) use tornado::{Tornado, TornadoRow};

/// A figure, ready to be put on a page or into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    /// Name of its file, without extension; an identifier on the page.
    pub(super) name: String,
    /// What it shows.
    pub(super) title: String,
    /// How to read it, in a plain sentence.
    pub(super) reading: String,
    /// The picture, without a style sheet.
    pub(super) svg: String,
}

/// What a figure is called, and what it says to those who cannot see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caption {
    /// Name of its file, without extension.
    pub(super) name: String,
    /// What it shows.
    pub(super) title: String,
    /// How to read it, in a plain sentence.
    pub(super) reading: String,
    /// What there is to see, in words.
    pub(super) description: String,
}

impl Caption {
    /// A caption of those four.
    pub(super) fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        reading: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            reading: reading.into(),
            description: description.into(),
        }
    }
}
