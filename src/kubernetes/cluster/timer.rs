//! What is due later inside a cluster, first come first served among equals.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use crate::units::{SimDuration, SimTime};

/// Something due. Whom it was meant for may have changed since: each carries what it was set for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Timer {
    /// A pod, by (uid, attempt): its image is there.
    Pulled(u64, u32),
    /// Its container has started.
    Started(u64, u32),
    /// The kubelet starts its container again.
    Restart(u64, u32),
    /// Its container has waited for the others for too long.
    RendezvousTimeout(u64, u32),
    /// Its container has run for as long as its probe wants, where that waits for no engine.
    PodProbed(u64, u32),
    /// Its container has been without the head of its Ray cluster for too long.
    HeadLost(u64, u32),
    /// By uid: its weights are there in this run, where the scenario states how long that takes.
    Loaded(u64, u64),
    /// Its container is gone.
    Stopped(u64),
    /// It is told to end after `preStop`.
    Drain(u64),
    /// It bore the taint of its node, of that generation, for long enough.
    Evict(u64, u32),
    /// Its eviction, which a budget forbade, is tried again.
    EvictRetry(u64),
    /// An engine, by run: its processes have found each other.
    Initialised(u64),
    /// Its model is compiled.
    Compiled(u64),
    /// Its graphs are captured.
    Captured(u64),
    /// The probe of its leader succeeds.
    Probed(u64),
    /// Its failure is noticed.
    Detected(u64),
    /// A node, by (index, generation): a machine was found for it.
    NodeFound(usize, u32),
    /// It is ready.
    NodeReady(usize, u32),
    /// It was not heard of for too long.
    NodeNotReady(usize, u32),
    /// It is tainted so that its pods are evicted.
    NodeTaint(usize, u32),
    /// The pods of an out-of-service node are collected.
    OutOfService(usize, u32),
    /// It is made anew.
    NodeRepair(usize, u32),
    /// What was broken about it is mended.
    NodeBack(usize, u32),
    /// The pods of its vanished object are collected.
    Orphans(usize, u32),
    /// A node, by (index, machine): it ends, the warning is over.
    NodeEnds(usize, u32),
    /// It stops for so long: the warning is over.
    NodeStops(usize, u32, SimDuration),
    /// Its time is nearly over.
    NodeExpires(usize, u32),
    /// It was empty for long enough.
    NodeUnneeded(usize, u32),
    /// A GPU of it is mended.
    GpuBack(usize, u32, u32),
    /// Its link is.
    LinkBack(usize, u32),
    /// A drain of it tries again.
    DrainRetry(usize, u32),
    /// A pool's window opens.
    WindowOpens(usize),
    /// It is about to close.
    WindowEnds(usize),
    /// It closes.
    WindowCloses(usize),
    /// A lane of an upgrade goes on after its soak.
    Soaked(usize, usize),
}

/// Timers by when they are due.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(SimTime, u64)>>,
    set: BTreeMap<u64, Timer>,
    sequence: u64,
}

impl Timers {
    pub(super) fn set(&mut self, at: SimTime, timer: Timer) {
        self.heap.push(Reverse((at, self.sequence)));
        self.set.insert(self.sequence, timer);
        self.sequence += 1;
    }

    pub(super) fn next(&self) -> Option<SimTime> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next timer, if it is due at `now`.
    pub(super) fn due(&mut self, now: SimTime) -> Option<Timer> {
        let Reverse((at, sequence)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        self.set.remove(&sequence)
    }
}
