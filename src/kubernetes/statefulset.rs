//! The `StatefulSet` controller with `podManagementPolicy: Parallel`: what it creates and deletes, given what is there.
//!
//! One call is one sync of `updateStatefulSet` in Kubernetes' `pkg/controller/statefulset/stateful_set_control.go`, with
//! strategy `RollingUpdate` and `minReadySeconds: 0`. In this order it fills missing ordinals and deletes failed pods,
//! deletes pods beyond the range, and replaces pods of an old revision as far as the budget goes. A pod that is still
//! terminating keeps its ordinal taken.
//!
//! Remembered rather than read: a partition counts from the first ordinal, a budget of 0 counts as 1, and when a rollout is
//! over.

use super::Revision;
use crate::units::Version;

/// What the feature gate `MaxUnavailableStatefulSet` makes of `maxUnavailable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxUnavailableGate {
    /// `maxUnavailable` is ignored: one pod at a time, and none below an unavailable one.
    Off,
    /// Unavailable pods use up the budget, broken old ones too, so that these can block their own replacement
    /// (kubernetes issue 137409).
    V1_35,
    /// Unavailable old pods are replaced outside the budget (kubernetes pull request 137904).
    V1_37,
}

impl MaxUnavailableGate {
    /// The default of the gate in a release of Kubernetes: on in 1.35.0 to 1.35.3, off again in 1.35.4 and 1.36
    /// (kubernetes pull request 137926), on from 1.37 (139466). A bare `1.35` is 1.35.0.
    pub fn of(version: Version) -> Self {
        if version >= Version::new(1, 37, 0) {
            Self::V1_37
        } else if version >= Version::new(1, 35, 0) && version < Version::new(1, 35, 4) {
            Self::V1_35
        } else {
            Self::Off
        }
    }
}

/// What a `StatefulSet` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatefulSetSpec {
    /// First ordinal.
    pub start: u32,
    /// Pods.
    pub replicas: u32,
    /// So many pods, counted from `start`, keep the current revision.
    pub partition: u32,
    /// Pods that may be unavailable during an update; 0 counts as 1.
    pub max_unavailable: u32,
    /// Whether the cluster honours `max_unavailable`.
    pub gate: MaxUnavailableGate,
    /// Revision of the last completed rollout.
    pub current: Revision,
    /// Revision of the template.
    pub update: Revision,
}

/// One pod of a `StatefulSet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatefulSetPod {
    /// Its number, unique in the set.
    pub ordinal: u32,
    /// Template it was made from.
    pub revision: Revision,
    /// Running, and its condition Ready is true.
    pub ready: bool,
    /// Its phase is Failed or Succeeded.
    pub failed: bool,
    /// It has a deletionTimestamp.
    pub terminating: bool,
}

impl StatefulSetPod {
    fn available(&self) -> bool {
        self.ready && !self.failed && !self.terminating
    }
}

/// What the controller does to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatefulSetAction {
    /// Creates it.
    Create {
        /// Number of the new pod.
        ordinal: u32,
        /// Template to make it from.
        revision: Revision,
    },
    /// Deletes it, dependents in the background.
    Delete {
        /// Number of the pod.
        ordinal: u32,
    },
}

/// One sync: what to do about `pods`, which are sorted by ordinal.
pub fn reconcile_statefulset(spec: &StatefulSetSpec, pods: &[StatefulSetPod]) -> Vec<StatefulSetAction> {
    let range = spec.start..spec.start + spec.replicas;
    let mut actions = Vec::new();
    let mut replicas = Vec::with_capacity(spec.replicas as usize);
    for ordinal in range.clone() {
        if let Ok(found) = pods.binary_search_by_key(&ordinal, |pod| pod.ordinal) {
            let pod = pods[found];
            if pod.failed && !pod.terminating {
                actions.push(StatefulSetAction::Delete { ordinal });
            }
            replicas.push(StatefulSetPod { terminating: pod.terminating || pod.failed, ..pod });
        } else {
            let old = ordinal - spec.start < spec.partition;
            let revision = if old { spec.current } else { spec.update };
            actions.push(StatefulSetAction::Create { ordinal, revision });
            // The update below already counts it, as unavailable.
            replicas.push(StatefulSetPod {
                ordinal,
                revision,
                ready: false,
                failed: false,
                terminating: false,
            });
        }
    }
    let beyond = pods.iter().rev().filter(|pod| !range.contains(&pod.ordinal) && !pod.terminating);
    let deleted = beyond.map(|pod| pod.ordinal).chain(outdated(spec, &replicas));
    actions.extend(deleted.map(|ordinal| StatefulSetAction::Delete { ordinal }));
    actions
}

/// Ordinals of the pods that the update replaces now, highest first.
fn outdated(spec: &StatefulSetSpec, replicas: &[StatefulSetPod]) -> Vec<u32> {
    let old = |pod: &&StatefulSetPod| pod.revision != spec.update && !pod.terminating;
    let targets = || replicas.iter().skip(spec.partition as usize).rev();
    let unavailable = replicas.iter().filter(|pod| !pod.available()).count();
    let budget = (spec.max_unavailable.max(1) as usize).saturating_sub(unavailable);
    let chosen: Vec<&StatefulSetPod> = match spec.gate {
        MaxUnavailableGate::Off => {
            targets().find(|pod| old(pod) || !pod.available()).filter(old).into_iter().collect()
        }
        MaxUnavailableGate::V1_35 => targets().filter(old).take(budget).collect(),
        MaxUnavailableGate::V1_37 => {
            let broken = targets().filter(old).filter(|pod| !pod.available());
            let working = targets().filter(old).filter(|pod| pod.available()).take(budget);
            broken.chain(working).collect()
        }
    };
    chosen.into_iter().map(|pod| pod.ordinal).collect()
}

/// Whether a rollout is over, after which the owner takes the update revision as the current one: as many pods as asked
/// for, all of them ready and of the update revision (`completeRollingUpdate`).
pub fn rolling_update_complete(spec: &StatefulSetSpec, pods: &[StatefulSetPod]) -> bool {
    let done = |pod: &StatefulSetPod| pod.available() && pod.revision == spec.update;
    pods.len() == spec.replicas as usize && pods.iter().all(done)
}
