//! What clients do: send, be refused, lose patience, try again, go on to what comes next.

use super::{
    calendar::Timeout,
    calls::{Call, Phase},
    order::{Moment, Rank},
    retry,
    world::{Due, World},
};
use crate::engine::Finished;
use crate::metrics::Outcome;
use crate::request::RequestId;
use crate::units::SimTime;
use crate::workload::{Arrival, Ended};

impl World<'_> {
    /// A client wants to send a request, and does unless its own limit holds it back.
    pub(super) fn wish(&mut self, workload: usize, arrival: Arrival) {
        let call = Call {
            name: arrival.name,
            workload,
            group: None,
            phase: Phase::Held,
            wanted: self.now,
            first_sent: self.now,
            queued: self.now,
            thread: arrival.thread,
            attempts: 0,
            input_tokens: arrival.input_tokens,
            output_tokens: arrival.output_tokens,
            max_tokens: arrival.max_tokens,
            priority: arrival.priority,
            content: arrival.content,
            scheduled: None,
            first_token: None,
        };
        self.book.arrived(&call);
        let id = self.calls.insert(call);
        let traffic = &mut self.traffic[workload];
        if traffic.client.max_concurrency.is_some_and(|limit| traffic.outstanding >= limit) {
            traffic.held.push_back(id);
        } else {
            traffic.outstanding += 1;
            self.send(id);
        }
    }

    /// One attempt: routed, queued in an engine, watched by its client.
    pub(super) fn send(&mut self, id: RequestId) {
        let now = self.now;
        let call = self.calls.get(id);
        let group = self.router.pick(&call.content, call.input_tokens);
        if let Some(group) = group {
            self.slots[group].advance(Moment::new(now, Rank::Arrival), &mut self.out);
            self.collect(group);
        }
        let use_of = self.calls.use_of(id);
        let call = self.calls.get_mut(id);
        if call.attempts == 0 {
            call.first_sent = now;
        }
        call.attempts += 1;
        call.group = group;
        call.queued = now;
        // Without an endpoint the connection is refused.
        let Some(group) = group else { return self.refused(id) };
        call.phase = Phase::Sent;
        let longest = self.foundry.max_model_len(self.deployments[group]);
        let request = call.request(id, now, longest, self.book.class(call.workload, call.wanted));
        let workload = call.workload;
        let Some(added) = self.slots[group].add(request, now) else { return self.refused(id) };
        self.router.dispatched(group);
        if added.is_err() {
            self.router.ended(group);
            self.end(id, Outcome::Rejected, now, None);
            return;
        }
        if let Some(timeout) = self.traffic[workload].client.timeout {
            self.calendar.set_timeout(workload, Timeout { at: now + timeout, id, use_of });
        }
        if self.slots[group].is_frozen() {
            self.keep_alive(id);
        }
    }

    /// Nobody took it.
    fn refused(&mut self, id: RequestId) {
        let call = self.calls.remove(id);
        self.attempt_fails(call, 0, Outcome::Failed);
    }

    /// A client's patience is over.
    pub(super) fn give_up(&mut self, id: RequestId) {
        let group = self.calls.get(id).group.expect("a request that was sent is in a group");
        self.slots[group].advance(Moment::new(self.now, Rank::Timeout), &mut self.out);
        self.collect(group);
        self.withdraw(id, group, Outcome::TimedOut);
    }

    /// A client goes away; the engine lets go of the request when it next looks.
    pub(super) fn withdraw(&mut self, id: RequestId, group: usize, outcome: Outcome) {
        let received = self.slots[group].output_tokens(id);
        self.slots[group].abort(id, self.now);
        let call = self.calls.get_mut(id);
        call.phase = Phase::Abandoned;
        let call = call.clone();
        self.attempt_fails(call, received, outcome);
    }

    /// An attempt came to nothing: tried again if nothing was received of the answer, else the stream is cut.
    pub(super) fn attempt_fails(&mut self, mut call: Call, received: u32, outcome: Outcome) {
        let now = self.now;
        let client = self.traffic[call.workload].client;
        if call.first_token.is_none() && call.attempts <= client.retries {
            let delay = retry::delay(client.backoff, self.seed, &call.name, call.attempts);
            self.book.retried(&call, now);
            call.phase = Phase::Held;
            call.scheduled = None;
            let again = self.calls.insert(call);
            self.calendar.push(now + delay, Rank::Arrival, Due::Retry(again));
        } else {
            self.book.ended(&call, outcome, now, None, received);
            self.after_end(&call, now, Ended::Failed);
        }
    }

    pub(super) fn end(&mut self, id: RequestId, outcome: Outcome, at: SimTime, finished: Option<&Finished>) {
        let call = self.calls.remove(id);
        self.book.ended(&call, outcome, at, finished, 0);
        let answer = finished.map(|finished| Ended::Answered { output_tokens: finished.output_tokens });
        self.after_end(&call, at, answer.unwrap_or(Ended::Failed));
    }

    /// The client's next move: a held request may go, a closed loop goes round.
    pub(super) fn after_end(&mut self, call: &Call, at: SimTime, ended: Ended) {
        let traffic = &mut self.traffic[call.workload];
        traffic.outstanding -= 1;
        if let Some(thread) = call.thread
            && let Some(arrival) = traffic.source.completed(thread, at, ended)
        {
            self.calendar.push(arrival.at, Rank::Arrival, Due::Wish(call.workload, arrival));
        }
        if let Some(next) = traffic.held.pop_front() {
            traffic.outstanding += 1;
            self.calendar.push(at, Rank::Arrival, Due::Retry(next));
        }
    }
}
