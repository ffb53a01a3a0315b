//! The capacity report of a plan: first for the one who pays, then for the one who is paged, then what else was looked at, and
//! what all of it rests on.

mod assumptions;
mod finance;
mod operations;
mod search;

use serde::Deserialize;

use super::Figures;
use super::page::Page;
use super::plan::{Candidate, Plan, Winner};
use super::words::{figure, fixed};

/// A plan with a winner, and what is known of it.
#[derive(Clone, Copy)]
struct Won<'a> {
    plan: &'a Plan,
    winner: &'a Winner,
    candidate: &'a Candidate,
}

/// The capacity report of a plan.
///
/// # Errors
/// If the plan names a winner that is not among its candidates, or a figure cannot be drawn.
pub(super) fn report(plan: &Plan) -> Result<Page, String> {
    let mut facts = vec![
        format!("{} candidates", fixed(f64::from(plan.counts.candidates), 0)),
        format!("{} simulations", fixed(plan.counts.simulations as f64, 0)),
        format!("seed {}", plan.seed),
        format!("planned by towtank {}", plan.towtank_version),
    ];
    facts.extend(plan.calibrated_on.iter().map(|runs| format!("calibrated on {runs}")));
    if plan.interrupted {
        facts.push("interrupted: a cheaper candidate may not have been reached".to_owned());
    }
    let mut sections = Vec::new();
    if let Some(winner) = &plan.winner {
        let candidate = plan.candidates.iter().find(|candidate| candidate.name == winner.name);
        let candidate = candidate.ok_or_else(|| format!("`{}` is not among the candidates", winner.name))?;
        let won = Won { plan, winner, candidate };
        sections.push(finance::section(won)?);
        sections.push(operations::section(won)?);
        sections.push(search::section(plan, Some(won))?);
        sections.push(assumptions::section(plan, Some(won))?);
    } else {
        sections.push(search::section(plan, None)?);
        sections.push(assumptions::section(plan, None)?);
    }
    Ok(Page { kind: "capacity report", title: plan.scenario.clone(), facts, sections })
}

impl Won<'_> {
    /// Groups in all.
    fn groups(self) -> u32 {
        self.winner.groups.base + self.winner.spare_groups
    }

    /// Its figures, as `summary.json` has them.
    fn figures(self) -> Result<Figures, String> {
        Figures::deserialize(&self.winner.summary).map_err(|error| format!("winner.summary: {error}"))
    }
}

/// What a candidate is, in words.
fn described(candidate: &Candidate) -> String {
    let model = candidate.model.rsplit('/').next().unwrap_or(&candidate.model);
    let (tp, pp) = (candidate.tensor_parallel_size, candidate.pipeline_parallel_size);
    let layout = if pp > 1 { format!("TP {tp} × PP {pp}") } else { format!("TP {tp}") };
    let where_it_runs = match (candidate.nodes_per_group, candidate.groups_per_node) {
        (1, 1) => candidate.machine.clone(),
        (1, groups) => format!("{groups} groups a {}", candidate.machine),
        (nodes, _) => format!("{nodes} × {} over {}", candidate.machine, candidate.network),
    };
    format!("{model}, {layout}, {where_it_runs}")
}

/// So many of something, in words.
fn several(count: u32, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A rate, in words.
fn rate(requests_per_s: f64) -> String {
    format!("{} requests/s", figure(requests_per_s))
}
