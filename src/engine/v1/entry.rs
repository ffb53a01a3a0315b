//! One request inside the engine.

use super::kv::{Holding, Path};
use crate::request::Request;
use crate::units::SimTime;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// In the waiting queue, new or preempted.
    Waiting,
    /// Running, with tokens of its prompt (or of its lost cache) still to schedule.
    Prefill,
    /// Running, one token a step of its cohort.
    Decode(Member),
    /// Running, its last token is scheduled and not back yet.
    Last(Member),
}

/// A decode's place in its cohort.
///
/// `base + k` tokens are computed once step `k` of the cohort is scheduled, and `k - origin` tokens are out once its result
/// is applied: a member needs no update as it goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) cohort: u32,
    pub(super) base: i64,
    pub(super) origin: i64,
    /// The step that computed the end of its prompt and sampled its first token as a member.
    pub(super) joined: u64,
    /// Results of the cohort that were applied when a [`Status::Last`] was scheduled for the last time.
    pub(super) applied: u64,
}

impl Member {
    /// The step of the cohort whose result is token number `token`.
    pub(super) fn result(&self, token: u32) -> u64 {
        (self.origin + i64::from(token)).cast_unsigned()
    }
}

/// A request and what the scheduler keeps with it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) request: Request,
    pub(super) status: Status,
    /// Place in the running order: grows with every admission.
    pub(super) seq: u64,
    /// Tokens given out when it last left a cohort.
    pub(super) outputs: u32,
    /// Tokens whose result is on its way although the request was preempted, fell behind or steps alone.
    pub(super) in_flight: u32,
    /// Chunks on their way that a preemption has made worthless.
    pub(super) stale_chunks: u32,
    /// During prefill: tokens scheduled so far, and the tokens it has.
    pub(super) computed: u32,
    pub(super) target: u32,
    /// During prefill: tokens of it whose blocks can have their hash, those known when it was last scheduled.
    pub(super) known: u32,
    /// When its latest token was given out, where no cohort knows.
    pub(super) last_token: SimTime,
    pub(super) scheduled_before: bool,
    pub(super) cached: u32,
    pub(super) preemptions: u32,
    /// Nodes of the prefix tree, from its first admission attempt on.
    pub(super) path: Option<Path>,
    pub(super) holding: Holding,
}

impl Entry {
    pub(super) fn new(request: Request) -> Self {
        Self {
            request,
            status: Status::Waiting,
            seq: 0,
            outputs: 0,
            in_flight: 0,
            stale_chunks: 0,
            computed: 0,
            target: 0,
            known: 0,
            last_token: SimTime::ZERO,
            scheduled_before: false,
            cached: 0,
            preemptions: 0,
            path: None,
            holding: Holding::default(),
        }
    }

    /// Whether every token it has is scheduled: the last chunk samples the next.
    pub(super) fn chunk_ends(&self) -> bool {
        self.computed == self.target
    }

    /// Tokens after which the engine stops it by length (`v1/core/sched/utils.py` `check_stop`).
    pub(super) fn length_limit(&self, max_model_len: u32) -> u32 {
        self.request.length_limit(max_model_len)
    }

    /// Tokens after which it ends, be it by length or by its end-of-sequence token.
    pub(super) fn stop_at(&self, max_model_len: u32) -> u32 {
        self.request.stop_at(max_model_len)
    }
}
