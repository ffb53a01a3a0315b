//! What all of it rests on: the demand, what nobody stated, the model error, and every fact with its source.

use maud::html;
use serde_json::Value;

use super::Won;
use crate::report::model_error;
use crate::report::page::{Column, Part, Section, Table, texts};
use crate::report::plan::{Fact, Plan};
use crate::report::words::{figure, fixed, latency, percent, share};

pub(super) fn section(plan: &Plan, won: Option<Won<'_>>) -> Result<Section, String> {
    let mut parts: Vec<Part> = vec![demand(plan).into()];
    if !plan.announced.is_empty() {
        parts.push(Part::Html(html! {
            ul.remarks aria-label="Choices nobody stated" {
                @for said in &plan.announced { li { strong { "default: " } (said) } }
            }
        }));
    }
    let mut lead = "What the figures rest on.".to_owned();
    if let Some(won) = won {
        parts.push(errors(won)?.into());
        parts.push(facts(&won.winner.facts).into());
        let recalled = won.winner.facts.iter().filter(|fact| fact.recalled).count();
        lead = format!(
            "What the figures rest on: {} facts of the catalogue, of which {recalled} are remembered rather than read in a source. Replace those first.",
            won.winner.facts.len()
        );
    }
    Ok(Section { id: "assumptions", title: "Assumptions", lead, parts })
}

fn demand(plan: &Plan) -> Table {
    let demand = &plan.demand;
    let mut rows = vec![
        texts(["mean rate today".to_owned(), format!("{} requests/s", figure(demand.mean_requests_per_s))]),
        texts(["peak over mean".to_owned(), format!("× {}", figure(demand.peak_over_mean))]),
        texts(["growth".to_owned(), format!("{} % a month", figure(demand.growth_percent_per_month))]),
        texts(["horizon".to_owned(), format!("{} months", demand.months)]),
        texts(["headroom on the peak".to_owned(), share(demand.headroom)]),
        texts(["planned for".to_owned(), format!("{} requests/s", figure(demand.planned_requests_per_s))]),
        texts(["mean prompt".to_owned(), format!("{} tokens", fixed(demand.input_tokens, 0))]),
        texts(["mean answer".to_owned(), format!("{} tokens", fixed(demand.output_tokens, 0))]),
    ];
    for limit in &plan.slo {
        let whose = limit.workload.as_ref().map_or_else(String::new, |workload| format!(" of {workload}"));
        let bound = if limit.name == "availability" {
            format!("at least {} %", percent(limit.limit, None))
        } else {
            format!("at most {}", latency(limit.limit))
        };
        rows.push(texts([format!("slo{whose}: {}", limit.name), bound]));
    }
    let columns = vec![Column::words("demand"), Column::words("as stated or worked out")];
    Table { id: "demand".to_owned(), caption: "Demand and slo".to_owned(), columns, rows }
}

fn errors(won: Won<'_>) -> Result<Table, String> {
    let row = model_error::cells(&won.figures()?.model_error).to_vec();
    let columns = model_error::columns().into();
    Ok(Table {
        id: "model-error".to_owned(),
        caption: "Model error of the winner".to_owned(),
        columns,
        rows: vec![row],
    })
}

fn facts(facts: &[Fact]) -> Table {
    let columns = vec![
        Column::words("entry"),
        Column::words("fact"),
        Column::number("value"),
        Column::words("unit"),
        Column::words("date"),
        Column::words("source"),
    ];
    let rows = facts.iter().map(|fact| {
        let mut row = texts([
            format!("{} / {}", fact.kind, fact.name),
            fact.fact.clone(),
            shown(&fact.value),
            fact.unit.clone(),
            fact.date.clone(),
        ]);
        row.push(if fact.recalled {
            html! { span.bad { (fact.source) } }
        } else {
            html! { (fact.source) }
        });
        row
    });
    Table { id: "facts".to_owned(), caption: "Facts".to_owned(), columns, rows: rows.collect() }
}

/// A value as the catalogue prints it; what is not a number or a word is told by its form.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("{} values", items.len()),
        Value::Object(fields) => format!("{} fields", fields.len()),
        other => other.to_string(),
    }
}
