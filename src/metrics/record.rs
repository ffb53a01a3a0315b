//! One request from its client's wish to its end.

use crate::request::RequestName;
use crate::units::{SimDuration, SimTime};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Every token arrived.
    Completed,
    /// The server or the way to it broke, for good.
    Failed,
    /// Its client gave up, for good.
    TimedOut,
    /// The engine refused it.
    Rejected,
    /// The run stopped before it had ended.
    Unfinished,
}

impl Outcome {
    /// As in `requests.csv`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timeout",
            Self::Rejected => "rejected",
            Self::Unfinished => "unfinished",
        }
    }
}

/// What is kept of a request that has ended; all attempts together.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRecord {
    /// Printed name.
    pub name: RequestName,
    /// Index of its workload.
    pub workload: usize,
    /// Index of the group that had it last, counted over all deployments; none if no group was ready.
    pub group: Option<usize>,
    /// When its client wanted to send it: its arrival.
    pub wanted: SimTime,
    /// When its client first sent it.
    pub first_sent: SimTime,
    /// When its last attempt reached the engine.
    pub queued: SimTime,
    /// When its last attempt was first scheduled.
    pub scheduled: Option<SimTime>,
    /// When its client had the first token.
    pub first_token: Option<SimTime>,
    /// When it ended; for a completed one, when its client had the last token.
    pub end: SimTime,
    /// Prompt [tokens].
    pub input_tokens: u32,
    /// Answer received [tokens].
    pub output_tokens: u32,
    /// Part of the prompt found in the prefix cache [tokens].
    pub cached_tokens: u32,
    /// How often it lost its KV cache.
    pub preemptions: u32,
    /// How often it was sent.
    pub attempts: u32,
    /// How it ended.
    pub outcome: Outcome,
}

impl RequestRecord {
    /// From its client's wish to its first token; the wait at the client is part of it.
    pub fn ttft(&self) -> Option<SimDuration> {
        self.first_token.map(|at| at - self.wanted)
    }

    /// From its client's wish to its end.
    pub fn e2e(&self) -> SimDuration {
        self.end - self.wanted
    }

    /// Time per output token after the first, to the nearest nanosecond, halves up: `(latency - ttft) / (output_len -
    /// 1)` of a completed request, undefined for a single token (vLLM `benchmarks/serve.py`, `calculate_metrics`).
    pub fn tpot(&self) -> Option<SimDuration> {
        if self.outcome != Outcome::Completed || self.output_tokens < 2 {
            return None;
        }
        let gaps = u64::from(self.output_tokens - 1);
        let decoding = (self.end - self.first_token?).as_nanos();
        let halves_up = decoding / gaps + u64::from(decoding % gaps >= gaps.div_ceil(2));
        Some(SimDuration::from_nanos(halves_up))
    }

    /// From the engine's queue to its first step.
    pub fn queue(&self) -> Option<SimDuration> {
        self.scheduled.map(|at| at - self.queued)
    }

    /// Wait at the client, for its own limit on open requests.
    pub fn client_queue(&self) -> SimDuration {
        self.first_sent - self.wanted
    }
}
