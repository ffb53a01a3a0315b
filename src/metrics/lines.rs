//! What goes into files line by line: states, changes, steps.

use serde_json::{Map, Value};

use crate::units::SimTime;

/// State of one group at one time, for `timeline.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// When.
    pub at: SimTime,
    /// Index of the group, counted over all deployments.
    pub group: usize,
    /// Requests the engine runs.
    pub running: u32,
    /// Requests in its queue.
    pub waiting: u32,
    /// Part of the KV blocks in use.
    pub kv_cache_usage: f64,
    /// Output since the sample before [tokens/s].
    pub tokens_per_s: f64,
    /// Whether it takes requests.
    pub ready: bool,
}

/// A change, for `events.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: SimTime,
    /// `pod_ready`, `request_retried` and the like.
    pub kind: &'static str,
    /// Name of what changed.
    pub object: String,
    /// What else there is to say, in this order.
    pub fields: Map<String, Value>,
}

/// A dispatched batch, for `steps.jsonl` and `trace.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLine {
    /// The poll: when `schedule()` ran.
    pub polled: SimTime,
    /// When its result was applied.
    pub ended: SimTime,
    /// Index of the group, counted over all deployments.
    pub group: usize,
    /// Tokens by request, in schedule order.
    pub scheduled: Vec<(String, u32)>,
    /// In order of preemption.
    pub preempted: Vec<String>,
    /// Those that sampled their last token.
    pub finished: Vec<String>,
    /// Requests that compute something.
    pub batch_size: u32,
    /// What they compute [tokens].
    pub tokens: u32,
    /// Of those, pieces of prompts of more than one token [tokens].
    pub prefill_tokens: u32,
    /// From when to when the engine core, and then each stage, worked for it.
    pub spans: Vec<(SimTime, SimTime)>,
    /// Requests running after scheduling.
    pub running: u32,
    /// Requests waiting after scheduling, preempted ones included.
    pub waiting: u32,
    /// Free KV blocks after scheduling, block 0 left out.
    pub free_blocks: u32,
}
