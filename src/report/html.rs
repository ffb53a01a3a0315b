//! The report of a run: which sections it has, and what stands in them.

mod availability;
mod comparison;
mod distributions;
mod engines;
mod lives;
mod money;
mod overview;
mod rates;
mod trust;

use maud::html;

use super::page::{Page, Part, Section};
use super::recorded::Recorded;
use super::{Figures, PlacementSummary, words};

/// A placement that ran.
#[derive(Clone, Copy)]
struct Ran<'a> {
    /// Its place in the scenario: its colour.
    index: usize,
    placement: &'a PlacementSummary,
    figures: &'a Figures,
}

impl Ran<'_> {
    fn name(&self) -> &str {
        &self.placement.name
    }

    /// The limit that the scenario's slo sets for a percentile.
    fn limit(&self, name: &str) -> Option<f64> {
        let check = self.placement.slo.iter().find(|check| check.workload.is_none() && check.name == name);
        check.map(|check| check.limit)
    }
}

/// The placements that ran, in file order.
fn ran(recorded: &Recorded) -> Vec<Ran<'_>> {
    let placements = recorded.summary.placements.iter().enumerate();
    placements
        .filter_map(|(index, placement)| Some(Ran { index, placement, figures: placement.figures.as_ref()? }))
        .collect()
}

/// Those of them that had traffic.
fn served(recorded: &Recorded) -> Vec<Ran<'_>> {
    ran(recorded).into_iter().filter(|ran| !ran.figures.workloads.is_empty()).collect()
}

/// What is compared, in words: `a 12 ms, b 15 ms`.
fn listed<'a>(of: impl Iterator<Item = (&'a str, String)>) -> String {
    of.map(|(name, words)| format!("{name} {words}")).collect::<Vec<_>>().join(", ")
}

/// The report of a run.
///
/// # Errors
/// If the plotting library cannot draw a figure, in its words.
pub(super) fn run(recorded: &Recorded) -> Result<Page, String> {
    let summary = &recorded.summary;
    let count = summary.placements.len();
    let mut facts = vec![
        format!("{count} placement{}", if count == 1 { "" } else { "s" }),
        format!("seed {}", summary.seed),
        format!("simulated by towtank {}", summary.towtank_version),
    ];
    if let Some([_, end]) = ran(recorded).first().map(|ran| ran.figures.traffic.window_s.cost) {
        facts.insert(1, format!("{} simulated", words::span(end)));
    }
    facts.extend(summary.calibrated_on.iter().map(|runs| format!("calibrated on {runs}")));
    let sections = [
        Some(overview::section(recorded)),
        comparison::section(recorded)?,
        distributions::section(recorded)?,
        rates::section(recorded)?,
        lives::section(recorded)?,
        engines::section(recorded)?,
        money::section(recorded)?,
        availability::section(recorded),
        trust::section(recorded),
        Some(scenario(recorded)),
    ];
    Ok(Page {
        kind: "run report",
        title: summary.scenario.clone(),
        facts,
        sections: sections.into_iter().flatten().collect(),
    })
}

fn scenario(recorded: &Recorded) -> Section {
    Section {
        id: "scenario",
        title: "Scenario",
        lead: "What was simulated, with every default filled in. It can be run again as it stands."
            .to_owned(),
        parts: vec![Part::Html(html! {
            pre tabindex="0" role="region" aria-label="Scenario file" { code { (recorded.scenario) } }
        })],
    }
}
