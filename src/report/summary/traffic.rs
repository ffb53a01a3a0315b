//! Requests, tokens, latencies and rates of some traffic.

use serde::{Deserialize, Serialize};

use crate::metrics::{ClassMetrics, LatencyFigures, RequestCounts};
use crate::units::SimTime;

/// Requests, tokens, latencies and rates of some traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficSummary {
    /// By how they ended.
    pub requests: RequestCounts,
    /// By where they went.
    pub tokens: Tokens,
    /// Requests that met every goodput threshold.
    pub goodput: Goodput,
    /// What rates and cost refer to.
    pub window_s: Window,
    /// By vLLM's definitions.
    pub latency: Latency,
    /// Rates over the window.
    pub throughput: Throughput,
}

/// Tokens by where they went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Prompts of completed requests.
    pub input: u64,
    /// Answers of completed requests.
    pub output: u64,
    /// Of `input`, found in the prefix cache.
    pub cached: u64,
    /// Computed again after preemptions, over the whole run; engines do not know whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recomputed: Option<u64>,
    /// Answers begun and lost with requests that failed.
    pub lost: u64,
}

/// Requests that met every goodput threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goodput {
    /// Over the window.
    pub requests_per_s: f64,
    /// Of those that arrived; absent when none did.
    pub fraction: Option<f64>,
}

/// Spans of time, first and last instant [s].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// What rates refer to: from the end of the warm-up to the end of the last request.
    pub rates: [f64; 2],
    /// What the cost refers to: the whole run.
    pub cost: [f64; 2],
}

impl Window {
    pub(super) fn new(warmup: SimTime, last_end: SimTime, end: SimTime) -> Self {
        Self {
            rates: [warmup.as_secs_f64(), last_end.max(warmup).as_secs_f64()],
            cost: [0.0, end.as_secs_f64()],
        }
    }

    /// `count` over the window of rates [1/s]; 0 in no time.
    pub(super) fn rate(&self, count: u64) -> f64 {
        let length = self.rates[1] - self.rates[0];
        if length > 0.0 { count as f64 / length } else { 0.0 }
    }
}

/// Latencies of completed requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Time to first token.
    pub ttft_ms: LatencyFigures,
    /// Time per output token after the first.
    pub tpot_ms: LatencyFigures,
    /// Gaps between tokens.
    pub itl_ms: LatencyFigures,
    /// Time to last token.
    pub e2e_ms: LatencyFigures,
    /// From the engine's queue to the first step.
    pub queue_ms: LatencyFigures,
    /// Wait at the client, where it limits its open requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_queue_ms: Option<LatencyFigures>,
}

/// Rates over the window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Completed requests.
    pub requests_per_s: f64,
    /// Their answers.
    pub output_tokens_per_s: f64,
    /// Their prompts and answers.
    pub total_tokens_per_s: f64,
    /// Their answers, over all GPUs paid for.
    pub output_tokens_per_s_per_gpu: f64,
}

impl TrafficSummary {
    pub(super) fn new(
        class: &ClassMetrics,
        window: Window,
        gpus: u32,
        client_queue: bool,
        recomputed: Option<u64>,
    ) -> Self {
        let (requests, tokens, latency) = (class.requests, class.tokens, &class.latency);
        let output_tokens_per_s = window.rate(tokens.output);
        let arrived = requests.arrived;
        Self {
            requests,
            tokens: Tokens {
                input: tokens.input,
                output: tokens.output,
                cached: tokens.cached,
                recomputed,
                lost: tokens.lost,
            },
            goodput: Goodput {
                requests_per_s: window.rate(class.good),
                fraction: (arrived > 0).then(|| class.good as f64 / arrived as f64),
            },
            window_s: window,
            latency: Latency {
                ttft_ms: LatencyFigures::of(&latency.ttft),
                tpot_ms: LatencyFigures::of(&latency.tpot),
                itl_ms: LatencyFigures::of(&latency.itl),
                e2e_ms: LatencyFigures::of(&latency.e2e),
                queue_ms: LatencyFigures::of(&latency.queue),
                client_queue_ms: client_queue.then(|| LatencyFigures::of(&latency.client_queue)),
            },
            throughput: Throughput {
                requests_per_s: window.rate(requests.completed),
                output_tokens_per_s,
                total_tokens_per_s: window.rate(tokens.input + tokens.output),
                output_tokens_per_s_per_gpu: output_tokens_per_s / f64::from(gpus.max(1)),
            },
        }
    }
}
