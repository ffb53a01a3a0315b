//! Instants of simulated time.

use std::{
    fmt,
    ops::{Add, AddAssign, Sub},
};

use super::SimDuration;

/// An instant [ns since the start of the run].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

impl SimTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `ns` after the start [ns].
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Distance from the start [ns].
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Distance from the start [s].
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Time since `earlier`.
    ///
    /// # Panics
    /// If `earlier` is later: simulated time never goes back.
    pub fn since(self, earlier: Self) -> SimDuration {
        SimDuration::from_nanos(self.0.checked_sub(earlier.0).expect("time went back"))
    }

    /// `self + duration`, or [`SimTime::MAX`] past the end of time.
    #[must_use]
    pub fn saturating_add(self, duration: SimDuration) -> Self {
        Self(self.0.saturating_add(duration.as_nanos()))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    fn add(self, duration: SimDuration) -> Self {
        Self(self.0.checked_add(duration.as_nanos()).expect("simulated time overflowed"))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, duration: SimDuration) {
        *self = *self + duration;
    }
}

impl Sub for SimTime {
    type Output = SimDuration;
    fn sub(self, earlier: Self) -> SimDuration {
        self.since(earlier)
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SimDuration::from_nanos(self.0).fmt(f)
    }
}
