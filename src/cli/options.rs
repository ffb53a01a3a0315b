//! Options that several commands share.

use std::{fs, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{error::CliError, output};
use crate::catalog::{Catalog, CatalogError};
use crate::scenario::ScenarioFile;

/// Where a scenario and the facts come from.
#[derive(Args, Clone, Debug)]
pub(super) struct InputOptions {
    /// Set a field, such as `placements[0].deployments[llama].engine.max_num_seqs=128`; list items by index or name
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(super) sets: Vec<String>,
    /// A JSON file whose facts extend or override the built-in catalogue
    #[arg(long, value_name = "FILE")]
    pub(super) catalog: Vec<PathBuf>,
}

impl InputOptions {
    /// Reads one scenario; what was ignored of manifests in it goes to stderr.
    pub(super) fn scenario(&self, path: &std::path::Path) -> Result<ScenarioFile, CliError> {
        let file = ScenarioFile::read(path, &self.sets)?;
        for remark in &file.remarks {
            output::remark(&format!("note: {remark}"));
        }
        Ok(file)
    }

    /// The catalogue, extended.
    pub(super) fn catalog(&self) -> Result<Catalog, CliError> {
        catalog(&self.catalog)
    }
}

/// The built-in catalogue with the user's files laid over it.
pub(super) fn catalog(files: &[PathBuf]) -> Result<Catalog, CliError> {
    let mut catalog = Catalog::builtin();
    for file in files {
        let name = file.display().to_string();
        let unreadable =
            |error: std::io::Error| CatalogError::BadFile { file: name.clone(), reason: error.to_string() };
        let text = fs::read_to_string(file).map_err(unreadable)?;
        catalog.extend(&name, &text)?;
    }
    Ok(catalog)
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table to read.
    #[default]
    Table,
    /// JSON.
    Json,
    /// CSV.
    Csv,
}
