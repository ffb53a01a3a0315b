//! The cluster under a run: what it does by itself, what somebody does to it, what breaks at random.

use std::collections::VecDeque;

use super::failures::{FailureProcesses, Fault};
use crate::kubernetes::{Action, Cause, Change, Cluster, PodName};
use crate::scenario::{Component, FailureProcess, FaultKind, ResolvedPlacement};
use crate::units::SimTime;

/// Components are numbered so that a pool or a deployment that grows moves nobody else's failures.
const STRIDE: u32 = 1 << 16;
/// GPUs a node can have in that numbering.
const GPUS: u32 = 32;

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
        let failures = FailureProcesses::new(processes, |process| components(placement, process), seed);
        let agenda = if live { placement.agenda.iter().copied().collect() } else { VecDeque::new() };
        let first_node = (0..placement.pools.len()).map(|pool| cluster.first_node(pool)).collect();
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
            let action = self.action(&fault);
            changes.append(&mut self.cluster.act(now, action));
        }
        changes
    }

    /// An autoscaler wants another number of groups.
    pub(super) fn autoscale(&mut self, now: SimTime, deployment: usize, replicas: u32) -> Vec<Change> {
        self.cluster.act(now, Action::Scale { deployment, replicas, by_hpa: true })
    }

    fn action(&self, fault: &Fault) -> Action {
        let repair = Some(fault.repair);
        let component = fault.component;
        let node =
            |component: u32| self.first_node[(component / STRIDE) as usize] + (component % STRIDE) as usize;
        let pod =
            || PodName { deployment: (component / STRIDE) as usize, group: component % STRIDE, worker: 0 };
        match fault.kind {
            FaultKind::Node => Action::LoseNode { node: node(component), repair, cause: Cause::Node },
            FaultKind::Gpu => Action::LoseGpu { node: node(component / GPUS), gpu: component % GPUS, repair },
            FaultKind::Nic => Action::LoseLink { node: node(component), left: fault.slowed, repair },
            FaultKind::Engine => Action::StopContainer(pod()),
            FaultKind::Hang => Action::Hang(pod()),
            FaultKind::Spot => Action::Preempt { node: node(component) },
            FaultKind::Maintenance => {
                Action::Maintain { node: node(component), notice: fault.notice, away: fault.repair }
            }
            FaultKind::Block => {
                Action::LoseBlock { pool: (component / STRIDE) as usize, block: component % STRIDE, repair }
            }
        }
    }
}

/// What a process befalls.
fn components(placement: &ResolvedPlacement, process: &FailureProcess) -> Vec<u32> {
    let pools = placement.cluster.pools.iter().enumerate();
    let pools = pools.filter(|(pool, _)| process.pool.is_none_or(|only| only == *pool));
    let nodes =
        pools.clone().flat_map(|(pool, spec)| (0..spec.slots()).map(move |node| pool as u32 * STRIDE + node));
    match process.per {
        Component::Node => nodes.collect(),
        Component::Gpu => pools
            .flat_map(|(pool, spec)| {
                (0..spec.slots()).flat_map(move |node| {
                    (0..spec.gpus).map(move |gpu| (pool as u32 * STRIDE + node) * GPUS + gpu)
                })
            })
            .collect(),
        Component::Group => {
            let deployments = placement.cluster.deployments.iter().enumerate();
            let of = |(index, spec): (usize, &crate::kubernetes::DeploymentSpec)| {
                (0..spec.slots).map(move |group| index as u32 * STRIDE + group)
            };
            deployments.flat_map(of).collect()
        }
        Component::Block => pools
            .flat_map(|(pool, spec)| (0..spec.blocks).map(move |block| pool as u32 * STRIDE + block))
            .collect(),
    }
}
