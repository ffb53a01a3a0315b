//! How many pods metrics ask for (`pkg/controller/podautoscaler/replica_calculator.go`).

use super::{HpaMetric, HpaObservation, HpaSpec, VllmMetric};
use crate::kubernetes::{MetricTypeArg, TargetTypeArg};

/// What all metrics together ask for: the most that any asks for. `None` if none can be read, or one cannot and the
/// others ask for less than there is (`computeReplicasForMetrics`).
pub(super) fn wanted(spec: &HpaSpec, seen: &HpaObservation) -> Option<u32> {
    let mut most = None;
    let mut unreadable = false;
    for metric in &spec.metrics {
        let asked = match (metric.kind, metric.target_kind) {
            (MetricTypeArg::Pods, _) => per_pod(spec, metric, seen),
            (_, TargetTypeArg::Value) => by_value(spec, metric, seen),
            (_, TargetTypeArg::AverageValue) => Some(by_average(spec, metric, seen)),
        };
        unreadable |= asked.is_none();
        most = most.max(asked);
    }
    most.filter(|most| !unreadable || *most >= seen.spec_replicas)
}

/// Whether a ratio of usage to target is not worth a change (`Tolerances.isWithin`).
fn within(spec: &HpaSpec, ratio: f64) -> bool {
    1.0 - spec.tolerance <= ratio && ratio <= 1.0 + spec.tolerance
}

/// Mean usage over target, of `count` pods (`GetMetricUsageRatio`, whole thousandths).
fn mean_ratio(total_milli: i64, count: i64, target_milli: i64) -> f64 {
    (total_milli / count) as f64 / target_milli as f64
}

/// A metric of each pod (`calcPlainMetricReplicas`): pods that cannot be measured are assumed to be what makes the
/// change smallest, and never turn it round.
fn per_pod(spec: &HpaSpec, metric: &HpaMetric, seen: &HpaObservation) -> Option<u32> {
    let target = metric.target_milli;
    let (mut total, mut count, mut missing, mut pending) = (0, 0, 0, 0);
    for pod in seen.pods {
        match (pod.pending, &pod.values) {
            (true, _) => pending += 1,
            (false, None) => missing += 1,
            (false, Some(values)) => {
                total += metric.metric.milli(values);
                count += 1;
            }
        }
    }
    if count == 0 {
        return None;
    }
    let ratio = mean_ratio(total, count, target);
    let up_with_pending = pending > 0 && ratio > 1.0;
    if !up_with_pending && missing == 0 {
        let asked = (ratio * count as f64).ceil() as u32;
        return Some(if within(spec, ratio) { seen.spec_replicas } else { asked });
    }
    count += missing;
    if ratio < 1.0 {
        total += missing * target;
    }
    if up_with_pending {
        count += pending;
    }
    let corrected = mean_ratio(total, count, target);
    let asked = (corrected * count as f64).ceil() as u32;
    let turned = (ratio < 1.0 && (corrected > 1.0 || asked > seen.spec_replicas))
        || (ratio > 1.0 && (corrected < 1.0 || asked < seen.spec_replicas));
    Some(if within(spec, corrected) || turned { seen.spec_replicas } else { asked })
}

/// What a query says [thousandths]: the sum over the pods, and requests that wait at no pod.
///
/// It is a Prometheus `sum` over the deployment that is 0 where there is nothing to sum.
fn sum_milli(metric: VllmMetric, seen: &HpaObservation) -> i64 {
    let pods: i64 = seen.pods.iter().filter_map(|pod| pod.values.as_ref()).map(|v| metric.milli(v)).sum();
    match metric {
        VllmMetric::NumRequestsWaiting => pods + (seen.unrouted * 1000.0) as i64,
        VllmMetric::NumRequestsRunning | VllmMetric::KvCacheUsagePerc => pods,
    }
}

/// A query against a value (`getUsageRatioReplicaCount`).
fn by_value(spec: &HpaSpec, metric: &HpaMetric, seen: &HpaObservation) -> Option<u32> {
    let ratio = sum_milli(metric.metric, seen) as f64 / metric.target_milli as f64;
    if seen.spec_replicas == 0 {
        return Some(ratio.ceil() as u32);
    }
    if within(spec, ratio) {
        return Some(seen.spec_replicas);
    }
    // `getReadyPodsCount` fails where the selector finds nothing.
    let ready = seen.pods.iter().filter(|pod| pod.ready).count();
    (!seen.pods.is_empty()).then(|| (ratio * ready as f64).ceil() as u32)
}

/// A query against a value a pod (`GetExternalPerPodMetricReplicas`), which counts pods by the status: within the
/// tolerance the answer is `status.replicas`, surge included.
fn by_average(spec: &HpaSpec, metric: &HpaMetric, seen: &HpaObservation) -> u32 {
    let usage = sum_milli(metric.metric, seen) as f64;
    let target = metric.target_milli as f64;
    // Without pods the ratio is infinite or not a number, and so never within.
    let ratio = usage / (target * f64::from(seen.status_replicas));
    if within(spec, ratio) { seen.status_replicas } else { (usage / target).ceil() as u32 }
}
