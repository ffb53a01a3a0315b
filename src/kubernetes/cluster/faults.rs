//! What breaks, and what somebody does on purpose.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Action, Cause, Change, Cluster, PodName,
    group::Stage,
    node::NodeState,
    pod::{Phase, Pod},
    timer::Timer,
};
use crate::kubernetes::Rendezvous;
use crate::units::SimDuration;

impl Cluster {
    pub(super) fn apply(&mut self, action: Action) {
        match action {
            Action::LoseNode { node, repair, cause } => self.lose_nodes(&[node], repair, cause),
            Action::LoseGpu { node, gpu, repair } => self.lose_gpu(node, gpu, repair),
            Action::LoseLink { node, left, repair } => self.lose_link(node, left, repair),
            Action::StopContainer(pod) => self.crash(pod),
            Action::Hang(pod) => self.hang(pod),
            Action::DeletePod(pod) => {
                if let Some(uid) = self.named(pod).map(|pod| pod.uid) {
                    self.fault(Cause::Pod, self.pod_title(pod));
                    self.delete_pod(uid, false, Some(Cause::Pod), None);
                } else {
                    self.missed(Cause::Pod, self.pod_title(pod));
                }
            }
            Action::Preempt { node } => self.preempt(node),
            Action::Maintain { node, notice, away } => self.maintain(node, notice, away),
            Action::LoseBlock { pool, block, repair } => {
                let of_block = |node: &usize| {
                    let node = &self.nodes[*node];
                    node.pool == pool && node.block == block
                };
                let nodes: Vec<usize> = (0..self.nodes.len()).filter(of_block).collect();
                self.lose_nodes(&nodes, repair, Cause::Block);
            }
            Action::Rollout { deployment } => {
                self.deployments[deployment].template.0 += 1;
                self.dirty = true;
            }
            Action::Scale { deployment, replicas, by_hpa } => {
                self.deployments[deployment].replicas = replicas;
                self.dirty = true;
                let name = self.spec.deployments[deployment].name.clone();
                let kind = if by_hpa { "hpa_scaled" } else { "lws_scaled" };
                self.tell(kind, name, &[("replicas", replicas.into())]);
            }
            Action::Drain { node } => self.drain_node(node, Cause::Drain),
            Action::Evict(pod) => {
                if let Some(uid) = self.named(pod).map(|pod| pod.uid) {
                    self.evict(uid);
                }
            }
            Action::RepairNode { node } => self.repair_node(node),
            Action::Upgrade { pool, upgrade } => self.begin_upgrade(pool, upgrade),
            Action::OutOfService { node } => self.put_out_of_service(node),
        }
    }

    /// Notes a fault and that it happened.
    fn fault(&mut self, cause: Cause, object: String) {
        self.account.fault(cause);
        self.tell("fault", object, &[("cause", Value::from(cause.name()))]);
    }

    /// Notes that a fault found nothing to hit: a node that is away already, a container that does not run.
    fn missed(&mut self, cause: Cause, object: String) {
        self.tell("fault_missed", object, &[("cause", Value::from(cause.name()))]);
    }

    fn missed_at(&mut self, cause: Cause, node: usize) {
        self.missed(cause, self.nodes[node].name.clone());
    }

    fn fault_at(&mut self, cause: Cause, node: usize) {
        self.fault(cause, self.nodes[node].name.clone());
    }

    /// Groups with a pod on a node.
    fn groups_on(&self, node: usize) -> BTreeSet<(usize, u32)> {
        let names = self.pods_on(node).into_iter().map(|uid| self.pods[&uid]);
        names.map(|name| (name.deployment, name.group)).collect()
    }

    /// Machines die, or are cut off, all at once and without a word.
    fn lose_nodes(&mut self, nodes: &[usize], repair: Option<SimDuration>, cause: Cause) {
        let works = |node: &usize| self.nodes[*node].state == NodeState::Ready;
        let (nodes, away): (Vec<usize>, Vec<usize>) = nodes.iter().copied().partition(works);
        for node in away {
            self.missed_at(cause, node);
        }
        let mut groups = BTreeSet::new();
        for &node in &nodes {
            self.fault_at(cause, node);
            groups.append(&mut self.groups_on(node));
            let this = &mut self.nodes[node];
            this.state = NodeState::Silent;
            this.generation += 1;
            let of = this.generation;
            let grace = self.spec.control_plane.monitor_grace;
            self.timers.set(self.now + grace, Timer::NodeNotReady(node, of));
            if let Some(repair) = repair {
                self.timers.set(self.now + repair, Timer::NodeBack(node, of));
            }
            for uid in self.pods_on(node) {
                self.loads.cancel(self.now, uid);
                if let Some(pod) = self.pod_mut(uid) {
                    pod.attempt += 1;
                }
            }
        }
        self.dirty = true;
        for (deployment, group) in groups {
            self.lose_members(deployment, group, &nodes, cause);
        }
    }

    /// A group has pods on nodes that fell silent. What is left of it notices later, unless nothing is, or those are gone
    /// who would have noticed an earlier loss.
    fn lose_members(&mut self, deployment: usize, group: u32, nodes: &[usize], cause: Cause) {
        let members = || self.group(deployment, group).members();
        let survives = members().any(|pod| pod.node.is_some() && self.runs(pod));
        let leader = members().find(|pod| pod.name.worker == 0 && pod.node.is_some());
        let leader_lost = leader.is_some_and(|leader| !self.runs(leader));
        let just_now = leader.and_then(|leader| leader.node).is_some_and(|node| nodes.contains(&node));
        if just_now || !survives {
            let holds = &mut self.group_mut(deployment, group).engine.holds;
            for hold in holds {
                hold.noticed = None;
            }
        }
        let noticed = survives.then(|| self.loss_noticed_after(deployment, leader_lost));
        self.freeze(deployment, group, cause, false, noticed);
        if just_now {
            self.head_gone(deployment, group);
        }
    }

    /// A GPU is gone: the process on it dies, and the node offers one less.
    fn lose_gpu(&mut self, node: usize, gpu: u32, repair: Option<SimDuration>) {
        let title = format!("{}/{gpu}", self.nodes[node].name);
        if self.nodes[node].state != NodeState::Ready || self.nodes[node].gpus[gpu as usize].broken {
            return self.missed(Cause::Gpu, title);
        }
        self.fault(Cause::Gpu, title);
        let slot = &mut self.nodes[node].gpus[gpu as usize];
        slot.broken = true;
        slot.breaks += 1;
        let (user, breaks) = (slot.pod, slot.breaks);
        if let Some(repair) = repair {
            self.timers.set(self.now + repair, Timer::GpuBack(node, gpu, breaks));
        }
        self.dirty = true;
        if let Some(uid) = user {
            self.process_dies(uid);
        }
    }

    pub(super) fn gpu_back(&mut self, node: usize, gpu: u32, breaks: u32) {
        let slot = &mut self.nodes[node].gpus[gpu as usize];
        if slot.broken && slot.breaks == breaks {
            slot.broken = false;
            self.dirty = true;
            self.tell_node("node_repaired", node, &[("gpu", gpu.into())]);
        }
    }

    /// The process in a container exits. With Ray the leader learns of a worker's end at its monitor's next look (vLLM
    /// `ray_executor.py`); with multiprocessing the connections between them break at once.
    fn crash(&mut self, name: PodName) {
        let runs = |pod: &&Pod| pod.phase == Phase::Running && self.runs(pod);
        let Some(uid) = self.named(name).filter(runs).map(|pod| pod.uid) else {
            return self.missed(Cause::Engine, self.pod_title(name));
        };
        self.fault(Cause::Engine, self.pod_title(name));
        self.blame(uid, Cause::Engine);
        if self.is_remote(name) {
            let after = self.spec.control_plane.ray_monitor_period;
            self.freeze(name.deployment, name.group, Cause::Engine, false, Some(after));
            self.exit_container(uid);
        } else {
            self.container_exits(uid);
        }
    }

    /// The process that used a GPU dies. Where that is an actor of Ray's its container lives on until the leader has learnt of
    /// it; a process that has not come to its GPUs yet will find one missing.
    fn process_dies(&mut self, uid: u64) {
        let Some(name) = self.pods.get(&uid).copied() else { return };
        if self.group(name.deployment, name.group).engine.stage == Stage::Waiting {
            return;
        }
        self.blame(uid, Cause::Gpu);
        if self.is_remote(name) {
            let after = self.spec.control_plane.ray_monitor_period;
            self.freeze(name.deployment, name.group, Cause::Gpu, false, Some(after));
        } else {
            self.container_exits(uid);
        }
    }

    /// Notes why a pod, and so its group, is going to fail.
    fn blame(&mut self, uid: u64, cause: Cause) {
        if let Some(pod) = self.pod_mut(uid) {
            pod.cause.get_or_insert(cause);
            let name = pod.name;
            self.lose(name.deployment, name.group, cause);
        }
    }

    /// Whether the leader sees a pod's processes only through Ray.
    pub(super) fn is_remote(&self, name: PodName) -> bool {
        name.worker > 0 && self.spec.deployments[name.deployment].rendezvous == Rendezvous::Ray
    }

    fn hang(&mut self, name: PodName) {
        let this = self.group(name.deployment, name.group);
        if this.engine.stage != Stage::Waiting && this.members().all(|pod| self.runs(pod)) {
            self.fault(Cause::Hang, self.pod_title(name));
            // A single process calls nobody who could be late: nothing ever notices.
            let several = self.spec.deployments[name.deployment].rendezvous != Rendezvous::None;
            let after = several.then_some(self.spec.control_plane.rpc_timeout);
            self.freeze(name.deployment, name.group, Cause::Hang, false, after);
        } else {
            self.missed(Cause::Hang, self.pod_title(name));
        }
    }

    fn lose_link(&mut self, node: usize, left: f64, repair: Option<SimDuration>) {
        if self.nodes[node].state != NodeState::Ready {
            return self.missed_at(Cause::Nic, node);
        }
        if left == 0.0 && self.spec.pools[self.nodes[node].pool].one_network {
            self.lose_nodes(&[node], repair, Cause::Nic);
            return;
        }
        self.fault_at(Cause::Nic, node);
        let this = &mut self.nodes[node];
        this.network = left;
        this.link_changes += 1;
        let of = this.link_changes;
        if let Some(repair) = repair {
            self.timers.set(self.now + repair, Timer::LinkBack(node, of));
        }
        self.network_changed(node);
    }

    pub(super) fn link_back(&mut self, node: usize, of: u32) {
        let this = &mut self.nodes[node];
        if this.link_changes == of {
            this.network = 1.0;
            self.tell_node("node_repaired", node, &[("network", 1.0.into())]);
            self.network_changed(node);
        }
    }

    /// Groups that span a node whose link changed slow down, hang, or go on.
    fn network_changed(&mut self, node: usize) {
        let timeout = self.spec.control_plane.rpc_timeout;
        for (deployment, group) in self.groups_on(node) {
            let left = self.network_left(deployment, group);
            if left == 0.0 {
                self.freeze(deployment, group, Cause::Nic, true, Some(timeout));
                continue;
            }
            if self.group(deployment, group).engine.stage == Stage::Serving {
                let slot = self.slot(deployment, group);
                self.changes.push(Change::Network { slot, left });
            }
            self.thaw(deployment, group);
        }
        self.dirty = true;
    }

    /// The provider takes a spot node: a warning, the kubelet's graceful shutdown, then the machine is gone and the pool
    /// asks for another.
    fn preempt(&mut self, node: usize) {
        if self.nodes[node].state != NodeState::Ready || self.nodes[node].ending.is_some() {
            return self.missed_at(Cause::Spot, node);
        }
        self.fault_at(Cause::Spot, node);
        let facts = &self.spec.control_plane;
        let (notice, pods) = (facts.spot_notice, facts.spot_pods);
        self.end_node(node, Cause::Spot, notice, pods);
    }

    /// Warns a node, asks its pods to end, and takes it away when the warning is over.
    pub(super) fn end_node(&mut self, node: usize, cause: Cause, notice: SimDuration, grace: SimDuration) {
        self.nodes[node].ending = Some(cause);
        let machine = self.nodes[node].machine;
        self.timers.set(self.now + notice, Timer::NodeEnds(node, machine));
        self.dirty = true;
        for uid in self.pods_on(node) {
            self.delete_pod(uid, false, Some(cause), Some(grace));
        }
    }

    fn maintain(&mut self, node: usize, notice: SimDuration, away: SimDuration) {
        if self.nodes[node].state != NodeState::Ready || self.nodes[node].ending.is_some() {
            return self.missed_at(Cause::Maintenance, node);
        }
        self.nodes[node].ending = Some(Cause::Maintenance);
        self.dirty = true;
        let of = self.nodes[node].machine;
        self.tell_node("node_maintenance", node, &[("in_s", notice.as_secs_f64().into())]);
        self.timers.set(self.now + notice, Timer::NodeStops(node, of, away));
    }

    /// The machine of a maintained host stops: GPUs cannot be migrated live.
    pub(super) fn node_stops(&mut self, node: usize, machine: u32, away: SimDuration) {
        let this = &mut self.nodes[node];
        if this.machine != machine {
            return;
        }
        if this.state != NodeState::Ready {
            // The host is away already, and maintained meanwhile.
            this.ending = this.ending.filter(|cause| *cause != Cause::Maintenance);
            return self.missed_at(Cause::Maintenance, node);
        }
        self.fault_at(Cause::Maintenance, node);
        let this = &mut self.nodes[node];
        this.generation += 1;
        this.state = NodeState::Stopped;
        this.not_ready = true;
        // Local disks and memory are lost, the boot disk is not.
        this.wipe(false);
        let of = this.generation;
        self.timers.set(self.now + away, Timer::NodeBack(node, of));
        self.tell_node("node_not_ready", node, &[("reason", "NodeShutdown".into())]);
        for uid in self.pods_on(node) {
            self.kill_pod(uid, Cause::Maintenance);
        }
    }
}
