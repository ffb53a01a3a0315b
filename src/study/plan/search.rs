//! The search: floors prune, simulation decides.
//!
//! Candidates are taken in the order of their analytic floor, a batch at a time; one whose floor costs more than the best
//! price known before its batch cannot win and is not simulated. Batches have a fixed size, so nothing depends on how
//! many threads there are. A few of the cheapest floors are simulated whatever they cost, so that there is something to compare.

use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::{
    candidates::Spec,
    figures,
    fleet::{Ground, NoRun, Outcome},
    floor, incident,
    pareto::ranked,
    redundancy,
};
use crate::report::plan::{Candidate, Counts, Verdict};

/// Candidates that are looked at together.
const BATCH: usize = 8;
/// At least so many of the cheapest floors are simulated.
const LEAST: usize = 16;
/// One that costs so many times the best price is not followed further.
const TOO_DEAR: f64 = 2.0;
/// Share of a group's analytic most at which latency is that of an unloaded server.
const LIGHT: f64 = 0.05;

/// What the search found.
pub(super) struct Found {
    /// All candidates: those that meet the slo by price, then the others.
    pub(super) candidates: Vec<Candidate>,
    /// The cheapest that meets the slo.
    pub(super) winner: Option<Spec>,
    pub(super) counts: Counts,
    pub(super) interrupted: bool,
}

/// Searches all of `specs` for the planned demand.
pub(super) fn search(ground: &Ground<'_>, specs: Vec<Spec>, planned: f64) -> Found {
    let mut specs: Vec<Spec> = specs
        .into_par_iter()
        .map(|spec| {
            let candidate = assessed(ground, &spec, planned);
            Spec { candidate, ..spec }
        })
        .collect();
    // The order of the lists decides among equals.
    let price = |spec: &Spec| spec.candidate.floor.map_or(f64::INFINITY, |floor| floor.usd_per_month);
    specs.sort_by(|a, b| price(a).total_cmp(&price(b)));
    let mut best = f64::INFINITY;
    let (mut simulated, mut interrupted) = (0, false);
    for batch in specs.chunks_mut(BATCH) {
        let mut tried: Vec<&mut Spec> = Vec::new();
        for spec in batch.iter_mut().filter(|spec| spec.candidate.verdict == Verdict::NotReached) {
            if simulated < LEAST || price(spec) <= best {
                simulated += 1;
                tried.push(spec);
            } else {
                prune(&mut spec.candidate, best);
            }
        }
        tried.into_par_iter().for_each(|spec| {
            // Whoever was stopped stays not reached.
            if let Ok(candidate) = measured(ground, spec, planned, best) {
                spec.candidate = candidate;
            }
        });
        let prices = batch.iter().filter(|spec| spec.candidate.verdict == Verdict::MeetsSlo);
        best = prices.filter_map(|spec| Some(spec.candidate.figures?.usd_per_month)).fold(best, f64::min);
        ground.monitor.placements.fetch_add(batch.len() as u64, Ordering::Relaxed);
        if ground.monitor.interrupted.load(Ordering::Relaxed) {
            interrupted = true;
            break;
        }
    }
    let specs = ranked(specs);
    let winner = specs.first().filter(|spec| spec.candidate.verdict == Verdict::MeetsSlo).cloned();
    let candidates: Vec<Candidate> = specs.into_iter().map(|spec| spec.candidate).collect();
    let counts = counts(&candidates, simulated, ground);
    Found { candidates, winner, counts, interrupted }
}

fn counts(candidates: &[Candidate], simulated: usize, ground: &Ground<'_>) -> Counts {
    let of = |verdict| candidates.iter().filter(|candidate| candidate.verdict == verdict).count() as u32;
    Counts {
        candidates: candidates.len() as u32,
        does_not_fit: of(Verdict::DoesNotFit),
        miss_slo: of(Verdict::MissesSlo),
        pruned: of(Verdict::Pruned),
        simulated: simulated as u32,
        simulations: ground.monitor.simulations.load(Ordering::Relaxed),
    }
}

/// A candidate with its floor, or rejected without a simulation.
fn assessed(ground: &Ground<'_>, spec: &Spec, planned: f64) -> Candidate {
    let mut candidate = spec.candidate.clone();
    let most = ground.most_groups();
    let rejected = match ground.resolved(spec, 1) {
        Err(NoRun::Refused(reason)) => Some((Verdict::DoesNotFit, reason)),
        Err(NoRun::Interrupted) => None,
        Ok(resolved) => {
            let per_group = floor::most_per_group(&resolved);
            candidate.floor = floor::floor(spec, per_group, planned);
            match (resolved.placements[0].does_not_fit(), candidate.floor) {
                (Some(reason), _) => Some((Verdict::DoesNotFit, reason)),
                (None, None) => {
                    let reason = "even one request at a time takes longer a token than the slo allows";
                    Some((Verdict::MissesSlo, reason.to_owned()))
                }
                (None, Some(floor)) if floor.groups > most => {
                    let reason = format!("at least {} groups, above the {most} allowed", floor.groups);
                    Some((Verdict::MissesSlo, reason))
                }
                (None, Some(_)) => None,
            }
        }
    };
    if let Some((verdict, reason)) = rejected {
        candidate.verdict = verdict;
        candidate.reason = Some(reason);
    }
    candidate
}

fn prune(candidate: &mut Candidate, best: f64) {
    let floor = candidate.floor.expect("what has no floor was rejected before");
    candidate.verdict = Verdict::Pruned;
    candidate.reason = Some(format!(
        "floor of {} groups costs ${:.0} a month, above ${best:.0}",
        floor.groups, floor.usd_per_month
    ));
}

/// A candidate with what the simulation says of it; `best` is the lowest price known.
fn measured(ground: &Ground<'_>, spec: &Spec, planned: f64, best: f64) -> Result<Candidate, NoRun> {
    let mut candidate = spec.candidate.clone();
    let floor = candidate.floor.expect("what has no floor was rejected before");
    let most = ground.most_groups();
    let affordable = (1..=most).rev().find(|groups| spec.usd_per_month(*groups) <= best * TOO_DEAR);
    let affordable = affordable.unwrap_or(0).max(floor.groups).min(most);
    let fewest = fewest(floor.groups, affordable, |groups| ground.run(spec, groups, 1.0))?;
    let (groups, outcome) = match fewest {
        Fewest::Found(groups, outcome) => (groups, *outcome),
        Fewest::Missed(groups, limited_by) => {
            let light = ground.run(spec, 1, LIGHT * floor.requests_per_s_per_group / planned)?;
            (candidate.verdict, candidate.reason) = match light.limited_by {
                Some(limit) => (Verdict::MissesSlo, Some(format!("{limit}, even unloaded"))),
                None if affordable < most => (
                    Verdict::Pruned,
                    Some(format!(
                        "{groups} groups are too few ({limited_by}) and cost ${:.0} a month, above ${best:.0}",
                        spec.usd_per_month(groups)
                    )),
                ),
                None => (
                    Verdict::MissesSlo,
                    Some(format!("{limited_by}, with {groups} groups, the most allowed")),
                ),
            };
            return Ok(candidate);
        }
    };
    let uptime = if ground.fails() { Some(incident::uptime(ground, spec, groups)?) } else { None };
    let (spare, enough) = ground.spare_groups(spec, groups, uptime);
    let ready = uptime.map(|uptime| uptime.ready(groups, groups + spare, candidate.groups_per_node));
    let mut figures = figures::of(spec, (groups, spare), &outcome.simulated, ready);
    candidate.verdict = Verdict::MeetsSlo;
    if let (false, Some(uptime)) = (enough, uptime) {
        // A rate that is not met has no cost.
        figures.usd_per_million_total_tokens_at_planned_rate = None;
        candidate.verdict = Verdict::MissesSlo;
        candidate.reason = redundancy::too_seldom(ground, spec, (groups, spare), uptime);
    }
    candidate.figures = Some(figures);
    Ok(candidate)
}

/// The fewest groups that meet the slo.
pub(super) enum Fewest {
    /// So many, and their run.
    Found(u32, Box<Outcome>),
    /// Not even so many, the most allowed, and what fails.
    Missed(u32, String),
}

/// Searches upwards from a lower bound, by steps that double, then between the last two. More groups are taken to be no worse.
pub(super) fn fewest(
    from: u32,
    most: u32,
    mut run: impl FnMut(u32) -> Result<Outcome, NoRun>,
) -> Result<Fewest, NoRun> {
    let mut groups = from.min(most);
    let mut below = groups - 1;
    let mut step = 1;
    let mut found = loop {
        let outcome = run(groups)?;
        match outcome.limited_by {
            None => break (groups, outcome),
            Some(limit) if groups >= most => return Ok(Fewest::Missed(groups, limit)),
            Some(_) => {
                below = groups;
                groups = (groups + step).min(most);
                step *= 2;
            }
        }
    };
    while found.0 - below > 1 {
        let middle = u32::midpoint(below, found.0);
        let outcome = run(middle)?;
        if outcome.limited_by.is_none() {
            found = (middle, outcome);
        } else {
            below = middle;
        }
    }
    Ok(Fewest::Found(found.0, Box::new(found.1)))
}
