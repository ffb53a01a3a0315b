//! The world around an engine core, as far as a scheduler sees it: when inputs arrive and when batches return. Two
//! cores driven through one scenario must leave the same records.

use std::collections::VecDeque;

use towtank::{
    request::{Request, RequestId},
    units::SimTime,
};

use super::{
    core::{Completed, Oracle, OracleAction},
    random::{Event, Input, Scenario},
};

/// What the driver needs of a core.
pub(crate) trait Core {
    fn add(&mut self, request: Request);
    fn abort(&mut self, id: RequestId);
    fn poll(&mut self, now: SimTime, oldest_done: bool) -> OracleAction;
    fn complete(&mut self, now: SimTime) -> Completed;
    /// Running, waiting, free blocks.
    fn state(&self) -> (usize, usize, usize);
}

impl Core for Oracle {
    fn add(&mut self, request: Request) {
        self.add(request);
    }

    fn abort(&mut self, id: RequestId) {
        self.abort(id);
    }

    fn poll(&mut self, now: SimTime, oldest_done: bool) -> OracleAction {
        self.poll(now, oldest_done)
    }

    fn complete(&mut self, now: SimTime) -> Completed {
        self.complete(now)
    }

    fn state(&self) -> (usize, usize, usize) {
        (self.running().len(), self.waiting(), self.free_blocks())
    }
}

/// One thing that happened, and the state behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Polled { at: SimTime, action: OracleAction, state: (usize, usize, usize) },
    Completed { at: SimTime, completed: Completed, state: (usize, usize, usize) },
}

/// Runs a scenario to its end.
///
/// # Panics
/// If it does not end within a million passes.
pub(crate) fn drive(scenario: &Scenario, core: &mut impl Core) -> Vec<Record> {
    let mut records = Vec::new();
    let mut events: VecDeque<&Event> = scenario.events.iter().collect();
    let mut returns: VecDeque<SimTime> = VecDeque::new();
    let mut last_return = SimTime::from_nanos(0);
    let mut dispatched = 0;
    let mut now = SimTime::from_nanos(0);
    for _ in 0..1_000_000 {
        deliver(&mut events, core, now);
        let action = core.poll(now, returns.front().is_some_and(|at| *at <= now));
        records.push(Record::Polled { at: now, action: action.clone(), state: core.state() });
        match action {
            OracleAction::Dispatch { scheduled, .. } => {
                last_return = scenario.returns(dispatched, scheduled.is_empty(), last_return.max(now));
                returns.push_back(last_return);
                dispatched += 1;
                now = now.saturating_add(scenario.host);
            }
            OracleAction::WaitOldest => {
                now = returns.pop_front().unwrap().max(now);
                // What arrives meanwhile is there before the result is applied.
                deliver(&mut events, core, now);
                let completed = core.complete(now);
                records.push(Record::Completed { at: now, completed, state: core.state() });
            }
            OracleAction::PollAfter(duration) => now = now.saturating_add(duration),
            OracleAction::Idle => match events.front() {
                Some(event) => now = event.at.max(now),
                None => return records,
            },
        }
    }
    panic!("scenario {} does not end", scenario.seed);
}

fn deliver(events: &mut VecDeque<&Event>, core: &mut impl Core, now: SimTime) {
    while let Some(event) = events.pop_front_if(|event| event.at <= now) {
        match &event.input {
            Input::Add(request) => core.add(request.clone()),
            Input::Abort(id) => core.abort(*id),
        }
    }
}
