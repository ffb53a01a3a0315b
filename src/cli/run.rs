//! `towtank run`: simulate, print a row a placement, write everything else into files.

mod progress;
mod traffic;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;

use self::{progress::Progress, traffic::TrafficOptions};
use super::{
    CliError,
    command::CommandOptions,
    options::{Format, InputOptions},
    output,
    watch::watched,
};
use crate::catalog::Catalog;
use crate::metrics::KeepRows;
use crate::report::{FileOptions, Summary, SummaryHead, summary_csv, summary_table, write_run};
use crate::scenario::{Resolved, ScenarioFile};
use crate::study::{self, RunOptions, RunResult};

/// Rows of `requests.csv` a placement unless more are asked for.
const DEFAULT_ROWS: usize = 1_000_000;

#[derive(Args)]
pub(super) struct RunArgs {
    /// Scenario files; `-` is stdin
    #[arg(
        value_name = "SCENARIO",
        required_unless_present = "machine",
        conflicts_with_all = ["machine", "nodes", "vllm_version", "command", "rate", "lengths", "duration"]
    )]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    command: CommandOptions,
    #[command(flatten)]
    traffic: TrafficOptions,
    #[command(flatten)]
    input: InputOptions,
    /// Directory for the results [default: results/NAME, after the scenario]; with several scenarios, DIR/NAME each
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of all random numbers, instead of the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Nothing on stderr but errors: no progress, no remarks
    #[arg(long)]
    quiet: bool,
    /// End with status 3 if a placement misses the slo
    #[arg(long)]
    fail_on_slo: bool,
    /// Placements simulated at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Rows of requests.csv a placement: all, none or a number [default: all up to 1,000,000]
    #[arg(long, value_name = "all|none|N", value_parser = rows)]
    requests: Option<KeepRows>,
    /// Write steps.jsonl, a line a dispatched batch
    #[arg(long)]
    steps: bool,
    /// Refused: this version writes no trace.json
    #[arg(long, hide = true)]
    trace: bool,
}

fn rows(text: &str) -> Result<KeepRows, String> {
    match text {
        "all" => Ok(KeepRows::All),
        "none" => Ok(KeepRows::None),
        number => {
            number.parse().map(KeepRows::First).map_err(|_| "expected all, none or a number".to_owned())
        }
    }
}

/// Checks every scenario before the first is run; runs them in turn.
pub(super) fn run(args: &RunArgs) -> Result<(), CliError> {
    if args.trace {
        return Err(CliError::Usage(
            "--trace: this version writes no trace.json; --steps writes every batch".to_owned(),
        ));
    }
    let catalog = args.input.catalog()?;
    let scenarios = scenarios(args, &catalog)?;
    if let Some(without) = scenarios.iter().find(|resolved| args.fail_on_slo && !has_slo(resolved)) {
        return Err(CliError::Usage(format!("--fail-on-slo: scenario `{}` has no slo", without.name)));
    }
    let dirs = directories(args.out.as_deref(), &scenarios)?;
    if !args.quiet {
        scenarios.iter().for_each(output::remark_notes);
    }
    let (monitor, pool) = watched(args.jobs)?;
    let options =
        RunOptions { rows: args.requests.unwrap_or(KeepRows::First(DEFAULT_ROWS)), steps: args.steps };
    let mut summaries = Vec::new();
    for (resolved, dir) in scenarios.iter().zip(&dirs) {
        // A place that cannot be written to shows before the work is done, not after.
        fs::create_dir_all(dir)
            .map_err(|source| io::Error::other(format!("cannot write {}: {source}", dir.display())))?;
        let progress = Progress::start(args.quiet, resolved, &monitor);
        let result = pool.install(|| study::run(resolved, &options, &monitor));
        progress.finish();
        if result.interrupted && result.placements.is_empty() {
            output::remark("interrupted before a placement was finished: nothing is written");
            return Err(CliError::Interrupted);
        }
        let summary = summarise(resolved, &result);
        let files = FileOptions { requests: options.rows != KeepRows::None, steps: options.steps };
        write_run(dir, &summary, &result.placements, files).map_err(io::Error::other)?;
        if result.interrupted {
            output::remark(&format!(
                "interrupted: {} of {} placements are finished and in {}",
                summary.placements.len(),
                resolved.placements.len(),
                dir.display()
            ));
            return Err(CliError::Interrupted);
        }
        if !args.quiet {
            output::remark(&format!("results in {}", dir.display()));
        }
        summaries.push(summary);
    }
    print(args.format, &summaries)?;
    let missed = summaries
        .iter()
        .flat_map(|summary| &summary.placements)
        .any(|placement| placement.slo_met != Some(true));
    if args.fail_on_slo && missed { Err(CliError::SloMissed) } else { Ok(()) }
}

/// Every scenario, ready to be simulated: those of the files, or that of the command.
fn scenarios(args: &RunArgs, catalog: &Catalog) -> Result<Vec<Resolved>, CliError> {
    let mut scenarios = if args.command.is_given() {
        vec![args.command.resolve(args.traffic.scenario(), None, &args.input.sets, catalog)?]
    } else {
        args.scenarios.iter().map(|path| read(args, path, catalog)).collect::<Result<_, _>>()?
    };
    for resolved in &mut scenarios {
        resolved.seed = args.seed.unwrap_or(resolved.seed);
    }
    Ok(scenarios)
}

/// Reads one scenario.
fn read(args: &RunArgs, path: &Path, catalog: &Catalog) -> Result<Resolved, CliError> {
    let file: ScenarioFile = args.input.scenario(path)?;
    file.supported()?;
    Ok(file.resolve(catalog)?)
}

fn has_slo(resolved: &Resolved) -> bool {
    let own_slo = resolved.workloads.iter().any(|workload| workload.slo.is_some());
    own_slo || !resolved.slo.thresholds().is_empty() || resolved.slo.availability.is_some()
}

fn summarise(resolved: &Resolved, result: &RunResult) -> Summary {
    let head = SummaryHead {
        scenario: &resolved.name,
        seed: resolved.seed,
        calibrated_on: resolved.calibrated_on.as_deref(),
        has_slo: has_slo(resolved),
    };
    Summary::new(&head, &result.placements)
}

/// Where each scenario's results go; no two into one place.
fn directories(out: Option<&Path>, scenarios: &[Resolved]) -> Result<Vec<PathBuf>, CliError> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    for resolved in scenarios {
        let dir = match out {
            Some(dir) if scenarios.len() > 1 => dir.join(&resolved.name),
            Some(dir) => dir.to_owned(),
            None => Path::new("results").join(&resolved.name),
        };
        if dirs.contains(&dir) {
            return Err(CliError::Usage(format!(
                "two scenarios would write to {}: give one another name, or run them apart",
                dir.display()
            )));
        }
        dirs.push(dir);
    }
    Ok(dirs)
}

/// One scenario's results as they are, several one after the other (JSON: a list).
fn print(format: Format, summaries: &[Summary]) -> io::Result<()> {
    match format {
        Format::Table => output::print(&summaries.iter().map(summary_table).collect::<Vec<_>>().join("\n")),
        Format::Csv => output::print(&summaries.iter().map(summary_csv).collect::<String>()),
        Format::Json => match summaries {
            [summary] => output::print_json(summary),
            summaries => output::print_json(&summaries),
        },
    }
}
