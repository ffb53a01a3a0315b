//! A histogram with fixed buckets, and which buckets vLLM gives to which.

use std::sync::Arc;

use serde::Deserialize;

use super::ServerHistogram;
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::units::SimDuration;

/// Counts by bucket. Whole numbers only, so that sums are exact.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Upper ends of the buckets, the values included; what is larger comes last.
    bounds: Arc<[u64]>,
    counts: Vec<u64>,
    sum: u128,
}

impl Histogram {
    fn new(bounds: Arc<[u64]>) -> Self {
        Self { counts: vec![0; bounds.len() + 1], bounds, sum: 0 }
    }

    pub(super) fn record(&mut self, value: u64, count: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += count;
        self.sum += u128::from(value) * u128::from(count);
    }

    /// Upper end of each bucket and how many values are not above it; of the last bucket, without an end, how many
    /// there are.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let ends = self.bounds.iter().copied().map(Some).chain([None]);
        ends.zip(&self.counts).scan(0, |below, (end, count)| {
            *below += count;
            Some((end, *below))
        })
    }

    /// Sum of the values.
    pub fn sum(&self) -> u128 {
        self.sum
    }
}

/// Upper ends of vLLM's buckets of time [ns].
#[derive(Clone, Debug)]
pub struct ServerBuckets {
    first_token: Arc<[u64]>,
    output_token: Arc<[u64]>,
    request: Arc<[u64]>,
}

#[derive(Deserialize)]
struct Entry {
    time_to_first_token: Fact<Vec<f64>>,
    time_per_output_token: Fact<Vec<f64>>,
    request: Fact<Vec<f64>>,
}

impl ServerBuckets {
    /// What the catalogue says.
    ///
    /// # Errors
    /// If it says nothing.
    pub fn read(catalog: &Catalog) -> Result<Self, CatalogError> {
        let entry: Entry = catalog.entry("server_metrics", "vllm")?;
        let nanos = |fact: Fact<Vec<f64>>| {
            fact.value.into_iter().map(|s| SimDuration::from_secs_f64(s).as_nanos()).collect()
        };
        Ok(Self {
            first_token: nanos(entry.time_to_first_token),
            output_token: nanos(entry.time_per_output_token),
            request: nanos(entry.request),
        })
    }

    pub(super) fn histogram(&self, which: ServerHistogram, max_model_len: u32) -> Histogram {
        let times = match which {
            ServerHistogram::FirstToken => &self.first_token,
            ServerHistogram::TokenGap | ServerHistogram::OutputToken => &self.output_token,
            ServerHistogram::Request
            | ServerHistogram::Queue
            | ServerHistogram::Prefill
            | ServerHistogram::Decode
            | ServerHistogram::Inference => &self.request,
            ServerHistogram::PromptTokens | ServerHistogram::GenerationTokens => {
                return Histogram::new(one_two_five(max_model_len));
            }
        };
        Histogram::new(Arc::clone(times))
    }
}

/// 1, 2, 5, 10, 20, 50 and so on up to `most` (vLLM `v1/metrics/loggers.py`, `build_1_2_5_buckets`).
fn one_two_five(most: u32) -> Arc<[u64]> {
    let powers = std::iter::successors(Some(1_u64), |power| Some(power * 10));
    powers
        .flat_map(|power| [1, 2, 5].map(|digit| digit * power))
        .take_while(|bound| *bound <= u64::from(most))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_below_it() {
        let mut histogram = Histogram::new(one_two_five(8));
        for (value, count) in [(1, 1), (2, 2), (3, 1), (6, 4)] {
            histogram.record(value, count);
        }
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(Some(1), 1), (Some(2), 3), (Some(5), 4), (None, 8)]);
        assert_eq!(histogram.sum(), 32);
    }

    #[test]
    fn buckets_of_lengths_end_at_the_longest() {
        assert_eq!(*one_two_five(100), [1, 2, 5, 10, 20, 50, 100]);
        assert_eq!(*one_two_five(99), [1, 2, 5, 10, 20, 50]);
    }

    #[test]
    fn the_catalogues_buckets_ascend() {
        let buckets = ServerBuckets::read(&Catalog::builtin()).unwrap();
        for bounds in [buckets.first_token, buckets.output_token, buckets.request] {
            assert!(bounds.len() > 10 && bounds.is_sorted_by(|a, b| a < b), "{bounds:?}");
        }
    }
}
