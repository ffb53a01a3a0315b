//! What changes of the cluster do to requests: engines come up, stand still, end; clients are cut off, refused, try again.

use super::{
    calls::Phase,
    order::{Moment, Rank},
    retry,
    world::{Due, World},
};
use crate::kubernetes::Change;
use crate::metrics::Outcome;
use crate::request::RequestId;
use crate::workload::Ended;

impl World<'_> {
    /// Everything that happens to the cluster now.
    pub(super) fn cluster_moves(&mut self) {
        let changes = self.fleet.advance(self.now);
        self.take_in(changes);
    }

    pub(super) fn take_in(&mut self, changes: Vec<Change>) {
        let open = self.calls.len();
        for change in changes {
            self.change(change);
        }
        if self.fleet.cluster.has_outage() {
            self.backlog.away(open);
        } else {
            self.backlog.back(self.now, self.calls.len());
        }
    }

    fn change(&mut self, change: Change) {
        let now = self.now;
        match change {
            Change::Event(event) => self.book.cluster_event(event),
            Change::Endpoint { slot, ready } => self.router.set_ready(slot, ready),
            Change::EngineUp { slot, nodes, network } => {
                let deployment = self.deployments[slot];
                let group = self.foundry.group(self.placement, deployment, &nodes, network);
                self.slots[slot].up(group, nodes);
            }
            Change::EngineDown { slot } => self.engine_ends(slot),
            Change::EngineFrozen { slot } => {
                self.bring_up_to_now(slot);
                self.slots[slot].freeze(now);
                let keepalive = self.placement.cluster.control_plane.keepalive;
                self.calendar.push(
                    now + keepalive,
                    Rank::Sample,
                    Due::Keepalive(slot, self.slots[slot].engines()),
                );
            }
            Change::EngineThawed { slot } => self.slots[slot].thaw(now),
            Change::EngineDraining { slot } => {
                self.bring_up_to_now(slot);
                self.slots[slot].draining = true;
                self.draining += 1;
                self.end_if_drained(slot);
            }
            Change::Network { slot, left } => {
                self.bring_up_to_now(slot);
                if let Some(nodes) = self.slots[slot].nodes() {
                    let deployment = self.deployments[slot];
                    let timing = self.foundry.timing(self.placement, deployment, &nodes, left);
                    self.slots[slot].retime(timing);
                }
            }
        }
    }

    fn bring_up_to_now(&mut self, slot: usize) {
        self.slots[slot].advance(Moment::new(self.now, Rank::Cluster), &mut self.out);
        self.collect(slot);
    }

    /// Tells the cluster once an engine that ends with its last request is empty.
    pub(super) fn end_if_drained(&mut self, slot: usize) {
        // One that stands still is not empty; its grace ends it.
        let place = &self.slots[slot];
        if place.draining && !place.is_frozen() && !place.is_awake() {
            self.slots[slot].draining = false;
            self.draining -= 1;
            let changes = self.fleet.drained(self.now, slot);
            self.take_in(changes);
        }
    }

    /// The processes of an engine are gone, and every request with them: nothing is migrated, nothing kept (vLLM raises
    /// `EngineDeadError`).
    fn engine_ends(&mut self, slot: usize) {
        self.bring_up_to_now(slot);
        if self.slots[slot].draining {
            self.draining -= 1;
        }
        self.cut_off(slot);
        self.slots[slot].down(self.now);
        self.router.reset(slot);
    }

    /// The clients of an engine that stood still for as long as a connection lives.
    pub(super) fn keepalive(&mut self, slot: usize, engine: usize) {
        if self.slots[slot].is_frozen() && self.slots[slot].engines() == engine {
            self.cut_off(slot);
        }
    }

    /// Every request in a group fails for its client.
    fn cut_off(&mut self, slot: usize) {
        let inside = |id: &RequestId| {
            let call = self.calls.get(*id);
            call.group == Some(slot) && call.phase != Phase::Held
        };
        let mut live: Vec<RequestId> = self.calls.live().filter(inside).collect();
        // Ids are used again, so their order says nothing.
        live.sort_by_key(|id| {
            let call = self.calls.get(*id);
            (call.queued, call.workload, call.wanted, call.name.clone())
        });
        for id in live {
            self.router.ended(slot);
            if self.calls.get(id).phase == Phase::Abandoned {
                self.calls.remove(id);
            } else {
                let received = self.slots[slot].output_tokens(id);
                self.attempt_fails(id, received);
            }
        }
    }

    /// An attempt came to nothing, and no engine holds it any more: tried again if nothing was received of the answer.
    pub(super) fn attempt_fails(&mut self, id: RequestId, received: u32) {
        let now = self.now;
        let mut call = self.calls.remove(id);
        let client = self.traffic[call.workload].client;
        if call.first_token.is_none() && call.attempts <= client.retries {
            let delay = retry::delay(client.backoff, self.seed, &call.name, call.attempts);
            self.book.retried(&call, now);
            call.phase = Phase::Held;
            call.scheduled = None;
            let again = self.calls.insert(call);
            self.calendar.push(now + delay, Rank::Arrival, Due::Retry(again));
        } else {
            self.book.ended(&call, Outcome::Failed, now, None, received);
            self.after_end(&call, now, Ended::Failed);
        }
    }
}
