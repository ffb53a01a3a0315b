//! What can fail, in numbers: nodes, GPUs, groups and blocks, each known by one.

use super::failures::Fault;
use crate::kubernetes::{Action, Cause, PodName};
use crate::scenario::{Component, FailureProcess, FaultKind, ResolvedPlacement};

/// Components are numbered so that a pool or a deployment that grows moves nobody else's failures.
const STRIDE: u32 = 1 << 16;
/// GPUs a node can have in that numbering.
const GPUS: u32 = 32;

/// What a process befalls, places that are empty at first included.
pub(super) fn of(placement: &ResolvedPlacement, process: &FailureProcess) -> Vec<u32> {
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

/// What a fault does to the cluster; `first_node` is that of each pool.
pub(super) fn action(first_node: &[usize], fault: &Fault) -> Action {
    let repair = Some(fault.repair);
    let component = fault.component;
    let node = |component: u32| first_node[(component / STRIDE) as usize] + (component % STRIDE) as usize;
    let pod = || PodName { deployment: (component / STRIDE) as usize, group: component % STRIDE, worker: 0 };
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

/// Number of the first node of each pool.
pub(super) fn first_nodes(placement: &ResolvedPlacement) -> Vec<usize> {
    let slots = placement.cluster.pools.iter().map(|pool| pool.slots() as usize);
    slots
        .scan(0, |before, slots| {
            let first = *before;
            *before += slots;
            Some(first)
        })
        .collect()
}

/// What a process befalls of what is there at the start.
pub(super) fn present(placement: &ResolvedPlacement, process: &FailureProcess) -> Vec<u32> {
    let mut there = placement.clone();
    for pool in &mut there.cluster.pools {
        pool.max = pool.min.max(1);
        pool.surge_nodes = 0;
    }
    for deployment in &mut there.cluster.deployments {
        deployment.slots = deployment.replicas;
    }
    of(&there, process)
}
