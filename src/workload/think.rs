//! How long users think.

use rand_distr::{Distribution, Exp1, StandardNormal};

use super::args::ThinkArgs;
use crate::random::RandomStream;
use crate::units::SimDuration;

/// A distribution of think times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Think {
    /// Always the same.
    Fixed(SimDuration),
    /// Exponential by its mean [s], drawn again above `max_s`.
    Exponential {
        /// Mean before values are drawn again [s].
        mean_s: f64,
        /// Longest [s].
        max_s: f64,
    },
    /// Lognormal, drawn again above `max_s`.
    Lognormal {
        /// Logarithm of the median [ln s].
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
        /// Longest [s].
        max_s: f64,
    },
}

impl Think {
    /// What `args` means, after they were validated; no time at all when left out.
    pub(super) fn resolve(args: Option<&ThinkArgs>) -> Self {
        let form = match args {
            None => return Self::Fixed(SimDuration::ZERO),
            Some(ThinkArgs::Fixed(time)) => return Self::Fixed(*time),
            Some(ThinkArgs::Drawn(form)) => form,
        };
        // The end of time stands in for no limit: no run is longer.
        let max_s = form.max.map_or(1e9, SimDuration::as_secs_f64);
        match (form.mean, form.p50, form.sigma) {
            (_, Some(p50), Some(sigma)) => Self::Lognormal { mu: p50.as_secs_f64().ln(), sigma, max_s },
            (mean, ..) => Self::Exponential { mean_s: mean.unwrap_or_default().as_secs_f64(), max_s },
        }
    }

    /// One think time.
    pub fn draw(&self, rng: &mut RandomStream) -> SimDuration {
        loop {
            let (drawn_s, max_s) = match *self {
                Self::Fixed(time) => return time,
                Self::Exponential { mean_s, max_s } => {
                    (mean_s * Distribution::<f64>::sample(&Exp1, rng), max_s)
                }
                Self::Lognormal { mu, sigma, max_s } => {
                    ((mu + sigma * Distribution::<f64>::sample(&StandardNormal, rng)).exp(), max_s)
                }
            };
            if drawn_s <= max_s {
                return SimDuration::from_secs_f64(drawn_s);
            }
        }
    }
}
