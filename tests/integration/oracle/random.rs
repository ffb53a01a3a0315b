//! Small random scenarios, each from one number.

use std::sync::Arc;

use rand::{RngExt, SeedableRng, rngs::ChaCha12Rng};
use towtank::{
    request::{Content, Request, RequestId, RequestName, Segment, StreamId},
    units::{SimDuration, SimTime, Version},
};

use super::config::{OracleConfig, Policy};

/// Releases whose rules differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Versions;

impl Versions {
    pub(crate) const ALL: [Version; 8] = [
        Version::new(0, 8, 5),
        Version::new(0, 11, 0),
        Version::new(0, 16, 0),
        Version::new(0, 20, 0),
        Version::new(0, 25, 0),
        Version::new(0, 28, 0),
        Version::new(0, 31, 0),
        Version::new(0, 33, 0),
    ];
}

/// What reaches a core from outside.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Add(Request),
    Abort(RequestId),
}

/// And when.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: SimTime,
    pub(crate) input: Input,
}

/// A core and its inputs; batch durations included.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) config: OracleConfig,
    /// In time order.
    pub(crate) events: Vec<Event>,
    /// Time of a pass that dispatches.
    pub(crate) host: SimDuration,
    /// Batch durations, used in turn.
    durations: Vec<SimDuration>,
}

impl Scenario {
    /// The scenario of that number.
    pub(crate) fn random(seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let config = config(&mut rng);
        let events = events(&mut rng, &config);
        let durations = (0..16).map(|_| micros(rng.random_range(100..5_000))).collect();
        Self { seed, config, events, host: micros(rng.random_range(1..200)), durations }
    }

    /// When the batch dispatched as number `ordinal` returns, if the workers are free at `free`.
    pub(crate) fn returns(&self, ordinal: usize, empty: bool, free: SimTime) -> SimTime {
        let duration = if empty { micros(1) } else { self.durations[ordinal % self.durations.len()] };
        free.saturating_add(duration)
    }

    /// All requests.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.events.iter().filter_map(|event| match &event.input {
            Input::Add(request) => Some(request),
            Input::Abort(_) => None,
        })
    }
}

fn config(rng: &mut ChaCha12Rng) -> OracleConfig {
    let block_size = [1, 2, 3, 4, 8, 16][rng.random_range(0..6)];
    let num_gpu_blocks = rng.random_range(4..=40);
    // The pool always holds one sequence of full length.
    let capacity = ((num_gpu_blocks - 1) * block_size).min(81);
    let max_model_len = if rng.random_bool(0.7) { capacity } else { rng.random_range(3..=capacity) };
    let chunked_prefill = rng.random_bool(0.85);
    let budget = rng.random_range(1..=64);
    OracleConfig {
        version: Versions::ALL[rng.random_range(0..Versions::ALL.len())],
        policy: if rng.random_bool(0.7) { Policy::Fcfs } else { Policy::Priority },
        max_num_seqs: rng.random_range(1..=8),
        // Start-up raises the budget to the longest prompt if it may not be cut (`engine/arg_utils.py`).
        max_num_batched_tokens: if chunked_prefill { budget } else { budget.max(max_model_len) },
        max_model_len,
        block_size,
        num_gpu_blocks,
        chunked_prefill,
        prefix_caching: rng.random_bool(0.6),
        long_prefill_token_threshold: if rng.random_bool(0.3) { rng.random_range(1..20) } else { 0 },
        watermark: if rng.random_bool(0.2) { 0.1 } else { 0.0 },
        async_scheduling: [None, Some(true), Some(false)][rng.random_range(0..3)],
        pipeline_parallel_size: [1, 1, 2, 3, 4][rng.random_range(0..5)],
        ray: rng.random_bool(0.2),
    }
}

fn events(rng: &mut ChaCha12Rng, config: &OracleConfig) -> Vec<Event> {
    let count = rng.random_range(1..=14);
    let sharing = rng.random_bool(0.7);
    let longest_gap = [0, 300, 3_000, 20_000][rng.random_range(0..4)];
    let aborts = rng.random_bool(0.3);
    let ends_early = rng.random_bool(0.4);
    let mut at = SimTime::from_nanos(0);
    let mut events = Vec::new();
    for row in 0..count {
        at = at.saturating_add(micros(rng.random_range(0..=longest_gap)));
        let prompt_tokens = rng.random_range(1..=60.min(config.max_model_len - 1));
        let max_tokens = rng.random_range(1..=20);
        let output_tokens = if ends_early { rng.random_range(1..=max_tokens) } else { max_tokens };
        let request = Request {
            class: 0,
            id: RequestId(row),
            name: RequestName::Row { workload: Arc::from("w"), row },
            arrival: at,
            prompt_tokens,
            max_tokens,
            output_tokens,
            priority: rng.random_range(0..3),
            content: content(rng, row, sharing, prompt_tokens),
        };
        events.push(Event { at, input: Input::Add(request) });
        if aborts && rng.random_bool(0.3) {
            let later = at.saturating_add(micros(rng.random_range(0..30_000)));
            events.push(Event { at: later, input: Input::Abort(RequestId(row)) });
        }
    }
    events.sort_by_key(|event| event.at);
    events
}

/// Private prompts, shared beginnings, and prompts that are the same or turns of one conversation.
fn content(rng: &mut ChaCha12Rng, row: u32, sharing: bool, prompt_tokens: u32) -> Content {
    let own = StreamId(1_000 + u64::from(row));
    if !sharing {
        return Content { segments: Arc::from([]), tail: own };
    }
    let mut segments = Vec::new();
    let mut left = prompt_tokens;
    for depth in 0..rng.random_range(0..3_u64) {
        let tokens = [4, 8, 16, 5, 11][rng.random_range(0..5)].min(left);
        if tokens > 0 {
            segments.push(Segment { stream: StreamId(10 * depth + rng.random_range(0..2_u64)), tokens });
            left -= tokens;
        }
    }
    let tail = if rng.random_bool(0.5) { own } else { StreamId(500 + rng.random_range(0..2_u64)) };
    Content { segments: Arc::from(segments), tail }
}

fn micros(count: u64) -> SimDuration {
    SimDuration::from_nanos(1_000 * count)
}
