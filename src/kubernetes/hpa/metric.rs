//! Metrics of vLLM that an autoscaler can be given.

use super::PodMetrics;
use crate::catalog::suggestion;

/// A gauge that vLLM exports (`vllm/v1/metrics/loggers.py`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VllmMetric {
    /// `vllm:num_requests_running`: requests in the batch.
    NumRequestsRunning,
    /// `vllm:num_requests_waiting`: requests in the queue.
    NumRequestsWaiting,
    /// `vllm:kv_cache_usage_perc`: share of the KV blocks in use, 1 if all; before 0.10 `vllm:gpu_cache_usage_perc`.
    KvCacheUsagePerc,
}

/// Names in vLLM's own form; the first of a metric is today's.
const NAMES: [(&str, VllmMetric); 4] = [
    ("vllm:num_requests_running", VllmMetric::NumRequestsRunning),
    ("vllm:num_requests_waiting", VllmMetric::NumRequestsWaiting),
    ("vllm:kv_cache_usage_perc", VllmMetric::KvCacheUsagePerc),
    ("vllm:gpu_cache_usage_perc", VllmMetric::KvCacheUsagePerc),
];

impl VllmMetric {
    /// The metric of that name: vLLM's own, with the colon made an underscore (as adapters do where a colon is not
    /// allowed), or as Google's managed Prometheus calls it.
    ///
    /// # Errors
    /// `; did you mean ...?`, or nothing, if there is none.
    pub fn parse(name: &str) -> Result<Self, String> {
        let managed = name.strip_prefix("prometheus.googleapis.com|").and_then(|n| n.strip_suffix("|gauge"));
        let own = managed.unwrap_or(name).replacen("vllm_", "vllm:", 1);
        let known = NAMES.iter().find(|(known, _)| *known == own);
        known.map(|(_, metric)| *metric).ok_or_else(|| suggestion(&own, NAMES.map(|(known, _)| known)))
    }

    /// What a pod says [thousandths].
    ///
    /// Kubernetes keeps metrics as whole thousandths, means too, which decides whether 49 requests at 3 pods and a
    /// target of 1 are 49 pods or 50. Adapters cut what is smaller (`prometheus-adapter`, `NewMilliQuantity`).
    pub(super) fn milli(self, values: &PodMetrics) -> i64 {
        let value = match self {
            Self::NumRequestsRunning => values.running,
            Self::NumRequestsWaiting => values.waiting,
            Self::KvCacheUsagePerc => values.kv_cache_usage,
        };
        (value * 1000.0) as i64
    }
}
