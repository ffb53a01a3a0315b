//! One deployment: its pool, its LeaderWorkerSet, its autoscaler.

use super::{Checked, known, kubernetes_name};
use crate::kubernetes::{
    IntOrPercent, LeaderWorkerSetArgs, RolloutStrategyArgs, SubGroupPolicyArgs, SubGroupTypeArg,
};
use crate::scenario::{DeploymentArgs, PlacementArgs, document::Document, path::field};

/// Checks one deployment against its placement.
pub(super) fn check(
    document: &Document,
    placement: &PlacementArgs,
    deployment: &DeploymentArgs,
    at: &str,
) -> Checked {
    kubernetes_name(document, &field(at, "name"), &deployment.name)?;
    let pools = placement.node_pools.iter().map(|pool| pool.name.as_str());
    known(document, &field(at, "node_pool"), "node pool", &deployment.node_pool, pools)?;
    let lws = &deployment.leaderworkerset;
    let lws_at = field(at, "leaderworkerset");
    leader_worker_set(document, lws, &lws_at)?;
    let size = lws.leader_worker_template.as_ref().and_then(|template| template.size).unwrap_or(1);
    let tensor = deployment.engine.tensor_parallel_size.unwrap_or(1);
    let pipeline = deployment.engine.pipeline_parallel_size.unwrap_or(1);
    if !(tensor * pipeline).is_multiple_of(size) {
        let message = format!(
            "a group of {size} pods cannot share {tensor} x {pipeline} = {} GPUs evenly: \
             tensor_parallel_size x pipeline_parallel_size must be a multiple of the size",
            tensor * pipeline
        );
        return Err(document.error(&field(&lws_at, "leaderWorkerTemplate.size"), message));
    }
    if let Some(hpa) = &deployment.hpa
        && hpa.min_replicas.unwrap_or(1) > hpa.max_replicas
    {
        return Err(document.error(&field(at, "hpa.minReplicas"), "is larger than maxReplicas"));
    }
    Ok(())
}

/// The rules of the LeaderWorkerSet webhook (`leaderworkerset_webhook.go`).
fn leader_worker_set(document: &Document, lws: &LeaderWorkerSetArgs, at: &str) -> Checked {
    let size = lws.leader_worker_template.as_ref().and_then(|template| template.size).unwrap_or(1);
    if let Some(policy) = lws.leader_worker_template.as_ref().and_then(|template| template.sub_group_policy) {
        subgroups(document, &field(at, "leaderWorkerTemplate.subGroupPolicy.subGroupSize"), policy, size)?;
    }
    if let Some(strategy) = &lws.rollout_strategy {
        rollout(document, &field(at, "rolloutStrategy"), strategy, lws.replicas.unwrap_or(1))?;
    }
    Ok(())
}

fn subgroups(document: &Document, at: &str, policy: SubGroupPolicyArgs, size: u32) -> Checked {
    let of_workers = (size - 1).is_multiple_of(policy.sub_group_size);
    let excluded = policy.sub_group_policy_type == Some(SubGroupTypeArg::LeaderExcluded);
    let good = policy.sub_group_size <= size
        && (of_workers || (!excluded && size.is_multiple_of(policy.sub_group_size)));
    if good {
        return Ok(());
    }
    let message = format!("a group of {size} pods cannot be cut into subgroups of {}", policy.sub_group_size);
    Err(document.error(at, message))
}

fn rollout(document: &Document, at: &str, strategy: &RolloutStrategyArgs, replicas: u32) -> Checked {
    let config = strategy.rolling_update_configuration.unwrap_or_default();
    // Kubernetes rounds unavailable down and surge up.
    let unavailable = match config.max_unavailable.unwrap_or(IntOrPercent::Int(1)) {
        IntOrPercent::Int(count) => count,
        IntOrPercent::Percent(percent) => replicas * u32::from(percent) / 100,
    };
    let surge = match config.max_surge.unwrap_or(IntOrPercent::Int(0)) {
        IntOrPercent::Int(count) => count,
        IntOrPercent::Percent(percent) => (replicas * u32::from(percent)).div_ceil(100),
    };
    if replicas > 0 && unavailable == 0 && surge == 0 {
        let message = "maxUnavailable and maxSurge are both 0: no group could ever be replaced";
        return Err(document.error(&field(at, "rollingUpdateConfiguration"), message));
    }
    Ok(())
}
