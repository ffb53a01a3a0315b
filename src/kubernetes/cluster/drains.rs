//! Drains and evictions, as far as disruption budgets let them.

use super::{
    Cause, Cluster,
    node::NodeState,
    pod::{Phase, Pod},
    timer::Timer,
};

impl Cluster {
    /// Cordons a node and evicts its pods.
    pub(super) fn drain_node(&mut self, node: usize, cause: Cause) {
        let this = &mut self.nodes[node];
        if this.state == NodeState::Absent {
            return;
        }
        this.cordoned = true;
        this.draining = Some((self.now, cause));
        let of = this.generation;
        self.dirty = true;
        self.tell_node("node_cordoned", node, &[("reason", cause.name().into())]);
        self.drain_again(node, of);
    }

    /// Evicts what budgets allow; after an hour GKE asks them no longer.
    pub(super) fn drain_again(&mut self, node: usize, of: u32) {
        let this = &self.nodes[node];
        let Some((since, cause)) = this.draining.filter(|_| this.generation == of) else { return };
        let facts = &self.spec.control_plane;
        let (retry, patience) = (facts.drain_retry, facts.drain_limit);
        let out_of_patience = cause == Cause::Upgrade && self.now - since >= patience;
        let mut waits = false;
        for uid in self.pods_on(node) {
            let name = self.pods[&uid];
            if self.pod(uid).is_some_and(Pod::terminating) {
                continue;
            }
            if out_of_patience || self.may_evict(uid) {
                self.tell_pod("pod_evicted", name, &[("reason", "Evicted".into())]);
                self.delete_pod(uid, false, Some(cause), None);
            } else {
                waits = true;
            }
        }
        if waits {
            self.timers.set(self.now + retry, Timer::DrainRetry(node, of));
        }
    }

    /// Pods may be put on a node again that somebody drained.
    pub(super) fn uncordon(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        if this.cordoned && this.draining.is_some_and(|(_, cause)| cause == Cause::Drain) {
            (this.cordoned, this.draining) = (false, None);
            self.dirty = true;
            self.tell_node("node_uncordoned", node, &[]);
        }
    }

    /// Evicts a pod, or tries again later if its budget forbids it.
    pub(super) fn evict(&mut self, uid: u64) {
        let Some(pod) = self.pod(uid).filter(|pod| !pod.terminating()) else { return };
        let name = pod.name;
        if self.may_evict(uid) {
            self.tell_pod("pod_evicted", name, &[("reason", "Evicted".into())]);
            self.delete_pod(uid, false, Some(Cause::Drain), None);
        } else {
            let retry = self.spec.control_plane.drain_retry;
            self.timers.set(self.now + retry, Timer::EvictRetry(uid));
        }
    }

    /// Whether a disruption budget lets go of a pod. None protects a pod that has not started, and one that is not ready only
    /// while too few others are (`canIgnorePDB`, `pkg/registry/core/pod/storage/eviction.go`).
    fn may_evict(&self, uid: u64) -> bool {
        let pod = self.pod(uid).expect("only what exists is evicted");
        let spec = &self.spec.deployments[pod.name.deployment];
        let Some(budget) = spec.budget.filter(|_| !pod.is_pending()) else { return true };
        let this = &self.deployments[pod.name.deployment];
        let expected = this.replicas * spec.size;
        let is_healthy = |pod: &&Pod| pod.ready && pod.phase == Phase::Running && !pod.terminating();
        let healthy = this.groups.iter().flat_map(super::group::Group::members).filter(is_healthy).count();
        if is_healthy(&pod) {
            budget.disruptions_allowed(expected, healthy as u32) > 0
        } else {
            healthy as u32 >= budget.desired_healthy(expected)
        }
    }
}
