//! A laboratory for one cluster: short specs with round times, and invariants that are looked at after every change.

use std::collections::BTreeMap;

use towtank::{
    catalog::Catalog,
    hardware::{Storage, StorageKind},
    kubernetes::{
        Account, Action, CapacityWait, Cause, Change, Cluster, ClusterEvent, ClusterSpec, ClusterStart,
        CompileCacheArg, ControlPlane, DefaultTolerations, DeleteRaceArg, DeploymentSpec, MaxUnavailableGate,
        NodeHours, OnSigterm, PodName, PoolSpec, Probe, Rendezvous, RestartPolicy, RollingUpdate,
        StartupTimes, UpgradeSpec, UpgradeStrategy,
    },
    units::{SimDuration, SimTime, Version},
};

/// Times of something that does not happen.
pub(crate) const NEVER: [f64; 0] = [];
pub(crate) const NODE_READY_S: u64 = 100;

pub(crate) fn seconds(s: u64) -> SimDuration {
    SimDuration::from_secs(s)
}

pub(crate) fn at(s: u64) -> SimTime {
    SimTime::ZERO + seconds(s)
}

/// Facts of that release of Kubernetes.
pub(crate) fn facts(minor: u16) -> ControlPlane {
    ControlPlane::read(&Catalog::builtin(), Version::new(1, minor, 0)).unwrap()
}

/// A pool `n` of so many nodes with eight GPUs each, that are not repaired by themselves.
pub(crate) fn pool(nodes: u32) -> PoolSpec {
    PoolSpec {
        name: "n".into(),
        min: nodes,
        max: nodes,
        gpus: 8,
        blocks: 1,
        sub_blocks: 1,
        storage: Storage {
            kind: StorageKind::HyperdiskMl,
            volume: None,
            per_node: 1e9,
            cached_per_node: 1e10,
            cache: false,
            latency: SimDuration::ZERO,
        },
        wait: CapacityWait::default(),
        node_ready: seconds(NODE_READY_S),
        lifetime: None,
        window: None,
        spot: false,
        one_network: false,
        repair_after: None,
        upgrade: UpgradeSpec {
            strategy: UpgradeStrategy::Surge,
            max_surge: 1,
            max_unavailable: 0,
            soak: SimDuration::ZERO,
        },
        surge_nodes: 1,
    }
}

/// `m`: so many groups of so many pods that fill a node each, over Ray, whose shell swallows SIGTERM (30 s of grace). An
/// image takes 50 s and 1 s where it is, a container 5 s, the engine 10 + 20 + 40 + 8 s; the leader is probed at 15, 25, ... s.
pub(crate) fn deployment(replicas: u32, size: u32) -> DeploymentSpec {
    let mut tolerations = Vec::new();
    DefaultTolerations::read(&Catalog::builtin()).unwrap().admit(&mut tolerations);
    DeploymentSpec {
        name: "m".into(),
        pool: 0,
        replicas,
        slots: 2 * replicas.max(2),
        size,
        gpus_per_pod: 8,
        strategy: RollingUpdate::default(),
        restart_policy: RestartPolicy::RecreateGroupOnPodRestart,
        leader_ready: false,
        exclusive: None,
        subgroup_exclusive: None,
        subgroups: None,
        tolerations,
        grace: seconds(30),
        pre_stop: SimDuration::ZERO,
        on_sigterm: OnSigterm::Ignored,
        probe: Probe { initial_delay: seconds(15), period: seconds(10), successes: 1 },
        budget: None,
        rendezvous: if size == 1 { Rendezvous::None } else { Rendezvous::Ray },
        startup: StartupTimes {
            node_ready: seconds(NODE_READY_S),
            image_pull: seconds(50),
            image_cached: seconds(1),
            container_start: seconds(5),
            distributed_init: seconds(10),
            rendezvous_timeout: seconds(300),
            weight_load: Some(seconds(20)),
            compile_cold: seconds(40),
            compile_warm: seconds(4),
            graph_capture: seconds(8),
        },
        bytes_per_pod: vec![20_000_000_000; size as usize],
        cached_bytes_per_pod: vec![20_000_000_000; size as usize],
        compile_cache: CompileCacheArg::Volume,
    }
}

/// So many nodes and so many groups on them, everything ready from the start.
pub(crate) fn spec(nodes: u32, replicas: u32, size: u32) -> ClusterSpec {
    ClusterSpec {
        seed: 1,
        control_plane: facts(34),
        gate: MaxUnavailableGate::Off,
        gang_scheduling: false,
        delete_race: DeleteRaceArg::Ideal,
        start: ClusterStart::Warm,
        pools: vec![pool(nodes)],
        deployments: vec![deployment(replicas, size)],
    }
}

pub(crate) fn pod(group: u32, worker: u32) -> PodName {
    PodName { deployment: 0, group, worker }
}

pub(crate) fn lose(node: usize) -> Action {
    Action::LoseNode { node, repair: None, cause: Cause::Node }
}

/// Every node comes with the image.
pub(crate) fn preload(spec: &mut ClusterSpec) {
    for deployment in &mut spec.deployments {
        deployment.startup.image_pull = deployment.startup.image_cached;
    }
}

pub(crate) fn lose_for(node: usize, s: u64) -> Action {
    Action::LoseNode { node, repair: Some(seconds(s)), cause: Cause::Node }
}

/// What a group's engine is at, as its changes tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Engine {
    up: bool,
    frozen: bool,
    endpoint: bool,
}

/// A cluster and everything it said.
#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) cluster: Cluster,
    pub(crate) now: SimTime,
    pub(crate) changes: Vec<(SimTime, Change)>,
    engines: BTreeMap<usize, Engine>,
}

impl Lab {
    pub(crate) fn new(spec: ClusterSpec) -> Self {
        let (cluster, changes) = Cluster::new(spec).unwrap();
        let mut lab = Self { cluster, now: SimTime::ZERO, changes: Vec::new(), engines: BTreeMap::new() };
        lab.take(changes);
        lab
    }

    /// Lets time pass until then, that instant included.
    pub(crate) fn run(&mut self, s: u64) -> &mut Self {
        self.run_to(at(s))
    }

    pub(crate) fn run_to(&mut self, until: SimTime) -> &mut Self {
        while let Some(next) = self.cluster.next().filter(|next| *next <= until) {
            assert!(next >= self.now, "the cluster asks for the past");
            self.now = next;
            let changes = self.cluster.advance(next);
            self.take(changes);
        }
        self.now = until;
        self
    }

    /// Puts in an action at that time.
    pub(crate) fn act(&mut self, s: u64, action: Action) -> &mut Self {
        self.act_at(at(s), action)
    }

    pub(crate) fn act_at(&mut self, time: SimTime, action: Action) -> &mut Self {
        self.run_to(time);
        let changes = self.cluster.act(time, action);
        self.take(changes);
        self
    }

    pub(crate) fn drained(&mut self, s: u64, slot: usize) -> &mut Self {
        self.run(s);
        let changes = self.cluster.drained(at(s), slot);
        self.take(changes);
        self
    }

    /// An engine comes up once and goes down once, and stands still only in between.
    fn take(&mut self, changes: Vec<Change>) {
        for change in changes {
            match &change {
                Change::Event(event) => assert_eq!(event.at, self.now, "{event:?} is told late"),
                Change::EngineUp { slot, nodes, network } => {
                    let engine = self.engines.entry(*slot).or_default();
                    assert!(!std::mem::replace(&mut engine.up, true), "two engines in slot {slot}");
                    assert!(!nodes.is_empty() && *network > 0.0);
                }
                Change::EngineDown { slot } => {
                    let engine = self.engines.entry(*slot).or_default();
                    assert!(std::mem::take(&mut engine.up), "no engine ends in slot {slot}");
                    engine.frozen = false;
                }
                Change::EngineFrozen { slot } => {
                    let engine = self.engines.entry(*slot).or_default();
                    assert!(engine.up && !engine.frozen, "{engine:?} freezes");
                    engine.frozen = true;
                }
                Change::EngineThawed { slot } => {
                    let engine = self.engines.entry(*slot).or_default();
                    assert!(engine.up && engine.frozen, "{engine:?} thaws");
                    engine.frozen = false;
                }
                Change::Endpoint { slot, ready } => {
                    let engine = self.engines.entry(*slot).or_default();
                    assert_ne!(engine.endpoint, *ready, "slot {slot} is told twice");
                    engine.endpoint = *ready;
                }
                Change::EngineDraining { slot } | Change::Network { slot, .. } => {
                    assert!(self.engines[slot].up, "there is no engine in slot {slot}");
                }
            }
            self.changes.push((self.now, change));
        }
    }

    /// Whether requests can be sent to a group, and are answered.
    pub(crate) fn serves(&self, slot: usize) -> bool {
        let engine = self.engines.get(&slot).copied().unwrap_or_default();
        engine == Engine { up: true, frozen: false, endpoint: true }
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &ClusterEvent> {
        self.changes.iter().filter_map(|(_, change)| match change {
            Change::Event(event) => Some(event),
            _ => None,
        })
    }

    /// When something was told of an object [s].
    pub(crate) fn times(&self, kind: &str, object: &str) -> Vec<f64> {
        let told = self.events().filter(|event| event.kind == kind && event.object == object);
        told.map(|event| event.at.as_secs_f64()).collect()
    }

    /// The only time, from then on.
    #[track_caller]
    pub(crate) fn time_after(&self, from: u64, kind: &str, object: &str) -> f64 {
        let times = self.times(kind, object);
        let first = times.iter().copied().find(|time| *time >= from as f64);
        first.unwrap_or_else(|| {
            panic!("no {kind} of {object} after {from} s: {times:?}\n{}", self.story(from))
        })
    }

    /// Everything that was told from then on, for whoever must find out why a test failed.
    pub(crate) fn story(&self, from: u64) -> String {
        let told =
            self.changes.iter().filter(|(time, _)| *time >= at(from)).map(|(time, change)| match change {
                Change::Event(event) => {
                    let fields: Vec<String> = event.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
                    format!("{:9.1} {} {} {}", time.as_secs_f64(), event.kind, event.object, fields.join(" "))
                }
                other => format!("{:9.1} {other:?}", time.as_secs_f64()),
            });
        told.collect::<Vec<_>>().join("\n")
    }

    /// (partition, replicas) as written to the leaders' StatefulSet, from then on.
    pub(crate) fn written(&self, from: u64) -> Vec<(u64, u64)> {
        let told = self.events().filter(|event| event.kind == "leader_statefulset" && event.at >= at(from));
        told.map(|event| {
            let number = |field: &str| event.fields[field].as_u64().unwrap();
            (number("partition"), number("replicas"))
        })
        .collect()
    }

    /// Times of changes of one sort, from then on [s].
    pub(crate) fn changed(&self, from: u64, which: impl Fn(&Change) -> bool) -> Vec<f64> {
        let found = self.changes.iter().filter(|(time, change)| *time >= at(from) && which(change));
        found.map(|(time, _)| time.as_secs_f64()).collect()
    }

    pub(crate) fn downs(&self, slot: usize) -> Vec<f64> {
        self.changed(0, |change| *change == Change::EngineDown { slot })
    }

    pub(crate) fn ups(&self, slot: usize) -> Vec<f64> {
        self.changed(1, |change| matches!(change, Change::EngineUp { slot: up, .. } if *up == slot))
    }

    /// Ends the books, and holds them against what was told.
    pub(crate) fn close(&mut self, s: u64) -> &Account {
        self.run(s);
        self.cluster.close(at(s));
        let account = self.cluster.account();
        let end = account.end();
        assert_eq!(end, at(s));
        for start in account.starts() {
            let boot: SimDuration = start.stages.iter().copied().sum();
            if let Some(recovery) = start.recovery {
                assert_eq!(
                    recovery.detection + recovery.termination + boot,
                    start.ready - recovery.fault,
                    "the stages of {start:?} are not its recovery"
                );
            }
        }
        for hours in account.hours() {
            assert!(hours.paid() <= end - SimTime::ZERO, "a node was paid for twice");
        }
        account
    }

    /// Paid time of all nodes together [s].
    pub(crate) fn paid(&self) -> f64 {
        self.cluster.account().hours().iter().map(|hours| hours.paid().as_secs_f64()).sum()
    }

    pub(crate) fn hours(&self, node: usize) -> NodeHours {
        self.cluster.account().hours()[node]
    }

    pub(crate) fn node_of(&self, slot: usize) -> Option<Vec<usize>> {
        self.cluster.nodes_of_slot(slot)
    }
}
