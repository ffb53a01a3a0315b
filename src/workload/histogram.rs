//! A histogram as a server counts: how many are no longer than each bound, and the sum of all.

/// Smallest length there is [tokens]: where the first bucket begins.
const SHORTEST: f64 = 1.0;

/// Cumulative counts by bound.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Bound [tokens] and count, rising in both; the last bound is infinite until it is known how far the longest reach.
    pub(super) buckets: Vec<(f64, f64)>,
    /// All lengths together [tokens], where the server says it.
    pub(super) sum: Option<f64>,
}

impl Histogram {
    /// Several series added up, each spread above its own largest bound as its own sum says, and what lay above those. A
    /// bound that a series does not have lies on the straight line through its neighbours.
    pub(super) fn merged(series: &[Self]) -> (Self, Option<Tail>) {
        let tails: Vec<Tail> = series.iter().filter_map(Self::tail).collect();
        let closed: Vec<Self> = series.iter().map(Self::closed).collect();
        let mut bounds: Vec<f64> = closed.iter().flat_map(Self::bounds).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let count = |bound: f64| closed.iter().map(|one| one.up_to(bound)).sum();
        let merged = Self {
            buckets: bounds.into_iter().map(|bound| (bound, count(bound))).collect(),
            sum: series.iter().map(|one| one.sum).sum(),
        };
        let tail = tails.into_iter().reduce(|a, b| Tail {
            bound: a.bound.min(b.bound),
            longer: a.longer + b.longer,
            up_to: a.up_to.zip(b.up_to).map(|(a, b)| a.max(b)),
        });
        (merged, tail)
    }

    /// The same with a finite last bound: where its sum says, or a token above the largest.
    fn closed(&self) -> Self {
        let mut buckets = self.buckets.clone();
        let open = buckets.pop_if(|(bound, _)| bound.is_infinite());
        if let (Some((_, count)), Some(tail)) = (open, self.tail()) {
            let end = tail.up_to.unwrap_or_default().max(tail.bound + 1.0);
            buckets.push((end, count));
        }
        Self { buckets, sum: self.sum }
    }

    fn bounds(&self) -> impl Iterator<Item = f64> {
        self.buckets.iter().map(|(bound, _)| *bound)
    }

    /// How many there are.
    pub(super) fn total(&self) -> f64 {
        self.buckets.last().map_or(0.0, |(_, count)| *count)
    }

    /// How many are no longer than `bound`; of those above the largest finite one nobody knows.
    fn up_to(&self, bound: f64) -> f64 {
        let above = self.buckets.partition_point(|(own, _)| *own < bound);
        let (low, least) = above.checked_sub(1).map_or((SHORTEST, 0.0), |below| self.buckets[below]);
        match self.buckets.get(above) {
            Some((own, count)) if own.total_cmp(&bound).is_eq() => *count,
            Some((own, count)) if own.is_finite() && bound > low => {
                least + (count - least) * (bound - low) / (own - low)
            }
            _ => least,
        }
    }

    /// The largest finite bound, how many are longer, and up to where these lie if they are spread evenly and the sum is right.
    pub(super) fn tail(&self) -> Option<Tail> {
        let last = self.buckets.iter().rposition(|(bound, _)| bound.is_finite())?;
        let (bound, below) = self.buckets[last];
        let longer = self.total() - below;
        let mut before = (SHORTEST, 0.0);
        let mut rest = self.sum;
        for bucket in &self.buckets[..=last] {
            rest = rest.map(|rest| rest - (bucket.1 - before.1) * f64::midpoint(before.0, bucket.0));
            before = *bucket;
        }
        let mean = rest.map(|rest| rest / longer).filter(|mean| *mean > bound);
        (longer > 0.0).then(|| Tail { bound, longer, up_to: mean.map(|mean| 2.0 * mean - bound) })
    }
}

/// What lies above the largest finite bound of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    /// The bound [tokens].
    pub(super) bound: f64,
    /// How many are longer.
    pub(super) longer: f64,
    /// The longest of them [tokens]; nothing if no sum says so.
    pub(super) up_to: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[(f64, f64)], sum: Option<f64>) -> Histogram {
        Histogram { buckets: buckets.to_vec(), sum }
    }

    #[test]
    fn series_with_other_bounds_are_interpolated() {
        let fine = histogram(&[(100.0, 50.0), (200.0, 100.0), (f64::INFINITY, 100.0)], Some(9000.0));
        let coarse = histogram(&[(201.0, 40.0), (f64::INFINITY, 60.0)], Some(1000.0));
        let (merged, tail) = Histogram::merged(&[fine, coarse]);
        assert_eq!(tail, Some(Tail { bound: 201.0, longer: 20.0, up_to: None }));
        assert_eq!(merged.sum, Some(10_000.0));
        assert_eq!(merged.buckets.len(), 4);
        for ((bound, count), expected) in merged.buckets.iter().zip([69.8, 139.8, 140.0, 160.0]) {
            assert!((count - expected).abs() < 1e-9, "{bound}: {count}");
        }
    }

    #[test]
    fn what_a_coarse_server_has_above_its_bounds_does_not_land_above_those_of_another() {
        let fine = histogram(&[(1000.0, 100.0), (f64::INFINITY, 100.0)], None);
        // 50 prompts of 30 tokens in the mean, all above a bound of 20.
        let coarse = histogram(&[(20.0, 0.0), (f64::INFINITY, 50.0)], Some(1500.0));
        let (merged, tail) = Histogram::merged(&[fine, coarse]);
        assert_eq!(tail, Some(Tail { bound: 20.0, longer: 50.0, up_to: Some(40.0) }));
        assert_eq!(merged.buckets.last(), Some(&(1000.0, 150.0)));
        assert!(merged.up_to(40.0) > 50.0);
    }

    #[test]
    fn the_sum_says_how_far_the_tail_reaches() {
        let buckets = [(101.0, 50.0), (f64::INFINITY, 100.0)];
        // Half of them 51 tokens in the mean, so that the other half has 301.
        let tail = histogram(&buckets, Some(50.0 * 51.0 + 50.0 * 301.0)).tail().unwrap();
        assert_eq!(tail, Tail { bound: 101.0, longer: 50.0, up_to: Some(501.0) });
        assert_eq!(
            histogram(&buckets, Some(100.0)).tail().unwrap().up_to,
            None,
            "less than the bounds allow"
        );
        assert_eq!(histogram(&buckets, None).tail().unwrap().up_to, None);
        assert_eq!(histogram(&[(101.0, 5.0), (f64::INFINITY, 5.0)], None).tail(), None);
    }
}
