//! From node pools, deployments and the timeline to the cluster that is simulated.

use crate::catalog::{Catalog, CatalogError, Fact};
use crate::hardware::{
    NodePoolArgs, NodesArgs, ObtainabilityArgs, Provisioning, UpgradeArgs, UpgradeStrategyArg,
};
use crate::kubernetes::{
    CapacityWait, Cluster, ClusterSpec, ClusterStart, ControlPlane, DefaultTolerations, DeleteRaceArg,
    DeploymentSpec, DisruptionBudget, HpaSpec, MaxUnavailableGate, OnSigterm, PodArgs, PoolSpec, Probe,
    RestartPolicy, RestartPolicyArg, RollingUpdate, RollingUpdateArgs, SigtermArg, StartupNodesArg,
    StartupPolicyArg, SubGroupType, SubGroupTypeArg, Toleration, TopologyKey, Unplaced, UpgradeSpec,
    UpgradeStrategy,
};
use crate::scenario::{
    DeploymentArgs, PlacementArgs, ResolvedDeployment, ResolvedPool, ScenarioError, ScenarioFile, StartArg,
    check::most_groups,
    path::{field, item},
};
use crate::units::{SimDuration, SimTime, Version};

/// Kubernetes that a scenario means when it says nothing.
const DEFAULT_VERSION: Version = Version::new(1, 34, 0);

/// Most pods of a deployment: controllers look at all of them again and again.
const MOST_PODS: u64 = 2_000;

/// Prefix of LeaderWorkerSet's annotations.
const KEY: &str = "leaderworkerset.sigs.k8s.io/";

impl ScenarioFile {
    /// The cluster of a placement, and how it is when the run begins.
    pub(super) fn cluster(
        &self,
        catalog: &Catalog,
        placement: &PlacementArgs,
        pools: &[ResolvedPool],
        deployments: &[ResolvedDeployment],
        at: &str,
    ) -> Result<(ClusterSpec, Cluster), ScenarioError> {
        let kubernetes = placement.kubernetes.unwrap_or_default();
        let version = kubernetes.version.unwrap_or(DEFAULT_VERSION);
        let missing = |error: CatalogError| self.error(at, error.to_string());
        let control_plane = ControlPlane::read(catalog, version).map_err(missing)?;
        let defaults = DefaultTolerations::read(catalog).map_err(missing)?;
        let startup = placement.startup.unwrap_or_default();
        let start = match (self.scenario.start, startup.nodes) {
            (StartArg::Warm, _) => ClusterStart::Warm,
            (StartArg::Cold, Some(StartupNodesArg::Exist)) => ClusterStart::Nodes,
            (StartArg::Cold, Some(StartupNodesArg::Provisioned) | None) => ClusterStart::Nothing,
        };
        let mut specs = Vec::new();
        for (index, args) in placement.node_pools.iter().enumerate() {
            let at = item(&field(at, "node_pools"), index);
            let node_ready = deployments.iter().find(|deployment| deployment.pool == index);
            let node_ready =
                node_ready.map_or(SimDuration::ZERO, |deployment| deployment.startup.times.node_ready);
            let pool = pool(catalog, args, &pools[index], &control_plane, node_ready)
                .map_err(|error| self.error(&at, error.to_string()))?;
            self.pool_can_be(args, &pool, start, &at)?;
            let surges = self.scenario.timeline.iter().filter_map(|event| event.upgrade.as_ref());
            let surges = surges.filter(|upgrade| upgrade.node_pool == args.name);
            let most = surges.filter_map(|upgrade| upgrade.max_surge).max().unwrap_or(0);
            specs.push(PoolSpec { surge_nodes: pool.surge_nodes.max(most), ..pool });
        }
        let mut resolved = Vec::new();
        for (index, args) in placement.deployments.iter().enumerate() {
            let at = item(&field(at, "deployments"), index);
            let most = most_groups(&self.scenario, placement, args);
            resolved.push(self.deployment(
                args,
                &deployments[index],
                (&control_plane, defaults),
                most,
                &at,
            )?);
        }
        let spec = ClusterSpec {
            seed: self.scenario.seed,
            control_plane,
            gate: MaxUnavailableGate::of(version),
            gang_scheduling: kubernetes.gang_scheduling.unwrap_or(false),
            delete_race: kubernetes.lws_delete_race.unwrap_or(DeleteRaceArg::Ideal),
            start,
            pools: specs,
            deployments: resolved,
        };
        self.pods_can_be_held(&spec, at)?;
        let (begun, _) = Cluster::new(spec.clone()).map_err(|error| {
            let at = item(&field(at, "deployments"), error.deployment());
            self.error(&field(&at, "leaderworkerset"), self.unplaced(&error))
        })?;
        Ok((spec, begun))
    }

    /// What keeps a group from its nodes, and what could be done about it.
    fn unplaced(&self, error: &Unplaced) -> String {
        let cold = match (error, self.scenario.start) {
            (Unplaced::PodTooLarge { .. }, _) | (_, StartArg::Cold) => "",
            _ => " (with `start: cold` pods may wait)",
        };
        format!("{error}{cold}")
    }

    /// What a pool cannot be, whatever runs on it.
    fn pool_can_be(
        &self,
        args: &NodePoolArgs,
        pool: &PoolSpec,
        start: ClusterStart,
        at: &str,
    ) -> Result<(), ScenarioError> {
        if !pool.upgrade.moves() {
            let message = "maxSurge and maxUnavailable are both 0: no node could ever be replaced";
            return Err(self.error(&field(at, "upgrade"), message));
        }
        if args.obtainability.is_some() && !pool.wait.within.is_sorted_by(|(_, a), (_, b)| a <= b) {
            let message = "chances grow with time: what comes within ten minutes comes within an hour";
            return Err(self.error(&field(at, "obtainability"), message));
        }
        if start == ClusterStart::Warm && pool.window.is_some_and(|(from, _)| from > SimTime::ZERO) {
            let message = "its nodes are not there when a warm run begins; state `start: cold`";
            return Err(self.error(&field(at, "window.from"), message));
        }
        Ok(())
    }

    /// A run holds so many pods and no more.
    fn pods_can_be_held(&self, spec: &ClusterSpec, at: &str) -> Result<(), ScenarioError> {
        for (index, deployment) in spec.deployments.iter().enumerate() {
            let pods = u64::from(deployment.slots) * u64::from(deployment.size);
            if pods > MOST_PODS {
                let at = item(&field(at, "deployments"), index);
                let message = format!(
                    "up to {} groups of {} pods (replicas, scale, maxReplicas and maxSurge counted): a run holds at most \
                     {MOST_PODS} pods a deployment",
                    deployment.slots, deployment.size
                );
                return Err(self.error(&field(&at, "leaderworkerset"), message));
            }
        }
        Ok(())
    }

    /// The autoscaler of a deployment.
    pub(super) fn hpa(
        &self,
        catalog: &Catalog,
        args: &DeploymentArgs,
        at: &str,
    ) -> Result<Option<HpaSpec>, ScenarioError> {
        let Some(hpa) = &args.hpa else { return Ok(None) };
        let spec = HpaSpec::resolve(hpa, catalog)
            .map_err(|error| self.error(&field(at, "hpa"), error.to_string()))?;
        Ok(Some(spec))
    }

    fn deployment(
        &self,
        args: &DeploymentArgs,
        resolved: &ResolvedDeployment,
        (facts, defaults): (&ControlPlane, DefaultTolerations),
        most: u32,
        at: &str,
    ) -> Result<DeploymentSpec, ScenarioError> {
        let lws = &args.leaderworkerset;
        let template = lws.leader_worker_template.clone().unwrap_or_default();
        let pod = args.pod.clone().unwrap_or_default();
        let strategy = lws.rollout_strategy.clone().unwrap_or_default();
        let strategy = rolling_update(strategy.rolling_update_configuration.unwrap_or_default());
        let surge = strategy.resolved(most).1;
        let after_start = lws
            .annotations
            .as_ref()
            .is_some_and(|all| all.contains_key(&format!("{KEY}experimental-recreate-group-after-start")));
        let mut tolerations = Vec::new();
        for (index, args) in pod.tolerations.iter().flatten().enumerate() {
            let at = item(&field(at, "pod.tolerations"), index);
            tolerations.push(Toleration::resolve(args).map_err(|error| self.error(&at, error.to_string()))?);
        }
        defaults.admit(&mut tolerations);
        let subgroups = template.sub_group_policy;
        let subgroup_exclusive = self.topology(args, "subgroup-exclusive-topology", at)?;
        if subgroup_exclusive.is_some() && subgroups.is_none() {
            let message = "subgroup-exclusive-topology needs a subGroupPolicy";
            return Err(self.error(&field(at, "leaderworkerset.annotations"), message));
        }
        Ok(DeploymentSpec {
            name: args.name.clone(),
            pool: resolved.pool,
            replicas: lws.replicas.unwrap_or(1),
            slots: most + surge,
            size: resolved.size,
            gpus_per_pod: resolved.layout.gpus() / resolved.size,
            strategy,
            restart_policy: restart_policy(template.restart_policy, after_start),
            leader_ready: lws.startup_policy == Some(StartupPolicyArg::LeaderReady),
            exclusive: self.topology(args, "exclusive-topology", at)?,
            subgroup_exclusive,
            subgroups: subgroups.map(|policy| {
                let kind = policy.sub_group_policy_type.map_or(SubGroupType::LeaderWorker, sub_group_type);
                (policy.sub_group_size, kind)
            }),
            tolerations,
            grace: pod
                .termination_grace_period_seconds
                .map_or(facts.grace_period, |seconds| SimDuration::from_secs(u64::from(seconds))),
            pre_stop: pod.pre_stop.map_or(SimDuration::ZERO, |pre_stop| pre_stop.sleep),
            on_sigterm: match pod.sigterm.unwrap_or_default() {
                SigtermArg::Ignored => OnSigterm::Ignored,
                SigtermArg::Abort => OnSigterm::Abort,
                SigtermArg::Drain => OnSigterm::Drain,
            },
            probe: probe(&pod, facts),
            budget: args.pod_disruption_budget.as_ref().map(DisruptionBudget::resolve),
            rendezvous: resolved.startup.rendezvous,
            startup: resolved.startup.times,
            bytes_per_pod: resolved.startup.bytes_per_pod.clone(),
            cached_bytes_per_pod: resolved.startup.cached_bytes_per_pod.clone(),
            compile_cache: resolved.startup.compile_cache,
        })
    }

    /// The topology that an annotation asks for.
    fn topology(
        &self,
        args: &DeploymentArgs,
        annotation: &str,
        at: &str,
    ) -> Result<Option<TopologyKey>, ScenarioError> {
        let annotations = args.leaderworkerset.annotations.as_ref();
        let Some(label) = annotations.and_then(|all| all.get(&format!("{KEY}{annotation}"))) else {
            return Ok(None);
        };
        TopologyKey::parse(label).map(Some).ok_or_else(|| {
            let known = TopologyKey::LABELS.join(", ");
            let message = format!("{annotation}: no node has the label `{label}` (known: {known})");
            self.error(&field(at, "leaderworkerset.annotations"), message)
        })
    }
}

const fn sub_group_type(args: SubGroupTypeArg) -> SubGroupType {
    match args {
        SubGroupTypeArg::LeaderWorker => SubGroupType::LeaderWorker,
        SubGroupTypeArg::LeaderExcluded => SubGroupType::LeaderExcluded,
    }
}

fn rolling_update(args: RollingUpdateArgs) -> RollingUpdate {
    let default = RollingUpdate::default();
    RollingUpdate {
        partition: args.partition.unwrap_or(default.partition),
        max_unavailable: args.max_unavailable.unwrap_or(default.max_unavailable),
        max_surge: args.max_surge.unwrap_or(default.max_surge),
    }
}

fn restart_policy(args: Option<RestartPolicyArg>, after_start: bool) -> RestartPolicy {
    match args.unwrap_or(RestartPolicyArg::RecreateGroupOnPodRestart) {
        RestartPolicyArg::RecreateGroupOnPodRestart if !after_start => {
            RestartPolicy::RecreateGroupOnPodRestart
        }
        RestartPolicyArg::RecreateGroupOnPodRestart | RestartPolicyArg::RecreateGroupAfterStart => {
            RestartPolicy::RecreateGroupAfterStart
        }
        RestartPolicyArg::None | RestartPolicyArg::Default => RestartPolicy::None,
    }
}

/// A pod without a probe of its own gets that of LeaderWorkerSet's vLLM example.
fn probe(pod: &PodArgs, facts: &ControlPlane) -> Probe {
    let seconds = |seconds: u32| SimDuration::from_secs(u64::from(seconds));
    match pod.readiness_probe {
        None => Probe { initial_delay: facts.probe_initial_delay, period: facts.probe_period, successes: 1 },
        Some(args) => Probe {
            initial_delay: seconds(args.initial_delay_seconds.unwrap_or(0)),
            period: args.period_seconds.map_or(facts.probe_default_period, seconds),
            successes: args.success_threshold.unwrap_or(1),
        },
    }
}

fn pool(
    catalog: &Catalog,
    args: &NodePoolArgs,
    resolved: &ResolvedPool,
    facts: &ControlPlane,
    node_ready: SimDuration,
) -> Result<PoolSpec, CatalogError> {
    let (min, max) = match args.nodes {
        None => (1, 1),
        Some(NodesArgs::Fixed(nodes)) => (nodes, nodes),
        Some(NodesArgs::Scaled(limits)) => (limits.min, limits.max),
    };
    let topology = args.topology.unwrap_or_default();
    let repair = args.node_repair.unwrap_or_default();
    let window = args.window.map(|window| {
        let at = |time: SimDuration| SimTime::ZERO + time;
        (at(window.from.unwrap_or_default()), window.until.map(at))
    });
    let upgrade = upgrade(args.upgrade.unwrap_or_default(), facts);
    let flex = resolved.provisioning == Provisioning::FlexStart;
    Ok(PoolSpec {
        name: args.name.clone(),
        min,
        max,
        gpus: resolved.machine.gpus,
        blocks: topology.blocks,
        sub_blocks: topology.subblocks_per_block,
        storage: resolved.storage,
        wait: capacity_wait(args.obtainability.as_ref()),
        node_ready,
        lifetime: flex.then_some(facts.flex_start_lifetime),
        window,
        spot: resolved.provisioning == Provisioning::Spot,
        one_network: resolved.network == crate::hardware::NetworkKind::Gvnic,
        repair_after: if repair.enabled.unwrap_or(true) {
            Some(match repair.auto_repair_after {
                Some(after) => after,
                None => auto_repair_after(catalog)?,
            })
        } else {
            None
        },
        surge_nodes: upgrade.max_surge,
        upgrade,
    })
}

fn auto_repair_after(catalog: &Catalog) -> Result<SimDuration, CatalogError> {
    #[derive(serde::Deserialize)]
    struct Entry {
        value: Fact<u64>,
    }
    let entry: Entry = catalog.entry("failures", "gke-auto-repair-threshold")?;
    Ok(SimDuration::from_secs(entry.value.value))
}

fn upgrade(args: UpgradeArgs, facts: &ControlPlane) -> UpgradeSpec {
    let strategy = match args.strategy.unwrap_or(UpgradeStrategyArg::Surge) {
        UpgradeStrategyArg::Surge => UpgradeStrategy::Surge,
        UpgradeStrategyArg::BlueGreen => UpgradeStrategy::BlueGreen,
    };
    let soak = match strategy {
        UpgradeStrategy::Surge => SimDuration::ZERO,
        UpgradeStrategy::BlueGreen => facts.blue_green_soak,
    };
    UpgradeSpec {
        strategy,
        max_surge: args.max_surge.unwrap_or(facts.upgrade_max_surge),
        max_unavailable: args.max_unavailable.unwrap_or(facts.upgrade_max_unavailable),
        soak: args.soak.unwrap_or(soak),
    }
}

fn capacity_wait(args: Option<&ObtainabilityArgs>) -> CapacityWait {
    let Some(args) = args else { return CapacityWait::default() };
    let points =
        [(600, args.within_10m), (3_600, args.within_1h), (21_600, args.within_6h), (86_400, args.within_1d)];
    let stated = points.into_iter().filter_map(|(s, chance)| Some((SimDuration::from_secs(s), chance?)));
    CapacityWait { within: stated.collect() }
}
