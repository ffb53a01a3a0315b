//! `towtank import`: Kubernetes manifests as a scenario.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, options::catalog, output};
use crate::document;
use crate::interop;

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
    if args.manifests.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(CliError::Usage("-: stdin can be read once only".to_owned()));
    }
    let catalog = catalog(&args.catalog)?;
    let files = args.manifests.iter().map(|path| document::read(path)).collect::<Result<Vec<_>, _>>()?;
    let imported = interop::import(&files, &catalog)?;
    for remark in &imported.remarks {
        output::remark(&format!("note: {remark}"));
    }
    for warning in &imported.warnings {
        output::remark(&format!("warning: {warning}"));
    }
    Ok(output::print(&imported.text)?)
}
