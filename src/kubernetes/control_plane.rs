//! Time-outs and periods of the controllers that look after nodes and pods, as facts.

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, fact_number, fact_seconds};
use crate::units::{SimDuration, Version};

/// Since this release a node has more time to be heard of again.
const LONGER_GRACE_SINCE: Version = Version::new(1, 32, 0);

/// Every constant of Kubernetes, GKE, Ray and vLLM that decides how long a failure goes unnoticed.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlPlane {
    /// From the last heartbeat of a node to `NotReady`.
    pub monitor_grace: SimDuration,
    /// Between two looks at a node that may not be evicted yet.
    pub monitor_period: SimDuration,
    /// Share of nodes that are not ready from which evictions slow down.
    pub unhealthy_zone_share: f64,
    /// Nodes that must not be ready for that.
    pub unhealthy_zone_nodes: u32,
    /// With no more nodes than this an unhealthy cluster evicts nothing.
    pub large_cluster_nodes: u32,
    /// Between the `NoExecute` taints of two nodes.
    pub eviction_interval: SimDuration,
    /// The same in an unhealthy, large cluster.
    pub secondary_eviction_interval: SimDuration,
    /// From the end of a node object to that of its pods.
    pub orphan_delay: SimDuration,
    /// Period of the pod garbage collector.
    pub gc_period: SimDuration,
    /// `terminationGracePeriodSeconds` of a pod that states none.
    pub grace_period: SimDuration,
    /// Back-off of a container that crashed twice.
    pub crash_loop_base: SimDuration,
    /// Longest back-off.
    pub crash_loop_cap: SimDuration,
    /// A container that ran for so long is forgiven.
    pub crash_loop_reset: SimDuration,
    /// Wait before the first readiness probe, where the scenario states no probe.
    pub probe_initial_delay: SimDuration,
    /// Time between probes, where the scenario states no probe.
    pub probe_period: SimDuration,
    /// Time between probes, where the scenario's probe states none.
    pub probe_default_period: SimDuration,
    /// How often Ray's monitor looks at the workers.
    pub ray_monitor_period: SimDuration,
    /// Until Ray takes a silent node for dead.
    pub ray_node_death: SimDuration,
    /// Until a Ray worker without its head exits.
    pub ray_head_loss: SimDuration,
    /// Until vLLM takes a worker that does not answer for dead.
    pub rpc_timeout: SimDuration,
    /// How often a drain asks again while a budget forbids an eviction.
    pub drain_retry: SimDuration,
    /// How long GKE honours a budget.
    pub drain_limit: SimDuration,
    /// `maxSurge` of a node upgrade that states none.
    pub upgrade_max_surge: u32,
    /// `maxUnavailable` of a node upgrade that states none.
    pub upgrade_max_unavailable: u32,
    /// Wait at the end of a blue-green upgrade that states none.
    pub blue_green_soak: SimDuration,
    /// An empty node beyond the smallest size of its pool goes after so long.
    pub unneeded: SimDuration,
    /// Grace that pods have when a spot node is taken.
    pub spot_pods: SimDuration,
    /// Warning before a spot node is taken.
    pub spot_notice: SimDuration,
    /// Longest life of a flex-start node.
    pub flex_start_lifetime: SimDuration,
    /// When a client without a time-out learns that its server has vanished.
    pub keepalive: SimDuration,
}

macro_rules! entry {
    ($name:ident { $($seconds:ident),* $(,)? } $({ $($number:ident: $type:ty),* })?) => {
        #[derive(Deserialize)]
        struct $name {
            $(#[serde(deserialize_with = "fact_seconds")] $seconds: f64,)*
            $($(#[serde(deserialize_with = "fact_number")] $number: $type,)*)?
        }
    };
}

entry!(NodeLifecycle { monitor_grace_before_1_32, monitor_grace, monitor_period, eviction_interval,
    secondary_eviction_interval }
    { unhealthy_zone_share: f64, unhealthy_zone_nodes: u32, large_cluster_nodes: u32 });
entry!(PodGc { orphan_delay, period });
entry!(Kubelet { grace_period, crash_loop_base, crash_loop_cap, crash_loop_reset });
entry!(Probe { initial_delay, period, default_period });
entry!(EngineFailure { ray_monitor_period, ray_node_death, ray_head_loss, rpc_timeout });
entry!(Drain { retry, gke_limit });
entry!(NodeUpgrade { blue_green_soak } { max_surge: u32, max_unavailable: u32 });
entry!(ClusterAutoscaler { unneeded });
entry!(SpotShutdown { pods, notice });
entry!(FlexStart { lifetime });
entry!(Connection { keepalive });

impl ControlPlane {
    /// The facts for a cluster of `version`.
    ///
    /// # Errors
    /// If the catalogue lacks one.
    pub fn read(catalog: &Catalog, version: Version) -> Result<Self, CatalogError> {
        const KIND: &str = "control_plane";
        let time = SimDuration::from_secs_f64;
        let node: NodeLifecycle = catalog.entry(KIND, "node-lifecycle")?;
        let gc: PodGc = catalog.entry(KIND, "pod-gc")?;
        let kubelet: Kubelet = catalog.entry(KIND, "kubelet")?;
        let probe: Probe = catalog.entry(KIND, "readiness-probe")?;
        let engine: EngineFailure = catalog.entry(KIND, "engine-failure")?;
        let drain: Drain = catalog.entry(KIND, "drain")?;
        let upgrade: NodeUpgrade = catalog.entry(KIND, "node-upgrade")?;
        let autoscaler: ClusterAutoscaler = catalog.entry(KIND, "cluster-autoscaler")?;
        let spot: SpotShutdown = catalog.entry(KIND, "spot-shutdown")?;
        let flex: FlexStart = catalog.entry(KIND, "flex-start")?;
        let connection: Connection = catalog.entry(KIND, "connection")?;
        let old = version < LONGER_GRACE_SINCE;
        Ok(Self {
            monitor_grace: time(if old { node.monitor_grace_before_1_32 } else { node.monitor_grace }),
            monitor_period: time(node.monitor_period),
            unhealthy_zone_share: node.unhealthy_zone_share,
            unhealthy_zone_nodes: node.unhealthy_zone_nodes,
            large_cluster_nodes: node.large_cluster_nodes,
            eviction_interval: time(node.eviction_interval),
            secondary_eviction_interval: time(node.secondary_eviction_interval),
            orphan_delay: time(gc.orphan_delay),
            gc_period: time(gc.period),
            grace_period: time(kubelet.grace_period),
            crash_loop_base: time(kubelet.crash_loop_base),
            crash_loop_cap: time(kubelet.crash_loop_cap),
            crash_loop_reset: time(kubelet.crash_loop_reset),
            probe_initial_delay: time(probe.initial_delay),
            probe_period: time(probe.period),
            probe_default_period: time(probe.default_period),
            ray_monitor_period: time(engine.ray_monitor_period),
            ray_node_death: time(engine.ray_node_death),
            ray_head_loss: time(engine.ray_head_loss),
            rpc_timeout: time(engine.rpc_timeout),
            drain_retry: time(drain.retry),
            drain_limit: time(drain.gke_limit),
            upgrade_max_surge: upgrade.max_surge,
            upgrade_max_unavailable: upgrade.max_unavailable,
            blue_green_soak: time(upgrade.blue_green_soak),
            unneeded: time(autoscaler.unneeded),
            spot_pods: time(spot.pods),
            spot_notice: time(spot.notice),
            flex_start_lifetime: time(flex.lifetime),
            keepalive: time(connection.keepalive),
        })
    }
}
