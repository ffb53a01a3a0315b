//! Nodes come and go: provisioning, repair, ends and windows.

use rand::RngExt;

use super::{Cause, Change, Cluster, PodName, Unplaced, node::NodeState, spec::ClusterStart, timer::Timer};
use crate::kubernetes::Revision;
use crate::units::{SimDuration, SimTime};

impl Cluster {
    /// What is there at time 0.
    pub(super) fn begin(&mut self) -> Result<(), Unplaced> {
        for (index, deployment) in self.spec.deployments.iter().enumerate() {
            let pool = &self.spec.pools[deployment.pool];
            if deployment.gpus_per_pod > pool.gpus {
                return Err(Unplaced::PodTooLarge {
                    index,
                    deployment: deployment.name.clone(),
                    asked: deployment.gpus_per_pod,
                    pool: pool.name.clone(),
                    has: pool.gpus,
                });
            }
        }
        for pool in 0..self.spec.pools.len() {
            if let Some((from, until)) = self.spec.pools[pool].window {
                if from > SimTime::ZERO {
                    self.timers.set(from, Timer::WindowOpens(pool));
                }
                if let Some(until) = until {
                    let notice = self.spec.control_plane.spot_notice;
                    self.timers.set(earlier(until, notice).max(from), Timer::WindowEnds(pool));
                    self.timers.set(until, Timer::WindowCloses(pool));
                }
            }
            if self.spec.pools[pool].window.is_none_or(|(from, _)| from == SimTime::ZERO) {
                self.open_pool(pool);
            }
        }
        if self.spec.start == ClusterStart::Warm {
            self.begin_warm()?;
        }
        self.settle();
        Ok(())
    }

    /// The nodes a pool has from its first second.
    fn open_pool(&mut self, pool: usize) {
        let spec = &self.spec.pools[pool];
        let asked = spec.min;
        let exist = self.now == SimTime::ZERO && self.spec.start != ClusterStart::Nothing;
        for node in self.first_node[pool]..self.first_node[pool] + asked as usize {
            if exist {
                let of = self.new_machine(node);
                self.machine_found(node);
                self.node_ready(node, of);
            } else {
                self.provision(node);
            }
        }
    }

    /// Every group is ready, on the nodes that the scheduler gives them.
    fn begin_warm(&mut self) -> Result<(), Unplaced> {
        for deployment in 0..self.deployments.len() {
            let size = self.spec.deployments[deployment].size;
            for group in 0..self.deployments[deployment].replicas {
                for worker in 0..size {
                    self.begin_pod(PodName { deployment, group, worker });
                }
            }
        }
        self.bind_begun()?;
        // Their way there is not told.
        self.changes.retain(|change| !matches!(change, Change::Event(event) if event.kind != "node_ready"));
        for deployment in 0..self.deployments.len() {
            self.deployments[deployment].compiled = true;
            for group in 0..self.deployments[deployment].replicas {
                self.begin_ready(deployment, group);
            }
        }
        Ok(())
    }

    fn begin_pod(&mut self, name: PodName) {
        let leader = self.group(name.deployment, name.group).leader().map(|leader| leader.uid);
        self.create_pod(name, Revision(1), leader.filter(|_| name.worker > 0));
        if name.worker == 1 {
            let owner = leader.expect("a worker has a leader");
            self.group_mut(name.deployment, name.group).workers =
                Some(super::group::Workers { owner, revision: Revision(1) });
        }
    }

    /// Binds the first pods, on nodes that a scaling pool adds as it must.
    fn bind_begun(&mut self) -> Result<(), Unplaced> {
        loop {
            self.place_pods(false);
            self.scale_pools();
            let coming: Vec<usize> = (0..self.nodes.len())
                .filter(|node| self.nodes[*node].state == NodeState::Provisioning)
                .collect();
            if coming.is_empty() {
                break;
            }
            for node in coming {
                self.machine_found(node);
                let of = self.nodes[node].generation;
                self.node_ready(node, of);
            }
        }
        let unbound = |uid: &&u64| self.pod(**uid).is_some_and(|pod| pod.node.is_none());
        self.pods.keys().find(unbound).map_or(Ok(()), |uid| Err(self.unplaced(self.pods[uid])))
    }

    fn unplaced(&self, name: PodName) -> Unplaced {
        let spec = &self.spec.deployments[name.deployment];
        let pool = &self.spec.pools[spec.pool];
        let (index, pod) = (name.deployment, self.pod_title(name));
        let first = self.first_node[spec.pool];
        let room = self.nodes[first..first + pool.max as usize]
            .iter()
            .any(|node| node.runs() && node.free_gpus() >= spec.gpus_per_pod);
        if room {
            let topology =
                if spec.exclusive.is_some() { "exclusive-topology" } else { "subgroup-exclusive-topology" };
            return Unplaced::NoDomain { index, pod, pool: pool.name.clone(), topology };
        }
        Unplaced::PoolFull {
            index,
            pod,
            asked: spec.gpus_per_pod,
            pool: pool.name.clone(),
            nodes: pool.max,
            gpus: u64::from(pool.max) * u64::from(pool.gpus),
        }
    }

    /// Asks for a machine.
    pub(super) fn provision(&mut self, node: usize) {
        let draw: f64 = self.waits[node].random();
        let of = self.new_machine(node);
        let pool = self.nodes[node].pool;
        let wait = self.spec.pools[pool].wait.at(draw);
        self.tell_node("node_provisioned", node, &[("found", wait.is_some().into())]);
        if let Some(wait) = wait {
            self.timers.set(self.now + wait, Timer::NodeFound(node, of));
        }
        // With one more on its way, an empty node that its pool needed until now may be one too many.
        for other in self.of_pool(pool) {
            if self.nodes[other].state == NodeState::Ready && self.nodes[other].empty_since.is_some() {
                self.await_unneeded(other);
            }
        }
    }

    /// The place of a node is one for another machine; returns its generation.
    fn new_machine(&mut self, node: usize) -> u32 {
        let this = &mut self.nodes[node];
        this.state = NodeState::Provisioning;
        this.machine += 1;
        this.generation += 1;
        this.upgraded = false;
        self.dirty = true;
        self.nodes[node].generation
    }

    /// A machine is there: from now on it is paid for, and its time runs.
    fn machine_found(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        this.paid = true;
        let (pool, machine) = (this.pool, this.machine);
        self.dirty = true;
        if let Some(lifetime) = self.spec.pools[pool].lifetime {
            let notice = self.spec.control_plane.spot_notice;
            let at = earlier(self.now + lifetime, notice).max(self.now);
            self.timers.set(at, Timer::NodeExpires(node, machine));
        }
    }

    pub(super) fn is(&self, node: usize, state: NodeState, of: u32) -> bool {
        self.nodes[node].state == state && self.nodes[node].generation == of
    }

    pub(super) fn node_found(&mut self, node: usize, of: u32) {
        if self.is(node, NodeState::Provisioning, of) {
            self.machine_found(node);
            let takes = self.spec.pools[self.nodes[node].pool].node_ready;
            self.timers.set(self.now + takes, Timer::NodeReady(node, of));
        }
    }

    pub(super) fn node_ready(&mut self, node: usize, of: u32) {
        if !self.is(node, NodeState::Provisioning, of) {
            return;
        }
        // Pods of the machine that had this name before.
        self.drop_pods(node, Cause::Node);
        self.mend(node);
        let this = &mut self.nodes[node];
        this.wipe(true);
        this.cordoned = false;
        this.ending = None;
        this.draining = None;
        this.empty_since = Some(self.now);
        self.await_unneeded(node);
        self.tell_node("node_ready", node, &[]);
    }

    /// A machine that works and is heard of. Whoever called it out of service takes that back.
    fn mend(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        this.state = NodeState::Ready;
        this.not_ready = false;
        this.no_execute = false;
        this.out_of_service = false;
        this.network = 1.0;
        this.link_changes += 1;
        this.gpus.iter_mut().for_each(|gpu| gpu.broken = false);
        self.dirty = true;
    }

    /// A machine is back: what ran on it starts again, what was to end has ended. Its node object was there all the time, so
    /// that a cordon still holds, and a drain goes on.
    pub(super) fn node_back(&mut self, node: usize, of: u32) {
        let this = &mut self.nodes[node];
        if this.generation != of || !matches!(this.state, NodeState::Silent | NodeState::Stopped) {
            return;
        }
        if this.state == NodeState::Stopped {
            this.ending = None;
        }
        this.generation += 1;
        let of = this.generation;
        self.mend(node);
        self.nodes[node].wipe(false);
        self.tell_node("node_repaired", node, &[]);
        for uid in self.pods_on(node) {
            if self.pod(uid).is_some_and(super::pod::Pod::terminating) {
                self.stop_pod(uid);
            } else {
                self.resume_pod(uid);
            }
        }
        self.drain_again(node, of);
    }

    /// What is broken about a node is mended, and pods may be put on it again.
    pub(super) fn repair_node(&mut self, node: usize) {
        let of = self.nodes[node].generation;
        self.uncordon(node);
        self.node_back(node, of);
        for gpu in 0..self.nodes[node].gpus.len() as u32 {
            let breaks = self.nodes[node].gpus[gpu as usize].breaks;
            self.gpu_back(node, gpu, breaks);
        }
        if self.nodes[node].network < 1.0 {
            let of = self.nodes[node].link_changes;
            self.link_back(node, of);
        }
    }

    /// A node whose warning is over goes, whatever became of it since; its pool asks for another in its place.
    pub(super) fn node_ends(&mut self, node: usize, machine: u32) {
        let this = &self.nodes[node];
        if this.machine == machine && this.state != NodeState::Absent {
            let (open, cause) = (self.is_open(this.pool), this.ending.unwrap_or(Cause::Expiry));
            self.remove_node(node, cause);
            if open {
                self.provision(node);
            }
        }
    }

    /// Takes a machine away, with what is left on it.
    pub(super) fn remove_node(&mut self, node: usize, cause: Cause) {
        if self.nodes[node].state == NodeState::Absent {
            return;
        }
        self.drop_pods(node, cause);
        let this = &mut self.nodes[node];
        this.state = NodeState::Absent;
        this.paid = false;
        this.machine += 1;
        this.generation += 1;
        this.draining = None;
        this.empty_since = None;
        self.dirty = true;
        self.tell_node("node_removed", node, &[]);
    }

    /// The time of a node is over in as long as the warning takes.
    pub(super) fn node_expires(&mut self, node: usize, machine: u32) {
        let facts = &self.spec.control_plane;
        let (notice, grace) = (facts.spot_notice, facts.spot_pods);
        let this = &self.nodes[node];
        if this.machine == machine && this.state != NodeState::Absent && this.ending.is_none() {
            self.tell_node("node_expired", node, &[]);
            self.end_node(node, Cause::Expiry, notice, grace);
        }
    }

    pub(super) fn is_open(&self, pool: usize) -> bool {
        self.spec.pools[pool]
            .window
            .is_none_or(|(from, until)| from <= self.now && until.is_none_or(|until| self.now < until))
    }

    pub(super) fn window_opens(&mut self, pool: usize) {
        self.open_pool(pool);
        self.dirty = true;
    }

    /// The nodes of a pool are warned that its window closes.
    pub(super) fn window_ends(&mut self, pool: usize) {
        for node in self.of_pool(pool) {
            if self.nodes[node].state == NodeState::Ready {
                self.node_expires(node, self.nodes[node].machine);
            }
        }
    }

    /// The window of a pool is over: no node outlives it.
    pub(super) fn window_closes(&mut self, pool: usize) {
        self.upgrades[pool] = None;
        for node in self.of_pool(pool) {
            self.remove_node(node, Cause::Expiry);
        }
    }

    /// Places for nodes of a pool.
    pub(super) fn of_pool(&self, pool: usize) -> std::ops::Range<usize> {
        let first = self.first_node[pool];
        first..first + self.spec.pools[pool].slots() as usize
    }
}

/// So long before `time`, or the beginning.
fn earlier(time: SimTime, by: SimDuration) -> SimTime {
    SimTime::from_nanos(time.as_nanos().saturating_sub(by.as_nanos()))
}
