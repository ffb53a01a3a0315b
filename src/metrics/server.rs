//! What each vLLM server counts of itself, read at intervals as Prometheus reads its `/metrics`.
//!
//! Definitions are vLLM's (`v1/metrics/loggers.py`, `v1/metrics/stats.py`): times begin when the attempt reaches the server,
//! a prompt counts with its first token, a request when it has its last. Counters live as long as their server: the one
//! that comes after it begins at 0. The warm-up counts like everything else, since a server knows of none.

mod histogram;

use super::RequestRecord;
use crate::units::{SimDuration, SimTime, Version};

pub use histogram::{Histogram, ServerBuckets};

/// One group's server, as far as its metrics care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSetup {
    /// Name of its model.
    pub model: String,
    /// Release of vLLM; none of another engine.
    pub version: Option<Version>,
    /// Longest prompt and answer together [tokens].
    pub max_model_len: u32,
}

/// How a request left a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended its answer.
    Stop,
    /// The answer has as many tokens as it may have.
    Length,
    /// Its client went away.
    Abort,
}

impl FinishReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stop, Self::Length, Self::Abort];

    /// As the label `finished_reason` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Abort => "abort",
        }
    }
}

/// A distribution that a server keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerHistogram {
    /// From the queue to the first token [ns].
    FirstToken,
    /// Between two tokens [ns].
    TokenGap,
    /// Time per output token after the first, one a request [ns].
    OutputToken,
    /// From the queue to the last token [ns].
    Request,
    /// From the queue to the first step [ns].
    Queue,
    /// From the first step to the first token [ns].
    Prefill,
    /// From the first token to the last [ns].
    Decode,
    /// From the first step to the last token [ns].
    Inference,
    /// Length of prompts [tokens].
    PromptTokens,
    /// Length of answers [tokens].
    GenerationTokens,
}

impl ServerHistogram {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 10] = [
        Self::FirstToken,
        Self::TokenGap,
        Self::OutputToken,
        Self::Request,
        Self::Queue,
        Self::Prefill,
        Self::Decode,
        Self::Inference,
        Self::PromptTokens,
        Self::GenerationTokens,
    ];
}

/// Everything one server has counted.
#[derive(Clone, Debug)]
pub struct ServerCounters {
    /// Tokens of prompts that have their first token.
    pub prompt_tokens: u64,
    /// Tokens put out.
    pub generation_tokens: u64,
    finished: [u64; FinishReason::ALL.len()],
    histograms: [Histogram; ServerHistogram::ALL.len()],
}

impl ServerCounters {
    fn new(buckets: &ServerBuckets, max_model_len: u32) -> Self {
        Self {
            prompt_tokens: 0,
            generation_tokens: 0,
            finished: [0; FinishReason::ALL.len()],
            histograms: ServerHistogram::ALL.map(|which| buckets.histogram(which, max_model_len)),
        }
    }

    /// Requests that left it that way.
    pub fn finished(&self, reason: FinishReason) -> u64 {
        self.finished[reason as usize]
    }

    /// One of its distributions.
    pub fn histogram(&self, which: ServerHistogram) -> &Histogram {
        &self.histograms[which as usize]
    }

    fn record(&mut self, which: ServerHistogram, value: u64) {
        self.histograms[which as usize].record(value, 1);
    }

    fn record_time(&mut self, which: ServerHistogram, time: SimDuration) {
        self.record(which, time.as_nanos());
    }
}

/// What an engine shows besides: its queues and what its scheduler counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServerState {
    /// Requests it runs.
    pub running: u32,
    /// Requests in its queue.
    pub waiting: u32,
    /// Part of the KV blocks in use.
    pub kv_cache_usage: f64,
    /// Requests thrown back into the queue.
    pub preemptions: u64,
    /// Prompt tokens looked up in the prefix cache.
    pub prefix_queries: u64,
    /// Prompt tokens found there.
    pub prefix_hits: u64,
}

/// One answer of `/metrics`.
#[derive(Clone, Debug)]
pub struct ServerReading {
    /// When.
    pub at: SimTime,
    /// Queues and scheduler.
    pub state: ServerState,
    /// Counters and distributions.
    pub counters: ServerCounters,
}

/// The servers of one placement and every reading of them.
#[derive(Clone, Debug)]
pub struct ServerLog {
    buckets: ServerBuckets,
    servers: Vec<Server>,
    last_reading: Option<SimTime>,
}

#[derive(Clone, Debug)]
struct Server {
    setup: ServerSetup,
    counters: ServerCounters,
    readings: Vec<ServerReading>,
}

impl ServerLog {
    /// Nothing counted yet; a server a group.
    pub fn new(buckets: ServerBuckets, setups: Vec<ServerSetup>) -> Self {
        let servers = setups.into_iter().map(|setup| Server {
            counters: ServerCounters::new(&buckets, setup.max_model_len),
            setup,
            readings: Vec::new(),
        });
        Self { servers: servers.collect(), buckets, last_reading: None }
    }

    /// A new process serves group `group`.
    pub fn started(&mut self, group: usize) {
        let server = &mut self.servers[group];
        server.counters = ServerCounters::new(&self.buckets, server.setup.max_model_len);
    }

    /// A request has its first token, so long after it reached the server.
    pub fn first_token(&mut self, group: usize, waited: SimDuration, prompt_tokens: u32) {
        let counters = &mut self.servers[group].counters;
        counters.prompt_tokens += u64::from(prompt_tokens);
        counters.generation_tokens += 1;
        counters.record_time(ServerHistogram::FirstToken, waited);
    }

    /// `count` requests received a token each, `gap` after the one before.
    pub fn gap(&mut self, group: usize, gap: SimDuration, count: u32) {
        let counters = &mut self.servers[group].counters;
        counters.generation_tokens += u64::from(count);
        counters.histograms[ServerHistogram::TokenGap as usize].record(gap.as_nanos(), u64::from(count));
    }

    /// A request has its last token.
    pub fn finished(&mut self, group: usize, reason: FinishReason, request: &RequestRecord) {
        let counters = &mut self.servers[group].counters;
        counters.finished[reason as usize] += 1;
        counters.record(ServerHistogram::PromptTokens, u64::from(request.input_tokens));
        counters.record(ServerHistogram::GenerationTokens, u64::from(request.output_tokens));
        counters.record_time(ServerHistogram::Request, request.end - request.queued);
        if let Some(tpot) = request.tpot() {
            counters.record_time(ServerHistogram::OutputToken, tpot);
        }
        if let (Some(scheduled), Some(first_token)) = (request.scheduled, request.first_token) {
            counters.record_time(ServerHistogram::Queue, scheduled - request.queued);
            counters.record_time(ServerHistogram::Prefill, first_token - scheduled);
            counters.record_time(ServerHistogram::Decode, request.end - first_token);
            counters.record_time(ServerHistogram::Inference, request.end - scheduled);
        }
    }

    /// A server let go of a request whose client went away.
    pub fn aborted(&mut self, group: usize) {
        self.servers[group].counters.finished[FinishReason::Abort as usize] += 1;
    }

    /// Somebody reads the metrics of group `group`.
    pub fn read(&mut self, group: usize, at: SimTime, state: ServerState) {
        let server = &mut self.servers[group];
        server.readings.push(ServerReading { at, state, counters: server.counters.clone() });
        self.last_reading = self.last_reading.max(Some(at));
    }

    /// Longest prompt and answer together that a group's server takes [tokens].
    pub fn max_model_len(&self, group: usize) -> u32 {
        self.servers[group].setup.max_model_len
    }

    /// When anybody read anything last.
    pub fn last_reading(&self) -> Option<SimTime> {
        self.last_reading
    }

    /// Every group's server and its readings, in the order of time.
    pub fn servers(&self) -> impl Iterator<Item = (&ServerSetup, &[ServerReading])> {
        self.servers.iter().map(|server| (&server.setup, server.readings.as_slice()))
    }
}
