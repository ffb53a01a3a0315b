//! How many independent runs a wanted precision takes.
//!
//! Runs are added until the intervals are narrow enough. To stop at the very first time they are would favour runs that look
//! steady by chance, and the intervals reported would hold the truth too seldom. Three things are done about that, all usual:
//! never fewer than ten runs; the relative half-width is held against γ / (1 + γ) rather than γ, so that the error relative
//! to the true mean, not to the estimated one, is γ at the most (Law and Kelton, Simulation Modeling and Analysis, section
//! on obtaining a specified precision); and it must be met at five more runs in a row before it is believed (the look-ahead
//! of Hoad, Robinson and Davies, Automated selection of the number of replications for a discrete-event simulation, 2010).
//! The tests below hold the coverage of what is then reported to 95 %.

use super::Estimate;

/// Fewest runs from which a precision is judged.
const FIRST_LOOK: usize = 10;

/// How narrow an interval has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Largest half-width of the interval relative to the true mean [fraction].
    pub relative: f64,
}

impl Precision {
    /// Fewest runs after which anything can be precise enough.
    pub const FEWEST: usize = FIRST_LOOK + Self::LOOK_AHEAD;
    /// Runs after the first at which it is met, at each of which it must still be.
    pub const LOOK_AHEAD: usize = 5;

    /// Whether a mean is known so precisely. One that is 0 without doubt is.
    pub fn is_met(&self, estimate: &Estimate) -> bool {
        let allowed = self.relative / (1.0 + self.relative) * estimate.mean.abs();
        estimate.half_width.is_some_and(|half| half <= allowed)
    }

    /// After how many runs to stop, where `met` tells of a number of runs whether they are precise enough; `None` if `runs`
    /// are too few for that.
    pub fn stop(runs: usize, met: impl Fn(usize) -> bool) -> Option<usize> {
        let mut in_a_row = 0;
        (FIRST_LOOK..=runs).find(|count| {
            in_a_row = if met(*count) { in_a_row + 1 } else { 0 };
            in_a_row > Self::LOOK_AHEAD
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha12Rng;
    use rand_distr::{Distribution, Exp1, Gamma, LogNormal, Normal};

    use super::*;

    const REPETITIONS: u32 = 1000;

    /// Part of the repetitions whose interval holds `truth`, and the mean number of runs they took.
    fn coverage(
        seed: u64,
        truth: f64,
        law: impl Distribution<f64>,
        runs: impl Fn(&mut dyn FnMut() -> f64) -> Vec<f64>,
    ) -> (f64, f64) {
        let mut stream = ChaCha12Rng::seed_from_u64(seed);
        let (mut held, mut taken) = (0, 0);
        for _ in 0..REPETITIONS {
            let values = runs(&mut || law.sample(&mut stream));
            taken += values.len();
            let [low, high] = Estimate::of(&values).unwrap().interval().unwrap();
            held += u32::from(low <= truth && truth <= high);
        }
        (f64::from(held) / f64::from(REPETITIONS), taken as f64 / f64::from(REPETITIONS))
    }

    fn fixed(n: usize) -> impl Fn(&mut dyn FnMut() -> f64) -> Vec<f64> {
        move |draw| (0..n).map(|_| draw()).collect()
    }

    fn until(relative: f64) -> impl Fn(&mut dyn FnMut() -> f64) -> Vec<f64> {
        let precision = Precision { relative };
        move |draw| {
            let mut values = Vec::new();
            loop {
                values.push(draw());
                let met = |count: usize| precision.is_met(&Estimate::of(&values[..count]).unwrap());
                if Precision::stop(values.len(), met).is_some() {
                    return values;
                }
            }
        }
    }

    #[track_caller]
    fn holds((coverage, runs): (f64, f64)) {
        assert!((0.93..=0.97).contains(&coverage), "{coverage} with {runs} runs");
    }

    /// A run's mean over 20 exponential values, such as waiting times.
    fn mean_of_waits() -> Gamma<f64> {
        Gamma::new(20.0, 0.05).unwrap()
    }

    #[test]
    fn intervals_of_a_fixed_number_of_runs_hold_the_truth() {
        holds(coverage(1, 1.0, Normal::new(1.0, 0.1).unwrap(), fixed(10)));
        holds(coverage(2, 1.0, Normal::new(1.0, 0.3).unwrap(), fixed(3)));
        holds(coverage(3, 1.0, mean_of_waits(), fixed(10)));
        holds(coverage(4, 1.0, LogNormal::new(-0.045, 0.3).unwrap(), fixed(20)));
        holds(coverage(5, 1.0, Exp1, fixed(60)));
    }

    #[test]
    fn intervals_of_runs_that_stop_at_a_precision_hold_the_truth() {
        holds(coverage(11, 1.0, Normal::new(1.0, 0.1).unwrap(), until(0.05)));
        holds(coverage(12, 1.0, Normal::new(1.0, 0.1).unwrap(), until(0.03)));
        holds(coverage(13, 1.0, Normal::new(1.0, 0.3).unwrap(), until(0.10)));
        holds(coverage(14, 1.0, mean_of_waits(), until(0.05)));
        holds(coverage(15, 1.0, LogNormal::new(-0.045, 0.3).unwrap(), until(0.05)));
        holds(coverage(16, 1.0, Exp1, until(0.15)));
    }

    /// What the look-ahead and the fewest runs are for.
    #[test]
    fn stopping_at_first_sight_would_hold_it_too_seldom() {
        let precision = Precision { relative: 0.05 };
        let naive = |draw: &mut dyn FnMut() -> f64| {
            let mut values = vec![draw(), draw()];
            while !precision.is_met(&Estimate::of(&values).unwrap()) {
                values.push(draw());
            }
            values
        };
        let (coverage, _) = coverage(21, 1.0, Normal::new(1.0, 0.1).unwrap(), naive);
        assert!(coverage < 0.92, "{coverage}");
    }

    #[test]
    fn precision_is_relative_to_the_true_mean_and_must_last() {
        let estimate = |mean: f64, half: f64| Estimate { n: 10, mean, std: None, half_width: Some(half) };
        let precision = Precision { relative: 0.25 };
        assert!(precision.is_met(&estimate(-10.0, 2.0)) && !precision.is_met(&estimate(-10.0, 2.01)));
        assert!(precision.is_met(&estimate(0.0, 0.0)) && !precision.is_met(&estimate(0.0, 0.1)));
        assert_eq!(Precision::stop(100, |_| true), Some(Precision::FEWEST));
        assert_eq!(Precision::stop(Precision::FEWEST - 1, |_| true), None);
        assert_eq!(Precision::stop(100, |count| count != 13), Some(19));
        assert_eq!(Precision::stop(100, |count| count % 3 > 0), None);
    }
}
