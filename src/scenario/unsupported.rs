//! What a scenario may say and this version does not simulate yet. `run` refuses it; nothing is ignored in silence.

use super::{
    DeploymentArgs, Scenario,
    path::{field, item},
};
use crate::engine::{EngineArgs, Family, SchedulingPolicyArg};

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
    for (index, placement) in scenario.placements.iter().enumerate() {
        let deployments = field(&item("placements", index), "deployments");
        for (index, deployment) in placement.deployments.iter().enumerate() {
            check_deployment(&mut found, deployment, &item(&deployments, index));
        }
    }
    found.0
}

fn check_deployment(found: &mut Found, deployment: &DeploymentArgs, at: &str) {
    check_engine(found, &deployment.engine, &field(at, "engine"));
    let lws = &deployment.leaderworkerset;
    let lws_at = field(at, "leaderworkerset");
    if let Some(template) = &lws.leader_worker_template {
        let leader = template.leader_template.is_some();
        found.when(leader, field(&lws_at, "leaderWorkerTemplate.leaderTemplate"), "a pod template is");
        let worker = template.worker_template.is_some();
        found.when(worker, field(&lws_at, "leaderWorkerTemplate.workerTemplate"), "a pod template is");
    }
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
