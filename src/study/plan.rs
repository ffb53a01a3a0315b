//! The cheapest placement that meets the slo.
//!
//! The demand is taken to the peak of the last month of the horizon; candidates are everything that the scenario's `plan` lets
//! machines, networks, models, layouts and limits be. An analytic floor under the price of each prunes, simulation of
//! the whole fleet at the planned peak decides. What follows from the winner (months, prices, commitments, what failures do,
//! what the bill hangs on) is worked out for it alone.

mod candidates;
mod demand;
mod facts;
mod figures;
mod fleet;
mod floor;
mod incident;
mod knee;
mod money;
mod needs;
mod pareto;
mod redundancy;
mod search;
mod uptime;
mod winner;

use self::{
    fleet::{Ground, NoRun},
    winner::Case,
};
use super::Monitor;
use crate::catalog::Catalog;
use crate::report::plan::{AVAILABILITY_BOUND, Plan};
use crate::scenario::{PlanArgs, ScenarioError, ScenarioFile};

/// Hours of the month that prices are stated for.
const HOURS_PER_MONTH: f64 = 730.0;

/// A plan and what comes with it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Everything found.
    pub plan: Plan,
    /// The winner as a scenario; its run gives the figures of the plan.
    pub scenario: Option<String>,
}

/// Names of all candidates of a scenario's `plan`.
///
/// # Errors
/// If there is no plan, or it names something that is not there.
pub fn plan_candidates(file: &ScenarioFile, catalog: &Catalog) -> Result<Vec<String>, ScenarioError> {
    let (specs, _) = candidates::candidates(file, catalog, stated(file)?)?;
    Ok(specs.into_iter().map(|spec| spec.candidate.name).collect())
}

/// The scenario in which a candidate serves the planned demand with so many groups; the search simulates just this.
///
/// # Errors
/// If there is no plan, or no candidate of that name.
pub fn plan_scenario(
    file: &ScenarioFile,
    catalog: &Catalog,
    name: &str,
    groups: u32,
) -> Result<String, ScenarioError> {
    let args = stated(file)?;
    let (specs, _) = candidates::candidates(file, catalog, args)?;
    let missing = || file.error("plan", format!("no candidate named `{name}`"));
    let spec = specs.into_iter().find(|spec| spec.candidate.name == name).ok_or_else(missing)?;
    let peak = demand::peak(file, args, &file.resolve(catalog)?)?;
    let monitor = Monitor::default();
    Ok(Ground::new(file, args, peak.workloads, catalog, &monitor).text(&spec, groups))
}

fn stated(file: &ScenarioFile) -> Result<&PlanArgs, ScenarioError> {
    let missing = || file.error("", "this scenario has no `plan`: say there what to search");
    file.scenario.plan.as_ref().ok_or_else(missing)
}

/// Searches the cheapest placement that meets the slo.
///
/// # Errors
/// If the scenario has no plan, it names something that is not there, or its demand cannot be scaled.
///
/// # Panics
/// If a winner that was simulated is refused afterwards, which the search excludes.
pub fn plan(file: &ScenarioFile, catalog: &Catalog, monitor: &Monitor) -> Result<Planned, ScenarioError> {
    let args = stated(file)?;
    let resolved = file.resolve(catalog)?;
    let (specs, mut announced) = candidates::candidates(file, catalog, args)?;
    let peak = demand::peak(file, args, &resolved)?;
    announced.extend(horizon(args));
    let ground = Ground::new(file, args, peak.workloads, catalog, monitor);
    if ground.availability.is_none() || !ground.fails() {
        announced.push(
            "no spare groups: they are for `slo.availability`, judged by what `failures` do".to_owned(),
        );
    }
    if !ground.limits().iter().any(|limit| limit.name != "availability") {
        announced
            .push("the slo states no latency: any fleet that keeps up with the demand will do".to_owned());
    }
    let found = search::search(&ground, specs, peak.demand.planned_requests_per_s);
    let mut plan = Plan {
        towtank_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: resolved.name,
        seed: resolved.seed,
        calibrated_on: resolved.calibrated_on,
        interrupted: found.interrupted,
        slo: ground.limits(),
        demand: peak.demand,
        announced,
        availability_note: ground.fails().then(|| AVAILABILITY_BOUND.to_owned()),
        counts: found.counts,
        pareto_throughput: pareto::throughput(&found.candidates),
        pareto_cost: pareto::cost(&found.candidates),
        candidates: found.candidates,
        ties: Vec::new(),
        winner: None,
    };
    let scenario = found.winner.as_ref().map(|spec| {
        let figures = spec.candidate.figures.expect("a winner was simulated");
        ground.text(spec, figures.groups + figures.spare_groups)
    });
    if let (Some(spec), Some(text)) = (&found.winner, &scenario)
        && !plan.interrupted
    {
        let case = Case { ground: &ground, spec, demand: &plan.demand, load: &peak.load };
        match case.winner(text) {
            Ok(winner) => {
                let dearest = spec.usd_per_month(winner.groups.high + winner.spare_groups);
                plan.ties = pareto::ties(&plan.candidates, dearest);
                plan.winner = Some(winner);
            }
            Err(NoRun::Interrupted) => plan.interrupted = true,
            Err(NoRun::Refused(reason)) => unreachable!("the winner was simulated before: {reason}"),
        }
    }
    plan.counts.simulations = monitor.simulations.load(std::sync::atomic::Ordering::Relaxed);
    Ok(Planned { plan, scenario })
}

/// What of the horizon nobody stated.
fn horizon(args: &PlanArgs) -> Vec<String> {
    let mut said = Vec::new();
    if args.months.is_none() {
        said.push(format!("months: {} (plan.months)", demand::months(args)));
    }
    if args.headroom.is_none() {
        said.push(format!("headroom: {} on top of the peak (plan.headroom)", demand::headroom(args)));
    }
    said
}
