//! What the errors of many predictions say together.

use serde::{Deserialize, Serialize};

/// Errors of predictions, as fractions of what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Predictions compared.
    pub n: usize,
    /// Median of the absolute errors.
    pub median_abs: f64,
    /// Mean of the absolute errors.
    pub mean_abs: f64,
    /// 90th percentile of the absolute errors.
    pub p90_abs: f64,
    /// Median of the signed errors: positive where too much was predicted.
    pub bias: f64,
}

impl Accuracy {
    /// What signed errors say together; nothing for none.
    pub fn of(errors: &[f64]) -> Option<Self> {
        if errors.is_empty() {
            return None;
        }
        let absolute = sorted(errors.iter().map(|error| error.abs()));
        Some(Self {
            n: errors.len(),
            median_abs: percentile(&absolute, 0.5),
            mean_abs: absolute.iter().sum::<f64>() / absolute.len() as f64,
            p90_abs: percentile(&absolute, 0.9),
            bias: percentile(&sorted(errors.iter().copied()), 0.5),
        })
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Linear interpolation between the neighbouring values, as numpy does it.
fn percentile(sorted: &[f64], fraction: f64) -> f64 {
    let place = fraction * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_summed_up() {
        let accuracy = Accuracy::of(&[-0.1, 0.2, 0.0, -0.3, 0.1]).unwrap();
        let expected = Accuracy { n: 5, median_abs: 0.1, mean_abs: 0.14, p90_abs: 0.26, bias: 0.0 };
        assert_eq!(accuracy.n, expected.n);
        for (got, want) in [
            (accuracy.median_abs, expected.median_abs),
            (accuracy.mean_abs, expected.mean_abs),
            (accuracy.p90_abs, expected.p90_abs),
            (accuracy.bias, expected.bias),
        ] {
            assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        }
        assert_eq!(Accuracy::of(&[]), None);
    }
}
