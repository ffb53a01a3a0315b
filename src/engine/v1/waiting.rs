//! The waiting queue under either policy (`v1/core/sched/request_queue.py`).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::SchedulingPolicy;
use crate::request::Request;
use crate::units::SimTime;

/// Order under PRIORITY: smaller priority, earlier arrival, then the id compared as a string.
type Key = (i32, SimTime, Arc<str>);

/// Requests that wait, by slot.
#[derive(Clone, Debug)]
pub(super) enum Waiting {
    /// In the order of arrival, preempted requests in front of them, skipped ones in front of all. How many those are.
    Fcfs(VecDeque<u32>, usize),
    /// By priority.
    Priority(BTreeMap<Key, u32>),
}

fn key(request: &Request) -> Key {
    (request.priority, request.arrival, request.name.to_string().into())
}

impl Waiting {
    pub(super) fn new(policy: SchedulingPolicy) -> Self {
        match policy {
            SchedulingPolicy::Fcfs => Self::Fcfs(VecDeque::new(), 0),
            SchedulingPolicy::Priority => Self::Priority(BTreeMap::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Fcfs(queue, _) => queue.len(),
            Self::Priority(queue) => queue.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A new request.
    pub(super) fn push(&mut self, slot: u32, request: &Request) {
        match self {
            Self::Fcfs(queue, _) => queue.push_back(slot),
            Self::Priority(queue) => {
                queue.insert(key(request), slot);
            }
        }
    }

    /// A request that was preempted.
    pub(super) fn push_preempted(&mut self, slot: u32, request: &Request) {
        match self {
            Self::Fcfs(queue, skipped) => queue.insert(*skipped, slot),
            Self::Priority(queue) => {
                queue.insert(key(request), slot);
            }
        }
    }

    /// A request that was skipped; `first`: it stays in front of whatever is preempted later.
    pub(super) fn push_skipped(&mut self, slot: u32, request: &Request, first: bool) {
        match self {
            Self::Fcfs(queue, skipped) => {
                queue.push_front(slot);
                *skipped += usize::from(first);
            }
            Self::Priority(queue) => {
                queue.insert(key(request), slot);
            }
        }
    }

    pub(super) fn head(&self) -> Option<u32> {
        match self {
            Self::Fcfs(queue, _) => queue.front().copied(),
            Self::Priority(queue) => queue.values().next().copied(),
        }
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        match self {
            Self::Fcfs(queue, skipped) => {
                *skipped = skipped.saturating_sub(1);
                queue.pop_front()
            }
            Self::Priority(queue) => queue.pop_first().map(|(_, slot)| slot),
        }
    }

    /// Takes one out of the middle.
    pub(super) fn remove(&mut self, slot: u32) {
        match self {
            Self::Fcfs(queue, skipped) => {
                if let Some(place) = queue.iter().position(|waiting| *waiting == slot) {
                    queue.remove(place);
                    *skipped -= usize::from(place < *skipped);
                }
            }
            Self::Priority(queue) => queue.retain(|_, waiting| *waiting != slot),
        }
    }
}
