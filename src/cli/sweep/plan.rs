//! `towtank sweep plan`: check every point, write the plan.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::{CliError, options::InputOptions, output};
use crate::document;
use crate::scenario::ScenarioFile;
use crate::study::{Axis, SweepInputs, SweepPlan};

#[derive(Args)]
pub(in crate::cli) struct PlanArgs {
    /// Scenario file; `-` is stdin
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// A field and the values it takes, such as `warmup=1m,2m`, `PATH=1..10:1` or `PATH=16..256:x2`; the last one given varies fastest
    #[arg(long, value_name = "PATH=VALUES")]
    vary: Vec<String>,
    /// The same for fields that vary together: the first value of each, then the second, ...
    #[arg(long, value_name = "PATH=VALUES")]
    zip: Vec<String>,
    /// Runs of each point, each with a seed of its own; all points share the seeds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    replications: u32,
    /// Seed of the first run, instead of the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    input: InputOptions,
    /// Directory for the plan and its results [default: results/NAME-sweep, after the scenario]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn plan(args: &PlanArgs) -> Result<(), CliError> {
    let axes = |texts: &[String]| texts.iter().map(|text| Axis::parse(text)).collect::<Result<Vec<_>, _>>();
    let (axes, zipped) = (axes(&args.vary)?, axes(&args.zip)?);
    if args.zip.len() == 1 {
        return Err(CliError::Usage("--zip: one field alone is what --vary is for".to_owned()));
    }
    let (name, text) = document::read(&args.scenario)?;
    let base_dir = if name == "-" { None } else { args.scenario.parent() };
    let base_dir = base_dir.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = ScenarioFile::parse(&name, &text, base_dir, &args.input.sets)?;
    output::remark_ignored(&file);
    let dir = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new("results").join(format!("{}-sweep", file.scenario.name)));
    let inputs = SweepInputs {
        file: (&name, &text),
        base_dir,
        sets: &args.input.sets,
        axes,
        zipped,
        replications: args.replications,
        seed: args.seed,
        catalog: args.input.catalog_files()?,
    };
    let plan = SweepPlan::new(&inputs, &dir)?;
    plan.write(&dir)?;
    let points = if plan.len() == 1 { "1 point".to_owned() } else { format!("{} points", plan.len()) };
    Ok(output::print(&format!("{points} planned in {}\n", dir.display()))?)
}
