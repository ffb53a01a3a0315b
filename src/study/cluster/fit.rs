//! Which multipliers runs can tell, and their values.

use nalgebra::{Matrix4, Vector4};

use crate::least_squares;
use crate::timing::Multipliers;

/// How far off a prediction stays after a good fit [logarithm]: what a residual is weighed against.
const NOISE: f64 = 0.05;
/// How far from 1 a multiplier is believed to be before anything is measured [logarithm]: a factor of two either way.
const BELIEF: f64 = std::f64::consts::LN_2;
/// A multiplier is identified if the runs narrow the belief about it to less than this part.
const NARROWED: f64 = 0.5;
/// Step of a derivative [logarithm]. What a simulation schedules changes by jumps, so a small step would see them and not the trend.
const STEP: f64 = 0.05;

/// In the order of [`Multipliers`]' fields.
pub(super) const NAMES: [&str; 4] = ["prefill", "decode", "network", "host"];

/// Multipliers and which of them the runs identify; the others are 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fitted {
    pub(super) values: [f64; 4],
    pub(super) identified: [bool; 4],
}

impl Fitted {
    /// The multipliers whose `log_ratios`, logarithms of predicted over measured, are smallest.
    ///
    /// Each multiplier is also held towards 1, weakly, so that a direction in which the runs say little does not drift. What they
    /// leave as wide as half of what was believed before is set to 1 for good, the least known first, and the rest is fitted again.
    pub(super) fn of(log_ratios: impl Fn(&Multipliers) -> Vec<f64>) -> Self {
        let mut found = Self { values: [1.0; 4], identified: [true; 4] };
        loop {
            found.narrow(&log_ratios);
            let before = found.identified;
            found.search(&log_ratios);
            found.narrow(&log_ratios);
            if found.identified == before {
                return found;
            }
            found.values = [1.0; 4];
        }
    }

    /// Drops what the runs cannot tell at the present values.
    fn narrow(&mut self, log_ratios: &impl Fn(&Multipliers) -> Vec<f64>) {
        let slopes = self.slopes(log_ratios);
        while let Some(least) = self.least_known(&slopes) {
            self.identified[least] = false;
        }
    }

    /// Change of every residual with each multiplier's logarithm.
    fn slopes(&self, log_ratios: &impl Fn(&Multipliers) -> Vec<f64>) -> [Vec<f64>; 4] {
        std::array::from_fn(|index| {
            let at = |step: f64| {
                let mut values = self.values;
                values[index] *= step.exp();
                log_ratios(&multipliers(values))
            };
            if !self.identified[index] {
                return Vec::new();
            }
            let (above, below) = (at(STEP), at(-STEP));
            above.iter().zip(&below).map(|(above, below)| (above - below) / (2.0 * STEP)).collect()
        })
    }

    /// The multiplier that the runs say least about, if it is too little.
    fn least_known(&self, slopes: &[Vec<f64>; 4]) -> Option<usize> {
        // Precision of the belief, and what the residuals add to it.
        let mut precision = Matrix4::from_diagonal(&Vector4::repeat(BELIEF.powi(-2)));
        for (row, one) in slopes.iter().enumerate() {
            for (column, other) in slopes.iter().enumerate() {
                if self.identified[row] && self.identified[column] {
                    let sum: f64 = one.iter().zip(other).map(|(one, other)| one * other).sum();
                    precision[(row, column)] += sum / NOISE.powi(2);
                }
            }
        }
        let variance = precision.try_inverse().expect("a belief makes it positive definite").diagonal();
        let left = |index: &usize| variance[*index].sqrt() / BELIEF;
        let widest = (0..4)
            .filter(|index| self.identified[*index])
            .max_by(|one, other| left(one).total_cmp(&left(other)))?;
        (left(&widest) >= NARROWED).then_some(widest)
    }

    /// Fits what is identified.
    fn search(&mut self, log_ratios: &impl Fn(&Multipliers) -> Vec<f64>) {
        let free: Vec<usize> = (0..4).filter(|index| self.identified[*index]).collect();
        if free.is_empty() {
            return;
        }
        let place = |parameters: &[f64]| {
            let mut values = [1.0; 4];
            for (index, parameter) in free.iter().zip(parameters) {
                values[*index] = *parameter;
            }
            values
        };
        let residuals = |parameters: &[f64]| {
            let mut all = log_ratios(&multipliers(place(parameters)));
            all.extend(parameters.iter().map(|parameter| parameter.ln() * NOISE / BELIEF));
            all
        };
        let start = vec![1.0; free.len()];
        self.values = place(&least_squares::fit_coarse(&start, STEP, residuals));
    }

    /// The multipliers found.
    pub(super) fn multipliers(&self) -> Multipliers {
        multipliers(self.values)
    }
}

fn multipliers([prefill, decode, network, host]: [f64; 4]) -> Multipliers {
    Multipliers { prefill, decode, network, host }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUE: Multipliers = Multipliers { prefill: 1.3, decode: 0.8, network: 1.5, host: 2.0 };

    /// Two latencies of a run whose time is made of parts.
    fn run(of: &Multipliers, [prefill, decode, network, host]: [f64; 4]) -> [f64; 2] {
        [
            prefill * of.prefill + network * of.network,
            decode * of.decode + network * of.network + host * of.host,
        ]
    }

    fn fit(runs: &[[f64; 4]]) -> Fitted {
        Fitted::of(|of| {
            let ratios = |parts: &[f64; 4]| {
                let (predicted, measured) = (run(of, *parts), run(&TRUE, *parts));
                std::array::from_fn::<f64, 2, _>(|index| (predicted[index] / measured[index]).ln())
            };
            runs.iter().flat_map(ratios).collect()
        })
    }

    #[test]
    fn runs_that_tell_the_parts_apart_give_all_four() {
        let found =
            fit(&[[9.0, 9.0, 1.0, 1.0], [1.0, 9.0, 9.0, 1.0], [5.0, 2.0, 1.0, 9.0], [9.0, 1.0, 1.0, 1.0]]);
        assert_eq!(found.identified, [true; 4]);
        for (value, real) in found.values.into_iter().zip([1.3, 0.8, 1.5, 2.0]) {
            assert!((value / real - 1.0).abs() < 0.03, "{found:?}");
        }
    }

    #[test]
    fn what_runs_cannot_tell_stays_one() {
        // One GPU, one load: no network, and only one sum of decode and host is seen.
        let found = fit(&[[5.0, 8.0, 0.0, 2.0]]);
        assert_eq!(found.identified, [true, true, false, false]);
        assert!((found.values[0] - 1.3).abs() < 0.01, "{found:?}");
        // The sum is matched: 8 x 0.8 + 2 x 2 is 8 x 1.05 + 2.
        assert!((found.values[1] - 1.05).abs() < 0.02, "{found:?}");
        assert!(found.values[2..].iter().all(|value| value.total_cmp(&1.0).is_eq()));
        assert_eq!(fit(&[]), Fitted { values: [1.0; 4], identified: [false; 4] });
    }
}
