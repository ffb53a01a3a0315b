//! `towtank run`: simulate, print a row a placement, write everything else into files.

mod traffic;

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;

use self::traffic::TrafficOptions;
use super::{
    CliError,
    command::CommandOptions,
    options::{Format, InputOptions, StudyOptions},
    output,
    progress::{Counted, Progress},
    scenarios::{Given, directories, judged, read},
    watch::watched,
};
use crate::catalog::Catalog;
use crate::metrics::KeepRows;
use crate::report::{
    FileOptions, Summary, SummaryHead, TraceWindow, draw_report, summary_csv, summary_table, write_file,
    write_openmetrics, write_run,
};
use crate::study::{self, RunOptions};

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
    #[command(flatten)]
    study: StudyOptions,
    /// End with status 3 if a placement misses the slo
    #[arg(long)]
    fail_on_slo: bool,
    /// Rows of requests.csv a placement: all, none or a number [default: all up to 1,000,000]
    #[arg(long, value_name = "all|none|N", value_parser = rows)]
    requests: Option<KeepRows>,
    /// Write steps.jsonl, a line a dispatched batch
    #[arg(long)]
    steps: bool,
    /// Write what the metrics of the vLLM servers would have shown, as OpenMetrics text
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Write trace.json, which Perfetto opens: steps, requests, nodes and pods, over the whole run or the part `=10m..12m`
    #[arg(long, value_name = "FROM..TO", num_args = 0..=1, require_equals = true, default_missing_value = "..")]
    trace: Option<TraceWindow>,
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
    let catalog = args.input.catalog()?;
    let scenarios = scenarios(args, &catalog)?;
    judged(args.fail_on_slo, &scenarios)?;
    if let (Some(file), [_, _, ..]) = (&args.metrics, scenarios.as_slice()) {
        let message =
            format!("--metrics {}: several scenarios would write it: run them apart", file.display());
        return Err(CliError::Usage(message));
    }
    let dirs = directories(args.study.out.as_deref(), &scenarios)?;
    if !args.study.quiet {
        for given in &scenarios {
            output::remark_notes(&given.resolved);
        }
    }
    let (monitor, pool) = watched(args.study.jobs)?;
    let options = RunOptions {
        rows: args.requests.unwrap_or(KeepRows::First(DEFAULT_ROWS)),
        steps: args.steps || args.trace.is_some(),
        servers: args.metrics.is_some(),
    };
    let mut summaries = Vec::new();
    for (given, dir) in scenarios.iter().zip(&dirs) {
        let resolved = &given.resolved;
        for dir in args.metrics.as_deref().and_then(Path::parent).into_iter().chain([dir.as_path()]) {
            output::writable(dir)?;
        }
        let counted = Counted::placements(resolved.placements.len());
        let progress = Progress::start(args.study.quiet, &resolved.name, &monitor, counted);
        let result = pool.install(|| study::run(resolved, &options, &monitor));
        progress.finish();
        if result.interrupted && result.placements.is_empty() {
            output::remark("interrupted before a placement was finished: nothing is written");
            return Err(CliError::Interrupted);
        }
        let summary = Summary::new(&SummaryHead::of(resolved), &result.placements);
        let files =
            FileOptions { requests: options.rows != KeepRows::None, steps: args.steps, trace: args.trace };
        write_run(dir, &given.shown()?, &summary, &result.placements, files).map_err(io::Error::other)?;
        draw_report(dir)?;
        if let Some(file) = &args.metrics {
            write_file(file, |out| write_openmetrics(out, &result.placements)).map_err(io::Error::other)?;
        }
        if result.interrupted {
            output::remark(&format!(
                "interrupted: {} of {} placements are finished and in {}",
                summary.placements.len(),
                resolved.placements.len(),
                dir.display()
            ));
            return Err(CliError::Interrupted);
        }
        if !args.study.quiet {
            output::remark(&format!("results in {}", dir.display()));
        }
        summaries.push(summary);
    }
    print(args.study.format, &summaries)?;
    let missed = summaries
        .iter()
        .flat_map(|summary| &summary.placements)
        .any(|placement| placement.slo_met != Some(true));
    if args.fail_on_slo && missed { Err(CliError::SloMissed) } else { Ok(()) }
}

/// Every scenario, ready to be simulated: those of the files, or that of the command.
fn scenarios(args: &RunArgs, catalog: &Catalog) -> Result<Vec<Given>, CliError> {
    if !args.command.is_given() {
        return read(&args.scenarios, &args.input, args.study.seed, catalog);
    }
    let (file, mut resolved) =
        args.command.resolve(args.traffic.scenario(), None, &args.input.sets, catalog)?;
    resolved.seed = args.study.seed.unwrap_or(resolved.seed);
    Ok(vec![Given::new(file, resolved)])
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
