//! How many groups of the winner a demand takes.

use super::{
    candidates::Spec,
    fleet::{Ground, NoRun},
    search::{Fewest, fewest},
};

/// The answers so far, each simulated once; a demand between two that take as many groups takes as many too.
pub(super) struct Needs<'a> {
    ground: &'a Ground<'a>,
    spec: &'a Spec,
    /// Groups of the analytic floor at the planned demand, before rounding up.
    floor: f64,
    /// (factor on the planned demand, groups), by factor; `None` where nothing meets the slo.
    known: Vec<(f64, Option<u32>)>,
}

impl<'a> Needs<'a> {
    pub(super) fn new(ground: &'a Ground<'a>, spec: &'a Spec, planned: f64) -> Self {
        let floor = spec.candidate.floor.expect("what is simulated has a floor");
        Self { ground, spec, floor: planned / floor.requests_per_s_per_group, known: Vec::new() }
    }

    /// The same where the floor does not hold: under other lengths.
    pub(super) const fn without_floor(ground: &'a Ground<'a>, spec: &'a Spec) -> Self {
        Self { ground, spec, floor: 0.0, known: Vec::new() }
    }

    /// Groups that `factor` times the planned demand takes; none where nothing meets the slo.
    pub(super) fn at(&mut self, factor: f64) -> Result<Option<u32>, NoRun> {
        let place = self.known.partition_point(|(known, _)| known.total_cmp(&factor).is_lt());
        let above = self.known.get(place).copied();
        if let Some((known, groups)) = above
            && known.total_cmp(&factor).is_eq()
        {
            return Ok(groups);
        }
        let below = place.checked_sub(1).and_then(|place| self.known[place].1);
        let groups = match (below, above) {
            (Some(below), Some((_, Some(above)))) if below == above => Some(below),
            _ => {
                let floor = (self.floor * factor).ceil() as u32;
                let most = self.ground.most_groups();
                let from = floor.max(below.unwrap_or(1)).max(1);
                match fewest(from, most, |groups| self.ground.run(self.spec, groups, factor))? {
                    Fewest::Found(groups, _) => Some(groups),
                    Fewest::Missed(..) => None,
                }
            }
        };
        self.known.insert(place, (factor, groups));
        Ok(groups)
    }
}
