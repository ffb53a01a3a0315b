//! What a cluster is made of and what runs on it, every default filled in.

use crate::hardware::Storage;
use crate::kubernetes::{
    CompileCacheArg, ControlPlane, DeleteRaceArg, DisruptionBudget, MaxUnavailableGate, Rendezvous,
    RestartPolicy, RollingUpdate, StartupTimes, SubGroupType, Toleration, TopologyKey,
};
use crate::units::{SimDuration, SimTime};

/// One cluster: nodes, deployments, and how its controllers behave.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Seed of the waits for capacity.
    pub seed: u64,
    /// Time-outs and periods.
    pub control_plane: ControlPlane,
    /// How many leaders a StatefulSet replaces at once.
    pub gate: MaxUnavailableGate,
    /// Pods of a group are bound together or not at all.
    pub gang_scheduling: bool,
    /// Whether the controller can miss a deletion.
    pub delete_race: DeleteRaceArg,
    /// What is there at the start.
    pub start: ClusterStart,
    /// Nodes.
    pub pools: Vec<PoolSpec>,
    /// What runs on them.
    pub deployments: Vec<DeploymentSpec>,
}

/// What is there at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterStart {
    /// Every group is ready.
    Warm,
    /// Nodes are ready and empty.
    Nodes,
    /// Nothing exists.
    Nothing,
}

/// A pool of equal nodes.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// Its name; nodes are `<name>-<i>`.
    pub name: String,
    /// Fewest nodes.
    pub min: u32,
    /// Most nodes.
    pub max: u32,
    /// GPUs of a node.
    pub gpus: u32,
    /// Blocks, among which nodes are dealt evenly.
    pub blocks: u32,
    /// Sub-blocks of a block.
    pub sub_blocks: u32,
    /// Where weights come from.
    pub storage: Storage,
    /// How long capacity takes to find.
    pub wait: CapacityWait,
    /// From a machine that was found to a node that is ready.
    pub node_ready: SimDuration,
    /// A node ends after so long (flex-start).
    pub lifetime: Option<SimDuration>,
    /// Nodes exist within this window only (a reservation).
    pub window: Option<(SimTime, Option<SimTime>)>,
    /// Spot nodes.
    pub spot: bool,
    /// The only network of a node is its control network: without it the node is lost.
    pub one_network: bool,
    /// A node that is not ready for so long is made anew; never if absent.
    pub repair_after: Option<SimDuration>,
    /// How nodes are upgraded.
    pub upgrade: UpgradeSpec,
    /// Further nodes that a surge upgrade may make at once, the pool's own or one that somebody asks for.
    pub surge_nodes: u32,
}

impl PoolSpec {
    /// Names of nodes there can be: those that an upgrade needs come on top.
    pub fn slots(&self) -> u32 {
        match self.upgrade.strategy {
            UpgradeStrategy::Surge => self.max + self.surge_nodes,
            UpgradeStrategy::BlueGreen => 2 * self.max,
        }
    }
}

/// Chance that a machine is found within a time: the points of a distribution, linear between them; what the last point
/// leaves over never comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapacityWait {
    /// (time, chance), both increasing; empty where capacity is always there.
    pub within: Vec<(SimDuration, f64)>,
}

impl CapacityWait {
    /// The wait at quantile `draw`; `None` if capacity never comes.
    pub(super) fn at(&self, draw: f64) -> Option<SimDuration> {
        let mut before = (SimDuration::ZERO, 0.0);
        for &(time, chance) in &self.within {
            if draw < chance {
                let part = (draw - before.1) / (chance - before.1);
                let span = (time - before.0).as_secs_f64();
                return Some(before.0 + SimDuration::from_secs_f64(part * span));
            }
            before = (time, chance);
        }
        self.within.is_empty().then_some(SimDuration::ZERO)
    }
}

/// How the nodes of a pool are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeSpec {
    /// Which way.
    pub strategy: UpgradeStrategy,
    /// Further nodes made at once.
    pub max_surge: u32,
    /// Nodes that may be away at once.
    pub max_unavailable: u32,
    /// Wait after a node (surge) or at the end (blue-green).
    pub soak: SimDuration,
}

impl UpgradeSpec {
    /// Whether any node would be replaced.
    pub fn moves(&self) -> bool {
        self.strategy == UpgradeStrategy::BlueGreen || self.max_surge + self.max_unavailable > 0
    }
}

/// Ways to upgrade a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeStrategy {
    /// A few nodes at a time.
    Surge,
    /// A second set of nodes, then the first goes.
    BlueGreen,
}

/// One LeaderWorkerSet and its pods.
#[derive(Clone, Debug)]
pub struct DeploymentSpec {
    /// Its name; pods are `<name>-<group>[-<worker>]`.
    pub name: String,
    /// Index of its pool.
    pub pool: usize,
    /// Groups at the start.
    pub replicas: u32,
    /// Groups that can exist at once, those of a surge included.
    pub slots: u32,
    /// Pods of a group.
    pub size: u32,
    /// GPUs of a pod.
    pub gpus_per_pod: u32,
    /// Rolling update.
    pub strategy: RollingUpdate,
    /// What the failure of a pod does to its group.
    pub restart_policy: RestartPolicy,
    /// Workers are made only when their leader is ready.
    pub leader_ready: bool,
    /// Groups do not share a domain of this kind.
    pub exclusive: Option<TopologyKey>,
    /// Nor do subgroups a domain of that kind.
    pub subgroup_exclusive: Option<TopologyKey>,
    /// Pods of a subgroup, and whether the leader is in one.
    pub subgroups: Option<(u32, SubGroupType)>,
    /// Taints its pods bear.
    pub tolerations: Vec<Toleration>,
    /// Between being asked to end and being killed.
    pub grace: SimDuration,
    /// What the pod waits for before it is told to end.
    pub pre_stop: SimDuration,
    /// What vLLM does when told to end.
    pub on_sigterm: OnSigterm,
    /// When the leader counts as ready.
    pub probe: Probe,
    /// Disruption budget over all its pods.
    pub budget: Option<DisruptionBudget>,
    /// How pods find each other.
    pub rendezvous: Rendezvous,
    /// How long a start takes.
    pub startup: StartupTimes,
    /// Bytes of weights each pod reads where its node has nothing, leader first.
    pub bytes_per_pod: Vec<u64>,
    /// And where it has them.
    pub cached_bytes_per_pod: Vec<u64>,
    /// What survives of a compilation.
    pub compile_cache: CompileCacheArg,
}

/// What vLLM does on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSigterm {
    /// Nothing: a shell that is process 1 does not pass it on. The pod lives until it is killed.
    Ignored,
    /// Ends at once; requests are cut (`shutdown_timeout` 0).
    Abort,
    /// Ends when the last request has.
    Drain,
}

/// A readiness probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Wait before the first.
    pub initial_delay: SimDuration,
    /// Time between two.
    pub period: SimDuration,
    /// Successes needed.
    pub successes: u32,
}

impl Probe {
    /// When a container that started at `started` and answers from `up` on counts as ready.
    pub(super) fn ready_at(&self, started: SimTime, up: SimTime) -> SimTime {
        let first = started + self.initial_delay;
        let late = if up > first { (up - first).as_nanos().div_ceil(self.period.as_nanos()) } else { 0 };
        let ticks = late + u64::from(self.successes.max(1) - 1);
        first + SimDuration::from_nanos(ticks * self.period.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_sees_what_is_up_at_its_next_tick() {
        let second = SimDuration::from_secs;
        let at = |s| SimTime::ZERO + second(s);
        let probe = Probe { initial_delay: second(15), period: second(10), successes: 1 };
        assert_eq!(probe.ready_at(at(100), at(103)), at(115));
        assert_eq!(probe.ready_at(at(100), at(115)), at(115));
        assert_eq!(probe.ready_at(at(100), at(116)), at(125));
        let twice = Probe { successes: 2, ..probe };
        assert_eq!(twice.ready_at(at(100), at(116)), at(135));
    }

    #[test]
    fn capacity_comes_as_its_distribution_says_or_never() {
        let wait = CapacityWait {
            within: vec![(SimDuration::from_secs(600), 0.3), (SimDuration::from_secs(3600), 0.6)],
        };
        assert_eq!(wait.at(0.15), Some(SimDuration::from_secs(300)));
        assert_eq!(wait.at(0.45), Some(SimDuration::from_secs(2100)));
        assert_eq!(wait.at(0.7), None);
        assert_eq!(CapacityWait::default().at(0.99), Some(SimDuration::ZERO));
    }
}
