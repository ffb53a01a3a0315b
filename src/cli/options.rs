//! Options that several commands share.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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
    pub(super) fn scenario(&self, path: &Path) -> Result<ScenarioFile, CliError> {
        let file = ScenarioFile::read(path, &self.sets)?;
        output::remark_ignored(&file);
        Ok(file)
    }

    /// Names and texts of the user's catalogue files.
    pub(super) fn catalog_files(&self) -> Result<Vec<(String, String)>, CliError> {
        let texts = self.catalog.iter().map(|file| catalog_text(file));
        Ok(texts.collect::<Result<_, _>>()?)
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
        let (name, text) = catalog_text(file)?;
        catalog.extend(&name, &text)?;
    }
    Ok(catalog)
}

/// Name and text of a catalogue file.
fn catalog_text(file: &Path) -> Result<(String, String), CatalogError> {
    let name = file.display().to_string();
    let unreadable =
        |error: io::Error| CatalogError::BadFile { file: name.clone(), reason: error.to_string() };
    let text = fs::read_to_string(file).map_err(unreadable)?;
    Ok((name, text))
}

/// What commands that simulate scenarios have in common.
#[derive(Args, Clone, Debug)]
pub(super) struct StudyOptions {
    /// Directory for the results [default: results/NAME, after the scenario]; with several scenarios, DIR/NAME each
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Seed of all random numbers, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Nothing on stderr but errors: no progress, no remarks
    #[arg(long)]
    pub(super) quiet: bool,
    /// Simulations at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
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
