//! The LeaderWorkerSet controller as pure reconcilers: what it writes, given what it sees.
//!
//! The controller never touches a pod for the sake of an update. It writes the leader `StatefulSet`, whose controller
//! ([`reconcile_statefulset`](super::reconcile_statefulset)) replaces leaders, and garbage collection takes the workers of
//! a leader along. What it does to pods itself is recreate a whole group after one of its pods failed. The rules are those
//! of LeaderWorkerSet's `pkg/controllers` between v0.9 and v0.10. Creation order, names of services and gang scheduling
//! are not here.

mod names;
mod readiness;
mod restart;
mod rollout;
mod status;
mod subgroup;

pub use names::pod_name;
pub use readiness::{GroupReadiness, LeaderPod, WorkerStatefulSet};
pub use restart::{Member, RestartPolicy, recreate_group};
pub use rollout::{LeaderStatefulSet, RollingUpdate, reconcile_leader_statefulset};
pub use status::{LwsStatus, reconcile_status};
pub use subgroup::{SubGroupType, subgroup_index};
