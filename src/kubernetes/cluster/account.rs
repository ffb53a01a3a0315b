//! What a cluster did with its time: availability, recoveries, starts, node hours.

use std::collections::BTreeMap;

use super::Cause;
use crate::units::{SimDuration, SimTime};

/// Stages of a start, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartStage {
    /// Until every pod has its node; waiting for a machine is part of it.
    Schedule,
    /// Until every node has the image.
    ImagePull,
    /// Until every container runs.
    Container,
    /// Until the processes have found each other.
    Rendezvous,
    /// Until the weights are there.
    WeightLoad,
    /// Until the model is compiled.
    Compile,
    /// Until the graphs are captured.
    GraphCapture,
    /// Until the probe of the leader succeeds.
    Probe,
}

impl StartStage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Schedule,
        Self::ImagePull,
        Self::Container,
        Self::Rendezvous,
        Self::WeightLoad,
        Self::Compile,
        Self::GraphCapture,
        Self::Probe,
    ];

    /// As results name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::ImagePull => "image_pull",
            Self::Container => "container",
            Self::Rendezvous => "rendezvous",
            Self::WeightLoad => "weight_load",
            Self::Compile => "compile",
            Self::GraphCapture => "graph_capture",
            Self::Probe => "probe",
        }
    }
}

/// A start under way: when it began, and when its stages ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Boot {
    pub(super) began: SimTime,
    ends: [SimTime; StartStage::ALL.len()],
}

impl Boot {
    pub(super) fn begin(&mut self, now: SimTime) {
        *self = Self { began: now, ends: [now; StartStage::ALL.len()] };
    }

    /// The stage, and every one behind it, lasts until `now` at least.
    pub(super) fn end(&mut self, stage: StartStage, now: SimTime) {
        self.ends[stage as usize..].fill(now);
    }

    fn lengths(&self) -> [SimDuration; StartStage::ALL.len()] {
        let mut before = self.began;
        self.ends.map(|end| {
            let length = end - before;
            before = end;
            length
        })
    }
}

/// A group that was made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its index over all deployments.
    pub slot: usize,
    /// When it could serve.
    pub ready: SimTime,
    /// Attempts of a new group that came to nothing, before the one whose stages follow.
    pub retries: SimDuration,
    /// How long each stage took, in the order of [`StartStage::ALL`].
    pub stages: [SimDuration; StartStage::ALL.len()],
    /// What it recovered from; absent for a new group.
    pub recovery: Option<Recovery>,
}

/// The way from a fault to the start that mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// What happened.
    pub cause: Cause,
    /// When.
    pub fault: SimTime,
    /// From then until the group was recreated or its processes ended.
    pub detection: SimDuration,
    /// From there until the new leader existed or the containers were started again.
    pub termination: SimDuration,
}

/// What a paid node is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeUse {
    /// Nobody pays for it.
    Unpaid,
    /// In a group whose engine takes requests.
    Up,
    /// In a group that is not ready yet, or on its way itself.
    Starting,
    /// Broken, or in a group that is.
    Down,
    /// In no group.
    Spare,
}

/// Paid time of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeHours {
    /// In a group whose engine takes requests.
    pub up: SimDuration,
    /// In a group that is not ready yet.
    pub starting: SimDuration,
    /// Broken, or in a group that is.
    pub down: SimDuration,
    /// In no group.
    pub spare: SimDuration,
}

impl NodeHours {
    /// All of it.
    pub fn paid(&self) -> SimDuration {
        self.up + self.starting + self.down + self.spare
    }
}

/// A stretch of time without any group that could serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downtime {
    /// When it began.
    pub from: SimTime,
    /// When it ended.
    pub to: SimTime,
    /// What took the last group away; absent before the first was ready.
    pub cause: Option<Cause>,
}

/// The books of a cluster.
#[derive(Clone, Debug)]
pub struct Account {
    at: SimTime,
    uses: Vec<NodeUse>,
    hours: Vec<NodeHours>,
    able: u32,
    wanted: u32,
    /// Sum of (ready groups / wanted ones) x time [s].
    capacity_s: f64,
    down_since: Option<(SimTime, Option<Cause>)>,
    downtimes: Vec<Downtime>,
    restarts: u64,
    starts: Vec<Start>,
    faults: BTreeMap<Cause, u64>,
}

impl Account {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            at: SimTime::ZERO,
            uses: vec![NodeUse::Unpaid; nodes],
            hours: vec![NodeHours::default(); nodes],
            able: 0,
            wanted: 0,
            capacity_s: 0.0,
            down_since: Some((SimTime::ZERO, None)),
            downtimes: Vec::new(),
            restarts: 0,
            starts: Vec::new(),
            faults: BTreeMap::new(),
        }
    }

    /// Books the time up to `now` as it was.
    pub(super) fn pass(&mut self, now: SimTime) {
        let time = now - self.at;
        if time == SimDuration::ZERO {
            return;
        }
        self.at = now;
        for (state, hours) in self.uses.iter().zip(&mut self.hours) {
            match state {
                NodeUse::Unpaid => {}
                NodeUse::Up => hours.up += time,
                NodeUse::Starting => hours.starting += time,
                NodeUse::Down => hours.down += time,
                NodeUse::Spare => hours.spare += time,
            }
        }
        let share = if self.wanted == 0 { 1.0 } else { f64::from(self.able) / f64::from(self.wanted) };
        self.capacity_s += share.min(1.0) * time.as_secs_f64();
    }

    pub(super) fn node(&mut self, node: usize, state: NodeUse) {
        self.uses[node] = state;
    }

    /// How many groups can serve from now on, of how many wanted ones; `cause` is what took the last one away.
    pub(super) fn groups(&mut self, now: SimTime, able: u32, wanted: u32, cause: Option<Cause>) {
        self.able = able;
        self.wanted = wanted;
        match (able, self.down_since) {
            (0, None) => self.down_since = Some((now, cause)),
            (1.., Some((from, cause))) => {
                if now > from {
                    self.downtimes.push(Downtime { from, to: now, cause });
                }
                self.down_since = None;
            }
            _ => {}
        }
    }

    pub(super) fn restarted(&mut self) {
        self.restarts += 1;
    }

    pub(super) fn fault(&mut self, cause: Cause) {
        *self.faults.entry(cause).or_default() += 1;
    }

    pub(super) fn started(
        &mut self,
        slot: usize,
        now: SimTime,
        boot: &Boot,
        asked: Option<SimTime>,
        outage: Option<super::group::Outage>,
    ) {
        let recovery = outage.map(|outage| {
            let noticed = outage.noticed.unwrap_or(boot.began).min(boot.began);
            Recovery {
                cause: outage.cause,
                fault: outage.since,
                detection: noticed - outage.since.min(noticed),
                termination: boot.began - noticed,
            }
        });
        // On the way back from a fault, attempts that came to nothing are part of the termination.
        let first = asked.filter(|_| recovery.is_none()).map_or(boot.began, |asked| asked.min(boot.began));
        let retries = boot.began - first;
        self.starts.push(Start { slot, ready: now, retries, stages: boot.lengths(), recovery });
    }

    /// Paid time of each node, over all pools in file order, as of the last [`super::Cluster::close`].
    pub fn hours(&self) -> &[NodeHours] {
        &self.hours
    }

    /// Stretches without any group that could serve, the last one perhaps still going on.
    pub fn downtimes(&self) -> Vec<Downtime> {
        let open = self.down_since.filter(|(from, _)| *from < self.at);
        let open = open.map(|(from, cause)| Downtime { from, to: self.at, cause });
        self.downtimes.iter().copied().chain(open).collect()
    }

    /// Ready groups over wanted ones, mean over time.
    pub fn capacity_fraction(&self) -> f64 {
        let span = self.at.as_secs_f64();
        if span > 0.0 { self.capacity_s / span } else { 1.0 }
    }

    /// Groups that were recreated as a whole.
    pub fn group_restarts(&self) -> u64 {
        self.restarts
    }

    /// Every start that ended with a group that serves.
    pub fn starts(&self) -> &[Start] {
        &self.starts
    }

    /// Faults by kind, whether or not they hit anything.
    pub fn faults(&self) -> &BTreeMap<Cause, u64> {
        &self.faults
    }

    /// Until when the books go.
    pub fn end(&self) -> SimTime {
        self.at
    }
}
