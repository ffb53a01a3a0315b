//! Which of two measured configurations is better, and whether the prediction says so too.
//!
//! Somebody who chooses between placements asks for the order, not for the figures. Two rows are a pair when the same engine was
//! asked the same and they differ in one factor: GPU, precision, TP or PP.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{metric::Metric, row::Row, setup::Setup};

/// Measured difference from which on a pair has a winner [fraction].
const APART: f64 = 0.1;

/// The pairs and how many of them come out as measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Orderings {
    /// By factor: `gpu`, `precision`, `tp`, `pp`.
    pub factors: BTreeMap<&'static str, Ordering>,
    /// Pairs whose predicted winner is not the measured one, by the names of their rows.
    pub wrong: Vec<[String; 2]>,
}

/// Pairs that differ in one factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ordering {
    /// How many there are.
    pub pairs: usize,
    /// How many have the winner that was measured.
    pub right: usize,
}

impl Ordering {
    /// Part of the pairs that is right.
    pub fn fraction(&self) -> f64 {
        self.right as f64 / self.pairs.max(1) as f64
    }
}

/// A predicted row as far as pairs go.
pub(super) struct Measured<'a> {
    pub(super) row: &'a Row,
    pub(super) setup: &'a Setup,
    pub(super) metric: Metric,
    pub(super) predicted: f64,
}

impl Measured<'_> {
    fn factors(&self) -> [(&'static str, String); 4] {
        let subject = &self.setup.subject;
        [
            ("gpu", subject.gpu.clone()),
            ("precision", format!("{} {}", self.setup.fp8, self.setup.kv_fp8())),
            ("tp", subject.tensor_parallel.to_string()),
            ("pp", subject.pipeline_parallel.to_string()),
        ]
    }

    /// Everything else.
    fn rest(&self) -> String {
        format!("{} {:?} {}", self.row.source, self.metric, self.setup.question())
    }
}

/// Looks at every pair.
pub(super) fn of(rows: &[Measured<'_>]) -> Orderings {
    let mut alike: BTreeMap<String, Vec<&Measured<'_>>> = BTreeMap::new();
    for row in rows {
        alike.entry(row.rest()).or_default().push(row);
    }
    let mut orderings = Orderings::default();
    for rows in alike.values() {
        for (place, one) in rows.iter().enumerate() {
            for other in &rows[place + 1..] {
                orderings.pair(one, other);
            }
        }
    }
    orderings
}

impl Orderings {
    fn pair(&mut self, one: &Measured<'_>, other: &Measured<'_>) {
        let (mine, theirs) = (one.factors(), other.factors());
        let mut differing = mine.iter().zip(&theirs).filter(|(mine, theirs)| mine != theirs);
        let (Some(((factor, _), _)), None) = (differing.next(), differing.next()) else { return };
        let (small, large) = (one.row.value.min(other.row.value), one.row.value.max(other.row.value));
        if large / small - 1.0 <= APART {
            return;
        }
        let right = (one.row.value < other.row.value) == (one.predicted < other.predicted);
        let ordering = self.factors.entry(factor).or_default();
        ordering.pairs += 1;
        ordering.right += usize::from(right);
        if !right {
            self.wrong.push([one.row.id.clone(), other.row.id.clone()]);
        }
    }
}
