//! The latencies of `vllm bench serve`.

use serde::{Deserialize, Serialize};

use super::{Distribution, LatencyMetric, Outcome, Percentiles, RequestRecord, Statistic};

/// Latencies of completed requests.
#[derive(Clone, Debug, Default)]
pub struct LatencySet {
    /// Time to first token, from the client's wish.
    pub ttft: Distribution,
    /// Time per output token after the first, one value a request of two tokens or more.
    pub tpot: Distribution,
    /// Gaps between two tokens, pooled over all requests.
    pub itl: Distribution,
    /// Time to last token, from the client's wish.
    pub e2e: Distribution,
    /// From the engine's queue to the first step.
    pub queue: Distribution,
    /// Wait at the client for its own limit on open requests.
    pub client_queue: Distribution,
    /// Time to first token from the first send, as vLLM's own report has it.
    pub ttft_sent: Distribution,
    /// Time to last token from the first send, as vLLM's own report has it.
    pub e2e_sent: Distribution,
}

impl LatencySet {
    /// Counts a completed request; any other has no latencies, as in `vllm bench serve`.
    pub(super) fn request(&mut self, record: &RequestRecord) {
        let (Outcome::Completed, Some(ttft)) = (record.outcome, record.ttft()) else { return };
        self.ttft.record(ttft);
        self.e2e.record(record.e2e());
        if let Some(tpot) = record.tpot() {
            self.tpot.record(tpot);
        }
        if let Some(queue) = record.queue() {
            self.queue.record(queue);
        }
        let waited = record.client_queue();
        self.client_queue.record(waited);
        self.ttft_sent.record(ttft - waited);
        self.e2e_sent.record(record.e2e() - waited);
    }

    /// The distribution a threshold speaks of.
    pub fn of(&self, metric: LatencyMetric) -> &Distribution {
        match metric {
            LatencyMetric::Ttft => &self.ttft,
            LatencyMetric::Tpot => &self.tpot,
            LatencyMetric::Itl => &self.itl,
            LatencyMetric::E2e => &self.e2e,
        }
    }
}

/// A distribution in figures [ms]; all absent without samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyFigures {
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Standard deviation of the population.
    pub std: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// How the percentiles were obtained.
    pub percentiles: Percentiles,
}

/// Nanoseconds as milliseconds, to the nearest nanosecond: more digits would be those of floating point.
fn millis(ns: f64) -> f64 {
    ns.round() / 1e6
}

impl LatencyFigures {
    /// The figures of a distribution.
    pub fn of(distribution: &Distribution) -> Self {
        let quantiles = distribution.quantiles([0.50, 0.90, 0.95, 0.99]).map(|values| values.map(millis));
        let quantile = |index: usize| quantiles.map(|values| values[index]);
        Self {
            mean: distribution.mean().map(millis),
            std: distribution.std().map(millis),
            p50: quantile(0),
            p90: quantile(1),
            p95: quantile(2),
            p99: quantile(3),
            max: distribution.max().map(|ns| millis(ns as f64)),
            percentiles: distribution.method(),
        }
    }

    /// The figure a threshold bounds [ms].
    pub fn get(&self, statistic: Statistic) -> Option<f64> {
        match statistic {
            Statistic::P50 => self.p50,
            Statistic::P90 => self.p90,
            Statistic::P95 => self.p95,
            Statistic::P99 => self.p99,
            Statistic::Mean => self.mean,
        }
    }
}
