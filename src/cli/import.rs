//! `towtank import`: Kubernetes manifests as a scenario.

use std::{fs, io::Read, path::PathBuf};

use clap::Args;

use super::{CliError, options::catalog, output};
use crate::interop;
use crate::scenario::ScenarioError;

#[derive(Args)]
pub(super) struct ImportArgs {
    /// Files of Kubernetes YAML, several objects each; `-` is stdin
    #[arg(required = true, value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
    /// A JSON file whose facts extend or override the built-in catalogue
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

/// Prints the scenario; what was ignored goes to stderr.
pub(super) fn import(args: &ImportArgs) -> Result<(), CliError> {
    let catalog = catalog(&args.catalog)?;
    let mut files = Vec::new();
    for path in &args.manifests {
        let name = path.display().to_string();
        let text = if name == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(path)
        };
        let text = text.map_err(|error| ScenarioError::unreadable(&name, &error))?;
        files.push((name, text));
    }
    let imported = interop::import(&files, &catalog)?;
    for remark in &imported.remarks {
        output::remark(&format!("note: {remark}"));
    }
    for warning in &imported.warnings {
        output::remark(&format!("warning: {warning}"));
    }
    Ok(output::print(&imported.text)?)
}
