//! What is due later: retries, follow-up arrivals, time-outs and samples, in the total order.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, VecDeque},
};

use super::order::{Moment, Rank};
use crate::request::RequestId;
use crate::units::SimTime;

/// Something due, ordered by when and then by who asked first.
#[derive(Clone, Debug)]
struct Entry<E> {
    due: (Moment, u64),
    event: E,
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due.cmp(&other.due)
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl<E> Eq for Entry<E> {}

/// A client's patience with one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeout {
    pub(super) at: SimTime,
    pub(super) id: RequestId,
    /// How often the id had been used before: with it, the pair names one attempt for good.
    pub(super) use_of: u32,
}

/// Things due, first the earliest, first come first served among equals.
///
/// Time-outs of one workload have one constant length, so they come due in the order in which they were set: a plain queue
/// each, with those that no longer matter skipped when they reach the front.
#[derive(Clone, Debug)]
pub(super) struct Calendar<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    sequence: u64,
    timeouts: Vec<VecDeque<Timeout>>,
}

impl<E> Calendar<E> {
    pub(super) fn new(workloads: usize) -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0, timeouts: vec![VecDeque::new(); workloads] }
    }

    pub(super) fn push(&mut self, at: SimTime, rank: Rank, event: E) {
        self.heap.push(Reverse(Entry { due: (Moment::new(at, rank), self.sequence), event }));
        self.sequence += 1;
    }

    /// When the next event is due.
    pub(super) fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse(entry)| entry.due.0)
    }

    /// Whether anything is due that is not merely looking.
    pub(super) fn holds_more_than_samples(&self) -> bool {
        self.heap.iter().any(|Reverse(entry)| entry.due.0.rank != Rank::Sample)
    }

    pub(super) fn pop(&mut self) -> E {
        self.heap.pop().expect("an event is due").0.event
    }

    pub(super) fn set_timeout(&mut self, workload: usize, timeout: Timeout) {
        self.timeouts[workload].push_back(timeout);
    }

    /// The earliest time-out that `alive` says still matters, and whose workload it is.
    pub(super) fn next_timeout(&mut self, alive: impl Fn(&Timeout) -> bool) -> Option<(usize, Timeout)> {
        for queue in &mut self.timeouts {
            while queue.front().is_some_and(|timeout| !alive(timeout)) {
                queue.pop_front();
            }
        }
        let fronts = self
            .timeouts
            .iter()
            .enumerate()
            .filter_map(|(workload, queue)| Some((workload, *queue.front()?)));
        fronts.min_by_key(|(_, timeout)| timeout.at)
    }

    pub(super) fn pop_timeout(&mut self, workload: usize) {
        self.timeouts[workload].pop_front();
    }
}
