//! Nodes come and go: provisioning, lost heartbeats, taints and evictions, repair, windows.

use rand::RngExt;

use super::{
    Cause, Change, Cluster, PodName, Unplaced,
    account::NodeUse,
    node::{NodeState, unreachable},
    spec::ClusterStart,
    timer::Timer,
};
use crate::kubernetes::{Revision, TaintEffect, Tolerated, toleration_seconds};
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
                    self.timers.set(from, Timer::Window(pool, true));
                }
                if let Some(until) = until {
                    self.timers.set(until, Timer::Window(pool, false));
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
                self.nodes[node].paid = true;
                self.nodes[node].generation += 1;
                let of = self.nodes[node].generation;
                self.nodes[node].state = NodeState::Provisioning;
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
                Some(super::group::WorkerStatefulSet { owner, revision: Revision(1) });
        }
    }

    /// Binds the first pods, on nodes that a scaling pool adds as it must.
    fn bind_begun(&mut self) -> Result<(), Unplaced> {
        loop {
            self.place_pods();
            self.scale_pools();
            let coming: Vec<usize> = (0..self.nodes.len())
                .filter(|node| self.nodes[*node].state == NodeState::Provisioning)
                .collect();
            if coming.is_empty() {
                break;
            }
            for node in coming {
                self.nodes[node].paid = true;
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
            .any(|node| node.free_gpus() >= spec.gpus_per_pod);
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

    fn provision(&mut self, node: usize) {
        let now = self.now;
        let draw: f64 = self.waits[node].random();
        let this = &mut self.nodes[node];
        this.state = NodeState::Provisioning;
        this.generation += 1;
        this.upgraded = false;
        let (of, pool) = (this.generation, this.pool);
        let wait = self.spec.pools[pool].wait.at(draw);
        self.dirty = true;
        self.tell_node("node_provisioned", node, &[("found", wait.is_some().into())]);
        if let Some(wait) = wait {
            self.timers.set(now + wait, Timer::NodeFound(node, of));
        }
    }

    pub(super) fn add_node(&mut self, node: usize) {
        self.provision(node);
    }

    fn is(&self, node: usize, state: NodeState, of: u32) -> bool {
        self.nodes[node].state == state && self.nodes[node].generation == of
    }

    pub(super) fn node_found(&mut self, node: usize, of: u32) {
        if self.is(node, NodeState::Provisioning, of) {
            self.nodes[node].paid = true;
            self.dirty = true;
            let takes = self.spec.pools[self.nodes[node].pool].node_ready;
            self.timers.set(self.now + takes, Timer::NodeReady(node, of));
        }
    }

    pub(super) fn node_ready(&mut self, node: usize, of: u32) {
        if !self.is(node, NodeState::Provisioning, of) {
            return;
        }
        self.mend(node);
        self.nodes[node].wipe(true);
        if let Some(lifetime) = self.spec.pools[self.nodes[node].pool].lifetime {
            self.timers.set(self.now + lifetime, Timer::NodeExpires(node, of));
        }
        self.tell_node("node_ready", node, &[]);
    }

    /// A machine that works, with nothing held against it.
    fn mend(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        this.state = NodeState::Ready;
        this.not_ready = false;
        this.no_execute = false;
        this.out_of_service = false;
        this.cordoned = false;
        this.ending = false;
        this.draining = None;
        this.network = 1.0;
        this.link_changes += 1;
        this.gpus.iter_mut().for_each(|gpu| gpu.broken = false);
        this.empty_since = Some(self.now);
        self.dirty = true;
        self.await_unneeded(node);
    }

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
            let (was_ready, name) = (std::mem::replace(&mut pod.ready, false), pod.name);
            if was_ready {
                self.tell_pod("pod_unready", name, &[("reason", "NodeNotReady".into())]);
            }
        }
        if let Some(after) = self.spec.pools[self.nodes[node].pool].repair_after {
            self.timers.set(self.now + after, Timer::NodeRepair(node, of));
        }
        self.await_out_of_service(node);
        self.node_taint(node, of);
    }

    /// Taints a node so that its pods are evicted, as fast as the node life-cycle controller may: one node at a time, and
    /// none at all while most of a small cluster is gone.
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
        for uid in self.pods_on(node) {
            let name = self.pods[&uid];
            let tolerations = &self.spec.deployments[name.deployment].tolerations;
            match toleration_seconds(tolerations, &unreachable(TaintEffect::NoExecute)) {
                Tolerated::Not => self.evict_for_taint(uid),
                Tolerated::For(seconds) => {
                    let at = self.now + SimDuration::from_secs(u64::from(seconds));
                    self.timers.set(at, Timer::Evict(uid));
                }
                Tolerated::Forever => {}
            }
        }
    }

    pub(super) fn evict_for_taint(&mut self, uid: u64) {
        let tainted = |node: usize| self.nodes[node].no_execute;
        if self.pod(uid).and_then(|pod| pod.node).is_some_and(tainted) {
            let name = self.pods[&uid];
            let cause = self.group(name.deployment, name.group).outage.map(|outage| outage.cause);
            self.tell_pod("pod_evicted", name, &[("reason", "TaintManagerEviction".into())]);
            self.delete_pod(uid, false, cause.or(Some(Cause::Node)), None);
        }
    }

    /// The taint `out-of-service` counts once the node is not ready: then the garbage collector, at its next turn, takes the
    /// pods that are to go.
    pub(super) fn await_out_of_service(&mut self, node: usize) {
        let this = &self.nodes[node];
        if this.out_of_service && this.not_ready && this.state == NodeState::Silent {
            let period = self.spec.control_plane.gc_period.as_nanos();
            let turn = self.now.as_nanos() / period * period + period;
            self.timers.set(SimTime::from_nanos(turn), Timer::OutOfService(node, this.generation));
        }
    }

    pub(super) fn collect_out_of_service(&mut self, node: usize, of: u32) {
        if self.is(node, NodeState::Silent, of) && self.nodes[node].out_of_service {
            self.drop_pods(node, Cause::Node);
        }
    }

    /// Removes the pods of a node that will not say anything about them any more.
    fn drop_pods(&mut self, node: usize, cause: Cause) {
        for uid in self.pods_on(node) {
            let name = self.pods[&uid];
            let known = self.group(name.deployment, name.group).outage.map(|outage| outage.cause);
            self.kill_pod(uid, known.unwrap_or(cause));
        }
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

    pub(super) fn collect_orphans(&mut self, node: usize, of: u32) {
        if self.nodes[node].generation == of {
            self.drop_pods(node, Cause::Node);
        }
    }

    /// A machine is back: what ran on it starts again, what was to end has ended.
    pub(super) fn node_back(&mut self, node: usize, of: u32) {
        if self.nodes[node].generation == of
            && matches!(self.nodes[node].state, NodeState::Silent | NodeState::Stopped)
        {
            self.nodes[node].generation += 1;
            self.mend(node);
            self.nodes[node].wipe(false);
            self.tell_node("node_repaired", node, &[]);
            for uid in self.pods_on(node) {
                self.nodes[node].empty_since = None;
                if self.pod(uid).is_some_and(super::pod::Pod::terminating) {
                    self.stop_pod(uid);
                } else {
                    self.resume_pod(uid);
                }
            }
        }
    }

    pub(super) fn repair_node(&mut self, node: usize) {
        let of = self.nodes[node].generation;
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

    /// A node whose warning is over goes; its pool asks for another in its place.
    pub(super) fn node_ends(&mut self, node: usize, of: u32) {
        if self.nodes[node].generation == of && self.nodes[node].state == NodeState::Ready {
            let open = self.is_open(self.nodes[node].pool);
            self.remove_node(node, Cause::Expiry);
            if open {
                self.provision(node);
            }
        }
    }

    /// Takes a machine away, with what is left on it.
    pub(super) fn remove_node(&mut self, node: usize, cause: Cause) {
        self.drop_pods(node, cause);
        let this = &mut self.nodes[node];
        this.state = NodeState::Absent;
        this.paid = false;
        this.generation += 1;
        this.draining = None;
        self.dirty = true;
        self.tell_node("node_removed", node, &[]);
    }

    pub(super) fn node_expires(&mut self, node: usize, of: u32) {
        let notice = self.spec.control_plane.spot_notice;
        if self.nodes[node].generation == of && !self.nodes[node].ending {
            let grace = self.spec.control_plane.spot_pods;
            self.tell_node("node_expired", node, &[]);
            self.end_node(node, Cause::Expiry, notice, grace);
        }
    }

    fn is_open(&self, pool: usize) -> bool {
        self.spec.pools[pool]
            .window
            .is_none_or(|(from, until)| from <= self.now && until.is_none_or(|until| self.now < until))
    }

    pub(super) fn window(&mut self, pool: usize, open: bool) {
        if open {
            self.open_pool(pool);
            return;
        }
        let first = self.first_node[pool];
        for node in first..first + self.spec.pools[pool].slots() as usize {
            match self.nodes[node].state {
                NodeState::Absent => {}
                NodeState::Ready => {
                    let of = self.nodes[node].generation;
                    self.node_expires(node, of);
                }
                NodeState::Provisioning | NodeState::Silent | NodeState::Stopped => {
                    self.remove_node(node, Cause::Expiry);
                }
            }
        }
    }

    /// What a node is at, for the books.
    pub(super) fn use_of(&self, node: usize) -> NodeUse {
        let this = &self.nodes[node];
        if !this.paid {
            return NodeUse::Unpaid;
        }
        match this.state {
            NodeState::Absent => NodeUse::Unpaid,
            NodeState::Provisioning => NodeUse::Starting,
            NodeState::Silent | NodeState::Stopped => NodeUse::Down,
            NodeState::Ready => self.use_of_pods(node),
        }
    }

    fn use_of_pods(&self, node: usize) -> NodeUse {
        use super::group::Stage;
        let mut found = NodeUse::Spare;
        for uid in self.nodes[node].gpus.iter().filter_map(|gpu| gpu.pod) {
            let name = self.pods[&uid];
            let group = self.group(name.deployment, name.group);
            if group.engine.stage == Stage::Serving && group.engine.frozen.is_none() {
                return NodeUse::Up;
            }
            let ends = group.leader().is_none_or(super::pod::Pod::terminating);
            if group.engine.frozen.is_some() || (ends && group.outage.is_some()) {
                found = NodeUse::Down;
            } else if found == NodeUse::Spare {
                found = NodeUse::Starting;
            }
        }
        found
    }
}
