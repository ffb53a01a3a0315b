//! A run in buckets of one second: load, answers, concurrency.

use std::ops::Range;

use crate::units::SimTime;

use super::{Outcome, RequestRecord};

const SECOND_NS: u64 = 1_000_000_000;

/// Parts of a token, so that an answer spread over seconds stays an integer sum.
const PARTS: u128 = 1_000_000;

/// One second. Differences against the second before where something lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Second {
    arrived: u32,
    completed: u32,
    /// Requests open in this second, minus those open in the one before.
    open: i32,
    /// Requests that arrived in this second and were served or waited for.
    waited: u32,
    /// Time they waited for their first token, or until they ended without one [ns].
    wait_ns: u128,
    /// Parts of tokens that came in this second alone.
    parts: i64,
    /// Parts of tokens a second, minus those in the second before.
    rate: i64,
}

/// Seconds that are kept or left out together.
const BLOCK: usize = 64;

/// What happened in each second since the start of the run. Years of silence take no room: a block of seconds exists once
/// something happens in it.
#[derive(Clone, Debug, Default)]
pub struct Seconds {
    blocks: Vec<Option<Box<[Second; BLOCK]>>>,
}

/// One half of the time in which requests arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Half {
    /// How long it is [s].
    pub length_s: usize,
    /// Requests that arrived in it.
    pub arrived: u64,
    /// Requests completed in it, whenever they arrived.
    pub completed: u64,
    /// Mean wait for the first token of those that arrived in it [ns].
    pub mean_wait: Option<f64>,
}

fn second(at: SimTime) -> usize {
    (at.as_nanos() / SECOND_NS) as usize
}

impl Seconds {
    fn at(&mut self, index: usize) -> &mut Second {
        let block = index / BLOCK;
        if block >= self.blocks.len() {
            self.blocks.resize(block + 1, None);
        }
        let seconds = self.blocks[block].get_or_insert_with(|| Box::new([Second::default(); BLOCK]));
        &mut seconds[index % BLOCK]
    }

    /// The seconds in which something happened, in order, each with its index.
    fn touched(&self) -> impl Iterator<Item = (usize, &Second)> {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(block, seconds)| {
            let seconds = seconds.iter().flat_map(|seconds| seconds.iter()).enumerate();
            seconds.map(move |(offset, second)| (block * BLOCK + offset, second))
        })
    }

    /// Counts an arrival.
    pub(super) fn arrived(&mut self, at: SimTime) {
        self.at(second(at)).arrived += 1;
    }

    /// Counts the end of a request.
    pub(super) fn request(&mut self, record: &RequestRecord) {
        // What failed before its first token waited for nothing that comes: it says nothing about load.
        let cut = record.outcome == Outcome::Failed && record.first_token.is_none();
        if record.outcome != Outcome::Rejected && !cut {
            let served = record.first_token.unwrap_or(record.end);
            let arrival = self.at(second(record.wanted));
            arrival.waited += 1;
            arrival.wait_ns += u128::from((served - record.wanted).as_nanos());
        }
        let (Outcome::Completed, Some(first)) = (record.outcome, record.first_token) else { return };
        self.at(second(record.end)).completed += 1;
        self.at(second(record.first_sent)).open += 1;
        self.at(second(record.end) + 1).open -= 1;
        self.at(second(first)).parts += PARTS as i64;
        if record.output_tokens > 1 {
            self.spread(first, record.end, record.output_tokens - 1);
        }
    }

    /// Spreads tokens evenly over `(from, to]`, in time that does not grow with their number.
    fn spread(&mut self, from: SimTime, to: SimTime, tokens: u32) {
        let (first, last) = (second(from), second(to));
        let whole = i64::from(tokens) * PARTS as i64;
        if first == last {
            self.at(last).parts += whole;
            return;
        }
        let length = u128::from((to - from).as_nanos());
        let part = |ns: u64| (u128::from(tokens) * PARTS * u128::from(ns) / length) as i64;
        let rate = part(SECOND_NS);
        let head = part((first as u64 + 1) * SECOND_NS - from.as_nanos());
        self.at(first).parts += head;
        self.at(first + 1).rate += rate;
        let tail = whole - head - rate * ((last - first - 1) as u32 as i64);
        let end = self.at(last);
        end.rate -= rate;
        end.parts += tail;
    }

    /// Most output tokens in one second, each answer spread evenly from its first token to its last.
    pub fn max_output_tokens_per_s(&self) -> f64 {
        let mut rate = 0;
        let of_seconds = self.touched().map(|(_, second)| {
            rate += second.rate;
            rate + second.parts
        });
        (of_seconds.max().unwrap_or(0) as f64 / PARTS as f64).round()
    }

    /// Most completed requests that were open in one and the same second.
    pub fn max_concurrent_requests(&self) -> u64 {
        let mut open = 0_i64;
        let of_seconds = self.touched().map(|(_, second)| {
            open += i64::from(second.open);
            open
        });
        of_seconds.max().unwrap_or(0) as u64
    }

    /// The two halves of the time from `from` to the last arrival, if that is at least 4 s.
    pub(super) fn halves(&self, from: SimTime) -> Option<[Half; 2]> {
        const SHORTEST: usize = 4;
        let first = from.as_nanos().div_ceil(SECOND_NS) as usize;
        let end = self.touched().filter(|(_, second)| second.arrived > 0).last()?.0 + 1;
        if end < first + SHORTEST {
            return None;
        }
        let middle = first.midpoint(end);
        Some([self.half(first..middle), self.half(middle..end)])
    }

    fn half(&self, span: Range<usize>) -> Half {
        let mut half = Half { length_s: span.len(), ..Half::default() };
        let (mut waited, mut wait) = (0, 0);
        for (_, second) in self.touched().filter(|(index, _)| span.contains(index)) {
            half.arrived += u64::from(second.arrived);
            half.completed += u64::from(second.completed);
            waited += u64::from(second.waited);
            wait += second.wait_ns;
        }
        half.mean_wait = (waited > 0).then(|| wait as f64 / waited as f64);
        half
    }
}
