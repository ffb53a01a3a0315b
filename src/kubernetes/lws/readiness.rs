//! Whether a group is ready, and whether it is of the newest template.

use crate::kubernetes::Revision;

/// One group as the controller counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupReadiness {
    /// The leader is ready and all workers are available.
    pub ready: bool,
    /// Leader and workers are of the newest template.
    pub updated: bool,
}

/// The leader pod of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderPod {
    /// Running, and its condition Ready is true; it may be terminating.
    pub ready: bool,
    /// Template it was made from.
    pub revision: Revision,
}

/// The worker `StatefulSet` of a group. It is never patched, so its current revision is always its update revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerStatefulSet {
    /// Workers asked for.
    pub replicas: u32,
    /// Workers available.
    pub available: u32,
    /// Template of the leader it was made for.
    pub revision: Revision,
}

impl GroupReadiness {
    /// Counts a group; `None` for a leader that still lacks its worker `StatefulSet`. Whether it needs one is asked of the
    /// live `size`, not of the size it was made with (`updateConditions` and `getReplicaStates` in
    /// `leaderworkerset_controller.go`).
    pub fn of(
        leader: &LeaderPod,
        workers: Option<&WorkerStatefulSet>,
        size: u32,
        template: Revision,
    ) -> Option<Self> {
        let leader_updated = leader.revision == template;
        if size == 1 {
            return Some(Self { ready: leader.ready, updated: leader_updated });
        }
        workers.map(|workers| Self {
            ready: leader.ready && workers.available == workers.replicas,
            updated: leader_updated && workers.revision == template,
        })
    }
}
