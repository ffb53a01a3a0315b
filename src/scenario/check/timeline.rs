//! The timeline names things that exist.

use super::{Checked, known, most_groups, most_nodes};
use crate::scenario::{
    EventArgs, PlacementArgs, Scenario, ScenarioError,
    document::Document,
    path::{field, item},
};

/// Checks every event against the placements it applies to.
pub(super) fn events(document: &Document, scenario: &Scenario) -> Checked {
    for (index, event) in scenario.timeline.iter().enumerate() {
        let at = item("timeline", index);
        if let Some(placement) = &event.placement {
            let names = scenario.placements.iter().map(|placement| placement.name.as_str());
            known(document, &field(&at, "placement"), "placement", placement, names)?;
        }
        if let Some(duration) = scenario.duration
            && event.at > duration
        {
            let message = format!("{} is after the end of the scenario at {duration}", event.at);
            return Err(document.error(&field(&at, "at"), message));
        }
        let applies =
            |placement: &&PlacementArgs| event.placement.as_ref().is_none_or(|name| *name == placement.name);
        for placement in scenario.placements.iter().filter(applies) {
            names(document, scenario, event, placement, &at)?;
        }
    }
    Ok(())
}

/// Everything one event names exists in `placement`.
fn names(
    document: &Document,
    scenario: &Scenario,
    event: &EventArgs,
    placement: &PlacementArgs,
    at: &str,
) -> Checked {
    let deployments = || placement.deployments.iter().map(|deployment| deployment.name.as_str());
    if let Some(rollout) = &event.rollout {
        known(document, &field(at, "rollout.deployment"), "deployment", &rollout.deployment, deployments())?;
    }
    if let Some(scale) = &event.scale {
        known(document, &field(at, "scale.deployment"), "deployment", &scale.deployment, deployments())?;
    }
    if let Some(upgrade) = &event.upgrade {
        let pools = placement.node_pools.iter().map(|pool| pool.name.as_str());
        known(document, &field(at, "upgrade.node_pool"), "node pool", &upgrade.node_pool, pools)?;
    }
    let fail = event.fail.as_ref();
    if let Some(gpu) = fail.and_then(|fail| fail.gpu.as_ref())
        && gpu.split_once('/').is_none_or(|(_, index)| index.parse::<u32>().is_err())
    {
        let message = format!("`{gpu}` is no GPU: expected `<node>/<index>`, such as `a3-0/3`");
        return Err(document.error(&field(at, "fail.gpu"), message));
    }
    if let Some(fail) = fail
        && fail.repair.is_some()
        && (fail.hang.is_some() || fail.pod.is_some() || fail.container.is_some())
    {
        let message = "only a node, a gpu or a link is repaired; what becomes of a pod is simulated";
        return Err(document.error(&field(at, "fail.repair"), message));
    }
    if let Some(fail) = fail
        && fail.slowed.is_some_and(|left| left >= 1.0)
    {
        return Err(document.error(&field(at, "fail.slowed"), "is what is left of the bandwidth: below 1"));
    }
    if let Some(fail) = fail
        && fail.slowed.is_some()
        && fail.link.is_none()
    {
        return Err(document.error(&field(at, "fail.slowed"), "only a `link` can be slowed"));
    }
    if event.taint.as_ref().is_some_and(|taint| taint.out_of_service == Some(false)) {
        let message = "the taint cannot be taken off; it goes when the node comes back";
        return Err(document.error(&field(at, "taint.out-of-service"), message));
    }
    let nodes = [
        ("drain.node", event.drain.as_ref().map(|drain| &drain.node)),
        ("repair.node", event.repair.as_ref().map(|repair| &repair.node)),
        ("taint.node", event.taint.as_ref().map(|taint| &taint.node)),
        ("fail.node", fail.and_then(|fail| fail.node.as_ref())),
        ("fail.link", fail.and_then(|fail| fail.link.as_ref())),
        ("fail.gpu", fail.and_then(|fail| fail.gpu.as_ref())),
    ];
    for (name, node) in nodes.into_iter().filter_map(|(name, node)| Some((name, node?))) {
        check_node(document, &field(at, name), node.split('/').next().unwrap_or_default(), placement)?;
    }
    let pods = [
        ("evict.pod", event.evict.as_ref().map(|evict| &evict.pod)),
        ("fail.pod", fail.and_then(|fail| fail.pod.as_ref())),
        ("fail.container", fail.and_then(|fail| fail.container.as_ref())),
        ("fail.hang", fail.and_then(|fail| fail.hang.as_ref())),
    ];
    for (name, pod) in pods.into_iter().filter_map(|(name, pod)| Some((name, pod?))) {
        check_pod(document, &field(at, name), pod, (scenario, placement))?;
    }
    Ok(())
}

fn check_node(document: &Document, at: &str, node: &str, placement: &PlacementArgs) -> Checked {
    let exists = placement.node_pools.iter().any(|pool| {
        let index =
            node.strip_prefix(&pool.name).and_then(|rest| rest.strip_prefix('-')?.parse::<u32>().ok());
        index.is_some_and(|index| index < most_nodes(pool.nodes))
    });
    let pools = placement.node_pools.iter().map(|pool| match most_nodes(pool.nodes) {
        1 => format!("{}-0", pool.name),
        nodes => format!("{0}-0 to {0}-{1}", pool.name, nodes - 1),
    });
    if exists {
        Ok(())
    } else {
        Err(missing(document, at, "node", node, placement, &pools.collect::<Vec<_>>()))
    }
}

fn check_pod(
    document: &Document,
    at: &str,
    pod: &str,
    (scenario, placement): (&Scenario, &PlacementArgs),
) -> Checked {
    let sizes = placement.deployments.iter().map(|deployment| {
        let lws = &deployment.leaderworkerset;
        let size = lws.leader_worker_template.as_ref().and_then(|template| template.size).unwrap_or(1);
        // Groups may come later.
        let most = most_groups(scenario, placement, deployment);
        (deployment.name.as_str(), most, size)
    });
    let exists = sizes.clone().any(|(name, groups, size)| {
        let Some(rest) = pod.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')) else { return false };
        let (group, worker) = rest.split_once('-').unwrap_or((rest, "0"));
        let leader = !rest.contains('-');
        let group = group.parse::<u32>().is_ok_and(|group| group < groups);
        let worker = worker.parse::<u32>().is_ok_and(|worker| leader || (1..size).contains(&worker));
        group && worker
    });
    let all = sizes.map(|(name, groups, size)| match size {
        1 => format!("{name}-<group>, {groups} groups"),
        _ => format!("{name}-<group>[-<worker>], {groups} groups of {size}"),
    });
    if exists { Ok(()) } else { Err(missing(document, at, "pod", pod, placement, &all.collect::<Vec<_>>())) }
}

fn missing(
    document: &Document,
    at: &str,
    what: &str,
    name: &str,
    placement: &PlacementArgs,
    all: &[String],
) -> ScenarioError {
    let message =
        format!("placement `{}` has no {what} `{name}` (it has {})", placement.name, all.join("; "));
    document.error(at, message)
}
