//! Requests as their clients see them: one record over all attempts, in slots that are used again.

use crate::request::{Content, Request, RequestId, RequestName};
use crate::units::SimTime;
use crate::workload::ThreadId;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Wants to be sent: waiting for the client's own limit or for its back-off.
    Held,
    /// In an engine.
    Sent,
    /// Given up by its client; the engine has yet to let go of it.
    Abandoned,
}

/// One request, from its client's wish to its end.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: RequestName,
    /// Which workload class.
    pub(super) workload: usize,
    /// Which group has it, or had it last.
    pub(super) group: Option<usize>,
    pub(super) phase: Phase,
    /// When the client wanted to send it.
    pub(super) wanted: SimTime,
    /// When it was sent first; latencies count from here.
    pub(super) first_sent: SimTime,
    /// Attempts so far.
    pub(super) attempts: u32,
    pub(super) input_tokens: u32,
    pub(super) output_tokens: u32,
    pub(super) max_tokens: Option<u32>,
    pub(super) priority: i32,
    pub(super) content: Content,
    /// Who waits for its end before sending more.
    pub(super) thread: Option<ThreadId>,
    /// When an engine first scheduled it, in the attempt under way.
    pub(super) scheduled: Option<SimTime>,
    /// When the attempt under way reached its engine.
    pub(super) queued: SimTime,
    pub(super) first_token: Option<SimTime>,
}

impl Call {
    /// Tokens that an engine lets its answer have.
    pub(super) fn length_limit(&self, max_model_len: u32) -> u32 {
        let room = max_model_len.saturating_sub(self.input_tokens);
        self.max_tokens.unwrap_or(room).min(room).max(1)
    }

    /// What the engine gets to see of it.
    pub(super) fn request(&self, id: RequestId, now: SimTime, max_model_len: u32, class: u16) -> Request {
        Request {
            id,
            name: self.name.clone(),
            arrival: now,
            prompt_tokens: self.input_tokens,
            max_tokens: self.length_limit(max_model_len),
            output_tokens: self.output_tokens,
            priority: self.priority,
            class,
            content: self.content.clone(),
        }
    }
}

/// Live calls by the id their engine knows them by. Ids are used again once the engine has let go.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Option<Call>>,
    free: Vec<u32>,
    /// How often each slot was used, to tell a call from its successor in the same slot.
    uses: Vec<u32>,
    /// Recorded steps name requests that have ended: then no slot is used twice and names are kept.
    names: Option<Vec<RequestName>>,
    live: usize,
}

impl Calls {
    pub(super) fn new(keep_names: bool) -> Self {
        Self { names: keep_names.then(Vec::new), ..Self::default() }
    }

    pub(super) fn insert(&mut self, call: Call) -> RequestId {
        self.live += 1;
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(call);
            return RequestId(slot);
        }
        if let Some(names) = &mut self.names {
            names.push(call.name.clone());
        }
        self.slots.push(Some(call));
        self.uses.push(0);
        RequestId(u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 requests at once"))
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Call {
        let slot = id.0 as usize;
        self.uses[slot] += 1;
        self.live -= 1;
        if self.names.is_none() {
            self.free.push(id.0);
        }
        self.slots[slot].take().expect("a call is removed once")
    }

    pub(super) fn get(&self, id: RequestId) -> &Call {
        self.slots[id.0 as usize].as_ref().expect("the call is live")
    }

    pub(super) fn get_mut(&mut self, id: RequestId) -> &mut Call {
        self.slots[id.0 as usize].as_mut().expect("the call is live")
    }

    /// The printed name of a request, ended or not; empty unless names are kept.
    pub(super) fn name(&self, id: RequestId) -> String {
        self.names.as_ref().map(|names| names[id.0 as usize].to_string()).unwrap_or_default()
    }

    /// How often the slot was used before; with the id it names one attempt for good.
    pub(super) fn use_of(&self, id: RequestId) -> u32 {
        self.uses[id.0 as usize]
    }

    /// The call of that id and use, unless it has ended.
    pub(super) fn find(&self, id: RequestId, use_of: u32) -> Option<&Call> {
        (self.uses[id.0 as usize] == use_of).then(|| self.slots[id.0 as usize].as_ref()).flatten()
    }

    /// Calls that have not ended.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Calls that have not ended, in the order of their slots.
    pub(super) fn live(&self) -> impl Iterator<Item = RequestId> + '_ {
        (0..self.slots.len()).filter(|slot| self.slots[*slot].is_some()).map(|slot| RequestId(slot as u32))
    }
}
