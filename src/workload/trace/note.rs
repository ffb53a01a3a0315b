//! What a reader of a trace or a dataset should know about it.

use std::fmt;

use super::TraceRow;
use crate::workload::histogram::Tail;

/// Why a row was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// No output tokens: the request failed when it was recorded.
    NoOutput,
    /// No input tokens.
    NoInput,
}

/// Something about a trace or a dataset that bends results if nobody knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceNote {
    /// Rows that are not replayed.
    Dropped {
        /// Why.
        reason: Dropped,
        /// How many.
        rows: u32,
        /// Rows in the file.
        of: u32,
    },
    /// Rows that were earlier than the row before them; the trace was sorted by time.
    Reordered {
        /// How many.
        rows: u32,
    },
    /// Stamps were rounded to ticks: never closer than a second, or equal, and most of the rows share theirs.
    Ticks {
        /// Length of the tick [s].
        seconds: u64,
        /// Rows.
        rows: u32,
        /// Different stamps among them.
        stamps: u32,
    },
    /// Prompt lengths that were estimated from texts.
    Estimated {
        /// How many.
        rows: u32,
        /// Rows in the file.
        of: u32,
        /// Characters taken for a token.
        characters: u32,
    },
    /// Answer lengths that nobody stated.
    DefaultOutput {
        /// How many.
        rows: u32,
        /// Rows in the file.
        of: u32,
        /// What was taken [tokens].
        tokens: u32,
    },
    /// Lengths above the largest bound of a histogram.
    Longer {
        /// Of answers, or else of prompts.
        answers: bool,
        /// How many.
        counted: u64,
        /// How many were counted in all.
        of: u64,
        /// The bound [tokens].
        bound: u64,
        /// The longest that is drawn, as their sum says; the bound where no sum says more [tokens].
        up_to: Option<u64>,
    },
}

/// Stamps that are closer than this were not rounded to whole seconds; ticks of real traces wander by some ms [ns].
const CLOSE_NS: u64 = 900_000_000;

impl TraceNote {
    /// What is known of the `tail` of a histogram that counts `total`.
    pub(in crate::workload) fn longer(answers: bool, total: f64, tail: &Tail) -> Self {
        Self::Longer {
            answers,
            counted: tail.longer.round() as u64,
            of: total.round() as u64,
            bound: tail.bound.round() as u64,
            up_to: tail.up_to.map(|tokens| tokens.round() as u64),
        }
    }

    /// Whether stamps were rounded: 1 s in `BurstGPT`, 3 s in Mooncake's traces, where it makes bursts that nobody sent.
    pub(super) fn ticks(rows: &[TraceRow]) -> Option<Self> {
        let ticks = rows.windows(2).map(|pair| (pair[1].at - pair[0].at).as_nanos()).filter(|gap| *gap > 0);
        let shortest_ns = ticks.clone().min()?;
        let stamps = ticks.count() as u32 + 1;
        let rounded = shortest_ns >= CLOSE_NS && 2 * stamps as usize <= rows.len();
        let seconds = (shortest_ns + 500_000_000) / 1_000_000_000;
        rounded.then_some(Self::Ticks { seconds, rows: rows.len() as u32, stamps })
    }
}

impl fmt::Display for TraceNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped { reason, rows, of } => {
                let what = match reason {
                    Dropped::NoOutput => "without output tokens (failed when recorded)",
                    Dropped::NoInput => "without input tokens",
                };
                write!(f, "{rows} of {of} rows {what} were dropped")
            }
            Self::Reordered { rows } => write!(f, "{rows} rows out of order: sorted by time"),
            Self::Estimated { rows, of, characters } => {
                write!(
                    f,
                    "the prompts of {rows} of {of} rows were estimated at {characters} characters a token"
                )
            }
            Self::DefaultOutput { rows, of, tokens } => {
                write!(f, "{rows} of {of} rows state no answer length: {tokens} tokens were taken")
            }
            Self::Longer { answers, counted, of, bound, up_to } => {
                let what = if *answers { "answers" } else { "prompts" };
                write!(f, "{counted} of {of} {what} are longer than the largest bucket, {bound} tokens: ")?;
                match up_to {
                    Some(up_to) => write!(f, "they are spread up to {up_to}, as the sum of all lengths says"),
                    None => write!(f, "they count as hardly longer, since nothing says how long they are"),
                }
            }
            Self::Ticks { seconds, rows, stamps } => write!(
                f,
                "{rows} rows share {stamps} stamps, {seconds} s apart: `jitter: {seconds}s` spreads them"
            ),
        }
    }
}
