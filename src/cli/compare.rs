//! `towtank compare`: replications, and how sure figures and differences are.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    CliError,
    options::{Format, InputOptions, StudyOptions},
    output,
    progress::{Counted, Progress},
    scenarios::{Given, directories, judged, read},
    watch::watched,
};
use crate::confidence::Precision;
use crate::report::{
    Comparison, ComparisonHead, comparison_csv, comparison_svg, comparison_table, write_file, write_json,
    write_replications,
};
use crate::scenario::Resolved;
use crate::study::{self, Compared, Replications};

/// Replications unless a number or a precision is asked for.
const REPLICATIONS: u32 = 10;
/// Most replications towards a precision unless stated.
const MOST_REPLICATIONS: u32 = 200;

#[derive(Args)]
pub(super) struct CompareArgs {
    /// Scenario files; `-` is stdin. Each is compared on its own
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    input: InputOptions,
    /// Replications of every placement [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000), conflicts_with = "precision")]
    replications: Option<u32>,
    /// Go on until TTFT p95, TPOT p95, the highest rate and the price of a token are known so well, such as 2%:
    /// half-width of the 95 % interval relative to the true mean
    #[arg(long, value_name = "P%", value_parser = precision)]
    precision: Option<f64>,
    /// Stop there, however precise [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(15..=100_000), requires = "precision")]
    max_replications: Option<u32>,
    /// Placement that the others are held against in the table [default: the first that fits]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    #[command(flatten)]
    study: StudyOptions,
    /// End with status 3 if a placement misses the slo in any replication
    #[arg(long)]
    fail_on_slo: bool,
}

/// `2%` or `2 %` as a fraction.
fn precision(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("expected a percentage above 0 and up to 100, such as 2%".to_owned()),
    }
}

/// Checks every scenario before the first is run; compares them in turn.
pub(super) fn compare(args: &CompareArgs) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    let scenarios = read(&args.scenarios, &args.input, args.study.seed, &catalog)?;
    judged(args.fail_on_slo, &scenarios)?;
    for given in &scenarios {
        comparable(args, &given.resolved)?;
    }
    let dirs = directories(args.study.out.as_deref(), &scenarios)?;
    if !args.study.quiet {
        for given in &scenarios {
            output::remark_notes(&given.resolved);
        }
    }
    let (monitor, pool) = watched(args.study.jobs)?;
    let count = replications(args);
    let mut comparisons = Vec::new();
    for (Given { resolved, .. }, dir) in scenarios.iter().zip(&dirs) {
        output::writable(dir)?;
        let most = count.most() as usize * resolved.placements.len();
        let progress = Progress::start(args.study.quiet, &resolved.name, &monitor, Counted::placements(most));
        let compared = pool.install(|| study::compare(resolved, count, &monitor));
        progress.finish();
        if compared.replications.is_empty() {
            output::remark("interrupted before a replication was finished: nothing is written");
            return Err(CliError::Interrupted);
        }
        let comparison = summarise(args, resolved, &compared);
        write(dir, &comparison, &compared).map_err(io::Error::other)?;
        if compared.interrupted {
            print(args.study.format, &[comparison])?;
            output::remark(&format!(
                "interrupted: {} replications are finished and in {}",
                compared.replications.len(),
                dir.display()
            ));
            return Err(CliError::Interrupted);
        }
        if !args.study.quiet {
            output::remark(&format!("results in {}", dir.display()));
        }
        comparisons.push(comparison);
    }
    print(args.study.format, &comparisons)?;
    let missed = |comparison: &Comparison| {
        let kept = Some(comparison.replications);
        comparison.placements.iter().any(|placement| placement.slo_met != kept)
    };
    if args.fail_on_slo && comparisons.iter().any(missed) { Err(CliError::SloMissed) } else { Ok(()) }
}

/// Refuses what a scenario does not have.
fn comparable(args: &CompareArgs, resolved: &Resolved) -> Result<(), CliError> {
    if args.precision.is_some() && resolved.workloads.is_empty() {
        return Err(CliError::Usage(format!(
            "--precision: scenario `{}` has no traffic that a figure could be known of; state --replications",
            resolved.name
        )));
    }
    let names = || resolved.placements.iter().map(|placement| placement.name.as_str());
    match args.baseline.as_deref().filter(|baseline| !names().any(|name| name == *baseline)) {
        Some(unknown) => Err(CliError::Usage(format!(
            "--baseline: scenario `{}` has no placement `{unknown}`; it has {}",
            resolved.name,
            names().collect::<Vec<_>>().join(", ")
        ))),
        None => Ok(()),
    }
}

fn replications(args: &CompareArgs) -> Replications {
    match args.precision {
        Some(relative) => Replications::Until {
            precision: Precision { relative },
            most: args.max_replications.unwrap_or(MOST_REPLICATIONS),
        },
        None => Replications::Fixed(args.replications.unwrap_or(REPLICATIONS)),
    }
}

fn summarise(args: &CompareArgs, resolved: &Resolved, compared: &Compared) -> Comparison {
    let head = ComparisonHead {
        scenario: &resolved.name,
        description: resolved.description.as_deref(),
        seed: resolved.seed,
        calibrated_on: resolved.calibrated_on.as_deref(),
        precision: args.precision.map(|relative| (relative, compared.precise)),
        baseline: args.baseline.as_deref(),
    };
    Comparison::new(&head, &compared.replications)
}

/// Writes what a comparison leaves behind.
fn write(
    dir: &Path,
    comparison: &Comparison,
    compared: &Compared,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    write_file(&dir.join("replications.csv"), |out| write_replications(out, &compared.replications))?;
    write_file(&dir.join("compare.csv"), |out| out.write_all(comparison_csv(comparison).as_bytes()))?;
    if let Some(svg) = comparison_svg(comparison)? {
        write_file(&dir.join("plots/compare.svg"), |out| out.write_all(svg.as_bytes()))?;
    }
    write_file(&dir.join("compare.json"), |out| write_json(out, comparison))?;
    Ok(())
}

/// One comparison as it is, several one after the other (JSON: a list).
fn print(format: Format, comparisons: &[Comparison]) -> io::Result<()> {
    match format {
        Format::Table => {
            output::print(&comparisons.iter().map(comparison_table).collect::<Vec<_>>().join("\n"))
        }
        Format::Csv => output::print(&comparisons.iter().map(comparison_csv).collect::<String>()),
        Format::Json => match comparisons {
            [comparison] => output::print_json(comparison),
            comparisons => output::print_json(&comparisons),
        },
    }
}
