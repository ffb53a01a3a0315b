//! `towtank catalog`: what the program believes about the world, and where each number was read.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{
    CliError,
    options::{Format, catalog},
    output,
};
use crate::catalog::{Catalog, ListedFact};

#[derive(Args)]
pub(super) struct CatalogArgs {
    /// A kind of entry, such as `machines`; without it, the kinds are listed
    kind: Option<String>,
    /// An entry of that kind; without it, the entries are listed
    name: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// A JSON file whose facts extend or override the built-in catalogue
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

/// A row of what is printed: the cells by column.
type Row = Vec<Value>;

/// Prints kinds, entries or facts.
pub(super) fn show(args: &CatalogArgs) -> Result<(), CliError> {
    let catalog = catalog(&args.catalog)?;
    let (columns, rows): (&[&str], Vec<Row>) = match (&args.kind, &args.name) {
        (None, _) => (&["kind", "entries"], kinds(&catalog)?),
        (Some(kind), None) => (&["name", "facts", "recalled"], entries(&catalog, kind)?),
        (Some(kind), Some(name)) => {
            let facts = catalog.facts(kind, name)?;
            (
                &["fact", "value", "unit", "date", "recalled", "source", "note"],
                facts.iter().map(fact).collect(),
            )
        }
    };
    Ok(output::print_rows(args.format, columns, &rows)?)
}

fn kinds(catalog: &Catalog) -> Result<Vec<Row>, CliError> {
    let row = |kind: &str| Ok(vec![json!(kind), json!(catalog.section(kind)?.len())]);
    catalog.kinds().map(row).collect()
}

fn entries(catalog: &Catalog, kind: &str) -> Result<Vec<Row>, CliError> {
    let row = |name: &String| {
        let facts = catalog.facts(kind, name)?;
        let recalled = facts.iter().filter(|listed| listed.fact.recalled).count();
        Ok(vec![json!(name), json!(facts.len()), json!(recalled)])
    };
    catalog.section(kind)?.keys().map(row).collect()
}

fn fact(listed: &ListedFact) -> Row {
    let fact = &listed.fact;
    vec![
        json!(listed.path),
        fact.value.clone(),
        json!(fact.unit),
        json!(fact.date),
        json!(fact.recalled),
        json!(fact.source),
        json!(fact.note),
    ]
}
