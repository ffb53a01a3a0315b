//! Parameters of a formula from measurements.
//!
//! Everything measured here is a time or a rate, and what matters is how far off a prediction is in proportion: residuals are
//! logarithms of predicted over measured, and parameters, all positive, are searched as logarithms. A residual counts
//! squared while it is small and by its size beyond `SCALE` (soft L1), so that a few odd measurements do not decide.
//! The search itself is Levenberg and Marquardt's, with numeric derivatives.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{DMatrix, DVector, Dyn, Owned};

/// Residual from which on a measurement counts by its size instead of by its square.
const SCALE: f64 = 0.1;
/// Step of a numeric derivative, in the logarithm of a parameter.
const STEP: f64 = 1e-4;
/// Relative gain below which a coarse search ends.
const COARSE: f64 = 1e-4;

/// The positive parameters, searched from `start`, at which `log_ratios`, the logarithms of predicted over measured,
/// are smallest.
///
/// # Panics
/// If a start value is not positive, or there are fewer residuals than parameters.
pub fn fit(start: &[f64], log_ratios: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    search(start, STEP, LevenbergMarquardt::new(), log_ratios)
}

/// The same from the best of several starts, for formulas that have valleys of their own.
///
/// # Panics
/// If there is no start, or as [`fit`] does.
pub fn fit_best(starts: &[Vec<f64>], log_ratios: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let loss = |found: &[f64]| log_ratios(found).into_iter().map(|ratio| soft(ratio).powi(2)).sum::<f64>();
    let found = starts.iter().map(|start| fit(start, &log_ratios));
    let best = found.min_by(|one, other| loss(one).total_cmp(&loss(other)));
    best.expect("there is a start")
}

/// The same where `log_ratios` changes by small jumps, as the figures of a simulation do: derivatives are taken over `step`, in
/// the logarithm of a parameter, which must be wide against the jumps, and the search ends when little is left to gain.
///
/// # Panics
/// If a start value is not positive, or there are fewer residuals than parameters.
pub fn fit_coarse(start: &[f64], step: f64, log_ratios: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    search(start, step, LevenbergMarquardt::new().with_tol(COARSE), log_ratios)
}

fn search(
    start: &[f64],
    step: f64,
    method: LevenbergMarquardt<f64>,
    log_ratios: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    assert!(start.iter().all(|value| *value > 0.0), "parameters are positive");
    let logarithms = DVector::from_iterator(start.len(), start.iter().map(|value| value.ln()));
    let problem = Problem { logarithms, step, log_ratios };
    let (solved, _) = method.with_patience(20).minimize(problem);
    values(&solved.logarithms)
}

struct Problem<F> {
    logarithms: DVector<f64>,
    step: f64,
    log_ratios: F,
}

impl<F: Fn(&[f64]) -> Vec<f64>> Problem<F> {
    fn at(&self, logarithms: &DVector<f64>) -> DVector<f64> {
        DVector::from_vec((self.log_ratios)(&values(logarithms))).map(soft)
    }
}

fn values(logarithms: &DVector<f64>) -> Vec<f64> {
    logarithms.iter().map(|logarithm| logarithm.exp()).collect()
}

/// The number whose square is the soft-L1 loss of a residual.
fn soft(residual: f64) -> f64 {
    let loss = 2.0 * ((1.0 + (residual / SCALE).powi(2)).sqrt() - 1.0);
    SCALE * loss.sqrt().copysign(residual)
}

impl<F: Fn(&[f64]) -> Vec<f64>> LeastSquaresProblem<f64, Dyn, Dyn> for Problem<F> {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn>;

    fn set_params(&mut self, logarithms: &DVector<f64>) {
        self.logarithms.copy_from(logarithms);
    }

    fn params(&self) -> DVector<f64> {
        self.logarithms.clone()
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        Some(self.at(&self.logarithms))
    }

    fn jacobian(&self) -> Option<DMatrix<f64>> {
        let columns: Vec<_> = (0..self.logarithms.len())
            .map(|index| {
                let (mut above, mut below) = (self.logarithms.clone(), self.logarithms.clone());
                above[index] += self.step;
                below[index] -= self.step;
                (self.at(&above) - self.at(&below)) / (2.0 * self.step)
            })
            .collect();
        Some(DMatrix::from_columns(&columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_in_spite_of_an_outlier() {
        let line = |p: &[f64], x: f64| p[0] + p[1] * x;
        let mut measured: Vec<_> = (1..=20).map(f64::from).map(|x| (x, line(&[3.0, 0.5], x))).collect();
        measured[7].1 *= 4.0;
        let found = fit(&[1.0, 1.0], |p| measured.iter().map(|(x, y)| (line(p, *x) / y).ln()).collect());
        assert!((found[0] - 3.0).abs() < 0.1, "{found:?}");
        assert!((found[1] - 0.5).abs() < 0.02, "{found:?}");
    }
}
