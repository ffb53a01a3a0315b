//! What a few independent runs say about a mean, and how many of them it takes.

mod precision;

pub use precision::Precision;

/// Share of such intervals that hold what they are an interval of.
pub const CONFIDENCE: f64 = 0.95;

/// A mean of independent values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, of the sample; `None` of one value.
    pub std: Option<f64>,
    /// Half the width of the 95 % confidence interval of the mean, by Student's t; `None` of one value.
    pub half_width: Option<f64>,
}

impl Estimate {
    /// What values say; `None` if there are none.
    ///
    /// Values that are all the same have that mean and no width, to the last bit.
    pub fn of(values: &[f64]) -> Option<Self> {
        let first = *values.first()?;
        let n = values.len() as f64;
        // Summed as differences, equal values leave nothing to round.
        let mean = first + values.iter().map(|value| value - first).sum::<f64>() / n;
        let std = (values.len() > 1)
            .then(|| (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt());
        let half_width = std.map(|std| t_975(values.len() - 1) * std / n.sqrt());
        Some(Self { n: values.len(), mean, std, half_width })
    }

    /// The interval.
    pub fn interval(&self) -> Option<[f64; 2]> {
        self.half_width.map(|half| [self.mean - half, self.mean + half])
    }
}

/// 95 % confidence interval of the mean of independent values; none of fewer than two.
pub fn interval(values: &[f64]) -> Option<[f64; 2]> {
    Estimate::of(values)?.interval()
}

/// Student's t at 97.5 % for `freedom` degrees of freedom.
///
/// Exact for one and two, from there on the expansion around the normal quantile (Abramowitz and Stegun 26.7.5), whose error
/// is below 0.3 % at three and falls fast.
fn t_975(freedom: usize) -> f64 {
    const Z: f64 = 1.959_963_984_540_054;
    let z = |power: i32| Z.powi(power);
    match freedom {
        0 => f64::INFINITY,
        1 => 12.706_204_736_432_095,
        2 => 4.302_652_729_749_464,
        _ => {
            let n = freedom as f64;
            let terms = [
                (z(3) + Z) / 4.0,
                (5.0 * z(5) + 16.0 * z(3) + 3.0 * Z) / 96.0,
                (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * Z) / 384.0,
                (79.0 * z(9) + 776.0 * z(7) + 1482.0 * z(5) - 1920.0 * z(3) - 945.0 * Z) / 92_160.0,
            ];
            terms.iter().rev().fold(0.0, |sum, term| (sum + term) / n) + Z
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::ChaCha12Rng};

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [(3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (19, 2.093), (29, 2.045), (120, 1.980)];
        for (freedom, quantile) in table {
            assert!((t_975(freedom) / quantile - 1.0).abs() < 3e-3, "{freedom}: {}", t_975(freedom));
        }
    }

    #[test]
    fn nineteen_of_twenty_intervals_hold_the_mean() {
        let mut stream = ChaCha12Rng::seed_from_u64(1);
        let runs = 4000;
        let mut held = 0;
        for _ in 0..runs {
            // Twelve uniform numbers are normal enough.
            let mut value = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>();
            let values: Vec<f64> = (0..8).map(|_| value()).collect();
            let [low, high] = interval(&values).unwrap();
            held += u32::from(low <= 6.0 && 6.0 <= high);
        }
        let share = f64::from(held) / f64::from(runs);
        assert!((0.94..0.96).contains(&share), "{share}");
        assert_eq!(interval(&[1.0]), None);
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        for value in [0.1, 1.0 / 3.0, 1e17] {
            let known = Estimate::of(&[value; 7]).unwrap();
            assert_eq!((known.mean.to_bits(), known.half_width), (value.to_bits(), Some(0.0)));
        }
        let one = Estimate::of(&[2.0]).unwrap();
        assert_eq!((one.n, one.mean.to_bits(), one.half_width), (1, 2.0_f64.to_bits(), None));
        assert_eq!(Estimate::of(&[]), None);
    }
}
