//! A place for a group: its engines come and go, what they counted stays.

use super::{
    group::{Group, Usage},
    order::Moment,
    step_time::StepTime,
    steps::Step,
};
use crate::engine::{EngineState, EngineStats, Outputs, Rejected};
use crate::request::{Request, RequestId};
use crate::units::SimTime;

/// What an engine leaves behind.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) stats: EngineStats,
    pub(super) usage: Usage,
    /// KV blocks it had.
    pub(super) usable_blocks: u32,
    /// Nodes it ran on.
    pub(super) nodes: Vec<usize>,
}

/// One engine in its place.
#[derive(Clone, Debug)]
struct Present<T> {
    group: Group<T>,
    nodes: Vec<usize>,
    /// Since when it makes no progress, and what it had done by then.
    frozen: Option<(SimTime, Usage)>,
}

/// The place of one group, engine or not.
#[derive(Clone, Debug)]
pub(super) struct Slot<T> {
    present: Option<Present<T>>,
    ended: Vec<Ended>,
    /// The cluster waits for its last request.
    pub(super) draining: bool,
}

impl<T: StepTime + Clone> Slot<T> {
    pub(super) const fn empty() -> Self {
        Self { present: None, ended: Vec::new(), draining: false }
    }

    /// An engine takes requests from now on.
    pub(super) fn up(&mut self, group: Group<T>, nodes: Vec<usize>) {
        assert!(self.present.is_none(), "an engine ends before the next begins");
        self.present = Some(Present { group, nodes, frozen: None });
    }

    /// The engine is gone.
    pub(super) fn down(&mut self, now: SimTime) {
        self.ended.extend(self.present.take().map(|present| present.end(now)));
        self.draining = false;
    }

    pub(super) fn freeze(&mut self, now: SimTime) {
        if let Some(present) = &mut self.present {
            present.frozen.get_or_insert_with(|| (now, present.group.usage(now)));
        }
    }

    pub(super) fn thaw(&mut self, now: SimTime) {
        if let Some(present) = &mut self.present
            && let Some((since, _)) = present.frozen.take()
        {
            present.group.thaw(since, now);
        }
    }

    /// Node of each pod of its engine.
    pub(super) fn nodes(&self) -> Option<Vec<usize>> {
        self.present.as_ref().map(|present| present.nodes.clone())
    }

    /// Since when its engine makes no progress, if it does not.
    pub(super) fn frozen_since(&self) -> Option<SimTime> {
        self.present.as_ref()?.frozen.as_ref().map(|(since, _)| *since)
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen_since().is_some()
    }

    /// The engine, if there is one and it makes progress.
    fn moving(&mut self) -> Option<&mut Group<T>> {
        self.present.as_mut().filter(|present| present.frozen.is_none()).map(|present| &mut present.group)
    }

    fn group(&self) -> Option<&Group<T>> {
        self.present.as_ref().map(|present| &present.group)
    }

    /// Changes how long steps take from now on.
    pub(super) fn retime(&mut self, timing: T) {
        if let Some(present) = &mut self.present {
            present.group.retime(timing);
        }
    }

    pub(super) fn next_event(&mut self, horizon: Moment) -> Option<Moment> {
        self.moving()?.next_event(horizon)
    }

    pub(super) fn step(&mut self, out: &mut Outputs) {
        if let Some(group) = self.moving() {
            group.step(out);
        }
    }

    pub(super) fn advance(&mut self, until: Moment, out: &mut Outputs) {
        if let Some(group) = self.moving() {
            group.advance(until, out);
        }
    }

    /// Gives the engine a request; `None` if there is no engine to take it.
    pub(super) fn add(&mut self, request: Request, now: SimTime) -> Option<Result<(), Rejected>> {
        Some(self.present.as_mut()?.group.add(request, now))
    }

    pub(super) fn abort(&mut self, id: RequestId, now: SimTime) {
        if let Some(present) = &mut self.present {
            present.group.abort(id, now);
        }
    }

    pub(super) fn output_tokens(&self, id: RequestId) -> u32 {
        self.group().map_or(0, |group| group.output_tokens(id))
    }

    /// Whether it will do something by itself.
    pub(super) fn is_awake(&self) -> bool {
        !self.is_frozen() && self.group().is_some_and(Group::is_awake)
    }

    /// What the engine holds, if there is one.
    pub(super) fn state(&self) -> Option<EngineState> {
        self.group().map(Group::state)
    }

    /// What the engine counted, if there is one.
    pub(super) fn stats(&self) -> Option<EngineStats> {
        self.group().map(Group::stats)
    }

    pub(super) fn take_steps(&mut self) -> Vec<Step> {
        self.present.as_mut().map(|present| present.group.take_steps()).unwrap_or_default()
    }

    /// What all its engines did until `now`, the first one first.
    pub(super) fn close(&self, now: SimTime) -> Vec<Ended> {
        let present = self.present.clone().map(|present| present.end(now));
        self.ended.iter().cloned().chain(present).collect()
    }
}

impl<T: StepTime> Present<T> {
    fn end(self, now: SimTime) -> Ended {
        let usage = self.frozen.map_or_else(|| self.group.usage(now), |(_, usage)| usage);
        let usable_blocks = self.group.state().usable_blocks;
        Ended { stats: self.group.stats(), usage, usable_blocks, nodes: self.nodes }
    }
}
