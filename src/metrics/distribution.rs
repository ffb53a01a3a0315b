//! Many durations, and what a reader wants to know about them.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// Percentiles are exact up to this many samples; beyond it they come from a histogram of three significant digits.
const EXACT_SAMPLES: u64 = 1_000_000;

/// Significant digits of the histogram.
const DIGITS: u8 = 3;

/// How percentiles were obtained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Percentiles {
    /// From every sample, interpolated linearly as numpy does.
    #[default]
    Exact,
    /// From a histogram of three significant digits.
    Hdr,
}

/// Durations, counted.
///
/// Mean, deviation and maximum come from integer sums, so neither the order of the records nor how they were spread
/// over merged parts changes a bit. Equal neighbours share an entry, so a batch's gaps cost one.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// (value [ns], how many); empty once the histogram holds the samples.
    entries: Vec<(u64, u32)>,
    histogram: Option<Histogram<u64>>,
    count: u64,
    sum: u128,
    sum_of_squares: u128,
    max: u64,
}

impl Distribution {
    /// Counts one sample.
    pub fn record(&mut self, value: SimDuration) {
        self.record_n(value, 1);
    }

    /// Counts `count` equal samples.
    pub fn record_n(&mut self, value: SimDuration, count: u32) {
        if count == 0 {
            return;
        }
        let ns = value.as_nanos();
        self.count += u64::from(count);
        self.sum += u128::from(ns) * u128::from(count);
        self.sum_of_squares += u128::from(ns) * u128::from(ns) * u128::from(count);
        self.max = self.max.max(ns);
        if let Some(histogram) = &mut self.histogram {
            add(histogram, ns, u64::from(count));
            return;
        }
        match self.entries.last_mut() {
            Some((last, n)) if *last == ns && n.checked_add(count).is_some() => *n += count,
            _ => self.entries.push((ns, count)),
        }
        if self.count > EXACT_SAMPLES {
            self.give_up_exactness();
        }
    }

    /// Counts everything `other` holds, as if it had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
        self.max = self.max.max(other.max);
        if self.count > EXACT_SAMPLES {
            self.give_up_exactness();
        }
        match (&mut self.histogram, &other.histogram) {
            (Some(mine), Some(others)) => {
                others
                    .iter_recorded()
                    .for_each(|bucket| add(mine, bucket.value_iterated_to(), bucket.count_at_value()));
            }
            (Some(mine), None) => {
                for (ns, count) in &other.entries {
                    add(mine, *ns, u64::from(*count));
                }
            }
            (None, None) => self.entries.extend_from_slice(&other.entries),
            (None, Some(_)) => unreachable!("a histogram holds more samples than are kept exactly"),
        }
    }

    fn give_up_exactness(&mut self) {
        if self.histogram.is_none() {
            let mut histogram = Histogram::new(DIGITS).expect("three digits are within the library's range");
            for (ns, count) in std::mem::take(&mut self.entries) {
                add(&mut histogram, ns, u64::from(count));
            }
            self.histogram = Some(histogram);
        }
    }

    /// Number of samples.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of the samples [ns].
    pub fn sum_nanos(&self) -> u128 {
        self.sum
    }

    /// Arithmetic mean [ns]; `None` without samples.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// Standard deviation of the population [ns], as numpy's default; `None` without samples.
    pub fn std(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        // Squares around the whole part of the mean are exact in integers; only the rest of the mean is a fraction.
        let n = u128::from(self.count);
        let (mean, rest) = (self.sum / n, self.sum % n);
        let around = self.sum_of_squares - mean * (self.sum + rest);
        let fraction = rest as f64 / n as f64;
        Some((around as f64 / n as f64 - fraction * fraction).max(0.0).sqrt())
    }

    /// Largest sample [ns]; `None` without samples.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// How percentiles are obtained.
    pub fn method(&self) -> Percentiles {
        if self.histogram.is_some() { Percentiles::Hdr } else { Percentiles::Exact }
    }

    /// The values below which the shares `quantiles` lie [ns], in the order asked for; `None` without samples.
    pub fn quantiles<const N: usize>(&self, quantiles: [f64; N]) -> Option<[f64; N]> {
        if self.count == 0 {
            return None;
        }
        if let Some(histogram) = &self.histogram {
            return Some(quantiles.map(|q| histogram.value_at_quantile(q).min(self.max) as f64));
        }
        let position = |q: f64| q * (self.count - 1) as f64;
        let low = |q: f64| (position(q).floor() as u64).min(self.count - 1);
        let ranks: Vec<u64> =
            quantiles.iter().flat_map(|q| [low(*q), (low(*q) + 1).min(self.count - 1)]).collect();
        let values = self.at_ranks(&ranks);
        Some(std::array::from_fn(|index| {
            let q = quantiles[index];
            let (below, above) = (values[2 * index] as f64, values[2 * index + 1] as f64);
            lerp(below, above, position(q) - low(q) as f64)
        }))
    }

    /// The values at those ranks, as if all samples were sorted.
    fn at_ranks(&self, ranks: &[u64]) -> Vec<u64> {
        if self.entries.len() as u64 == self.count {
            // Single samples: found without sorting them all, each among those behind the one before.
            let mut values: Vec<u64> = self.entries.iter().map(|(ns, _)| *ns).collect();
            let mut ascending = ranks.to_vec();
            ascending.sort_unstable();
            ascending.dedup();
            let mut start = 0;
            for rank in ascending {
                values[start..].select_nth_unstable(rank as usize - start);
                start = rank as usize + 1;
            }
            return ranks.iter().map(|rank| values[*rank as usize]).collect();
        }
        let mut sorted = self.entries.clone();
        sorted.sort_unstable();
        let mut below = 0;
        let ends: Vec<(u64, u64)> = sorted
            .iter()
            .map(|(ns, count)| {
                below += u64::from(*count);
                (below, *ns)
            })
            .collect();
        ranks.iter().map(|rank| ends[ends.partition_point(|(end, _)| *end <= *rank)].1).collect()
    }
}

fn add(histogram: &mut Histogram<u64>, ns: u64, count: u64) {
    histogram.record_n(ns, count).expect("the histogram grows with its values");
}

/// Between `a` and `b`, rounded as numpy's percentiles are (numpy `lib/_function_base_impl.py`, `_lerp`).
fn lerp(a: f64, b: f64, t: f64) -> f64 {
    if t >= 0.5 { b - (b - a) * (1.0 - t) } else { a + (b - a) * t }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Distribution {
        let mut distribution = Distribution::default();
        for ns in values {
            distribution.record(SimDuration::from_nanos(*ns));
        }
        distribution
    }

    /// Everything a reader can see.
    fn face(d: &Distribution) -> String {
        let quantiles = d.quantiles([0.5, 0.9, 0.95, 0.99]);
        format!("{} {:?} {:?} {:?} {quantiles:?}", d.count(), d.mean(), d.std(), d.max())
    }

    #[test]
    fn percentiles_equal_numpys() {
        // np.percentile(v, [50, 90, 95, 99]), np.mean(v), np.std(v).
        let known = [15, 20, 35, 40, 50];
        let d = of(&known);
        let expected = [35.0, 46.0, 48.0, 49.6];
        for (got, want) in d.quantiles([0.5, 0.9, 0.95, 0.99]).unwrap().iter().zip(expected) {
            assert!((got - want).abs() < 1e-9, "{got} {want}");
        }
        assert_eq!(d.mean(), Some(32.0));
        assert!((d.std().unwrap() - 12.884_098_726_725_126).abs() < 1e-12);
        assert_eq!(of(&[7]).quantiles([0.99]), Some([7.0]));
        assert_eq!(of(&[]).quantiles([0.5]), None);
    }

    #[test]
    fn many_at_once_are_as_many_one_by_one() {
        let mut at_once = Distribution::default();
        at_once.record_n(SimDuration::from_nanos(3), 4);
        at_once.record_n(SimDuration::from_nanos(9), 2);
        at_once.record_n(SimDuration::from_nanos(1), 0);
        assert_eq!(face(&at_once), face(&of(&[3, 9, 3, 3, 9, 3])));
    }

    #[test]
    fn beyond_a_million_samples_three_digits_remain() {
        let mut d = Distribution::default();
        for ms in 1..=1_000_u32 {
            d.record_n(SimDuration::from_millis(u64::from(ms)), 1_000);
        }
        assert_eq!(d.method(), Percentiles::Exact);
        let mut larger = d.clone();
        larger.record(SimDuration::from_millis(500));
        assert_eq!(larger.method(), Percentiles::Hdr);
        for (exact, hdr) in
            d.quantiles([0.5, 0.9, 0.99]).unwrap().iter().zip(larger.quantiles([0.5, 0.9, 0.99]).unwrap())
        {
            assert!((hdr / exact - 1.0).abs() < 2e-3, "{exact} {hdr}");
        }
        assert_eq!(larger.max(), Some(1_000_000_000));
        assert!((larger.mean().unwrap() - 500.5e6).abs() < 1.0);
        // The same samples in two parts, of which only the whole is too large.
        let mut merged = of(&[500_000_000]);
        merged.merge(&d);
        assert_eq!(face(&merged), face(&larger));
        merged.merge(&larger);
        assert_eq!(merged.count(), 2_000_002);
    }

    proptest! {
        #[test]
        fn neither_order_nor_parts_matter(
            mut values in prop::collection::vec(0_u64..10_000_000_000_000, 1..200),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = of(&values);
            values.sort_unstable();
            let (left, right) = values.split_at(cut.index(values.len()));
            let mut merged = of(right);
            merged.merge(&of(left));
            prop_assert_eq!(face(&whole), face(&merged));
        }

        #[test]
        fn the_deviation_is_the_two_pass_one(
            values in prop::collection::vec(1_000_000_000_u64..1_000_001_000, 2..100),
        ) {
            let n = values.len() as f64;
            let base = 1_000_000_000_u64;
            let mean = values.iter().map(|v| (v - base) as f64).sum::<f64>() / n;
            let variance = values.iter().map(|v| ((v - base) as f64 - mean).powi(2)).sum::<f64>() / n;
            prop_assert!((of(&values).std().unwrap() - variance.sqrt()).abs() < 1e-6);
        }
    }
}
