//! `towtank plan`: search the cheapest placement that meets the slo.

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
    watch::watched,
};
use crate::catalog::Catalog;
use crate::interop;
use crate::report::plan::Plan;
use crate::report::{draw_report, plan_csv, plan_table, write_file, write_json, write_or_remove};
use crate::scenario::ScenarioFile;
use crate::study::{Planned, plan as search, plan_candidates};

#[derive(Args)]
pub(super) struct PlanOptions {
    /// Scenario file with a `plan`; `-` is stdin
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    study: StudyOptions,
}

/// Searches, writes what was found, and prints the table.
pub(super) fn plan(args: &PlanOptions) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    let mut file = args.input.scenario(&args.scenario)?;
    file.scenario.seed = args.study.seed.unwrap_or(file.scenario.seed);
    let candidates = plan_candidates(&file, &catalog)?.len();
    let name = file.scenario.name.clone();
    let dir = args.study.out.clone().unwrap_or_else(|| Path::new("results").join(&name));
    output::writable(&dir)?;
    let (monitor, pool) = watched(args.study.jobs)?;
    let progress = Progress::start(args.study.quiet, &name, &monitor, Counted::candidates(candidates));
    let planned = pool.install(|| search(&file, &catalog, &monitor));
    progress.finish();
    let planned = planned?;
    write(&dir, &planned, &catalog, args.study.quiet)?;
    draw_report(&dir)?;
    if !args.study.quiet {
        planned.plan.announced.iter().for_each(|said| output::remark(&format!("default: {said}")));
        output::remark(&format!("results in {}", dir.display()));
    }
    print(args.study.format, &planned.plan)?;
    if planned.plan.interrupted {
        output::remark("interrupted: what was searched until then is there, a cheaper candidate may not be");
        return Err(CliError::Interrupted);
    }
    if planned.scenario.is_some() { Ok(()) } else { Err(CliError::NoneMeetsSlo) }
}

/// Writes the plan, and the winner as a scenario and as manifests.
fn write(dir: &Path, planned: &Planned, catalog: &Catalog, quiet: bool) -> Result<(), CliError> {
    let mut manifests = String::new();
    if let Some(text) = &planned.scenario {
        let file = ScenarioFile::parse("winner.yaml", text, Path::new(""), &[])?;
        let exported = interop::export(&file, catalog, None)?;
        if !quiet {
            exported.remarks.iter().for_each(|said| output::remark(&format!("note: manifests.yaml: {said}")));
        }
        manifests = exported.text;
    }
    // What an earlier search wrote is not this one's winner.
    let won = planned.scenario.is_some();
    let scenario = planned.scenario.as_deref().unwrap_or_default();
    text_file(&dir.join("winner.yaml"), won, scenario)?;
    text_file(&dir.join("manifests.yaml"), won, &manifests)?;
    text_file(&dir.join("candidates.csv"), true, &plan_csv(&planned.plan)?)?;
    Ok(write_file(&dir.join("plan.json"), |out| write_json(out, &planned.plan)).map_err(io::Error::other)?)
}

fn text_file(path: &Path, wanted: bool, text: &str) -> io::Result<()> {
    write_or_remove(path, wanted, |out| out.write_all(text.as_bytes())).map_err(io::Error::other)
}

fn print(format: Format, plan: &Plan) -> io::Result<()> {
    match format {
        Format::Table => output::print(&plan_table(plan)),
        Format::Csv => output::print(&plan_csv(plan)?),
        Format::Json => output::print_json(plan),
    }
}
