//! The cluster under a run: what it does by itself, what somebody does to it, what breaks at random.

use std::collections::VecDeque;

use super::{components, failures::FailureProcesses};
use crate::kubernetes::{Action, Change, Cluster};
use crate::scenario::ResolvedPlacement;
use crate::units::SimTime;

/// A cluster and everything that happens to it.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    pub(super) cluster: Cluster,
    /// What somebody does, the earliest first.
    agenda: VecDeque<(SimTime, Action)>,
    failures: FailureProcesses,
    /// First node of each pool.
    first_node: Vec<usize>,
}

impl Fleet {
    /// The cluster of a placement, and what there is to tell about its first second. Without `live` nothing happens to it.
    pub(super) fn new(placement: &ResolvedPlacement, seed: u64, live: bool) -> (Self, Vec<Change>) {
        let mut spec = placement.cluster.clone();
        spec.seed = seed;
        if !live {
            spec.start = crate::kubernetes::ClusterStart::Warm;
        }
        let (cluster, changes) = Cluster::new(spec).expect("the scenario's checks placed its groups");
        let empty = Vec::new();
        let processes = if live { &placement.failures } else { &empty };
        let failures = FailureProcesses::new(processes, |process| components::of(placement, process), seed);
        let agenda = if live { placement.agenda.iter().copied().collect() } else { VecDeque::new() };
        let first_node = components::first_nodes(placement);
        (Self { cluster, agenda, failures, first_node }, changes)
    }

    /// When something happens, at the earliest.
    pub(super) fn next(&self) -> Option<SimTime> {
        let agenda = self.agenda.front().map(|(at, _)| *at);
        [agenda, self.failures.next(), self.cluster.next()].into_iter().flatten().min()
    }

    /// Everything that is due at `now`: what the cluster does by itself, what somebody does, what breaks.
    pub(super) fn advance(&mut self, now: SimTime) -> Vec<Change> {
        let mut changes = self.cluster.advance(now);
        while let Some((_, action)) = self.agenda.pop_front_if(|(at, _)| *at <= now) {
            changes.append(&mut self.cluster.act(now, action));
        }
        while self.failures.next().is_some_and(|at| at <= now) {
            let fault = self.failures.pop();
            let action = components::action(&self.first_node, &fault);
            changes.append(&mut self.cluster.act(now, action));
        }
        changes
    }

    /// An autoscaler wants another number of groups.
    pub(super) fn autoscale(&mut self, now: SimTime, deployment: usize, replicas: u32) -> Vec<Change> {
        self.cluster.act(now, Action::Scale { deployment, replicas, by_hpa: true })
    }
}
