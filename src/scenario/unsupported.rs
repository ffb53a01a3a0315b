//! What a scenario may say and this version does not simulate yet. `run` refuses it; nothing is ignored in silence.

use super::{
    DeploymentArgs, FailureSource, FailuresArgs, PlacementArgs, Scenario, StartArg,
    path::{field, item},
};
use crate::engine::{EngineArgs, Family, SchedulingPolicyArg};
use crate::hardware::NodesArgs;

/// One thing that is read and checked, but not simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The field, such as `placements[0].deployments[0].hpa`.
    pub path: String,
    /// What is missing, as a sentence.
    pub reason: String,
}

/// Collects the list.
struct Found(Vec<Unsupported>);

impl Found {
    fn when(&mut self, asked: bool, path: String, what: &str) {
        if asked {
            let reason = format!("{what} not simulated by this version; leave this out to run the rest");
            self.0.push(Unsupported { path, reason });
        }
    }
}

/// Everything in `scenario` that `run` must refuse, in file order.
pub(super) fn unsupported(scenario: &Scenario) -> Vec<Unsupported> {
    let mut found = Found(Vec::new());
    found.when(scenario.start == StartArg::Cold, "start".to_owned(), "a cold start is");
    let availability =
        |slo: Option<&crate::metrics::SloArgs>| slo.is_some_and(|slo| slo.availability.is_some());
    let what = "availability is";
    found.when(availability(scenario.slo.as_ref()), "slo.availability".to_owned(), what);
    for (index, workload) in scenario.workloads.iter().enumerate() {
        let path = field(&item("workloads", index), "slo.availability");
        found.when(availability(workload.slo.as_ref()), path, what);
    }
    for (index, placement) in scenario.placements.iter().enumerate() {
        check_placement(&mut found, placement, &item("placements", index));
    }
    let failures = fails(&scenario.failures);
    found.when(failures, "failures".to_owned(), "random failures are");
    let events = !scenario.timeline.is_empty();
    found.when(events, "timeline".to_owned(), "events on a timeline are");
    found.0
}

fn fails(failures: &FailuresArgs) -> bool {
    *failures != FailuresArgs::From(FailureSource::None)
}

fn check_placement(found: &mut Found, placement: &PlacementArgs, at: &str) {
    for (index, pool) in placement.node_pools.iter().enumerate() {
        let at = item(&field(at, "node_pools"), index);
        let scaled = matches!(pool.nodes, Some(NodesArgs::Scaled(limits)) if limits.min != limits.max);
        found.when(scaled, field(&at, "nodes"), "a node pool that scales is");
        let provisioning = pool.obtainability.is_some();
        found.when(provisioning, field(&at, "obtainability"), "waiting for capacity is");
        found.when(pool.storage.is_some(), field(&at, "storage"), "loading weights is");
        found.when(pool.maintenance.is_some(), field(&at, "maintenance"), "host maintenance is");
        found.when(pool.node_repair.is_some(), field(&at, "node_repair"), "node repair is");
        found.when(pool.upgrade.is_some(), field(&at, "upgrade"), "a node upgrade is");
    }
    for (index, deployment) in placement.deployments.iter().enumerate() {
        check_deployment(found, deployment, &item(&field(at, "deployments"), index));
    }
    let kubernetes = placement.kubernetes.unwrap_or_default();
    let gang = kubernetes.gang_scheduling == Some(true);
    found.when(gang, field(at, "kubernetes.gang_scheduling"), "gang scheduling is");
    found.when(placement.startup.is_some(), field(at, "startup"), "the start of a group is");
    let failures = placement.failures.as_ref().is_some_and(fails);
    found.when(failures, field(at, "failures"), "random failures are");
}

fn check_deployment(found: &mut Found, deployment: &DeploymentArgs, at: &str) {
    check_engine(found, &deployment.engine, &field(at, "engine"));
    let lws = &deployment.leaderworkerset;
    let lws_at = field(at, "leaderworkerset");
    found.when(lws.manifest.is_some(), field(&lws_at, "manifest"), "a manifest inside a scenario is");
    if let Some(template) = &lws.leader_worker_template {
        let leader = template.leader_template.is_some();
        found.when(leader, field(&lws_at, "leaderWorkerTemplate.leaderTemplate"), "a pod template is");
        let worker = template.worker_template.is_some();
        found.when(worker, field(&lws_at, "leaderWorkerTemplate.workerTemplate"), "a pod template is");
    }
    let annotated = lws.annotations.as_ref().is_some_and(|all| !all.is_empty());
    found.when(annotated, field(&lws_at, "annotations"), "what annotations ask for is");
    found.when(deployment.hpa.is_some(), field(at, "hpa"), "an autoscaler is");
    // Pods, budgets, roll-out strategy and restart policy act only when something fails or changes, which is refused
    // where it is asked for.
}

fn check_engine(found: &mut Found, engine: &EngineArgs, at: &str) {
    let backend = engine.backend.unwrap_or_default();
    let version = engine.version.unwrap_or(backend.known().1);
    let family = Family::of(backend, version);
    if family == Family::V1 {
        return;
    }
    let caching = engine.enable_prefix_caching == Some(true);
    let what = format!("prefix caching of {} is", family.title());
    found.when(caching, field(at, "enable_prefix_caching"), &what);
    let priority = engine.scheduling_policy == Some(SchedulingPolicyArg::Priority);
    let what = format!("priorities of {} are", family.title());
    found.when(priority, field(at, "scheduling_policy"), &what);
}
