//! What the autoscaler sees.

/// The scale endpoint of a LeaderWorkerSet and the metrics of its leaders.
#[derive(Clone, Copy, Debug)]
pub struct HpaObservation<'a> {
    /// `spec.replicas`: groups asked for.
    pub spec_replicas: u32,
    /// `status.replicas`: groups whose leader exists, surge included.
    pub status_replicas: u32,
    /// The leaders. Those that terminate or failed are left out (`groupPods` ignores them).
    pub pods: &'a [HpaPod],
    /// Requests that no group has; a query for waiting requests counts them, so that zero groups can become one.
    pub unrouted: f64,
}

/// A leader.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HpaPod {
    /// Its phase is Pending: not scheduled, or its image not pulled. For a metric of each pod this alone makes a pod
    /// unready (`groupPods` looks at the Ready condition for CPU only); one that runs and says nothing yet is missing.
    pub pending: bool,
    /// It runs and its readiness probe succeeds; such pods are those that a `Value` is shared among.
    pub ready: bool,
    /// Its metrics; `None` while it has none.
    pub values: Option<PodMetrics>,
}

/// The metrics of one leader.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PodMetrics {
    /// Requests in the batch.
    pub running: f64,
    /// Requests in the queue.
    pub waiting: f64,
    /// Share of the KV blocks in use [0 to 1].
    pub kv_cache_usage: f64,
}
