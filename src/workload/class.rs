//! A class of traffic with every default filled in.

use std::sync::Arc;

use super::{
    args::{ClientArgs, Stop},
    arrivals::{Arrivals, Renewal},
    length::Length,
    think::Think,
    trace::TraceNote,
};
use crate::request::{RequestName, Segment};
use crate::units::{SimDuration, SimTime};

/// One class of traffic, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: Arc<str>,
    /// Its place in the scenario, counted from 0; its random streams depend on it.
    pub ordinal: u16,
    /// What the clients do.
    pub client: Client,
    /// Arrivals end after this many requests.
    pub num_prompts: Option<u32>,
    /// What is sent.
    pub demand: Demand,
    /// What to know about its trace or dataset.
    pub notes: Vec<TraceNote>,
}

/// What clients do besides sending; acted out by the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Gives up this long after an attempt was sent.
    pub timeout: Option<SimDuration>,
    /// Further attempts after a failure before the first token.
    pub retries: u32,
    /// Wait before the first further attempt, doubled before each later one.
    pub backoff: SimDuration,
    /// Requests open at once.
    pub max_concurrency: Option<u32>,
}

impl From<ClientArgs> for Client {
    fn from(args: ClientArgs) -> Self {
        let ClientArgs { timeout, retries, backoff, max_concurrency } = args;
        Self { timeout, retries, backoff, max_concurrency }
    }
}

/// Where requests come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Demand {
    /// Drawn from distributions.
    Generated(Box<Generated>),
    /// Written down.
    Listed(Listed),
}

/// Requests drawn from distributions.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// When requests, or conversations, arrive.
    pub arrivals: Arrivals,
    /// Prompt lengths; with conversations, of first prompts.
    pub input: Length,
    /// Answer lengths.
    pub output: Length,
    /// Prompt and answer of a request belong together: both are drawn with the same numbers.
    pub paired: bool,
    /// What ends an answer.
    pub stop: Stop,
    /// vLLM's priority.
    pub priority: i32,
    /// Tokens at the start of a prompt that its group has in common.
    pub shared_tokens: u32,
    /// Number of groups.
    pub groups: u32,
    /// Conversations.
    pub turns: Option<Turns>,
}

/// Conversations of several turns.
#[derive(Clone, Debug, PartialEq)]
pub struct Turns {
    /// How many turns.
    pub count: Length,
    /// Between an answer and the next turn.
    pub think: Think,
    /// New tokens of a later turn; as the first prompt without its shared tokens when `None`.
    pub input: Option<Length>,
    /// A conversation ends before a turn whose prompt would be longer [tokens].
    pub max_context: Option<u32>,
}

/// Requests that are written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// By time.
    pub rows: Arc<[ListedRow]>,
    /// Replayed this many times as fast.
    pub speed: f64,
    /// Starts again at the end.
    pub repeat: bool,
    /// Each row is moved later by a uniform part of this, before `speed` is applied.
    pub jitter: SimDuration,
    /// Row numbers that one pass uses up.
    pub row_numbers: u32,
    /// Token streams that one pass uses up.
    pub streams: u64,
}

/// One request that is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedRow {
    /// Its name.
    pub name: ListedName,
    /// When it arrives.
    pub at: SimTime,
    /// Prompt length [tokens].
    pub input_tokens: u32,
    /// Answer length [tokens].
    pub output_tokens: u32,
    /// What ends the answer.
    pub stop: Stop,
    /// vLLM's priority.
    pub priority: i32,
    /// The shared part of the prompt; token streams count from 0 within the list.
    pub shared: Arc<[Segment]>,
}

/// How a written-down request is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedName {
    /// `<workload>-<row>`.
    Row(u32),
    /// As the file says.
    Given(Arc<str>),
}

impl ListedName {
    /// The printed name, `pass` rounds of `row_numbers` later.
    pub(super) fn resolve(&self, workload: &Arc<str>, later: u32) -> RequestName {
        match self {
            Self::Row(row) => RequestName::Row { workload: workload.clone(), row: row.saturating_add(later) },
            Self::Given(name) => RequestName::Given(name.clone()),
        }
    }
}

impl Class {
    /// Whether nothing but the end of the run's duration ends its arrivals.
    pub fn is_endless(&self) -> bool {
        self.num_prompts.is_none()
            && match &self.demand {
                Demand::Generated(_) => true,
                Demand::Listed(list) => list.repeat,
            }
    }

    /// The same traffic as it is from `offset` on: what follows a rate curve begins there.
    #[must_use]
    pub fn from(&self, offset: SimDuration) -> Self {
        let mut later = self.clone();
        if let Demand::Generated(generated) = &mut later.demand
            && let Arrivals::Renewal(Renewal { curve: Some(curve), .. }) = &mut generated.arrivals
        {
            *curve = curve.from(offset);
        }
        later
    }

    /// Mean factor of its rate curve over `window` from `offset` on; 1 where it follows none.
    pub fn curve_mean(&self, offset: SimDuration, window: Option<SimDuration>) -> f64 {
        match &self.from(offset).demand {
            Demand::Generated(generated) => match &generated.arrivals {
                Arrivals::Renewal(Renewal { curve: Some(curve), .. }) => curve.mean(window),
                _ => 1.0,
            },
            Demand::Listed(_) => 1.0,
        }
    }

    /// Whether any two of its prompts may begin alike.
    pub fn shares_prefixes(&self) -> bool {
        match &self.demand {
            Demand::Generated(generated) => generated.shared_tokens > 0 || generated.turns.is_some(),
            Demand::Listed(list) => list.rows.iter().any(|row| !row.shared.is_empty()),
        }
    }

    /// Whether its arrivals have a rate that can be scaled; closed loops and bursts have none.
    pub fn has_rate(&self) -> bool {
        match &self.demand {
            Demand::Generated(generated) => matches!(generated.arrivals, Arrivals::Renewal(_)),
            Demand::Listed(list) => list.rows.last().is_some_and(|row| row.at > SimTime::ZERO),
        }
    }
}
