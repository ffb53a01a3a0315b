//! What a reader of a trace should know about it.

use std::fmt;

use super::TraceRow;

/// Why a row was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// No output tokens: the request failed when it was recorded.
    NoOutput,
    /// No input tokens.
    NoInput,
}

/// Something about a trace that bends results if nobody knows it.
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
    /// Stamps are whole multiples of a tick of at least a second and several rows share a tick.
    Ticks {
        /// Length of the tick [s].
        seconds: u64,
        /// Rows.
        rows: u32,
        /// Different stamps among them.
        stamps: u32,
    },
}

impl TraceNote {
    /// Whether stamps were rounded: 1 s in `BurstGPT`, 3 s in Mooncake's traces, where it makes bursts that nobody sent.
    pub(super) fn ticks(rows: &[TraceRow]) -> Option<Self> {
        let tick_ns = rows.iter().fold(0, |tick, row| gcd(tick, row.at.as_nanos()));
        let stamps = rows.chunk_by(|a, b| a.at == b.at).count();
        let rounded = tick_ns >= 1_000_000_000 && tick_ns.is_multiple_of(1_000_000_000) && stamps > 1;
        (rounded && 2 * stamps <= rows.len()).then_some(Self::Ticks {
            seconds: tick_ns / 1_000_000_000,
            rows: rows.len() as u32,
            stamps: stamps as u32,
        })
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
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
            Self::Ticks { seconds, rows, stamps } => write!(
                f,
                "{rows} rows share {stamps} stamps, all multiples of {seconds} s: `jitter: {seconds}s` spreads them"
            ),
        }
    }
}
