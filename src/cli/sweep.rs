//! `towtank sweep`: a grid over the fields of a scenario, planned once, run in parts, merged.

mod merge;
mod plan;
mod run;

use clap::Subcommand;

use super::CliError;

#[derive(Subcommand)]
pub(super) enum SweepCommand {
    /// Write a plan: every point of the grid, checked
    Plan(plan::PlanArgs),
    /// Simulate the points of a plan, or of a shard of it, that have no result yet
    Run(run::RunArgs),
    /// Put the results of all points into one table
    Merge(merge::MergeArgs),
}

/// Runs the command.
pub(super) fn sweep(command: &SweepCommand) -> Result<(), CliError> {
    match command {
        SweepCommand::Plan(args) => plan::plan(args),
        SweepCommand::Run(args) => run::run(args),
        SweepCommand::Merge(args) => merge::merge(args),
    }
}
