//! The model error of a placement as cells of a table.

use maud::{Markup, html};

use super::page::Column;
use crate::metrics::ModelError;

/// What the cells are.
pub(super) fn columns() -> [Column; 6] {
    [
        Column::words("class"),
        Column::number("TTFT"),
        Column::number("TPOT"),
        Column::number("throughput"),
        Column::number("cost"),
        Column::words("what no measurement covers"),
    ]
}

/// The cells.
pub(super) fn cells(error: &ModelError) -> [Markup; 6] {
    let band = |fraction: f64| html! { (format!("±{:.0} %", 100.0 * fraction)) };
    [
        html! { (error.class.name()) },
        band(error.ttft),
        band(error.tpot),
        band(error.throughput),
        band(error.cost),
        html! { (error.reasons.join("; ")) },
    ]
}
