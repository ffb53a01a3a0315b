//! A group: the pods of one LeaderWorkerSet replica and the engine they make together.

use std::collections::BTreeSet;

use super::{Cause, account::Boot, pod::Pod};
use crate::kubernetes::Revision;
use crate::units::SimTime;

/// Whose a group's worker StatefulSet is: made once, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Workers {
    /// Uid of the leader it belongs to.
    pub(super) owner: u64,
    pub(super) revision: Revision,
}

/// How far an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Containers are missing.
    Waiting,
    /// Its processes look for each other.
    Initialising,
    /// They read weights.
    Loading,
    Compiling,
    Capturing,
    /// It takes requests.
    Serving,
}

/// What keeps an engine from making progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) cause: Cause,
    /// A dead link: the engine goes on where it stood once that is mended.
    pub(super) link: bool,
    /// When a process notices and gives up; never if nobody is left who could.
    pub(super) noticed: Option<SimTime>,
}

/// The processes of a group, taken as one.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// Counts starts over the whole cluster: a timer set for an earlier one is void.
    pub(super) run: u64,
    pub(super) stage: Stage,
    /// Why it makes no progress, the first reason first; empty while it does.
    pub(super) holds: Vec<Hold>,
    /// Its stage would be over but for that.
    pub(super) due: bool,
    /// Pods that still load.
    pub(super) loading: BTreeSet<u64>,
}

impl Engine {
    /// Why it makes no progress, if it does not.
    pub(super) fn frozen(&self) -> Option<Cause> {
        self.holds.first().map(|hold| hold.cause)
    }

    /// It takes requests and answers them.
    pub(super) fn serves(&self) -> bool {
        self.stage == Stage::Serving && self.holds.is_empty()
    }
}

/// A group that cannot serve since something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) cause: Cause,
    /// When that happened, whether or not anybody noticed.
    pub(super) since: SimTime,
    /// When its recreation or its restart began.
    pub(super) noticed: Option<SimTime>,
}

/// One group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// By worker index, the leader first.
    pub(super) pods: Vec<Option<Pod>>,
    pub(super) workers: Option<Workers>,
    pub(super) engine: Engine,
    /// The leader is an endpoint of the Service.
    pub(super) endpoint: bool,
    /// Every pod is ready, as LeaderWorkerSet sees it.
    pub(super) ready: bool,
    /// Requests are served.
    pub(super) able: bool,
    pub(super) outage: Option<Outage>,
    pub(super) boot: Boot,
    /// When its first leader was made, while it has not served since.
    pub(super) asked: Option<SimTime>,
    /// LeaderWorkerSet has taken its leader down to make it anew.
    pub(super) recreated: bool,
}

impl Group {
    pub(super) fn new(size: u32) -> Self {
        Self {
            pods: vec![None; size as usize],
            workers: None,
            engine: Engine {
                run: 0,
                stage: Stage::Waiting,
                holds: Vec::new(),
                due: false,
                loading: BTreeSet::new(),
            },
            endpoint: false,
            ready: false,
            able: false,
            outage: None,
            boot: Boot::default(),
            asked: None,
            recreated: false,
        }
    }

    pub(super) fn leader(&self) -> Option<&Pod> {
        self.pods[0].as_ref()
    }

    /// Pods that exist, terminating ones included.
    pub(super) fn members(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().flatten()
    }

    /// The pods of the present leader: all of them, unless some are missing or belong to the leader before.
    pub(super) fn complete(&self) -> Option<Vec<&Pod>> {
        let leader = self.leader()?;
        let ours = |pod: &&Pod| pod.owner.is_none_or(|owner| owner == leader.uid);
        self.pods.iter().map(|pod| pod.as_ref().filter(ours)).collect()
    }

    /// Whether LeaderWorkerSet counts the group as ready: its leader is, and every worker.
    pub(super) fn all_ready(&self) -> bool {
        self.complete().is_some_and(|pods| pods.iter().all(|pod| pod.ready))
    }
}
