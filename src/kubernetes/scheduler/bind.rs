//! One pod after the other, or all of a group.

use super::affinity::{Labelled, fits};
use super::{BoundPod, PodRequest, SchedulingNode};
use crate::kubernetes::{Taint, TaintEffect, Toleration};

/// The node for a pod: of those that will do, the first with the fewest `PreferNoSchedule` taints that the pod does not
/// tolerate. `None` leaves it pending.
pub fn schedule(pod: &PodRequest, nodes: &[SchedulingNode], bound: &[BoundPod]) -> Option<usize> {
    schedule_after(pod, nodes, bound, &[])
}

/// The nodes for all of the pods, each as [`schedule`] would find it once those before it are bound; or for none.
pub fn schedule_gang(
    pods: &[PodRequest],
    nodes: &[SchedulingNode],
    bound: &[BoundPod],
) -> Option<Vec<usize>> {
    let mut placed = Vec::with_capacity(pods.len());
    for pod in pods {
        placed.push((schedule_after(pod, nodes, bound, &placed)?, pod));
    }
    Some(placed.into_iter().map(|(node, _)| node).collect())
}

/// The node for a pod, once those in `placed` are bound too.
fn schedule_after(
    pod: &PodRequest,
    nodes: &[SchedulingNode],
    bound: &[BoundPod],
    placed: &[(usize, &PodRequest)],
) -> Option<usize> {
    let earlier = placed.iter().map(|(node, pod)| (*node, Labelled::from(*pod)));
    let standing = bound.iter().map(|pod| (pod.node, Labelled::from(pod))).chain(earlier);
    let labelled = Labelled::from(pod);
    let alone = !standing.clone().any(|(_, other)| other.is_company(&pod.terms));
    let taken = |index: usize| -> u32 {
        placed.iter().filter(|(node, _)| *node == index).map(|(_, pod)| pod.gpus).sum()
    };
    let mut best: Option<(usize, usize)> = None;
    for (index, node) in nodes.iter().enumerate() {
        let will_do = node.schedulable
            && node.pool == pod.pool
            && node.free_gpus >= taken(index) + pod.gpus
            && pod.node_selector.is_none_or(|(key, domain)| node.domain(key) == domain)
            && untolerated(pod, node, |effect| effect != TaintEffect::PreferNoSchedule) == 0
            && fits(&labelled, alone, node, nodes, &standing);
        if !will_do {
            continue;
        }
        let disliked = untolerated(pod, node, |effect| effect == TaintEffect::PreferNoSchedule);
        if disliked == 0 {
            return Some(index);
        }
        if best.is_none_or(|(least, _)| disliked < least) {
            best = Some((disliked, index));
        }
    }
    best.map(|(_, index)| index)
}

/// Taints of these effects that the pod does not tolerate.
fn untolerated(pod: &PodRequest, node: &SchedulingNode, counts: impl Fn(TaintEffect) -> bool) -> usize {
    let tolerated = |taint: &Taint| pod.tolerations.iter().any(|t: &Toleration| t.tolerates(taint));
    node.taints.iter().filter(|taint| counts(taint.effect) && !tolerated(taint)).count()
}
