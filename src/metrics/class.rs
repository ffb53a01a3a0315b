//! What is counted of one class of traffic, or of all of them together.

use serde::{Deserialize, Serialize};

use crate::units::{SimDuration, SimTime};

use super::{GoodputArgs, LatencySet, Outcome, RequestRecord};

/// Requests by how they ended: `arrived = completed + failed + rejected + unfinished`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Arrived in the window.
    pub arrived: u64,
    /// Every token arrived.
    pub completed: u64,
    /// Failed for good, time-outs included.
    pub failed: u64,
    /// Refused by the engine.
    pub rejected: u64,
    /// Under way when the run stopped.
    pub unfinished: u64,
    /// Part of `failed`: the client gave up.
    pub timed_out: u64,
    /// Part of `failed`: after the first token.
    pub cut_mid_stream: u64,
    /// Sent more than once.
    pub retried: u64,
}

/// Tokens of the requests counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Prompts of completed requests.
    pub input: u64,
    /// Answers of completed requests.
    pub output: u64,
    /// Of `input`, found in the prefix cache.
    pub cached: u64,
    /// Answers begun and lost with requests that failed.
    pub lost: u64,
}

/// What is counted of one class of traffic. Sums of integers only: the order of the records changes nothing.
#[derive(Clone, Debug, Default)]
pub struct ClassMetrics {
    /// Requests by how they ended.
    pub requests: RequestCounts,
    /// Tokens.
    pub tokens: TokenCounts,
    /// Completed requests that met every goodput threshold.
    pub good: u64,
    /// Latencies of completed requests.
    pub latency: LatencySet,
    /// When the last of them ended.
    pub last_end: SimTime,
}

impl ClassMetrics {
    pub(super) fn request(&mut self, record: &RequestRecord, goodput: &GoodputArgs) {
        let counts = &mut self.requests;
        counts.retried += u64::from(record.attempts > 1);
        self.last_end = self.last_end.max(record.end);
        match record.outcome {
            Outcome::Completed => {
                counts.completed += 1;
                self.tokens.input += u64::from(record.input_tokens);
                self.tokens.output += u64::from(record.output_tokens);
                self.tokens.cached += u64::from(record.cached_tokens);
                self.good += u64::from(is_good(record, goodput));
                self.latency.request(record);
            }
            Outcome::Failed | Outcome::TimedOut => {
                counts.failed += 1;
                counts.timed_out += u64::from(record.outcome == Outcome::TimedOut);
                counts.cut_mid_stream += u64::from(record.first_token.is_some());
                self.tokens.lost += u64::from(record.output_tokens);
            }
            Outcome::Rejected => counts.rejected += 1,
            Outcome::Unfinished => counts.unfinished += 1,
        }
    }

    /// Adds another class, the gaps between tokens left out: those are pooled elsewhere.
    pub(super) fn merge_requests(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.requests, &other.requests);
        mine.arrived += theirs.arrived;
        mine.completed += theirs.completed;
        mine.failed += theirs.failed;
        mine.rejected += theirs.rejected;
        mine.unfinished += theirs.unfinished;
        mine.timed_out += theirs.timed_out;
        mine.cut_mid_stream += theirs.cut_mid_stream;
        mine.retried += theirs.retried;
        self.tokens.input += other.tokens.input;
        self.tokens.output += other.tokens.output;
        self.tokens.cached += other.tokens.cached;
        self.tokens.lost += other.tokens.lost;
        self.good += other.good;
        self.last_end = self.last_end.max(other.last_end);
        let (mine, theirs) = (&mut self.latency, &other.latency);
        mine.ttft.merge(&theirs.ttft);
        mine.tpot.merge(&theirs.tpot);
        mine.e2e.merge(&theirs.e2e);
        mine.queue.merge(&theirs.queue);
        mine.client_queue.merge(&theirs.client_queue);
        mine.ttft_sent.merge(&theirs.ttft_sent);
        mine.e2e_sent.merge(&theirs.e2e_sent);
    }
}

/// Whether a completed request met every threshold, bounds included; an answer of one token has a TPOT of 0 here, as in
/// vLLM's `calculate_metrics`.
fn is_good(record: &RequestRecord, goodput: &GoodputArgs) -> bool {
    let within = |value: SimDuration, limit: Option<SimDuration>| limit.is_none_or(|limit| value <= limit);
    within(record.ttft().unwrap_or_default(), goodput.ttft)
        && within(record.tpot().unwrap_or_default(), goodput.tpot)
        && within(record.e2e(), goodput.e2e)
}
