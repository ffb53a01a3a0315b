//! What the simulation asks of a timing model: the seam at which tests put constants instead of kernels.

use crate::batch::Batch;
use crate::timing::Timing;
use crate::units::SimDuration;

/// How long the parts of one engine step take.
pub trait StepTime {
    /// The engine core's own work for this step.
    fn host(&mut self, batch: &Batch) -> SimDuration;
    /// How long the GPUs of `stage` are busy.
    fn stage(&mut self, stage: usize, batch: &Batch) -> SimDuration;
    /// Hidden states from `boundary` to the stage behind it.
    fn transfer(&mut self, boundary: usize, batch: &Batch) -> SimDuration;
    /// Sampled tokens from the last stage back to the engine core.
    fn token_return(&self) -> SimDuration;
}

impl StepTime for Timing {
    fn host(&mut self, batch: &Batch) -> SimDuration {
        Self::host(self, batch)
    }

    fn stage(&mut self, stage: usize, batch: &Batch) -> SimDuration {
        Self::stage(self, stage, batch)
    }

    fn transfer(&mut self, boundary: usize, batch: &Batch) -> SimDuration {
        Self::transfer(self, boundary, batch)
    }

    fn token_return(&self) -> SimDuration {
        Self::token_return(self)
    }
}
