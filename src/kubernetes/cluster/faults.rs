//! What breaks, and what somebody does on purpose.

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
            Action::LoseNode { node, repair, cause } => self.lose_node(node, repair, cause),
            Action::LoseGpu { node, gpu, repair } => self.lose_gpu(node, gpu, repair),
            Action::LoseLink { node, left, repair } => self.lose_link(node, left, repair),
            Action::StopContainer(pod) => self.crash(pod),
            Action::Hang(pod) => self.hang(pod),
            Action::DeletePod(pod) => {
                if let Some(uid) = self.named(pod).map(|pod| pod.uid) {
                    self.fault(Cause::Pod, self.pod_title(pod));
                    self.delete_pod(uid, false, Some(Cause::Pod), None);
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
                for node in nodes {
                    self.lose_node(node, repair, Cause::Block);
                }
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
            Action::OutOfService { node } => {
                self.nodes[node].out_of_service = true;
                self.tell_node("node_tainted", node, &[("key", "node.kubernetes.io/out-of-service".into())]);
                self.await_out_of_service(node);
            }
        }
    }

    /// Notes a fault and that it happened.
    fn fault(&mut self, cause: Cause, object: String) {
        self.account.fault(cause);
        self.tell("fault", object, &[("cause", Value::from(cause.name()))]);
    }

    fn fault_at(&mut self, cause: Cause, node: usize) {
        self.fault(cause, self.nodes[node].name.clone());
    }

    /// Groups with a pod on a node whose engine has come further than waiting.
    fn engines_on(&self, node: usize) -> Vec<(usize, u32)> {
        let pods = self.pods_on(node);
        let mut groups: Vec<(usize, u32)> =
            pods.iter().map(|uid| self.pods[uid]).map(|name| (name.deployment, name.group)).collect();
        groups.dedup();
        groups.retain(|(deployment, group)| self.group(*deployment, *group).engine.stage != Stage::Waiting);
        groups
    }

    /// A machine dies, or is cut off, without a word.
    pub(super) fn lose_node(&mut self, node: usize, repair: Option<SimDuration>, cause: Cause) {
        if self.nodes[node].state != NodeState::Ready {
            return;
        }
        self.fault_at(cause, node);
        let engines = self.engines_on(node);
        let this = &mut self.nodes[node];
        this.state = NodeState::Silent;
        this.generation += 1;
        let of = this.generation;
        let grace = self.spec.control_plane.monitor_grace;
        self.timers.set(self.now + grace, Timer::NodeNotReady(node, of));
        if let Some(repair) = repair {
            self.timers.set(self.now + repair, Timer::NodeBack(node, of));
        }
        self.dirty = true;
        for (deployment, group) in engines {
            let members = || self.group(deployment, group).members();
            let survives = members().any(|pod| self.runs(pod));
            let leader_lost = members().any(|pod| pod.name.worker == 0 && !self.runs(pod));
            let noticed = survives.then(|| self.loss_noticed_after(deployment, leader_lost));
            self.freeze(deployment, group, cause, noticed);
        }
    }

    /// A GPU is gone: the process on it dies, and the node offers one less.
    fn lose_gpu(&mut self, node: usize, gpu: u32, repair: Option<SimDuration>) {
        if self.nodes[node].state != NodeState::Ready || self.nodes[node].gpus[gpu as usize].broken {
            return;
        }
        self.fault(Cause::Gpu, format!("{}/{gpu}", self.nodes[node].name));
        let slot = &mut self.nodes[node].gpus[gpu as usize];
        slot.broken = true;
        slot.breaks += 1;
        let (user, breaks) = (slot.pod, slot.breaks);
        if let Some(repair) = repair {
            self.timers.set(self.now + repair, Timer::GpuBack(node, gpu, breaks));
        }
        self.dirty = true;
        if let Some(uid) = user {
            self.process_dies(uid, Cause::Gpu);
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

    fn crash(&mut self, name: PodName) {
        if let Some(uid) = self.named(name).map(|pod| pod.uid) {
            self.fault(Cause::Engine, self.pod_title(name));
            self.process_dies(uid, Cause::Engine);
        }
    }

    /// A process of an engine dies. Its own container exits at once; with Ray the others learn of it at the monitor's next
    /// look (vLLM `ray_executor.py`), with multiprocessing at once.
    fn process_dies(&mut self, uid: u64, cause: Cause) {
        let Some(name) = self.pod(uid).map(|pod| pod.name) else { return };
        self.lose(name.deployment, name.group, cause);
        if let Some(pod) = self.pod_mut(uid) {
            pod.cause.get_or_insert(cause);
        }
        let remote = name.worker > 0 && self.spec.deployments[name.deployment].rendezvous == Rendezvous::Ray;
        if remote {
            let after = self.spec.control_plane.ray_monitor_period;
            self.freeze(name.deployment, name.group, cause, Some(after));
        }
        let frozen = self.group(name.deployment, name.group).engine.frozen.is_some();
        if !(remote && frozen) {
            self.container_exits(uid);
        }
    }

    fn hang(&mut self, name: PodName) {
        if self.group(name.deployment, name.group).engine.stage != Stage::Waiting {
            self.fault(Cause::Hang, self.pod_title(name));
            let after = self.spec.control_plane.rpc_timeout;
            self.freeze(name.deployment, name.group, Cause::Hang, Some(after));
        }
    }

    fn lose_link(&mut self, node: usize, left: f64, repair: Option<SimDuration>) {
        if self.nodes[node].state != NodeState::Ready {
            return;
        }
        if left == 0.0 && self.spec.pools[self.nodes[node].pool].one_network {
            self.lose_node(node, repair, Cause::Nic);
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
        for (deployment, group) in self.engines_on(node) {
            let left = self.network_left(deployment, group);
            let engine = &mut self.group_mut(deployment, group).engine;
            if left == 0.0 {
                self.freeze(deployment, group, Cause::Nic, Some(timeout));
                continue;
            }
            let thawed = engine.frozen == Some(Cause::Nic);
            if thawed {
                (engine.frozen, engine.detected) = (None, None);
            }
            let (run, stage) = (engine.run, engine.stage);
            let slot = self.slot(deployment, group);
            if stage == Stage::Serving {
                self.changes.push(Change::Network { slot, left });
                if thawed {
                    self.changes.push(Change::EngineThawed { slot });
                }
            } else if thawed && stage == Stage::Initialising {
                self.initialised(run);
            }
        }
        self.dirty = true;
    }

    /// The provider takes a spot node: a warning, the kubelet's graceful shutdown, then the machine is gone and the pool
    /// asks for another.
    fn preempt(&mut self, node: usize) {
        if self.nodes[node].state != NodeState::Ready || self.nodes[node].ending {
            return;
        }
        self.fault_at(Cause::Spot, node);
        let facts = &self.spec.control_plane;
        let (notice, pods) = (facts.spot_notice, facts.spot_pods);
        self.end_node(node, Cause::Spot, notice, pods);
    }

    /// Warns a node, asks its pods to end, and takes it away when the warning is over.
    pub(super) fn end_node(&mut self, node: usize, cause: Cause, notice: SimDuration, grace: SimDuration) {
        self.nodes[node].ending = true;
        let of = self.nodes[node].generation;
        self.timers.set(self.now + notice, Timer::NodeEnds(node, of));
        self.dirty = true;
        for uid in self.pods_on(node) {
            self.delete_pod(uid, false, Some(cause), Some(grace));
        }
    }

    fn maintain(&mut self, node: usize, notice: SimDuration, away: SimDuration) {
        if self.nodes[node].state != NodeState::Ready || self.nodes[node].ending {
            return;
        }
        self.nodes[node].ending = true;
        self.dirty = true;
        let of = self.nodes[node].generation;
        self.tell_node("node_maintenance", node, &[("in_s", notice.as_secs_f64().into())]);
        self.timers.set(self.now + notice, Timer::NodeStops(node, of, away));
    }

    /// The machine of a maintained host stops: GPUs cannot be migrated live.
    pub(super) fn node_stops(&mut self, node: usize, of: u32, away: SimDuration) {
        if self.nodes[node].generation != of || self.nodes[node].state != NodeState::Ready {
            return;
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

    /// A pod ends with its machine, which said so: its object goes without any grace. A controller of before the fix may
    /// miss that and lets only this pod be replaced.
    pub(super) fn kill_pod(&mut self, uid: u64, cause: Cause) {
        let missed = self.race_is_lost();
        if let Some(pod) = self.pod_mut(uid).filter(|pod| !pod.terminating()) {
            pod.hidden = missed;
        }
        self.delete_pod(uid, false, Some(cause), Some(SimDuration::ZERO));
        self.end_pod(uid);
    }

    /// Evicts a pod, or tries again later if its budget forbids it.
    pub(super) fn evict(&mut self, uid: u64) {
        let Some(pod) = self.pod(uid).filter(|pod| !pod.terminating()) else { return };
        let name = pod.name;
        if self.may_evict(name.deployment) {
            self.tell_pod("pod_evicted", name, &[("reason", "Evicted".into())]);
            self.delete_pod(uid, false, Some(Cause::Drain), None);
        } else {
            let retry = self.spec.control_plane.drain_retry;
            self.timers.set(self.now + retry, Timer::EvictRetry(uid));
        }
    }

    /// Whether a disruption budget lets go of one more pod.
    pub(super) fn may_evict(&self, deployment: usize) -> bool {
        let spec = &self.spec.deployments[deployment];
        let Some(budget) = &spec.budget else { return true };
        let this = &self.deployments[deployment];
        let expected = this.replicas * spec.size;
        let healthy = |pod: &&Pod| pod.ready && pod.phase == Phase::Running && !pod.terminating();
        let healthy = this.groups.iter().flat_map(super::group::Group::members).filter(healthy).count();
        budget.disruptions_allowed(expected, healthy as u32) > 0
    }
}
