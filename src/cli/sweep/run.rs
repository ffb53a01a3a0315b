//! `towtank sweep run`: simulate what has no result yet.

use std::{env, path::PathBuf};

use clap::Args;

use crate::cli::{
    CliError, output,
    progress::{Counted, Progress},
    watch::watched,
};
use crate::study::{Shard, SweepPlan, run_shard};

/// Where a pod of a Kubernetes Indexed Job finds which one it is.
const COMPLETION_INDEX: &str = "JOB_COMPLETION_INDEX";

#[derive(Args)]
pub(in crate::cli) struct RunArgs {
    /// Directory of the plan
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only every N-th point, beginning with the I-th, counted from 0; `/N` takes I from `JOB_COMPLETION_INDEX`
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Simulations at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Nothing on stderr but errors: no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(args: &RunArgs) -> Result<(), CliError> {
    let plan = SweepPlan::read(&args.dir)?;
    let index = env::var(COMPLETION_INDEX).ok();
    let shard = args.shard.as_deref().map(|text| Shard::parse(text, index.as_deref())).transpose()?;
    let (monitor, pool) = watched(args.jobs)?;
    let mut progress = None;
    let mut left = 0;
    let done = pool.install(|| {
        run_shard(&plan, &args.dir, shard.unwrap_or(Shard::WHOLE), &monitor, |points| {
            left = points;
            progress =
                Some(Progress::start(args.quiet, plan.scenario_name(), &monitor, Counted::points(points)));
        })
    });
    if let Some(progress) = progress {
        progress.finish();
    }
    let all = done?;
    let text = format!("{left} of {all} points simulated, {} were there already\n", all - left);
    Ok(output::print(&text)?)
}
