//! What is to be said of placements, sorted so that nothing is said twice.

use super::{Metric, PlacementSummary, summary::tied};

/// Remarks on placements, as `of` has them.
pub(super) struct Remarks {
    /// On one placement: its place in the scenario, and the remark.
    pub(super) own: Vec<(usize, String)>,
    /// On every placement that ran.
    pub(super) shared: Vec<String>,
}

impl Remarks {
    /// Sorts them.
    pub(super) fn of(placements: &[PlacementSummary], of: impl Fn(&PlacementSummary) -> Vec<String>) -> Self {
        let ran: Vec<_> =
            placements.iter().filter(|placement| placement.figures.is_some()).map(&of).collect();
        let shared = |remark: &String| ran.len() > 1 && ran.iter().all(|other| other.contains(remark));
        let all = placements.iter().enumerate();
        let own =
            all.flat_map(|(index, placement)| of(placement).into_iter().map(move |remark| (index, remark)));
        Self {
            own: own.filter(|(_, remark)| !shared(remark)).collect(),
            shared: ran.first().into_iter().flatten().filter(|remark| shared(remark)).cloned().collect(),
        }
    }
}

/// Every pair of placements that ties, with the names of the figures in which it does.
pub(super) fn tied_pairs(placements: &[PlacementSummary]) -> Vec<([&str; 2], Vec<String>)> {
    let mut pairs: Vec<([&str; 2], Vec<String>)> = Vec::new();
    for metric in Metric::DECIDING {
        for tie in tied(placements, metric) {
            match pairs.iter_mut().find(|(placements, _)| *placements == tie) {
                Some((_, names)) => names.push(metric.name()),
                None => pairs.push((tie, vec![metric.name()])),
            }
        }
    }
    pairs
}
