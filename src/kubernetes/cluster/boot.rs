//! A group on its way up: images, containers, rendezvous, weights, compilation, graphs, the probe.

use super::{
    Cause, Change, Cluster, PodName,
    account::StartStage,
    group::Stage,
    pod::{Phase, Pod},
    timer::Timer,
};
use crate::kubernetes::{CompileCacheArg, Rendezvous};
use crate::units::SimDuration;

impl Cluster {
    /// A kubelet sets about getting the image of a pod that was bound to its node; a silent node's does not.
    pub(super) fn pull(&mut self, uid: u64) {
        let now = self.now;
        let Some(pod) = self.pod_mut(uid) else { return };
        pod.phase = Phase::Pulling;
        pod.attempt += 1;
        let (name, attempt, node) =
            (pod.name, pod.attempt, pod.node.expect("a pod that is bound has a node"));
        if !self.nodes[node].runs() {
            return;
        }
        let there = self.nodes[node].has_image;
        let times = &self.spec.deployments[name.deployment].startup;
        let takes = if there { times.image_cached } else { times.image_pull };
        self.timers.set(now + takes, Timer::Pulled(uid, attempt));
        let reason = if there { "Pulled" } else { "Pulling" };
        self.tell_pod("pod_pulling", name, &[("reason", reason.into())]);
    }

    pub(super) fn pulled(&mut self, uid: u64, attempt: u32) {
        let current = |pod: &&mut Pod| pod.phase == Phase::Pulling && pod.attempt == attempt;
        let Some(pod) = self.pod_mut(uid).filter(current) else { return };
        let (name, node) = (pod.name, pod.node.expect("an image is pulled on a node"));
        self.nodes[node].has_image = true;
        self.start_container(uid);
        self.stage_reached(name.deployment, name.group, StartStage::ImagePull, |pod| {
            !matches!(pod.phase, Phase::Unbound | Phase::Pulling)
        });
    }

    pub(super) fn start_container(&mut self, uid: u64) {
        let now = self.now;
        let Some(pod) = self.pod_mut(uid) else { return };
        pod.phase = Phase::Creating;
        pod.attempt += 1;
        let (name, attempt) = (pod.name, pod.attempt);
        let takes = self.spec.deployments[name.deployment].startup.container_start;
        self.timers.set(now + takes, Timer::Started(uid, attempt));
        self.dirty = true;
    }

    pub(super) fn started(&mut self, uid: u64, attempt: u32) {
        let now = self.now;
        let current = |pod: &&mut Pod| pod.phase == Phase::Creating && pod.attempt == attempt;
        let Some(pod) = self.pod_mut(uid).filter(current) else { return };
        pod.phase = Phase::Running;
        pod.started = now;
        pod.starts += 1;
        pod.event = true;
        let name = pod.name;
        self.dirty = true;
        self.tell_pod("pod_started", name, &[("reason", "Started".into())]);
        let spec = &self.spec.deployments[name.deployment];
        let (size, timeout) = (spec.size, spec.startup.rendezvous_timeout);
        // A leader that workers wait for cannot be probed for an engine that waits for them.
        let alone = spec.leader_ready && size > 1;
        let probe = spec.probe;
        if name.worker > 0 {
            self.pod_ready(uid);
        } else if alone {
            self.timers.set(probe.ready_at(now, now), Timer::PodProbed(uid, attempt));
        }
        if size > 1 {
            self.timers.set(now + timeout, Timer::RendezvousTimeout(uid, attempt));
        }
        self.join(name.deployment, name.group, name.worker == 0);
        self.stage_reached(name.deployment, name.group, StartStage::Container, |pod| {
            pod.phase == Phase::Running
        });
        self.try_rendezvous(name.deployment, name.group);
    }

    fn pod_ready(&mut self, uid: u64) {
        let Some(pod) = self.pod_mut(uid) else { return };
        if !std::mem::replace(&mut pod.ready, true) {
            pod.event = true;
            let name = pod.name;
            self.dirty = true;
            self.tell_pod("pod_ready", name, &[]);
        }
    }

    pub(super) fn pod_probed(&mut self, uid: u64, attempt: u32) {
        if self.pod(uid).is_some_and(|pod| pod.phase == Phase::Running && pod.attempt == attempt) {
            self.pod_ready(uid);
        }
    }

    /// Notes that a stage of a start is over once every pod of the group is past it.
    pub(super) fn stage_reached(
        &mut self,
        deployment: usize,
        group: u32,
        stage: StartStage,
        past: impl Fn(&Pod) -> bool,
    ) {
        let now = self.now;
        let this = self.group_mut(deployment, group);
        if this.complete().is_some_and(|pods| pods.into_iter().all(past)) {
            this.boot.end(stage, now);
        }
    }

    /// The processes find each other as soon as all containers run.
    fn try_rendezvous(&mut self, deployment: usize, group: u32) {
        let now = self.now;
        let this = self.group(deployment, group);
        let up = |pod: &&Pod| pod.phase == Phase::Running && !pod.terminating() && self.runs(pod);
        let all = this.complete().is_some_and(|pods| pods.iter().all(up));
        if this.engine.stage != Stage::Waiting || !all {
            return;
        }
        self.runs += 1;
        let run = self.runs;
        let takes = self.spec.deployments[deployment].startup.distributed_init;
        let engine = &mut self.group_mut(deployment, group).engine;
        (engine.run, engine.stage, engine.due) = (run, Stage::Initialising, false);
        self.tell_pod("pod_initialising", PodName { deployment, group, worker: 0 }, &[]);
        self.timers.set(now + takes, Timer::Initialised(run));
    }

    /// The pods a container looks for did not come: it exits (`multi-node-serving.sh` of vLLM's examples, 60 tries 5 s
    /// apart). A worker that has joined the head of a Ray cluster waits for nothing any more.
    pub(super) fn rendezvous_timed_out(&mut self, uid: u64, attempt: u32) {
        let waiting = |pod: &&Pod| pod.phase == Phase::Running && pod.attempt == attempt && !pod.joined;
        let Some(name) = self.pod(uid).filter(waiting).map(|pod| pod.name) else { return };
        if self.group(name.deployment, name.group).engine.stage == Stage::Waiting {
            if let Some(pod) = self.pod_mut(uid) {
                pod.cause.get_or_insert(Cause::Rendezvous);
            }
            self.tell_pod("pod_unready", name, &[("reason", "RendezvousTimeout".into())]);
            self.container_exits(uid);
        }
    }

    /// The group whose engine is in that run.
    pub(super) fn running(&self, run: u64) -> Option<(usize, u32)> {
        for (index, deployment) in self.deployments.iter().enumerate() {
            let found = deployment.groups.iter().position(|group| group.engine.run == run);
            if let Some(group) = found {
                return (deployment.groups[group].engine.stage != Stage::Waiting)
                    .then_some((index, group as u32));
            }
        }
        None
    }

    /// The group of that run, if it is in `stage` and works. One that stands still goes on when it does again.
    fn in_stage(&mut self, run: u64, stage: Stage) -> Option<(usize, u32)> {
        let (deployment, group) = self.running(run)?;
        let engine = &mut self.group_mut(deployment, group).engine;
        let works = engine.holds.is_empty();
        engine.due |= engine.stage == stage && !works;
        (engine.stage == stage && works).then_some((deployment, group))
    }

    pub(super) fn initialised(&mut self, run: u64) {
        let Some((deployment, group)) = self.in_stage(run, Stage::Initialising) else { return };
        if self.network_left(deployment, group) == 0.0 {
            let timeout = self.spec.control_plane.rpc_timeout;
            self.freeze(deployment, group, Cause::Nic, true, Some(timeout));
            self.group_mut(deployment, group).engine.due = true;
            return;
        }
        if self.has_broken_gpu(deployment, group) {
            self.break_engine(deployment, group, Some(Cause::Gpu));
            return;
        }
        let now = self.now;
        let spec = &self.spec.deployments[deployment];
        let (pool, stated) = (spec.pool, spec.startup.weight_load);
        let (fresh, kept) = (spec.bytes_per_pod.clone(), spec.cached_bytes_per_pod.clone());
        let this = self.group_mut(deployment, group);
        this.boot.end(StartStage::Rendezvous, now);
        let pods: Vec<(u64, PodName, usize)> =
            this.members().filter_map(|pod| Some((pod.uid, pod.name, pod.node?))).collect();
        this.engine.stage = Stage::Loading;
        this.engine.loading = pods.iter().map(|(uid, ..)| *uid).collect();
        for (uid, name, node) in pods {
            let cached = self.nodes[node].weights.contains(&deployment);
            if let Some(takes) = stated {
                self.timers.set(now + takes, Timer::Loaded(uid, run));
            } else {
                let index = self.nodes[node].index;
                let bytes = if cached { &kept } else { &fresh };
                self.loads.start(now, uid, pool, index, bytes[name.worker as usize] as f64, cached);
            }
            self.tell_pod("pod_loading", name, &[("cached", cached.into())]);
        }
    }

    /// Whether a pod of a group still has a GPU that fell off the bus: its process finds no device.
    fn has_broken_gpu(&self, deployment: usize, group: u32) -> bool {
        let broken = |pod: &Pod| {
            let gpus = pod.node.map(|node| self.nodes[node].gpus.iter());
            gpus.into_iter().flatten().any(|gpu| gpu.broken && gpu.pod == Some(pod.uid))
        };
        self.group(deployment, group).members().any(broken)
    }

    pub(super) fn loaded_in(&mut self, uid: u64, run: u64) {
        let name = self.pods.get(&uid).copied();
        if name.is_some_and(|name| self.group(name.deployment, name.group).engine.run == run) {
            self.loaded(uid);
        }
    }

    pub(super) fn loaded(&mut self, uid: u64) {
        let now = self.now;
        let Some(pod) = self.pod(uid).filter(|pod| self.runs(pod)) else { return };
        let (name, node) = (pod.name, pod.node.expect("weights are loaded on a node"));
        if self.spec.pools[self.nodes[node].pool].storage.cache {
            self.nodes[node].weights.insert(name.deployment);
        }
        let this = self.group_mut(name.deployment, name.group);
        this.engine.loading.remove(&uid);
        if this.engine.stage != Stage::Loading || !this.engine.loading.is_empty() {
            return;
        }
        this.engine.stage = Stage::Compiling;
        this.boot.end(StartStage::WeightLoad, now);
        let run = this.engine.run;
        let warm = self.is_compiled(name.deployment, name.group);
        let times = &self.spec.deployments[name.deployment].startup;
        let takes = if warm { times.compile_warm } else { times.compile_cold };
        self.timers.set(now + takes, Timer::Compiled(run));
        if takes > SimDuration::ZERO {
            let leader = PodName { worker: 0, ..name };
            self.tell_pod("pod_compiling", leader, &[("cached", warm.into())]);
        }
    }

    /// Whether the compiled model is found wherever the group needs it.
    fn is_compiled(&self, deployment: usize, group: u32) -> bool {
        match self.spec.deployments[deployment].compile_cache {
            CompileCacheArg::None => false,
            CompileCacheArg::Volume => self.deployments[deployment].compiled,
            CompileCacheArg::Node => self
                .group(deployment, group)
                .members()
                .all(|pod| pod.node.is_some_and(|node| self.nodes[node].compiled.contains(&deployment))),
        }
    }

    pub(super) fn compiled(&mut self, run: u64) {
        let Some((deployment, group)) = self.in_stage(run, Stage::Compiling) else { return };
        let now = self.now;
        self.deployments[deployment].compiled = true;
        for node in self.nodes_of(deployment, group) {
            self.nodes[node].compiled.insert(deployment);
        }
        let takes = self.spec.deployments[deployment].startup.graph_capture;
        let this = self.group_mut(deployment, group);
        this.engine.stage = Stage::Capturing;
        this.boot.end(StartStage::Compile, now);
        self.timers.set(now + takes, Timer::Captured(run));
        self.tell_pod("pod_capturing", PodName { deployment, group, worker: 0 }, &[]);
    }

    pub(super) fn captured(&mut self, run: u64) {
        let Some((deployment, group)) = self.in_stage(run, Stage::Capturing) else { return };
        let now = self.now;
        let probe = self.spec.deployments[deployment].probe;
        let this = self.group_mut(deployment, group);
        this.boot.end(StartStage::GraphCapture, now);
        let started = this.leader().expect("an engine has a leader").started;
        self.timers.set(probe.ready_at(started, now), Timer::Probed(run));
        self.tell_pod("pod_serving", PodName { deployment, group, worker: 0 }, &[]);
        self.serve(deployment, group);
    }

    /// The engine takes requests.
    pub(super) fn serve(&mut self, deployment: usize, group: u32) {
        let network = self.network_left(deployment, group);
        let nodes = self.nodes_of(deployment, group);
        self.group_mut(deployment, group).engine.stage = Stage::Serving;
        self.dirty = true;
        let slot = self.slot(deployment, group);
        self.changes.push(Change::EngineUp { slot, nodes, network });
    }

    pub(super) fn probed(&mut self, run: u64) {
        let Some((deployment, group)) = self.running(run) else { return };
        let this = self.group(deployment, group);
        let leader = this.leader().filter(|_| this.engine.stage == Stage::Serving);
        if let Some(uid) = leader.map(|leader| leader.uid) {
            self.pod_ready(uid);
        }
    }

    /// Node of each pod of a group, the leader's first.
    pub(super) fn nodes_of(&self, deployment: usize, group: u32) -> Vec<usize> {
        self.group(deployment, group).members().filter_map(|pod| pod.node).collect()
    }

    /// What is left of the bandwidth between a group's nodes; all of it where there is but one.
    pub(super) fn network_left(&self, deployment: usize, group: u32) -> f64 {
        let nodes = self.nodes_of(deployment, group);
        if nodes.iter().all(|node| *node == nodes[0]) {
            return 1.0;
        }
        nodes.iter().map(|node| self.nodes[*node].network).fold(1.0, f64::min)
    }

    /// When survivors notice that the engine of a group lost a node: Ray's health checks and monitor, or vLLM's time-out.
    pub(super) fn loss_noticed_after(&self, deployment: usize, leader_lost: bool) -> SimDuration {
        let facts = &self.spec.control_plane;
        match (self.spec.deployments[deployment].rendezvous, leader_lost) {
            (Rendezvous::Ray, true) => facts.ray_head_loss,
            (Rendezvous::Ray, false) => facts.ray_node_death + facts.ray_monitor_period,
            (Rendezvous::Mp | Rendezvous::None, _) => facts.rpc_timeout,
        }
    }
}
