//! How far to trust the figures: what was promised, how far the model may be off, and which placements it cannot tell apart.

use maud::html;

use super::{Ran, ran};
use crate::report::PlacementSummary;
use crate::report::model_error;
use crate::report::page::{Column, Part, Section, Table, swatch};
use crate::report::recorded::Recorded;
use crate::report::remarks::tied_pairs;
use crate::report::words::{figure, or_dash};

pub(super) fn section(recorded: &Recorded) -> Option<Section> {
    let ran = ran(recorded);
    if ran.is_empty() {
        return None;
    }
    let mut parts: Vec<Part> = checks(&ran).map(Part::from).into_iter().collect();
    parts.push(errors(&ran).into());
    parts.extend(ties(&recorded.summary.placements).map(Part::from));
    Some(Section {
        id: "trust",
        title: "How far to trust it",
        lead: "Model errors are those of predictions of published measurements: nine of ten were closer. Interpolated means that measurements of the kind exist; extrapolated, that they do not cover all of it; unvalidated, that there is none."
            .to_owned(),
        parts,
    })
}

fn checks(ran: &[Ran<'_>]) -> Option<Table> {
    let mut rows = Vec::new();
    for ran in ran {
        for check in &ran.placement.slo {
            let of_time = check.name != "availability";
            let number =
                |value: f64| if of_time { format!("{} ms", figure(value)) } else { value.to_string() };
            let whose = check.workload.as_ref().map_or_else(String::new, |workload| format!("{workload}: "));
            rows.push(vec![
                swatch(ran.index, ran.name()),
                html! { (whose) (check.name) },
                html! { (number(check.limit)) },
                html! { (or_dash(check.value, number)) },
                if check.met {
                    html! { span.good { "met" } }
                } else {
                    html! { span.bad { "missed" } }
                },
            ]);
        }
    }
    let columns = vec![
        Column::words("placement"),
        Column::words("threshold"),
        Column::number("at most (availability: at least)"),
        Column::number("simulated"),
        Column::words("slo"),
    ];
    let table = Table { id: "slo".to_owned(), caption: "Service level objectives".to_owned(), columns, rows };
    (!table.rows.is_empty()).then_some(table)
}

fn errors(ran: &[Ran<'_>]) -> Table {
    let columns = std::iter::once(Column::words("placement")).chain(model_error::columns()).collect();
    let rows = ran.iter().map(|ran| {
        let cells = model_error::cells(&ran.figures.model_error);
        std::iter::once(swatch(ran.index, ran.name())).chain(cells).collect()
    });
    Table { id: "model-error".to_owned(), caption: "Model error".to_owned(), columns, rows: rows.collect() }
}

fn ties(placements: &[PlacementSummary]) -> Option<Table> {
    let rows = tied_pairs(placements).into_iter().map(|([first, second], names)| {
        vec![html! { (first) }, html! { (second) }, html! { (names.join(", ")) }]
    });
    let columns =
        vec![Column::words("placement"), Column::words("and"), Column::words("cannot be told apart by")];
    let table = Table {
        id: "ties".to_owned(),
        caption: "Ties: within the model error".to_owned(),
        columns,
        rows: rows.collect(),
    };
    (!table.rows.is_empty()).then_some(table)
}
