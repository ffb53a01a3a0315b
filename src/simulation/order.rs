//! The written total order of things that happen at one instant.

use crate::units::SimTime;

/// What kind of thing happens, in the order in which simultaneous things do.
///
/// All arrivals at an instant precede the polls at it, so an engine that looks for work finds them; a result that comes
/// together with a time-out comes too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Something breaks, or a node, pod or group changes.
    Cluster,
    /// A client gives up.
    Timeout,
    /// A batch's result is applied.
    Result,
    /// A request or a retry is sent and routed.
    Arrival,
    /// An engine core looks for work.
    Poll,
    /// State is sampled for the timeline and for routers that scrape.
    Sample,
}

/// A point in the total order: everything at an earlier moment has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When.
    pub at: SimTime,
    /// Which of the things that happen then.
    pub rank: Rank,
}

impl Moment {
    /// After everything.
    pub const END: Self = Self { at: SimTime::MAX, rank: Rank::Sample };

    /// `rank` at `at`.
    pub const fn new(at: SimTime, rank: Rank) -> Self {
        Self { at, rank }
    }
}
