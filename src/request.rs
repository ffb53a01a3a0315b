//! What a client asks for: the vocabulary between workload, routing and engine.
//!
//! Tokens have no text here, only identity: two prompts share a cached prefix as far as their [`Content`] agrees.

use std::{cmp::Ordering, fmt, sync::Arc};

use crate::units::SimTime;

/// Ordinal of a request within one run of one placement, in the order in which requests came to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// The name a user sees: `<workload>-<row>` for generated and traced requests, or the one in the file.
///
/// Ordered as the printed string is, because vLLM breaks PRIORITY ties by the id compared as a string.
#[derive(Clone, Debug)]
pub enum RequestName {
    /// Row of a workload or trace, counted from 0.
    Row {
        /// Name of the workload.
        workload: Arc<str>,
        /// Row number.
        row: u32,
    },
    /// Stated in the scenario.
    Given(Arc<str>),
}

impl fmt::Display for RequestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { workload, row } => write!(f, "{workload}-{row}"),
            Self::Given(name) => f.write_str(name),
        }
    }
}

impl Ord for RequestName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl PartialOrd for RequestName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RequestName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for RequestName {}

/// Identity of an endless stream of tokens: a prefix group, a hash id of a trace, a conversation, one private prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// The first `tokens` tokens of a piece of a prompt come from `stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Whose tokens.
    pub stream: StreamId,
    /// How many of them [tokens].
    pub tokens: u32,
}

/// What the tokens of a prompt and of its answer are: shared segments in order, then the tail.
///
/// Two requests hold the same tokens up to a position exactly if their segments, cut at that position, are equal. The
/// tail covers everything after the segments, generated tokens included, so a later turn of a conversation, whose
/// tail is the conversation's stream too, finds the earlier answers in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Leading shared pieces; empty for a private prompt.
    pub segments: Arc<[Segment]>,
    /// Stream of everything behind them.
    pub tail: StreamId,
}

/// One request as the engine receives it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Ordinal in the run.
    pub id: RequestId,
    /// Printed name.
    pub name: RequestName,
    /// When it reached the engine; PRIORITY orders by it.
    pub arrival: SimTime,
    /// Prompt length [tokens].
    pub prompt_tokens: u32,
    /// Answer length at which the engine stops it by itself [tokens].
    pub max_tokens: u32,
    /// Answer length at which the model emits its end-of-sequence token [tokens]; the engine may use it only when
    /// that token is sampled. Equal to or above `max_tokens` when the length decides.
    pub output_tokens: u32,
    /// vLLM's priority: smaller is more urgent.
    pub priority: i32,
    /// Whose gaps between tokens are counted together.
    pub class: u16,
    /// Identity of its tokens, for the prefix cache.
    pub content: Content,
}

impl Request {
    /// Tokens after which an engine stops it by length.
    pub fn length_limit(&self, max_model_len: u32) -> u32 {
        self.max_tokens.min(max_model_len - self.prompt_tokens)
    }

    /// Tokens after which it ends, be it by length or by its end-of-sequence token.
    pub fn stop_at(&self, max_model_len: u32) -> u32 {
        self.output_tokens.max(1).min(self.length_limit(max_model_len))
    }
}
