//! The engine core: state, and its loop (`v1/engine/core.py` `step`, `step_with_batch_queue`, `_process_engine_step`).

use std::collections::{BTreeMap, VecDeque};

use towtank::{
    request::{Request, RequestId},
    units::{SimDuration, SimTime},
};

use super::{config::OracleConfig, kv::Kv};

/// What the engine core does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OracleAction {
    /// Sends a batch: tokens a request in schedule order, and the victims since the last dispatch.
    Dispatch {
        scheduled: Vec<(RequestId, u32)>,
        preempted: Vec<RequestId>,
    },
    WaitOldest,
    PollAfter(SimDuration),
    Idle,
}

/// What a result brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Completed {
    /// Which request got its how-manieth token, and when.
    pub(crate) tokens: Vec<(RequestId, u32, SimTime)>,
    pub(crate) finished: Vec<RequestId>,
}

/// One request inside the scheduler.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(crate) request: Request,
    /// Prompt and known answer.
    pub(crate) num_tokens: u32,
    /// Advanced when scheduled.
    pub(crate) num_computed: u32,
    /// Sampled tokens on their way; asynchronous scheduling only.
    pub(crate) placeholders: u32,
    pub(crate) preemptions: u32,
    /// First call of `schedule()` that may serve it again.
    pub(crate) next_decode_eligible_step: u64,
    pub(crate) blocks: Vec<usize>,
}

impl Entry {
    pub(crate) fn outputs(&self) -> u32 {
        self.num_tokens - self.request.prompt_tokens
    }
}

/// A request's part of a batch in flight.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(crate) id: RequestId,
    pub(crate) tokens: u32,
    pub(crate) samples: bool,
    /// Preemptions of the request by then: more since, and the token is stale.
    pub(crate) preemptions: u32,
}

/// The literal engine core.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(super) config: OracleConfig,
    pub(super) kv: Kv,
    pub(super) entries: BTreeMap<RequestId, Entry>,
    /// In queue order; PRIORITY looks for its head.
    pub(super) waiting: VecDeque<RequestId>,
    pub(super) running: Vec<RequestId>,
    pub(super) in_flight: VecDeque<Vec<Item>>,
    pub(super) current_step: u64,
    pub(super) preempted: Vec<RequestId>,
    aborts: Vec<RequestId>,
    blocked_on_oldest: bool,
    sleeps: bool,
    /// The pass under way has run no model.
    ran_nothing: bool,
}

impl Oracle {
    pub(crate) fn new(config: OracleConfig) -> Self {
        let kv =
            Kv::new(config.num_gpu_blocks, config.block_size, config.prefix_caching, config.unhashed_first());
        Self {
            config,
            kv,
            entries: BTreeMap::new(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            in_flight: VecDeque::new(),
            current_step: 0,
            preempted: Vec::new(),
            aborts: Vec::new(),
            blocked_on_oldest: false,
            sleeps: false,
            ran_nothing: false,
        }
    }

    pub(crate) fn add(&mut self, request: Request) {
        assert!(request.prompt_tokens > 0 && request.prompt_tokens < self.config.max_model_len);
        let id = request.id;
        let entry = Entry {
            num_tokens: request.prompt_tokens,
            request,
            num_computed: 0,
            placeholders: 0,
            preemptions: 0,
            next_decode_eligible_step: 0,
            blocks: Vec::new(),
        };
        assert!(self.entries.insert(id, entry).is_none());
        self.waiting.push_back(id);
    }

    /// Takes effect at the top of the loop, or before the result waited for is applied.
    pub(crate) fn abort(&mut self, id: RequestId) {
        self.aborts.push(id);
    }

    /// One pass of the loop up to where it blocks.
    pub(crate) fn poll(&mut self, _now: SimTime, oldest_done: bool) -> OracleAction {
        if self.blocked_on_oldest {
            return OracleAction::WaitOldest;
        }
        self.process_aborts();
        if std::mem::take(&mut self.sleeps) {
            return OracleAction::PollAfter(SimDuration::from_millis(1));
        }
        let places = self.config.batches_in_flight();
        self.ran_nothing = true;
        if !self.has_requests() || self.in_flight.len() == places {
            if self.in_flight.is_empty() {
                return OracleAction::Idle;
            }
            self.blocked_on_oldest = true;
            return OracleAction::WaitOldest;
        }
        let items = self.schedule();
        self.ran_nothing = items.is_empty();
        if items.is_empty() && (places == 1 || !self.config.enqueues_empty()) {
            if self.in_flight.is_empty() {
                return OracleAction::PollAfter(SimDuration::from_millis(1));
            }
            self.blocked_on_oldest = true;
            return OracleAction::WaitOldest;
        }
        let scheduled = items.iter().map(|item| (item.id, item.tokens)).collect();
        let ran = !items.is_empty();
        self.in_flight.push_back(items);
        let room = self.in_flight.len() < places;
        let returns = if !self.config.enqueues_empty() {
            room
        } else if self.config.returns_early_for_empty() {
            room && (ran || self.has_requests())
        } else {
            room && ran && !oldest_done
        };
        if returns {
            self.sleeps = !ran && self.has_requests();
        } else {
            self.blocked_on_oldest = true;
        }
        OracleAction::Dispatch { scheduled, preempted: std::mem::take(&mut self.preempted) }
    }

    /// The oldest batch's result is there.
    pub(crate) fn complete(&mut self, now: SimTime) -> Completed {
        self.blocked_on_oldest = false;
        self.process_aborts();
        let items = self.in_flight.pop_front().unwrap();
        let completed = self.update_from_output(&items, now);
        self.sleeps = self.ran_nothing
            && self.has_requests()
            && self.config.enqueues_empty()
            && self.config.batches_in_flight() > 1;
        completed
    }

    fn process_aborts(&mut self) {
        for id in std::mem::take(&mut self.aborts) {
            if self.entries.contains_key(&id) {
                self.finish(id);
            }
        }
    }

    pub(crate) fn has_requests(&self) -> bool {
        !self.running.is_empty() || !self.waiting.is_empty()
    }

    pub(crate) fn batches_in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn free_blocks(&self) -> usize {
        self.kv.free_blocks()
    }

    pub(crate) fn running(&self) -> Vec<RequestId> {
        self.running.clone()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
