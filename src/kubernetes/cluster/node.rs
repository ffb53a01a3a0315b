//! A node: a machine that comes and goes under one name.

use std::collections::BTreeSet;

use crate::kubernetes::{Taint, TaintEffect, UNREACHABLE};
use crate::units::SimTime;

/// Where a node stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeState {
    /// There is no such node, and nobody has asked for it.
    Absent,
    /// Asked for; paid for once a machine was found.
    Provisioning,
    /// Pods run on it.
    Ready,
    /// Its machine is dead, or cut off; the control plane may not have noticed.
    Silent,
    /// Its machine is stopped, and everybody knows.
    Stopped,
}

/// A GPU of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GpuSlot {
    /// Uid of the pod that has it.
    pub(super) pod: Option<u64>,
    /// How often it was broken; even when it works.
    pub(super) breaks: u32,
    pub(super) broken: bool,
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) pool: usize,
    /// Its number in its pool.
    pub(super) index: u32,
    pub(super) block: u32,
    /// Numbered over all blocks.
    pub(super) sub_block: u32,
    pub(super) state: NodeState,
    /// Counts machines: a timer set for an earlier one is void.
    pub(super) machine: u32,
    /// Counts machines, and what befalls them: likewise.
    pub(super) generation: u32,
    /// Counts changes of its link.
    pub(super) link_changes: u32,
    /// The control plane knows that it is not ready.
    pub(super) not_ready: bool,
    /// Pods are evicted from it.
    pub(super) no_execute: bool,
    pub(super) out_of_service: bool,
    pub(super) cordoned: bool,
    /// A warning was given, for this reason: nothing new is bound here.
    pub(super) ending: Option<super::Cause>,
    /// It is drained since then, and for this reason.
    pub(super) draining: Option<(SimTime, super::Cause)>,
    pub(super) gpus: Vec<GpuSlot>,
    pub(super) has_image: bool,
    /// Deployments whose weights it holds.
    pub(super) weights: BTreeSet<usize>,
    /// Deployments whose compiled graphs it holds.
    pub(super) compiled: BTreeSet<usize>,
    /// What is left of the bandwidth of its GPUs' network [fraction].
    pub(super) network: f64,
    /// Empty since then, for the autoscaler.
    pub(super) empty_since: Option<SimTime>,
    /// A machine was found: it is paid for.
    pub(super) paid: bool,
    /// An upgrade made it.
    pub(super) upgraded: bool,
}

impl Node {
    /// A place for a node.
    pub(super) fn new(name: String, pool: usize, index: u32, gpus: u32, block: u32, sub_block: u32) -> Self {
        Self {
            name,
            pool,
            index,
            block,
            sub_block,
            state: NodeState::Absent,
            machine: 0,
            generation: 0,
            link_changes: 0,
            not_ready: false,
            no_execute: false,
            out_of_service: false,
            cordoned: false,
            ending: None,
            draining: None,
            gpus: vec![GpuSlot::default(); gpus as usize],
            has_image: false,
            weights: BTreeSet::new(),
            compiled: BTreeSet::new(),
            network: 1.0,
            empty_since: None,
            paid: false,
            upgraded: false,
        }
    }

    /// A machine that the control plane takes for working, and lets pods onto: for a while also one that is silent.
    pub(super) fn takes_pods(&self) -> bool {
        matches!(self.state, NodeState::Ready | NodeState::Silent) && !self.not_ready && !self.cordoned
    }

    /// Containers run on it.
    pub(super) fn runs(&self) -> bool {
        self.state == NodeState::Ready
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gpus.iter().all(|gpu| gpu.pod.is_none())
    }

    pub(super) fn free_gpus(&self) -> u32 {
        self.gpus.iter().filter(|gpu| gpu.pod.is_none() && !gpu.broken).count() as u32
    }

    pub(super) fn taints(&self) -> Vec<Taint> {
        let mut taints = Vec::new();
        if self.not_ready {
            taints.push(unreachable(TaintEffect::NoSchedule));
        }
        if self.ending.is_some() {
            taints.push(taint("cloud.google.com/impending-node-termination", TaintEffect::NoSchedule));
        }
        if self.out_of_service {
            taints.push(out_of_service());
        }
        taints
    }

    /// Gives a pod its GPUs: the first free ones that work.
    pub(super) fn take(&mut self, pod: u64, gpus: u32) {
        let free = self.gpus.iter_mut().filter(|gpu| gpu.pod.is_none() && !gpu.broken);
        free.take(gpus as usize).for_each(|gpu| gpu.pod = Some(pod));
    }

    pub(super) fn release(&mut self, pod: u64) {
        for gpu in self.gpus.iter_mut().filter(|gpu| gpu.pod == Some(pod)) {
            gpu.pod = None;
        }
    }

    /// Forgets what was on the machine: another one takes its name, or it lost its memory and its local disks.
    pub(super) fn wipe(&mut self, boot_disk_too: bool) {
        self.weights.clear();
        self.compiled.clear();
        if boot_disk_too {
            self.has_image = false;
        }
    }
}

fn taint(key: &'static str, effect: TaintEffect) -> Taint {
    Taint { key: key.into(), value: "".into(), effect }
}

/// What somebody puts on a node that is shut down for good.
pub(super) fn out_of_service() -> Taint {
    taint("node.kubernetes.io/out-of-service", TaintEffect::NoExecute)
}

/// What the control plane puts on a node that is not heard of.
pub(super) fn unreachable(effect: TaintEffect) -> Taint {
    taint(UNREACHABLE, effect)
}
