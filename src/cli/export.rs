//! `towtank export`: a placement as Kubernetes manifests.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, options::InputOptions, output};
use crate::interop;

#[derive(Args)]
pub(super) struct ExportArgs {
    /// Scenario file; `-` is stdin
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// The placement, if there are several
    #[arg(long, value_name = "NAME")]
    placement: Option<String>,
    #[command(flatten)]
    input: InputOptions,
}

/// Prints the manifests; what they do not say goes to stderr.
pub(super) fn export(args: &ExportArgs) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    let file = args.input.scenario(&args.scenario)?;
    // A placement whose pods find no node makes no manifests that anyone should apply.
    file.resolve(&catalog)?;
    let exported = interop::export(&file, &catalog, args.placement.as_deref())?;
    for remark in &exported.remarks {
        output::remark(&format!("note: {remark}"));
    }
    Ok(output::print(&exported.text)?)
}
