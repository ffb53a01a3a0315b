//! Checks across fields that need no catalogue: names, references, and numbers that must agree.

mod deployment;
mod timeline;

use std::path::Path;

use super::{DeploymentArgs, PlacementArgs, Scenario, ScenarioError, document::Document, path};
use crate::catalog::suggestion;
use crate::hardware::NodesArgs;
use crate::kubernetes::is_dns_label;
use crate::metrics::SloArgs;
use crate::units::SimDuration;
use crate::workload::{Process, WorkloadArgs};

const WEEK_S: u64 = 7 * 86_400;

/// What every check hands back.
type Checked = Result<(), ScenarioError>;

/// Checks a scenario against itself, and that the files it names are there.
pub(super) fn consistent(document: &Document, scenario: &Scenario, base_dir: &Path) -> Checked {
    if scenario.placements.is_empty() && scenario.plan.is_none() {
        return Err(document.error("placements", "expected at least one placement, or a `plan`"));
    }
    if scenario.plan.is_some() && scenario.slo.is_none() {
        return Err(
            document.error("plan", "searching the cheapest placement that meets the slo needs an `slo`")
        );
    }
    distinct(document, "placements", scenario.placements.iter().map(|placement| placement.name.as_str()))?;
    distinct(document, "workloads", scenario.workloads.iter().map(|workload| workload.name.as_str()))?;
    time(document, scenario)?;
    if scenario.find_rate && scenario.slo.is_none() {
        return Err(
            document.error("find_rate", "searching the highest rate that meets the slo needs an `slo`")
        );
    }
    if let Some(file) = &scenario.calibration {
        exists(document, "calibration", base_dir, file)?;
    }
    for (index, workload) in scenario.workloads.iter().enumerate() {
        let at = path::item("workloads", index);
        if let Some(trace) = &workload.trace {
            exists(document, &path::field(&at, "trace.file"), base_dir, &trace.file)?;
        }
    }
    for (index, placement) in scenario.placements.iter().enumerate() {
        check_placement(document, placement, &path::item("placements", index))?;
    }
    timeline::events(document, scenario)
}

fn check_placement(document: &Document, placement: &PlacementArgs, at: &str) -> Checked {
    let pools = path::field(at, "node_pools");
    distinct(document, &pools, placement.node_pools.iter().map(|pool| pool.name.as_str()))?;
    for (index, pool) in placement.node_pools.iter().enumerate() {
        kubernetes_name(document, &path::field(&path::item(&pools, index), "name"), &pool.name)?;
    }
    let deployments = path::field(at, "deployments");
    distinct(
        document,
        &deployments,
        placement.deployments.iter().map(|deployment| deployment.name.as_str()),
    )?;
    for (index, deployment) in placement.deployments.iter().enumerate() {
        deployment::check(document, placement, deployment, &path::item(&deployments, index))?;
    }
    Ok(())
}

/// Refuses the second of two equal names.
fn distinct<'a>(document: &Document, list: &str, names: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen: Vec<&str> = Vec::new();
    for (index, name) in names.enumerate() {
        if seen.contains(&name) {
            let at = path::field(&path::item(list, index), "name");
            return Err(document.error(&at, format!("the name `{name}` is taken; names must differ")));
        }
        seen.push(name);
    }
    Ok(())
}

/// Pods and nodes are named after deployments and pools, so these follow Kubernetes' rule (DNS-1035 label).
fn kubernetes_name(document: &Document, at: &str, name: &str) -> Checked {
    if is_dns_label(name) {
        return Ok(());
    }
    let rule = "at most 51 lower-case letters, digits and `-`, starting with a letter";
    Err(document.error(at, format!("`{name}` is not a Kubernetes name: expected {rule}")))
}

/// Refuses a name that is not one of those known.
fn known<'a>(
    document: &Document,
    at: &str,
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Checked {
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    let all: Vec<&str> = names.clone().collect();
    let message =
        format!("no {what} named `{name}`{} ({what}s: {})", suggestion(name, names), all.join(", "));
    Err(document.error(at, message))
}

/// Refuses a file that is not there.
fn exists(document: &Document, at: &str, base_dir: &Path, file: &Path) -> Checked {
    if base_dir.join(file).is_file() {
        return Ok(());
    }
    let from = "paths are relative to the scenario file";
    Err(document.error(at, format!("no file `{}` ({from})", file.display())))
}

/// Duration and warm-up fit the workloads.
fn time(document: &Document, scenario: &Scenario) -> Checked {
    for (index, workload) in scenario.workloads.iter().enumerate() {
        if scenario.duration.is_none() && !ends(workload) {
            let at = path::item("workloads", index);
            let message = "its arrivals never end: state the scenario's `duration`, or `num_prompts`";
            return Err(document.error(&at, message));
        }
    }
    if let Some(rare) = scenario.rare_events
        && (scenario.workloads.is_empty() || rare.before >= SimDuration::from_secs(WEEK_S))
    {
        let message =
            "it asks what a failure does to requests: state workloads, and a `before` shorter than a week";
        return Err(document.error("rare_events", message));
    }
    if scenario.workloads.is_empty() {
        return without_traffic(document, scenario);
    }
    if scenario.replications.is_some() {
        let message =
            "a scenario with workloads is run once; leave out the workloads to ask for availability alone";
        return Err(document.error("replications", message));
    }
    if !scenario.drain && scenario.duration.is_none() {
        return Err(document.error("drain", "`drain: false` stops at the `duration`, which is missing"));
    }
    match scenario.duration {
        Some(duration) if scenario.warmup >= duration => {
            let message =
                format!("{} leaves nothing of the duration of {duration} to measure", scenario.warmup);
            Err(document.error("warmup", message))
        }
        _ => Ok(()),
    }
}

/// A cluster on its own has a duration, and nothing to measure but itself.
fn without_traffic(document: &Document, scenario: &Scenario) -> Checked {
    if scenario.duration.is_none() {
        return Err(document.error("", "without workloads a scenario states its `duration`, such as `365d`"));
    }
    if scenario.slo.is_some_and(|slo| !slo.thresholds().is_empty()) {
        let message = "without workloads there are no latencies; only `availability` can be asked for";
        return Err(document.error("slo", message));
    }
    if scenario.warmup > SimDuration::ZERO {
        return Err(document.error("warmup", "without workloads there is nothing to leave out"));
    }
    Ok(())
}

/// Whether the arrivals of a workload end without a duration.
fn ends(workload: &WorkloadArgs<SloArgs>) -> bool {
    let counted = workload.num_prompts.is_some();
    let arrivals = workload.arrivals.as_ref();
    let counted_there = arrivals
        .is_some_and(|arrivals| arrivals.num_prompts.is_some() || arrivals.process == Process::AllAtOnce);
    let written = workload.requests.is_some() || workload.trace.as_ref().is_some_and(|trace| !trace.repeat);
    counted || counted_there || written
}

/// The largest number of groups that somebody may ask for: by hand, or by an autoscaler.
pub(super) fn most_groups(
    scenario: &Scenario,
    placement: &PlacementArgs,
    deployment: &DeploymentArgs,
) -> u32 {
    let events = scenario.timeline.iter();
    let here = events.filter(|event| event.placement.as_ref().is_none_or(|name| *name == placement.name));
    let scales = here.filter_map(|event| event.scale.as_ref());
    let scaled = scales.filter(|scale| scale.deployment == deployment.name).map(|scale| scale.replicas).max();
    let hpa = deployment.hpa.as_ref().map_or(0, |hpa| hpa.max_replicas);
    deployment.leaderworkerset.replicas.unwrap_or(1).max(scaled.unwrap_or(0)).max(hpa)
}

/// Most nodes a pool can have.
pub(super) fn most_nodes(nodes: Option<NodesArgs>) -> u32 {
    nodes.map_or(1, |nodes| nodes.limits().1)
}
