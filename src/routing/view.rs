//! What a router knows about a group.

/// Metrics of one group, by vLLM's names.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scraped {
    /// `vllm:num_requests_running`.
    pub running: u32,
    /// `vllm:num_requests_waiting`.
    pub waiting: u32,
    /// `vllm:kv_cache_usage_perc`: the share in use, from 0 to 1.
    pub kv_cache_usage: f64,
}

/// One group as its router sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupView {
    /// Requests this router sent there that have not ended.
    pub in_flight: u32,
    /// Metrics as last scraped.
    pub scraped: Scraped,
}

/// The ready group for which `worse` is smallest; of several the first one at or behind `from`, so that ties go round.
pub(super) fn least<K: PartialOrd>(
    ready: &[usize],
    views: &[GroupView],
    from: usize,
    worse: impl Fn(&GroupView) -> K,
) -> usize {
    let first = ready.partition_point(|group| *group < from) % ready.len();
    let mut best = ready[first];
    for step in 1..ready.len() {
        let group = ready[(first + step) % ready.len()];
        if worse(&views[group]) < worse(&views[best]) {
            best = group;
        }
    }
    best
}
