//! The shell of a page that people look at: one file, no network, light and dark, on screen and on paper.
//!
//! A page is sections of prose, tables and figures. It has landmarks, headings in order and a link that skips to its content;
//! what is wider than a screen scrolls inside a region that a keyboard reaches; figures carry their words with them.

mod parts;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{palette, plot::Figure};

pub(super) use parts::{Column, Table, Tile, swatch, texts, tiles};

const STYLE: &str = include_str!("page/style.css");

/// Nothing may be fetched from anywhere, whatever the content.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A whole page.
pub(super) struct Page {
    /// What kind of page it is.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) title: String,
    /// What is known of it besides, a fact each.
    pub(super) facts: Vec<String>,
    /// Its content.
    pub(super) sections: Vec<Section>,
}

/// A part of a page with a heading of its own.
pub(super) struct Section {
    /// What links to it end in.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// What it is about, in a sentence or two.
    pub(super) lead: String,
    /// Its content.
    pub(super) parts: Vec<Part>,
}

/// A piece of a section.
pub(super) enum Part {
    /// Figures side by side.
    Figures(Vec<Figure>),
    /// Anything else.
    Html(Markup),
}

impl From<Table> for Part {
    fn from(table: Table) -> Self {
        Self::Html(table.html())
    }
}

impl Page {
    /// The figures of all sections.
    pub(super) fn figures(&self) -> impl Iterator<Item = &Figure> {
        let parts = self.sections.iter().flat_map(|section| &section.parts);
        parts.flat_map(|part| match part {
            Part::Figures(figures) => figures.as_slice(),
            Part::Html(_) => &[],
        })
    }

    /// The page as HTML.
    pub(super) fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content={ "towtank " (env!("CARGO_PKG_VERSION")) };
                    title { (self.title) " · " (self.kind) }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) (PreEscaped(palette::dark_rules())) }
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header {
                        p.kind { "Towtank · " (self.kind) }
                        h1 { (self.title) }
                        ul.facts { @for fact in &self.facts { li { (fact) } } }
                    }
                    nav aria-label="Contents" {
                        ul { @for section in &self.sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                    main #content tabindex="-1" { @for section in &self.sections { (section.html()) } }
                    footer { p { "Drawn by towtank " (env!("CARGO_PKG_VERSION")) " from the files beside this page." } }
                }
            }
        };
        page.into_string()
    }
}

impl Section {
    fn html(&self) -> Markup {
        html! {
            section #(self.id) aria-labelledby={ (self.id) "-heading" } {
                h2 id={ (self.id) "-heading" } { (self.title) }
                @if !self.lead.is_empty() { p.lead { (self.lead) } }
                @for part in &self.parts {
                    @match part {
                        Part::Figures(figures) => div.figures { @for figure in figures { (of_figure(figure)) } },
                        Part::Html(html) => (html),
                    }
                }
            }
        }
    }
}

fn of_figure(figure: &Figure) -> Markup {
    html! {
        figure {
            figcaption { h3 { (figure.title) } }
            (PreEscaped(&figure.svg))
            p.reading { (figure.reading) }
        }
    }
}

/// A figure as a document of its own.
pub(super) fn standalone(figure: &Figure) -> String {
    let style = format!(
        "<style>\nsvg {{ background: #FFFFFF }}\ntext {{ paint-order: stroke; stroke: #FFFFFF; stroke-width: 7px; stroke-linejoin: round }}\n{}\
         @media screen and (prefers-color-scheme: dark) {{ svg {{ background: #14181D }} text {{ stroke: #14181D }} }}\n</style>\n",
        palette::dark_rules()
    );
    let at = figure.svg.find('\n').map_or(0, |end| end + 1);
    format!("{}{style}{}", &figure.svg[..at], &figure.svg[at..])
}
