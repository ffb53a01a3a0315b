//! How somebody outside follows a run and stops it, without touching its results.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::units::SimTime;

/// Shared with whoever draws the progress bar or catches Ctrl-C.
#[derive(Debug)]
pub struct Watch<'a> {
    /// How far simulated time has come [ns].
    pub progress: &'a AtomicU64,
    /// Set from outside to stop early.
    pub interrupted: &'a AtomicBool,
}

impl Watch<'_> {
    /// Reports `now`; returns whether to stop.
    pub(super) fn tick(&self, now: SimTime) -> bool {
        self.progress.store(now.as_nanos(), Ordering::Relaxed);
        self.interrupted.load(Ordering::Relaxed)
    }
}
