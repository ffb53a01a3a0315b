//! What changes of the cluster do to requests: engines come up, stand still, end; clients are cut off, refused, try again.

use super::{
    calls::Phase,
    order::{Moment, Rank},
    world::{Due, World},
};
use crate::kubernetes::Change;
use crate::metrics::Outcome;
use crate::request::RequestId;

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
                self.book.server_starts(slot);
            }
            Change::EngineDown { slot } => self.engine_ends(slot),
            Change::EngineFrozen { slot } => {
                self.bring_up_to_now(slot);
                self.slots[slot].freeze(now);
                for id in self.inside(slot) {
                    self.keep_alive(id);
                }
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

    /// A client hears nothing from now on, unless its engine moves again.
    pub(super) fn keep_alive(&mut self, id: RequestId) {
        let ends = self.now + self.placement.cluster.control_plane.keepalive;
        self.calendar.push(ends, Rank::Sample, Due::Keepalive(id, self.calls.use_of(id)));
    }

    /// The connection of a client ends if its engine has stood still ever since. Should that move again, it finds the client
    /// gone.
    pub(super) fn keepalive(&mut self, id: RequestId, use_of: u32) {
        let keepalive = self.placement.cluster.control_plane.keepalive;
        let sent = self.calls.find(id, use_of).filter(|call| call.phase == Phase::Sent);
        let Some(slot) = sent.and_then(|call| call.group) else { return };
        if self.slots[slot].frozen_since().is_some_and(|since| since + keepalive <= self.now) {
            self.withdraw(id, slot, Outcome::Failed);
        }
    }

    /// Every request in a group fails for its client.
    fn cut_off(&mut self, slot: usize) {
        for id in self.inside(slot) {
            self.router.ended(slot);
            let received = self.slots[slot].output_tokens(id);
            let call = self.calls.remove(id);
            if call.phase != Phase::Abandoned {
                self.attempt_fails(call, received, Outcome::Failed);
            }
        }
    }

    /// Requests that an engine has not let go of, those that came first before others.
    fn inside(&self, slot: usize) -> Vec<RequestId> {
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
        live
    }
}
