//! What fails at random, as a random process.

use crate::units::{Rate, SimDuration};

/// What can fail, in the order in which simultaneous faults happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A node is lost.
    Node,
    /// A GPU is lost.
    Gpu,
    /// The network of a node is lost, or slow.
    Nic,
    /// An engine process dies.
    Engine,
    /// An engine stops answering.
    Hang,
    /// A spot node is taken away.
    Spot,
    /// The host of a node is maintained.
    Maintenance,
    /// A block of the topology is lost, all of its nodes at once.
    Block,
}

/// What fails on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// A node slot.
    Node,
    /// A GPU of a node slot.
    Gpu,
    /// A group slot of a deployment.
    Group,
    /// A block of a node pool's topology.
    Block,
}

/// How often each component of a kind fails, and for how long.
///
/// A renewal process: once a component is repaired, the time to its next failure is drawn anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailureProcess {
    /// What happens.
    pub kind: FaultKind,
    /// What it happens to; each has a process of its own.
    pub per: Component,
    /// Index of the only node pool it happens in; all of them if none.
    pub pool: Option<usize>,
    /// Mean time from a repair to the next failure.
    pub mean: SimDuration,
    /// Weibull shape of that time; 1 is exponential.
    pub shape: f64,
    /// Warning given before it happens.
    pub notice: SimDuration,
    /// How long it lasts unless somebody replaces what is broken.
    pub repair: RepairTime,
    /// What is left of the bandwidth [fraction]; 0 for everything that is lost.
    pub slowed: f64,
}

/// How long repairs take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RepairTime {
    /// Always the same.
    Fixed(SimDuration),
    /// Drawn each time.
    Lognormal {
        /// Median.
        p50: SimDuration,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

impl FaultKind {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Node,
        Self::Gpu,
        Self::Nic,
        Self::Engine,
        Self::Hang,
        Self::Spot,
        Self::Maintenance,
        Self::Block,
    ];

    /// Its name in scenario files and in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Gpu => "gpu",
            Self::Nic => "nic",
            Self::Engine => "engine",
            Self::Hang => "hang",
            Self::Spot => "spot",
            Self::Maintenance => "maintenance",
            Self::Block => "block",
        }
    }

    /// What it happens to.
    pub const fn per(self) -> Component {
        match self {
            Self::Node | Self::Nic | Self::Spot | Self::Maintenance => Component::Node,
            Self::Gpu => Component::Gpu,
            Self::Engine | Self::Hang => Component::Group,
            Self::Block => Component::Block,
        }
    }
}

impl FailureProcess {
    /// How often one component fails in the long run [1/s].
    ///
    /// With a shape below 1 it fails more often than that at first, with one above 1 less often.
    pub fn rate(&self) -> Rate {
        let cycle_s = self.mean.as_secs_f64() + self.notice.as_secs_f64() + self.repair.mean_s();
        Rate::per_s(1.0 / cycle_s)
    }

    /// Failures of `components` components to be expected within `span`: a run in which this is small says nothing about
    /// availability.
    pub fn expected(&self, components: u32, span: SimDuration) -> f64 {
        f64::from(components) * self.rate().as_per_s() * span.as_secs_f64()
    }
}

impl RepairTime {
    /// The lognormal repair time of a median and a mean [s]; always the same if they are equal.
    pub(in crate::scenario) fn from_p50_and_mean(p50_s: f64, mean_s: f64) -> Self {
        let p50 = SimDuration::from_secs_f64(p50_s);
        // The mean of a lognormal lies exp(sigma^2 / 2) above its median.
        if mean_s > p50_s {
            Self::Lognormal { p50, sigma: (2.0 * (mean_s / p50_s).ln()).sqrt() }
        } else {
            Self::Fixed(p50)
        }
    }

    /// The mean [s].
    pub fn mean_s(&self) -> f64 {
        match self {
            Self::Fixed(time) => time.as_secs_f64(),
            Self::Lognormal { p50, sigma } => p50.as_secs_f64() * (sigma * sigma / 2.0).exp(),
        }
    }
}
