//! A pod, from its creation to the end of its object.

use super::{Cause, PodName};
use crate::kubernetes::Revision;
use crate::units::SimTime;

/// Where a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not bound to a node.
    Unbound,
    /// Its image is pulled.
    Pulling,
    /// Its container is being started.
    Creating,
    /// Its container runs.
    Running,
    /// Its container crashed; the kubelet waits before it starts it again.
    BackOff,
    /// Its containers are gone for good.
    Stopped,
}

/// A pod that is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deletion {
    /// Its object waits for those of its workers.
    pub(super) foreground: bool,
}

/// One pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) uid: u64,
    pub(super) name: PodName,
    pub(super) revision: Revision,
    /// Uid of the leader whose StatefulSet made it; a leader has none.
    pub(super) owner: Option<u64>,
    pub(super) phase: Phase,
    pub(super) node: Option<usize>,
    pub(super) ready: bool,
    pub(super) deletion: Option<Deletion>,
    /// Why it was deleted, as its group's outage will say.
    pub(super) cause: Option<Cause>,
    /// Containers started so far.
    pub(super) starts: u32,
    /// `restartCount`.
    pub(super) restarts: u32,
    /// Crashes since it last ran for long.
    pub(super) crashes: u32,
    /// When its container last started.
    pub(super) started: SimTime,
    /// Counts what its kubelet set about: a timer set for something earlier is void.
    pub(super) attempt: u32,
    /// A worker of a Ray cluster: its container has joined a head.
    pub(super) joined: bool,
    /// Its status changed, which LeaderWorkerSet has not looked at yet.
    pub(super) event: bool,
    /// It was said that it finds no node.
    pub(super) told_pending: bool,
    /// Its deletion escaped the LeaderWorkerSet controller.
    pub(super) hidden: bool,
}

impl Pod {
    pub(super) fn new(uid: u64, name: PodName, revision: Revision, owner: Option<u64>) -> Self {
        Self {
            uid,
            name,
            revision,
            owner,
            phase: Phase::Unbound,
            node: None,
            ready: false,
            deletion: None,
            cause: None,
            starts: 0,
            restarts: 0,
            crashes: 0,
            started: SimTime::ZERO,
            attempt: 0,
            joined: false,
            event: false,
            told_pending: false,
            hidden: false,
        }
    }

    /// Kubernetes' phase `Pending`: not every container has started yet.
    pub(super) fn is_pending(&self) -> bool {
        self.starts == 0 && self.phase != Phase::Stopped
    }

    pub(super) fn terminating(&self) -> bool {
        self.deletion.is_some()
    }
}
