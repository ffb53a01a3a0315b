//! Nodes that are not heard of: not ready, tainted, their pods evicted and at last collected.

use super::{
    Cause, Cluster,
    node::{NodeState, unreachable},
    timer::Timer,
};
use crate::kubernetes::{Taint, TaintEffect, Tolerated, toleration_seconds};
use crate::units::{SimDuration, SimTime};

impl Cluster {
    /// The control plane gives up waiting for a heartbeat.
    pub(super) fn node_not_ready(&mut self, node: usize, of: u32) {
        if !self.is(node, NodeState::Silent, of) {
            return;
        }
        self.nodes[node].not_ready = true;
        self.dirty = true;
        self.tell_node("node_not_ready", node, &[("reason", "NodeStatusUnknown".into())]);
        for uid in self.pods_on(node) {
            let pod = self.pod_mut(uid).expect("the pod was listed a moment ago");
            pod.event = true;
            let (was_ready, name) = (std::mem::replace(&mut pod.ready, false), pod.name);
            if was_ready {
                self.tell_pod("pod_unready", name, &[("reason", "NodeNotReady".into())]);
            }
        }
        if let Some(after) = self.spec.pools[self.nodes[node].pool].repair_after {
            self.timers.set(self.now + after, Timer::NodeRepair(node, of));
        }
        self.await_out_of_service(node);
        // The controller looks at all nodes before it taints any.
        self.timers.set(self.now, Timer::NodeTaint(node, of));
    }

    /// Taints a node so that its pods are evicted, as fast as the node life-cycle controller may: one node at a time, and
    /// none at all while most of a small cluster is gone (`pkg/controller/nodelifecycle`).
    pub(super) fn node_taint(&mut self, node: usize, of: u32) {
        if !self.is(node, NodeState::Silent, of) {
            return;
        }
        let facts = &self.spec.control_plane;
        let there = self
            .nodes
            .iter()
            .filter(|node| !matches!(node.state, NodeState::Absent | NodeState::Provisioning));
        let (all, lost) =
            there.fold((0_u32, 0_u32), |(all, lost), node| (all + 1, lost + u32::from(node.not_ready)));
        let unhealthy = lost >= facts.unhealthy_zone_nodes
            && f64::from(lost) >= facts.unhealthy_zone_share * f64::from(all);
        if unhealthy && all <= facts.large_cluster_nodes {
            self.timers.set(self.now + facts.monitor_period, Timer::NodeTaint(node, of));
            return;
        }
        if self.next_taint > self.now {
            self.timers.set(self.next_taint, Timer::NodeTaint(node, of));
            return;
        }
        let interval = if unhealthy { facts.secondary_eviction_interval } else { facts.eviction_interval };
        self.next_taint = self.now + interval;
        self.nodes[node].no_execute = true;
        self.evict_untolerating(node, &unreachable(TaintEffect::NoExecute));
    }

    /// Evicts the pods of a node that do not tolerate a taint, at once or when they have for long enough
    /// (`pkg/controller/tainteviction`).
    pub(super) fn evict_untolerating(&mut self, node: usize, taint: &Taint) {
        let of = self.nodes[node].generation;
        for uid in self.pods_on(node) {
            let name = self.pods[&uid];
            match toleration_seconds(&self.spec.deployments[name.deployment].tolerations, taint) {
                Tolerated::Not => self.evict_for_taint(uid, of),
                Tolerated::For(seconds) => {
                    let at = self.now + SimDuration::from_secs(u64::from(seconds));
                    self.timers.set(at, Timer::Evict(uid, of));
                }
                Tolerated::Forever => {}
            }
        }
    }

    /// A pod has to leave its node, if that is still tainted as it was.
    pub(super) fn evict_for_taint(&mut self, uid: u64, of: u32) {
        let Some(pod) = self.pod(uid).filter(|pod| !pod.terminating()) else { return };
        let (name, node) = (pod.name, pod.node.expect("a pod is evicted from its node"));
        let this = &self.nodes[node];
        if this.generation == of && (this.no_execute || this.out_of_service) {
            let cause = self.group(name.deployment, name.group).outage.map(|outage| outage.cause);
            self.tell_pod("pod_evicted", name, &[("reason", "TaintManagerEviction".into())]);
            self.delete_pod(uid, false, cause.or(Some(Cause::Node)), None);
        }
    }

    /// Somebody who knows that a node is shut down says so. The taint evicts pods as any other does; what makes it strong is
    /// [`Self::await_out_of_service`].
    pub(super) fn put_out_of_service(&mut self, node: usize) {
        self.nodes[node].out_of_service = true;
        self.dirty = true;
        self.tell_node("node_tainted", node, &[("key", "node.kubernetes.io/out-of-service".into())]);
        self.evict_untolerating(node, &super::node::out_of_service());
        self.await_out_of_service(node);
    }

    /// Once a node with the taint `out-of-service` is not ready, the garbage collector takes, at its next turn, the pods
    /// there that are to go (`gcTerminating`, `pkg/controller/podgc`).
    pub(super) fn await_out_of_service(&mut self, node: usize) {
        let this = &self.nodes[node];
        if this.out_of_service && this.not_ready && this.state == NodeState::Silent {
            let period = self.spec.control_plane.gc_period.as_nanos();
            let turn = self.now.as_nanos() / period * period + period;
            self.timers.set(SimTime::from_nanos(turn), Timer::OutOfService(node, this.generation));
        }
    }

    pub(super) fn collect_out_of_service(&mut self, node: usize, of: u32) {
        if self.is(node, NodeState::Silent, of) {
            for uid in self.pods_on(node) {
                if self.pod(uid).is_some_and(super::pod::Pod::terminating) {
                    self.end_pod(uid);
                }
            }
        }
    }

    /// Removes the pods of a node that will not say anything about them any more.
    pub(super) fn drop_pods(&mut self, node: usize, cause: Cause) {
        for uid in self.pods_on(node) {
            let name = self.pods[&uid];
            let known = self.group(name.deployment, name.group).outage.map(|outage| outage.cause);
            self.kill_pod(uid, known.unwrap_or(cause));
        }
    }

    /// A pod ends with its machine, which said so: its object goes without any grace. A controller of before the fix may
    /// miss that and lets only this pod be replaced (LeaderWorkerSet issue 998).
    pub(super) fn kill_pod(&mut self, uid: u64, cause: Cause) {
        let missed = self.race_is_lost();
        if let Some(pod) = self.pod_mut(uid).filter(|pod| !pod.terminating()) {
            pod.hidden = missed;
        }
        self.delete_pod(uid, false, Some(cause), Some(SimDuration::ZERO));
        self.end_pod(uid);
    }

    /// GKE's auto-repair: the node object goes, and a new machine takes its name.
    pub(super) fn node_repair(&mut self, node: usize, of: u32) {
        if !self.is(node, NodeState::Silent, of) {
            return;
        }
        self.tell_node("node_removed", node, &[("reason", "AutoRepair".into())]);
        self.nodes[node].paid = false;
        self.nodes[node].not_ready = true;
        self.provision(node);
        let of = self.nodes[node].generation;
        let delay = self.spec.control_plane.orphan_delay;
        self.timers.set(self.now + delay, Timer::Orphans(node, of));
    }

    /// The pods of a node object that is gone are collected, unless the new machine was faster.
    pub(super) fn collect_orphans(&mut self, node: usize, of: u32) {
        if self.is(node, NodeState::Provisioning, of) {
            self.drop_pods(node, Cause::Node);
        }
    }
}
