//! Affinity between pods (`pkg/scheduler/framework/plugins/interpodaffinity/filtering.go`).

use super::{BoundPod, ExclusiveKind, ExclusiveTerm, PodRequest, SchedulingNode};

/// What the terms of others see of a pod, and its own.
#[derive(Clone, Copy)]
pub(super) struct Labelled<'a> {
    group_key: u64,
    subgroup_key: Option<u64>,
    terms: &'a [ExclusiveTerm],
}

impl<'a> From<&'a BoundPod> for Labelled<'a> {
    fn from(pod: &'a BoundPod) -> Self {
        Self { group_key: pod.group_key, subgroup_key: pod.subgroup_key, terms: &pod.terms }
    }
}

impl<'a> From<&'a PodRequest<'_>> for Labelled<'a> {
    fn from(pod: &'a PodRequest) -> Self {
        Self { group_key: pod.group_key, subgroup_key: pod.subgroup_key, terms: &pod.terms }
    }
}

impl Labelled<'_> {
    const fn label(&self, kind: ExclusiveKind) -> Option<u64> {
        match kind {
            ExclusiveKind::Group => Some(self.group_key),
            ExclusiveKind::Subgroup => self.subgroup_key,
        }
    }

    /// Whether the affinities of all the terms select the pod; one that only some select is no company
    /// (`podMatchesAllAffinityTerms`).
    pub(super) fn is_company(&self, terms: &[ExclusiveTerm]) -> bool {
        terms.iter().all(|term| self.label(term.kind) == Some(term.own))
    }

    /// Whether this pod may stand `here` while `other` stands `there`: the anti-affinities of neither select the other in a
    /// domain of both. None selects a pod without its label.
    fn bears(&self, here: &SchedulingNode, other: &Labelled, there: &SchedulingNode) -> bool {
        let repels = |by: &Labelled, who: &Labelled| {
            by.terms.iter().any(|term| {
                who.label(term.kind).is_some_and(|label| label != term.own)
                    && here.domain(term.key) == there.domain(term.key)
            })
        };
        !repels(self, other) && !repels(other, self)
    }
}

/// Whether the pods that stand somewhere let `pod` onto a node.
///
/// `alone` is whether no pod is company anywhere: then a pod that is its own company may go first, so that groups can
/// begin.
pub(super) fn fits<'a>(
    pod: &Labelled,
    alone: bool,
    target: &SchedulingNode,
    nodes: &[SchedulingNode],
    standing: &(impl Iterator<Item = (usize, Labelled<'a>)> + Clone),
) -> bool {
    let borne = standing.clone().all(|(node, other)| pod.bears(target, &other, &nodes[node]));
    let company = |term: &ExclusiveTerm| {
        let beside = |node: usize| nodes[node].domain(term.key) == target.domain(term.key);
        standing.clone().any(|(node, other)| beside(node) && other.is_company(pod.terms))
    };
    borne && ((alone && pod.is_company(pod.terms)) || pod.terms.iter().all(company))
}
