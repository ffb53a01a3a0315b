//! A cluster as a state machine: nodes, `LeaderWorkerSet`s, their pods and engines, and the controllers that look after them.
//!
//! Life cycle: [`Cluster::new`] with what the file asks for; then whoever owns the clock asks [`Cluster::next`], lets the
//! cluster [`Cluster::advance`] to that time, and puts in [`Action`]s in between. Either returns the [`Change`]s that others
//! must act on. [`Cluster::close`] ends the books, [`Cluster::account`] reads them.
//!
//! Objects are those of Kubernetes. After all that happens at one instant the controllers run until none of them has
//! anything to do: the LeaderWorkerSet controller, the StatefulSet controllers, garbage collection, the scheduler, the
//! cluster autoscaler. What takes time in the real cluster is a [`Timer`]; what takes milliseconds there takes none here.
//!
//! Limits: controllers answer at once; a group has one engine, which is one fate; images are pulled at a constant rate.

mod account;
mod action;
mod audit;
mod binding;
mod boot;
mod change;
mod controllers;
mod drains;
mod evictions;
mod faults;
mod group;
mod machines;
mod node;
mod pod;
mod processes;
mod scaling;
mod spec;
mod teardown;
mod timer;
mod unplaced;
mod upgrade;
mod uses;
mod watch;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::{
    group::Group,
    node::{Node, NodeState},
    pod::Pod,
    timer::{Timer, Timers},
    upgrade::Upgrade,
};
use super::{LeaderStatefulSet, Loads, LwsStatus, Revision, pod_name};
use crate::random::RandomStream;
use crate::units::SimTime;

pub use account::{Account, Downtime, NodeHours, Recovery, Start, StartStage};
pub use action::{Action, Cause, PodName};
pub use change::{Change, ClusterEvent};
pub use spec::{
    CapacityWait, ClusterSpec, ClusterStart, DeploymentSpec, OnSigterm, PoolSpec, Probe, UpgradeSpec,
    UpgradeStrategy,
};
pub use unplaced::Unplaced;

/// One LeaderWorkerSet and what it has made.
#[derive(Clone, Debug)]
struct Deployment {
    /// `spec.replicas`.
    replicas: u32,
    /// The template that is asked for.
    template: Revision,
    /// The revision that the leaders' StatefulSet calls current.
    current: Revision,
    leaders: Option<LeaderStatefulSet>,
    status: LwsStatus,
    groups: Vec<Group>,
    /// A model of it has been compiled somewhere.
    compiled: bool,
    /// Index of its first group over all deployments.
    first_slot: usize,
}

/// A leader pod, from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderState {
    /// Its probe succeeds.
    pub ready: bool,
    /// None of its containers has started yet.
    pub pending: bool,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub struct Cluster {
    spec: ClusterSpec,
    now: SimTime,
    nodes: Vec<Node>,
    /// Index of the first node of each pool.
    first_node: Vec<usize>,
    deployments: Vec<Deployment>,
    /// Pods that exist, by uid.
    pods: BTreeMap<u64, PodName>,
    timers: Timers,
    loads: Loads,
    uids: u64,
    runs: u64,
    /// Something changed that a controller may have to answer.
    dirty: bool,
    changes: Vec<Change>,
    account: Account,
    upgrades: Vec<Option<Upgrade>>,
    /// Before this no further node is tainted for eviction.
    next_taint: SimTime,
    /// One a node, for the wait for its machine.
    waits: Vec<RandomStream>,
}

impl Cluster {
    /// The cluster at time 0, and what there is to tell about it.
    ///
    /// # Errors
    /// If a pod is larger than a node, or groups that are to be ready from the start do not fit onto the nodes.
    pub fn new(spec: ClusterSpec) -> Result<(Self, Vec<Change>), Unplaced> {
        let mut cluster = Self::empty(spec);
        cluster.begin()?;
        let changes = std::mem::take(&mut cluster.changes);
        Ok((cluster, changes))
    }

    fn empty(spec: ClusterSpec) -> Self {
        let mut nodes = Vec::new();
        let mut first_node = Vec::new();
        let mut sub_blocks = 0;
        for (index, pool) in spec.pools.iter().enumerate() {
            first_node.push(nodes.len());
            for number in 0..pool.slots() {
                // Nodes are dealt over blocks, and those of a block over its sub-blocks.
                let block = number % pool.blocks;
                let sub_block = block * pool.sub_blocks + number / pool.blocks % pool.sub_blocks;
                let name = format!("{}-{number}", pool.name);
                nodes.push(Node::new(name, index, number, pool.gpus, block, sub_blocks + sub_block));
            }
            sub_blocks += pool.blocks * pool.sub_blocks;
        }
        let mut first_slot = 0;
        let deployments = spec.deployments.iter().map(|deployment| {
            let slot = first_slot;
            first_slot += deployment.slots as usize;
            Deployment {
                replicas: deployment.replicas,
                template: Revision(1),
                current: Revision(1),
                leaders: None,
                status: LwsStatus::default(),
                groups: vec![Group::new(deployment.size); deployment.slots as usize],
                compiled: false,
                first_slot: slot,
            }
        });
        let loads: Vec<_> = spec.pools.iter().map(|pool| (&pool.storage, pool.slots())).collect();
        let seed = spec.seed;
        let wait = |node: usize| RandomStream::new(seed, "cluster/capacity", node as u32);
        Self {
            now: SimTime::ZERO,
            first_node,
            deployments: deployments.collect(),
            pods: BTreeMap::new(),
            timers: Timers::default(),
            loads: Loads::new(&loads),
            uids: 0,
            runs: 0,
            dirty: true,
            changes: Vec::new(),
            account: Account::new(nodes.len()),
            upgrades: vec![None; spec.pools.len()],
            next_taint: SimTime::ZERO,
            waits: (0..nodes.len()).map(wait).collect(),
            nodes,
            spec,
        }
    }

    /// When something happens by itself, at the earliest.
    pub fn next(&self) -> Option<SimTime> {
        [self.timers.next(), self.loads.next()].into_iter().flatten().min()
    }

    /// Lets everything happen that is due at `now`, which must not lie behind [`Self::next`].
    pub fn advance(&mut self, now: SimTime) -> Vec<Change> {
        self.pass(now);
        for pod in self.loads.advance(now) {
            self.loaded(pod);
        }
        loop {
            while let Some(timer) = self.timers.due(now) {
                self.happen(timer);
            }
            self.settle();
            if self.timers.next().is_none_or(|next| next > now) {
                break;
            }
        }
        std::mem::take(&mut self.changes)
    }

    /// Puts in `action` at `now`.
    pub fn act(&mut self, now: SimTime, action: Action) -> Vec<Change> {
        self.pass(now);
        self.apply(action);
        self.settle();
        std::mem::take(&mut self.changes)
    }

    /// The last request of an engine that is draining has ended.
    pub fn drained(&mut self, now: SimTime, slot: usize) -> Vec<Change> {
        self.pass(now);
        let (deployment, group) = self.locate(slot);
        if let Some(leader) = self.group(deployment, group).leader()
            && leader.terminating()
        {
            self.stop_pod(leader.uid);
        }
        self.settle();
        std::mem::take(&mut self.changes)
    }

    /// Ends the books at `now`.
    pub fn close(&mut self, now: SimTime) {
        self.pass(now);
    }

    /// The books.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Nodes that can exist, over all pools in file order.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Groups that can exist, over all deployments.
    pub fn slots(&self) -> usize {
        self.deployments.iter().map(|deployment| deployment.groups.len()).sum()
    }

    /// Whether a group has a pod.
    pub fn exists(&self, slot: usize) -> bool {
        let (deployment, group) = self.locate(slot);
        self.group(deployment, group).leader().is_some()
    }

    /// Node of each pod of a group, leader first; none unless every pod has one.
    pub fn nodes_of_slot(&self, slot: usize) -> Option<Vec<usize>> {
        let (deployment, group) = self.locate(slot);
        let group = self.deployments[deployment].groups.get(group as usize)?;
        group.complete()?.into_iter().map(|pod| pod.node).collect()
    }

    /// Whether a group that was ready is away since something happened to it.
    pub fn has_outage(&self) -> bool {
        self.deployments.iter().flat_map(|deployment| &deployment.groups).any(|group| group.outage.is_some())
    }

    /// A group's leader, as an autoscaler sees it; none while it terminates.
    pub fn leader(&self, slot: usize) -> Option<LeaderState> {
        let (deployment, group) = self.locate(slot);
        let leader = self.group(deployment, group).leader().filter(|leader| !leader.terminating())?;
        Some(LeaderState { ready: leader.ready, pending: leader.is_pending() })
    }

    /// `spec.replicas` of a deployment.
    pub fn replicas(&self, deployment: usize) -> u32 {
        self.deployments[deployment].replicas
    }

    fn pass(&mut self, now: SimTime) {
        assert!(now >= self.now, "simulated time went back");
        self.account.pass(now);
        self.now = now;
    }

    fn happen(&mut self, timer: Timer) {
        match timer {
            Timer::Pulled(pod, attempt) => self.pulled(pod, attempt),
            Timer::Started(pod, attempt) => self.started(pod, attempt),
            Timer::Restart(pod, attempt) => self.restart(pod, attempt),
            Timer::RendezvousTimeout(pod, attempt) => self.rendezvous_timed_out(pod, attempt),
            Timer::PodProbed(pod, attempt) => self.pod_probed(pod, attempt),
            Timer::HeadLost(pod, attempt) => self.head_lost(pod, attempt),
            Timer::Loaded(pod, run) => self.loaded_in(pod, run),
            Timer::Stopped(pod) => self.stop_pod(pod),
            Timer::Drain(pod) => self.drain_pod(pod),
            Timer::Evict(pod, of) => self.evict_for_taint(pod, of),
            Timer::EvictRetry(pod) => self.evict(pod),
            Timer::Initialised(run) => self.initialised(run),
            Timer::Compiled(run) => self.compiled(run),
            Timer::Captured(run) => self.captured(run),
            Timer::Probed(run) => self.probed(run),
            Timer::Detected(run) => self.detected(run),
            Timer::NodeFound(node, of) => self.node_found(node, of),
            Timer::NodeReady(node, of) => self.node_ready(node, of),
            Timer::NodeNotReady(node, of) => self.node_not_ready(node, of),
            Timer::NodeTaint(node, of) => self.node_taint(node, of),
            Timer::OutOfService(node, of) => self.collect_out_of_service(node, of),
            Timer::NodeRepair(node, of) => self.node_repair(node, of),
            Timer::NodeBack(node, of) => self.node_back(node, of),
            Timer::Orphans(node, of) => self.collect_orphans(node, of),
            Timer::NodeEnds(node, machine) => self.node_ends(node, machine),
            Timer::NodeStops(node, machine, away) => self.node_stops(node, machine, away),
            Timer::NodeExpires(node, machine) => self.node_expires(node, machine),
            Timer::NodeUnneeded(node, machine) => self.node_unneeded(node, machine),
            Timer::GpuBack(node, gpu, of) => self.gpu_back(node, gpu, of),
            Timer::LinkBack(node, of) => self.link_back(node, of),
            Timer::DrainRetry(node, of) => self.drain_again(node, of),
            Timer::WindowOpens(pool) => self.window_opens(pool),
            Timer::WindowEnds(pool) => self.window_ends(pool),
            Timer::WindowCloses(pool) => self.window_closes(pool),
            Timer::Soaked(pool, lane) => self.soaked(pool, lane),
        }
    }

    /// Runs the controllers until none has anything to do.
    fn settle(&mut self) {
        let mut rounds = 0;
        while std::mem::take(&mut self.dirty) {
            rounds += 1;
            assert!(rounds < 10_000, "the controllers do not come to rest");
            for deployment in 0..self.deployments.len() {
                self.reconcile(deployment);
            }
            self.collect_garbage();
            self.bind_pods();
            self.scale_pools();
            self.go_on_with_upgrades();
            self.watch_groups();
        }
        if cfg!(debug_assertions) {
            self.audit();
        }
    }

    fn group(&self, deployment: usize, group: u32) -> &Group {
        &self.deployments[deployment].groups[group as usize]
    }

    fn group_mut(&mut self, deployment: usize, group: u32) -> &mut Group {
        &mut self.deployments[deployment].groups[group as usize]
    }

    fn locate(&self, slot: usize) -> (usize, u32) {
        let behind = self.deployments.iter().rposition(|deployment| deployment.first_slot <= slot);
        let deployment = behind.expect("the first group has number 0");
        (deployment, (slot - self.deployments[deployment].first_slot) as u32)
    }

    fn slot(&self, deployment: usize, group: u32) -> usize {
        self.deployments[deployment].first_slot + group as usize
    }

    /// The pod of that uid, while its object exists.
    fn pod(&self, uid: u64) -> Option<&Pod> {
        let name = self.pods.get(&uid)?;
        self.group(name.deployment, name.group).pods[name.worker as usize].as_ref()
    }

    fn pod_mut(&mut self, uid: u64) -> Option<&mut Pod> {
        let name = *self.pods.get(&uid)?;
        self.group_mut(name.deployment, name.group).pods[name.worker as usize].as_mut()
    }

    /// The pod of that name, if there is one.
    fn named(&self, name: PodName) -> Option<&Pod> {
        self.group(name.deployment, name.group).pods.get(name.worker as usize)?.as_ref()
    }

    fn pods_on(&self, node: usize) -> Vec<u64> {
        let on = |uid: &&u64| self.pod(**uid).is_some_and(|pod| pod.node == Some(node));
        self.pods.keys().filter(on).copied().collect()
    }

    fn pod_title(&self, name: PodName) -> String {
        pod_name(&self.spec.deployments[name.deployment].name, name.group, name.worker)
    }

    fn group_title(&self, deployment: usize, group: u32) -> String {
        pod_name(&self.spec.deployments[deployment].name, group, 0)
    }

    /// Notes a line of `events.jsonl`.
    fn tell(&mut self, kind: &'static str, object: String, fields: &[(&str, Value)]) {
        let fields: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.changes.push(Change::Event(ClusterEvent { at: self.now, kind, object, fields }));
    }

    fn tell_node(&mut self, kind: &'static str, node: usize, fields: &[(&str, Value)]) {
        self.tell(kind, self.nodes[node].name.clone(), fields);
    }

    fn tell_pod(&mut self, kind: &'static str, name: PodName, fields: &[(&str, Value)]) {
        self.tell(kind, self.pod_title(name), fields);
    }

    /// Whether containers run where this pod is.
    fn runs(&self, pod: &Pod) -> bool {
        pod.node.is_some_and(|node| self.nodes[node].state == NodeState::Ready)
    }
}
