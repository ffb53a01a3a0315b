//! Recommendations of the last minutes, so that the number of pods follows no short swing (`horizontal.go`).

use crate::units::{SimDuration, SimTime};

/// What metrics asked for, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Recommendations(Vec<(SimTime, u32)>);

impl Recommendations {
    /// The first pass remembers what there is (`recordInitialRecommendation`).
    pub(super) fn start(&mut self, now: SimTime, current: u32) {
        if self.0.is_empty() {
            self.0.push((now, current));
        }
    }

    /// Without `behavior`: the most of the window (`stabilizeRecommendation`).
    pub(super) fn highest(&mut self, now: SimTime, window: SimDuration, wanted: u32) -> u32 {
        let recent = self.0.iter().filter(|(at, _)| at.saturating_add(window) >= now);
        let highest = recent.map(|(_, replicas)| *replicas).fold(wanted, u32::max);
        self.record(now, window, wanted);
        highest
    }

    /// With `behavior`: upwards no further than the least of one window, downwards no further than the most of the other
    /// (`stabilizeRecommendationWithBehaviors`, whose windows end just before their length).
    pub(super) fn between(
        &mut self,
        now: SimTime,
        current: u32,
        wanted: u32,
        (up, down): (SimDuration, SimDuration),
    ) -> u32 {
        let recent = |window: SimDuration| {
            let inside = move |(at, _): &&(SimTime, u32)| at.saturating_add(window) > now;
            self.0.iter().filter(inside).map(|(_, replicas)| *replicas)
        };
        let lowest = recent(up).fold(wanted, u32::min);
        let highest = recent(down).fold(wanted, u32::max);
        self.record(now, up.max(down), wanted);
        current.max(lowest).min(highest)
    }

    /// Remembers in the place of one that is out of every window, if there is one.
    fn record(&mut self, now: SimTime, window: SimDuration, wanted: u32) {
        match self.0.iter().rposition(|(at, _)| at.saturating_add(window) < now) {
            Some(old) => self.0[old] = (now, wanted),
            None => self.0.push((now, wanted)),
        }
    }
}
