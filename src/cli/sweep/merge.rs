//! `towtank sweep merge`: one table of all points.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{CliError, output};
use crate::study::{SweepPlan, merge_sweep};

#[derive(Args)]
pub(in crate::cli) struct MergeArgs {
    /// Directory of the plan
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn merge(args: &MergeArgs) -> Result<(), CliError> {
    let plan = SweepPlan::read(&args.dir)?;
    let (path, rows) = merge_sweep(&plan, &args.dir)?;
    Ok(output::print(&format!("{rows} rows of {} points in {}\n", plan.len(), path.display()))?)
}
