//! One request inside a lane.

use crate::request::Request;
use crate::units::SimTime;

/// A request and what the scheduler keeps with it.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Sequence {
    pub(in crate::engine) request: Request,
    /// The queue it was dealt to, if it was.
    pub(super) queue: Option<usize>,
    /// The lane it runs in, if it runs.
    pub(super) lane: Option<usize>,
    /// Tokens of its answer that are out.
    pub(in crate::engine) outputs: u32,
    /// Tokens of its answer that are being computed.
    pub(in crate::engine) in_flight: u32,
    /// Tokens it had when it was admitted, and how many of them were scheduled since.
    pub(in crate::engine) target: u32,
    pub(in crate::engine) computed: u32,
    /// KV blocks it holds.
    pub(in crate::engine) blocks: u32,
    /// Tokens that had their slots when it was last scheduled.
    pub(in crate::engine) seen: u32,
    /// Blocks promised to it until its end.
    pub(in crate::engine) promised: u32,
    /// Tokens whose cache a preemption threw away.
    pub(super) lost: u32,
    /// When its latest token came out.
    pub(super) last_token: SimTime,
    pub(super) scheduled_before: bool,
    pub(super) preemptions: u32,
}

impl Sequence {
    pub(super) fn new(request: Request) -> Self {
        Self {
            request,
            queue: None,
            lane: None,
            outputs: 0,
            in_flight: 0,
            target: 0,
            computed: 0,
            blocks: 0,
            seen: 0,
            promised: 0,
            lost: 0,
            last_token: SimTime::ZERO,
            scheduled_before: false,
            preemptions: 0,
        }
    }

    /// Tokens of prompt and answer, those being computed included [tokens].
    pub(in crate::engine) fn len(&self) -> u32 {
        self.request.prompt_tokens + self.outputs + self.in_flight
    }

    /// Whether tokens of its prompt, or of its lost cache, are still to be scheduled.
    pub(in crate::engine) fn is_prefill(&self) -> bool {
        self.computed < self.target
    }

    /// Whether its last token by length is not on its way yet.
    pub(in crate::engine) fn may_decode(&self, max_model_len: u32) -> bool {
        self.outputs + self.in_flight < self.request.length_limit(max_model_len)
    }
}
