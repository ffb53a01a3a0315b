//! `towtank plan`: search the cheapest placement that meets the slo.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    CliError,
    options::{Format, InputOptions},
    output,
    progress::{Counted, Progress},
    watch::watched,
};
use crate::catalog::Catalog;
use crate::interop;
use crate::report::plan::Plan;
use crate::report::{draw_report, plan_csv, plan_table, write_file, write_json};
use crate::scenario::ScenarioFile;
use crate::study::{Planned, plan as search, plan_candidates};

#[derive(Args)]
pub(super) struct PlanOptions {
    /// Scenario file with a `plan`; `-` is stdin
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    #[command(flatten)]
    input: InputOptions,
    /// Directory for the results [default: results/NAME, after the scenario]
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
    /// Candidates simulated at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

/// Searches, writes what was found, and prints the table.
pub(super) fn plan(args: &PlanOptions) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    let mut file = args.input.scenario(&args.scenario)?;
    file.scenario.seed = args.seed.unwrap_or(file.scenario.seed);
    let candidates = plan_candidates(&file, &catalog)?.len();
    let name = file.scenario.name.clone();
    let dir = args.out.clone().unwrap_or_else(|| Path::new("results").join(&name));
    output::writable(&dir)?;
    let (monitor, pool) = watched(args.jobs)?;
    let progress = Progress::start(args.quiet, &name, &monitor, Counted::candidates(candidates));
    let planned = pool.install(|| search(&file, &catalog, &monitor));
    progress.finish();
    let planned = planned?;
    write(&dir, &planned, &catalog, args.quiet)?;
    draw_report(&dir)?;
    if !args.quiet {
        planned.plan.announced.iter().for_each(|said| output::remark(&format!("default: {said}")));
        output::remark(&format!("results in {}", dir.display()));
    }
    print(args.format, &planned.plan)?;
    if planned.plan.interrupted {
        output::remark("interrupted: what was searched until then is there, a cheaper candidate may not be");
        return Err(CliError::Interrupted);
    }
    if planned.scenario.is_some() { Ok(()) } else { Err(CliError::NoneMeetsSlo) }
}

/// Writes the plan, and the winner as a scenario and as manifests.
fn write(dir: &Path, planned: &Planned, catalog: &Catalog, quiet: bool) -> Result<(), CliError> {
    if let Some(text) = &planned.scenario {
        let file = ScenarioFile::parse("winner.yaml", text, Path::new(""), &[])?;
        let exported = interop::export(&file, catalog, None)?;
        if !quiet {
            exported.remarks.iter().for_each(|said| output::remark(&format!("note: manifests.yaml: {said}")));
        }
        text_file(&dir.join("winner.yaml"), text)?;
        text_file(&dir.join("manifests.yaml"), &exported.text)?;
    } else {
        // What an earlier search wrote here is not this one's winner.
        for name in ["winner.yaml", "manifests.yaml"] {
            match fs::remove_file(dir.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    text_file(&dir.join("candidates.csv"), &plan_csv(&planned.plan)?)?;
    Ok(write_file(&dir.join("plan.json"), |out| write_json(out, &planned.plan)).map_err(io::Error::other)?)
}

fn text_file(path: &Path, text: &str) -> io::Result<()> {
    write_file(path, |out| out.write_all(text.as_bytes())).map_err(io::Error::other)
}

fn print(format: Format, plan: &Plan) -> io::Result<()> {
    match format {
        Format::Table => output::print(&plan_table(plan)),
        Format::Csv => output::print(&plan_csv(plan)?),
        Format::Json => output::print_json(plan),
    }
}
