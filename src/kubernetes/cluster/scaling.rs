//! The cluster autoscaler: pools that grow for pods that wait and shrink when nodes are empty.

use super::{
    Cluster,
    node::NodeState,
    pod::{Phase, Pod},
    timer::Timer,
};

impl Cluster {
    /// Asks for the nodes that pods wait for.
    pub(super) fn scale_pools(&mut self) {
        for pool in 0..self.spec.pools.len() {
            let spec = &self.spec.pools[pool];
            if spec.min < spec.max && self.is_open(pool) {
                let (gpus, most) = (spec.gpus, spec.max);
                self.grow(pool, gpus, most);
            }
        }
    }

    fn grow(&mut self, pool: usize, gpus: u32, most: u32) {
        let waiting = |pod: &&Pod| pod.phase == Phase::Unbound && !pod.terminating();
        let wanted = self.pods.keys().filter_map(|uid| self.pod(*uid).filter(waiting)).map(|pod| {
            let spec = &self.spec.deployments[pod.name.deployment];
            (spec.pool == pool).then_some(spec.gpus_per_pod)
        });
        let wanted: Vec<u32> = wanted.flatten().collect();
        if wanted.is_empty() {
            return;
        }
        let state = |node: &usize| self.nodes[*node].state;
        let coming = self.of_pool(pool).filter(|node| state(node) == NodeState::Provisioning);
        // Nodes that are on their way take pods first, the oldest pod first.
        let mut free: Vec<u32> = coming.map(|_| gpus).collect();
        // Nodes that an upgrade is about to take away make room for others.
        let stays = |node: &usize| state(node) != NodeState::Absent && self.nodes[*node].draining.is_none();
        let there = self.of_pool(pool).filter(stays).count();
        let absent = self.of_pool(pool).filter(|node| state(node) == NodeState::Absent);
        let mut absent = absent.take((most as usize).saturating_sub(there));
        let mut asked = Vec::new();
        for pod in wanted {
            if let Some(room) = free.iter_mut().find(|room| **room >= pod) {
                *room -= pod;
            } else if let Some(node) = absent.next() {
                asked.push(node);
                free.push(gpus - pod.min(gpus));
            }
        }
        for node in asked {
            self.provision(node);
        }
    }

    /// Remembers that a node may be empty for too long.
    pub(super) fn await_unneeded(&mut self, node: usize) {
        let spec = &self.spec.pools[self.nodes[node].pool];
        if spec.min < spec.max {
            let after = self.spec.control_plane.unneeded;
            self.timers.set(self.now + after, Timer::NodeUnneeded(node, self.nodes[node].machine));
        }
    }

    pub(super) fn node_unneeded(&mut self, node: usize, machine: u32) {
        let this = &self.nodes[node];
        let Some(since) = this.empty_since.filter(|_| this.machine == machine) else { return };
        let pool = this.pool;
        let long = self.now - since >= self.spec.control_plane.unneeded;
        let there =
            self.nodes[self.of_pool(pool)].iter().filter(|node| node.state != NodeState::Absent).count();
        if !long || this.state != NodeState::Ready || there as u32 <= self.spec.pools[pool].min {
            return;
        }
        // An upgrade counts on the nodes that it has seen.
        if self.upgrades[pool].is_some() {
            self.await_unneeded(node);
        } else {
            self.remove_node(node, super::Cause::Drain);
        }
    }
}
