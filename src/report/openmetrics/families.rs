//! The metrics of a vLLM server: names, which releases have them, and where their values come from.
//!
//! Names are those of vLLM 0.33 (`v1/metrics/loggers.py`); what they were called before is recalled.

use crate::metrics::{ServerHistogram, ServerReading};
use crate::units::Version;

/// Since when KV cache and prefix cache are no longer called the GPU's.
const CACHES_RENAMED: Version = Version::new(0, 10, 0);
/// Since when gaps between tokens are called inter-token latency, and time per output token is one value a request.
const GAPS_RENAMED: Version = Version::new(0, 11, 0);

/// All samples of one name.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) values: Values,
    releases: Releases,
}

/// Where a family's values come from.
#[derive(Clone, Copy)]
pub(super) enum Values {
    Gauge(fn(&ServerReading) -> f64),
    Counter(fn(&ServerReading) -> u64),
    /// A counter for each way a request can end.
    Finished,
    Histogram(ServerHistogram, Scale),
}

/// What a histogram's whole numbers are.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// Nanoseconds, printed as seconds.
    Seconds,
    Tokens,
}

#[derive(Clone, Copy)]
enum Releases {
    All,
    Since(Version),
    Before(Version),
}

impl Values {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Gauge(_) => "gauge",
            Self::Counter(_) | Self::Finished => "counter",
            Self::Histogram(..) => "histogram",
        }
    }
}

impl Family {
    /// Whether a release has it; another engine than vLLM is shown as the newest.
    pub(super) fn is_of(&self, version: Option<Version>) -> bool {
        match (self.releases, version) {
            (Releases::All, _) | (Releases::Since(_), None) => true,
            (Releases::Before(_), None) => false,
            (Releases::Since(first), Some(version)) => version >= first,
            (Releases::Before(end), Some(version)) => version < end,
        }
    }

    /// The unit, which OpenMetrics wants at the end of the name.
    pub(super) fn unit(&self) -> Option<&'static str> {
        ["seconds", "tokens"].into_iter().find(|unit| self.name.ends_with(&format!("_{unit}")))
    }

    const fn new(name: &'static str, help: &'static str, values: Values) -> Self {
        Self { name, help, values, releases: Releases::All }
    }

    const fn time(name: &'static str, help: &'static str, which: ServerHistogram) -> Self {
        Self::new(name, help, Values::Histogram(which, Scale::Seconds))
    }

    const fn tokens(name: &'static str, help: &'static str, which: ServerHistogram) -> Self {
        Self::new(name, help, Values::Histogram(which, Scale::Tokens))
    }

    const fn since(self, first: Version) -> Self {
        Self { releases: Releases::Since(first), ..self }
    }

    const fn before(self, end: Version) -> Self {
        Self { releases: Releases::Before(end), ..self }
    }
}

const KV_USAGE: Values = Values::Gauge(|reading| reading.state.kv_cache_usage);
const PREFIX_QUERIES: Values = Values::Counter(|reading| reading.state.prefix_queries);
const PREFIX_HITS: Values = Values::Counter(|reading| reading.state.prefix_hits);

/// In the order in which they are written.
pub(super) const FAMILIES: &[Family] = &[
    Family::new(
        "vllm:num_requests_running",
        "Number of requests in model execution batches.",
        Values::Gauge(|reading| f64::from(reading.state.running)),
    ),
    Family::new(
        "vllm:num_requests_waiting",
        "Number of requests waiting to be processed.",
        Values::Gauge(|reading| f64::from(reading.state.waiting)),
    ),
    Family::new("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", KV_USAGE)
        .since(CACHES_RENAMED),
    Family::new("vllm:gpu_cache_usage_perc", "GPU KV-cache usage. 1 means 100 percent usage.", KV_USAGE)
        .before(CACHES_RENAMED),
    Family::new("vllm:prefix_cache_queries", "Prefix cache queries, in tokens.", PREFIX_QUERIES)
        .since(CACHES_RENAMED),
    Family::new("vllm:prefix_cache_hits", "Prefix cache hits, in tokens.", PREFIX_HITS).since(CACHES_RENAMED),
    Family::new("vllm:gpu_prefix_cache_queries", "GPU prefix cache queries, in tokens.", PREFIX_QUERIES)
        .before(CACHES_RENAMED),
    Family::new("vllm:gpu_prefix_cache_hits", "GPU prefix cache hits, in tokens.", PREFIX_HITS)
        .before(CACHES_RENAMED),
    Family::new(
        "vllm:num_preemptions",
        "Cumulative number of preemptions from the engine.",
        Values::Counter(|reading| reading.state.preemptions),
    ),
    Family::new(
        "vllm:prompt_tokens",
        "Number of prefill tokens processed.",
        Values::Counter(|reading| reading.counters.prompt_tokens),
    ),
    Family::new(
        "vllm:generation_tokens",
        "Number of generation tokens processed.",
        Values::Counter(|reading| reading.counters.generation_tokens),
    ),
    Family::new("vllm:request_success", "Count of successfully processed requests.", Values::Finished),
    Family::tokens(
        "vllm:request_prompt_tokens",
        "Number of prefill tokens processed.",
        ServerHistogram::PromptTokens,
    ),
    Family::tokens(
        "vllm:request_generation_tokens",
        "Number of generation tokens processed.",
        ServerHistogram::GenerationTokens,
    ),
    Family::time(
        "vllm:time_to_first_token_seconds",
        "Histogram of time to first token in seconds.",
        ServerHistogram::FirstToken,
    ),
    Family::time(
        "vllm:inter_token_latency_seconds",
        "Histogram of inter-token latency in seconds.",
        ServerHistogram::TokenGap,
    )
    .since(GAPS_RENAMED),
    Family::time(
        "vllm:request_time_per_output_token_seconds",
        "Histogram of time per output token in seconds per request.",
        ServerHistogram::OutputToken,
    )
    .since(GAPS_RENAMED),
    Family::time(
        "vllm:time_per_output_token_seconds",
        "Histogram of time per output token in seconds.",
        ServerHistogram::TokenGap,
    )
    .before(GAPS_RENAMED),
    Family::time(
        "vllm:e2e_request_latency_seconds",
        "Histogram of end to end request latency in seconds.",
        ServerHistogram::Request,
    ),
    Family::time(
        "vllm:request_queue_time_seconds",
        "Histogram of time spent in WAITING phase for request.",
        ServerHistogram::Queue,
    ),
    Family::time(
        "vllm:request_inference_time_seconds",
        "Histogram of time spent in RUNNING phase for request.",
        ServerHistogram::Inference,
    ),
    Family::time(
        "vllm:request_prefill_time_seconds",
        "Histogram of time spent in PREFILL phase for request.",
        ServerHistogram::Prefill,
    ),
    Family::time(
        "vllm:request_decode_time_seconds",
        "Histogram of time spent in DECODE phase for request.",
        ServerHistogram::Decode,
    ),
];
