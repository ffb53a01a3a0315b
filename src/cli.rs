//! The command line: one file a command.
//!
//! Results go to stdout, everything else to stderr. Exit status: 0 done; 1 something failed while running; 2 bad usage
//! or a bad input file; 3 the slo is missed (`plan`, or under
//! `--fail-on-slo`); 130 interrupted.

mod calibrate;
mod catalog;
mod check;
mod command;
mod compare;
mod completions;
mod error;
mod export;
mod fit;
mod import;
mod options;
mod output;
mod plan;
mod progress;
mod report;
mod run;
mod scenarios;
mod schema;
mod sweep;
mod validate;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use error::CliError;

/// Runs the model of a multi-host LLM deployment before anyone rents the GPUs.
#[derive(Parser)]
#[command(name = "towtank", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate scenarios: a row a placement on the terminal, everything else in files
    Run(run::RunArgs),
    /// Search the cheapest placement that meets the slo, and say what follows from it
    Plan(plan::PlanOptions),
    /// Simulate scenarios again and again: how sure are figures, and differences between placements
    Compare(compare::CompareArgs),
    /// Simulate a grid over any fields of a scenario
    #[command(subcommand)]
    Sweep(sweep::SweepCommand),
    /// Parse and validate scenarios only
    Check(check::CheckArgs),
    /// Tell what each GPU would hold, without simulating anything
    Fit(fit::FitArgs),
    /// Make a scenario of Kubernetes manifests
    Import(import::ImportArgs),
    /// Write a placement as Kubernetes manifests
    Export(export::ExportArgs),
    /// Fit the model to measurements of your own
    Calibrate(calibrate::CalibrateArgs),
    /// Predict published measurements and print how far off the predictions are
    Validate(validate::ValidateArgs),
    /// Draw the report and the plots of a directory of results anew
    Report(report::ReportArgs),
    /// List the facts about GPUs, machines, models, prices and links, with their sources
    Catalog(catalog::CatalogArgs),
    /// Print the JSON Schema of the scenario file
    Schema,
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Parses the command line, runs the command and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with status 0. A closed pipe leaves nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Sweep(command) => sweep::sweep(&command),
        Command::Check(args) => check::check(&args),
        Command::Fit(args) => fit::fit(&args),
        Command::Import(args) => import::import(&args),
        Command::Export(args) => export::export(&args),
        Command::Calibrate(args) => calibrate::calibrate(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Report(args) => report::report(&args),
        Command::Catalog(args) => catalog::show(&args),
        Command::Schema => schema::schema(),
        Command::Completions(args) => completions::completions(&args, &mut Cli::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(error.status())
        }
    }
}
