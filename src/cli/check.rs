//! `towtank check`: parse and validate, run nothing.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, options::InputOptions, output};
use crate::study::plan_candidates;

#[derive(Args)]
pub(super) struct CheckArgs {
    /// Scenario files; `-` is stdin
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Print the scenario with every default filled in
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    input: InputOptions,
}

/// Checks every file in turn; the first bad one ends it.
pub(super) fn check(args: &CheckArgs) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    for path in &args.scenarios {
        let file = args.input.scenario(path)?;
        let resolved = file.resolve(&catalog)?;
        if file.scenario.plan.is_some() {
            plan_candidates(&file, &catalog)?;
        }
        for missing in file.scenario.unsupported() {
            output::remark(&format!("note: {}: {}: {}", path.display(), missing.path, missing.reason));
        }
        output::remark_notes(&resolved);
        if args.show {
            output::print(&output::shown(&file, &resolved)?)?;
        } else {
            output::print(&format!("{}: ok\n", path.display()))?;
        }
    }
    Ok(())
}
