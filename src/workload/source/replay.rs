//! Requests that are written down, sent at their times.

use std::sync::Arc;

use rand::RngExt;

use super::Arrival;
use crate::random::RandomStream;
use crate::request::{Content, Segment};
use crate::units::SimTime;
use crate::workload::{
    args::Stop,
    class::{Listed, ListedRow},
    streams::{Owner, tokens},
};

/// Position in a list of requests.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    list: Listed,
    ordinal: u16,
    /// Trace time over simulated time.
    speed: f64,
    /// Rows of one pass in the order in which they are sent: (time in the trace [ns], index).
    order: Arc<[(u64, u32)]>,
    /// How long a pass lasts, its last gap being the mean one [ns of the trace].
    pass_ns: u64,
    next: usize,
    pass: u32,
}

impl Replay {
    pub(super) fn new(list: &Listed, ordinal: u16, seed: u64, speed: f64) -> Self {
        let mut rng = RandomStream::new(seed, "workload/jitter", u32::from(ordinal));
        let jitter_ns = list.jitter.as_nanos();
        let displaced = (0..).zip(list.rows.iter()).map(|(index, row)| {
            let later_ns = if jitter_ns == 0 { 0 } else { rng.random_range(0..jitter_ns) };
            (row.at.as_nanos() + later_ns, index)
        });
        let mut order: Vec<(u64, u32)> = displaced.collect();
        order.sort_unstable();
        let (first_ns, last_ns) = (order[0].0, order[order.len() - 1].0);
        let gaps = (order.len() as u64 - 1).max(1);
        let pass_ns = (last_ns + (last_ns - first_ns) / gaps).max(1);
        Self { list: list.clone(), ordinal, speed, order: order.into(), pass_ns, next: 0, pass: 0 }
    }

    /// The next request; `sent` requests were sent before it.
    pub(super) fn next(&mut self, workload: &Arc<str>, sent: u32) -> Option<Arrival> {
        if self.next == self.order.len() {
            if !self.list.repeat {
                return None;
            }
            self.next = 0;
            self.pass += 1;
        }
        let (at_ns, index) = self.order[self.next];
        self.next += 1;
        let row = &self.list.rows[index as usize];
        let trace_ns = at_ns.saturating_add(self.pass_ns.saturating_mul(u64::from(self.pass)));
        let later = self.list.row_numbers.saturating_mul(self.pass);
        let tail = tokens(self.ordinal, Owner::Private, u64::from(sent));
        Some(Arrival {
            at: self.faster(trace_ns),
            name: row.name.resolve(workload, later),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            max_tokens: (row.stop == Stop::Length).then_some(row.output_tokens),
            priority: row.priority,
            content: Content { segments: self.segments(row), tail },
            thread: None,
        })
    }

    fn faster(&self, trace_ns: u64) -> SimTime {
        if self.speed.to_bits() == 1f64.to_bits() {
            return SimTime::from_nanos(trace_ns);
        }
        // A cast from above the range gives the end of time.
        SimTime::from_nanos((trace_ns as f64 / self.speed).round() as u64)
    }

    /// The shared part of a prompt in the namespace of its class; every pass has streams of its own.
    fn segments(&self, row: &ListedRow) -> Arc<[Segment]> {
        if row.shared.is_empty() {
            return row.shared.clone();
        }
        let first = self.list.streams * u64::from(self.pass);
        let named = |segment: &Segment| {
            let stream = tokens(self.ordinal, Owner::Chain, first + segment.stream.0);
            Segment { stream, tokens: segment.tokens }
        };
        row.shared.iter().map(named).collect()
    }
}
