//! Whether the failure of a pod recreates its group.
//!
//! The rule is asked on every event of any pod, `handleRestartPolicy` in LeaderWorkerSet's
//! `pkg/controllers/pod_controller.go`. It fires on a deletionTimestamp or a restarted container, and on nothing else: a
//! pod that is not ready, a node that is gone or the phase Failed do not recreate a group by themselves.

use crate::kubernetes::Revision;

/// `restartPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Any restart or deletion of a pod recreates its group.
    RecreateGroupOnPodRestart,
    /// The same, but only while all pods of the group exist and none is pending.
    RecreateGroupAfterStart,
    /// Only the pod itself comes back.
    None,
}

/// One pod of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its index in the group; the leader is 0.
    pub worker: u32,
    /// Its identity: a pod that comes back under the same name has another.
    pub uid: u64,
    /// Template it was made from.
    pub revision: Revision,
    /// Pods of its group when it was made (annotation `leaderworkerset.sigs.k8s.io/size`). The rule does not read it.
    pub size: u32,
    /// Its phase is Pending.
    pub pending: bool,
    /// Its phase is Failed.
    pub failed: bool,
    /// A container of it, init containers included, has been restarted.
    pub restarted: bool,
    /// It has a deletionTimestamp.
    pub terminating: bool,
    /// For a worker: the leader pod that its `StatefulSet` belongs to.
    pub owner: Option<u64>,
}

/// Whether the leader is to be deleted, with foreground propagation, because of pod `event`. `members` are all pods of the
/// group, terminating ones included; `live_size` is the size the LeaderWorkerSet asks for now, whatever the group was made
/// with, so that a group awaiting a change of size counts as incomplete.
pub fn recreate_group(policy: RestartPolicy, live_size: u32, members: &[Member], event: u32) -> bool {
    let find = |worker| members.iter().find(|member| member.worker == worker);
    let (Some(pod), Some(leader)) = (find(event), find(0)) else { return false };
    let restarted = pod.restarted && !pod.failed;
    let failed = restarted || pod.terminating;
    let starting = members.len() != live_size as usize || members.iter().any(|member| member.pending);
    let policy_allows = match policy {
        RestartPolicy::RecreateGroupOnPodRestart => true,
        RestartPolicy::RecreateGroupAfterStart => !starting,
        RestartPolicy::None => false,
    };
    failed && policy_allows && belongs(pod, leader) && !leader.terminating
}

/// Whether a pod is of the group that the leader leads now. A worker of another revision is being replaced by a rollout
/// (LeaderWorkerSet issue 291); one of another owner is left over from before the last recreation (issue 804).
fn belongs(pod: &Member, leader: &Member) -> bool {
    pod.worker == 0 || (pod.revision == leader.revision && pod.owner == Some(leader.uid))
}
