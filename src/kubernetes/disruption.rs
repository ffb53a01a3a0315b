//! Disruption budgets: how many pods may be evicted at a time.

use super::{IntOrPercent, PodDisruptionBudgetArgs};

/// A `PodDisruptionBudget`, kept as the disruption controller does (`pkg/controller/disruption/disruption.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisruptionBudget {
    /// So many pods must stay.
    MinAvailable(IntOrPercent),
    /// So many pods may be away.
    MaxUnavailable(IntOrPercent),
}

impl DisruptionBudget {
    /// What `args` means, after they were validated.
    ///
    /// # Panics
    /// If it states neither bound or both.
    pub fn resolve(args: &PodDisruptionBudgetArgs) -> Self {
        match (args.min_available, args.max_unavailable) {
            (Some(min), None) => Self::MinAvailable(min),
            (None, Some(max)) => Self::MaxUnavailable(max),
            _ => panic!("a budget states either minAvailable or maxUnavailable"),
        }
    }

    /// Pods that must stay healthy where their controllers want `expected` (`getExpectedPodCount`): percentages are
    /// rounded up on either side.
    pub fn desired_healthy(&self, expected: u32) -> u32 {
        let scaled = |bound: IntOrPercent| match bound {
            IntOrPercent::Int(count) => count,
            IntOrPercent::Percent(percent) => (u64::from(expected) * u64::from(percent)).div_ceil(100) as u32,
        };
        match *self {
            Self::MinAvailable(min) => scaled(min),
            Self::MaxUnavailable(max) => expected.saturating_sub(scaled(max)),
        }
    }

    /// Healthy pods that may be evicted now, where `healthy` are ready of the `expected` (`updatePdbStatus`).
    pub fn disruptions_allowed(&self, expected: u32, healthy: u32) -> u32 {
        // A budget that finds no pods protects the first ones that come.
        if expected == 0 { 0 } else { healthy.saturating_sub(self.desired_healthy(expected)) }
    }
}
