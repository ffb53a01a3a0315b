//! `towtank report`: draw the report of results anew, from their files alone.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, output};
use crate::report::draw_report;

#[derive(Args)]
pub(super) struct ReportArgs {
    /// Directory that `towtank run` or `towtank plan` wrote
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Nothing on stderr but errors
    #[arg(long)]
    quiet: bool,
}

/// Draws it beside the files.
pub(super) fn report(args: &ReportArgs) -> Result<(), CliError> {
    draw_report(&args.dir)?;
    if !args.quiet {
        output::remark(&format!("report in {}", args.dir.display()));
    }
    Ok(())
}
