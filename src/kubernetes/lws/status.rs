//! The status of a LeaderWorkerSet: counts and conditions.
//!
//! The rules are `updateConditions` and `setCondition` in LeaderWorkerSet's `pkg/controllers/leaderworkerset_controller.go`.

use super::GroupReadiness;

/// `status`. Without any condition, as before the first reconcile, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LwsStatus {
    /// Leaders that exist, surge included.
    pub replicas: u32,
    /// Groups that are ready, surge included.
    pub ready_replicas: u32,
    /// Groups of the newest template, ready or not, surge included.
    pub updated_replicas: u32,
    /// All groups that should be are updated and ready.
    pub available: bool,
    /// Some group is not there yet.
    pub progressing: bool,
    /// A rollout is not over: true from the first outdated group until the set is available again.
    pub update_in_progress: bool,
}

impl LwsStatus {
    /// Returns whether anything changed.
    fn set_update_in_progress(&mut self) -> bool {
        let before = *self;
        (self.update_in_progress, self.available) = (true, false);
        *self != before
    }

    fn set_progressing(&mut self) {
        (self.progressing, self.available) = (true, false);
    }

    fn set_available(&mut self) {
        (self.available, self.progressing, self.update_in_progress) = (true, false, false);
    }
}

/// One write of the status, after `previous`. `leaders` is the number of leader pods; `groups[i]` is the group of index i,
/// `None` for a leader without its worker `StatefulSet`, which no count sees. The caller reconciles until nothing changes.
pub fn reconcile_status(
    previous: &LwsStatus,
    replicas: u32,
    partition: u32,
    leaders: u32,
    groups: &[Option<GroupReadiness>],
) -> LwsStatus {
    let count = |counts: fn(&GroupReadiness) -> bool| groups.iter().flatten().filter(|g| counts(g)).count();
    let asked_for = &groups[..groups.len().min(replicas as usize)];
    let outdated = asked_for.iter().skip(partition as usize).flatten().any(|group| !group.updated);
    let ready = asked_for.iter().flatten().filter(|group| group.ready).count();

    let mut status = LwsStatus {
        replicas: leaders,
        ready_replicas: count(|group| group.ready) as u32,
        updated_replicas: count(|group| group.updated) as u32,
        ..*previous
    };
    if outdated {
        // The second condition is only looked at once the first stands (short-circuit in `setConditions`).
        if !status.set_update_in_progress() {
            status.set_progressing();
        }
    } else if ready == replicas as usize {
        status.set_available();
    } else {
        status.set_progressing();
    }
    status
}
