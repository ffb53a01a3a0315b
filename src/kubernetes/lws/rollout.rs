//! What the controller writes into the leader `StatefulSet`: its replicas and its partition.
//!
//! A rollout lowers the partition from the top, one run of ready new groups at a time, and meanwhile keeps surge groups
//! at the highest indices. Both numbers come from what was seen before the write, so the caller reconciles until nothing
//! changes. The rules are `rollingUpdateParameters` and `rollingUpdatePartition` in LeaderWorkerSet's
//! `pkg/controllers/leaderworkerset_controller.go`.

use super::GroupReadiness;
use crate::kubernetes::{IntOrPercent, Revision};

/// `rollingUpdateConfiguration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollingUpdate {
    /// Groups below this index are not replaced.
    pub partition: u32,
    /// Groups that may be away during a rollout.
    pub max_unavailable: IntOrPercent,
    /// Further groups made during a rollout.
    pub max_surge: IntOrPercent,
}

impl Default for RollingUpdate {
    fn default() -> Self {
        Self { partition: 0, max_unavailable: IntOrPercent::Int(1), max_surge: IntOrPercent::Int(0) }
    }
}

impl RollingUpdate {
    /// `maxUnavailable` and `maxSurge` in groups: a percentage of `replicas` is rounded down for the first and up for the
    /// second, and there is no more surge than there are replicas.
    pub fn resolved(&self, replicas: u32) -> (u32, u32) {
        let unavailable = match self.max_unavailable {
            IntOrPercent::Int(count) => count,
            IntOrPercent::Percent(percent) => (u64::from(replicas) * u64::from(percent) / 100) as u32,
        };
        let surge = match self.max_surge {
            IntOrPercent::Int(count) => count,
            IntOrPercent::Percent(percent) => (u64::from(replicas) * u64::from(percent)).div_ceil(100) as u32,
        };
        (unavailable, surge.min(replicas))
    }
}

/// What the controller writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderStatefulSet {
    /// Leaders, surge included.
    pub replicas: u32,
    /// Leaders from this index on are of the newest template.
    pub partition: u32,
    /// Leaders that may be unavailable at once, where the cluster honours it.
    pub max_unavailable: u32,
    /// The template.
    pub template: Revision,
    /// Groups of the LeaderWorkerSet at this write (annotation `leaderworkerset.sigs.k8s.io/replicas`): tells a scaled
    /// set from one that has surge.
    pub scaled_to: u32,
}

/// One write: the leader `StatefulSet` of a LeaderWorkerSet with `replicas` groups, after `current`. `groups[i]` is the
/// group of index i; one that is missing is neither ready nor updated.
pub fn reconcile_leader_statefulset(
    replicas: u32,
    strategy: &RollingUpdate,
    template: Revision,
    current: Option<&LeaderStatefulSet>,
    groups: &[GroupReadiness],
) -> LeaderStatefulSet {
    let (unavailable, surge) = strategy.resolved(replicas);
    let rollout = Rollout { replicas, unavailable, surge, groups };
    let (partition, leaders) = current.map_or((0, replicas), |set| rollout.next(set, template));
    LeaderStatefulSet {
        replicas: leaders,
        partition: partition.max(strategy.partition),
        // Surge leaders start while others are replaced, and count as unavailable meanwhile.
        max_unavailable: unavailable.saturating_add(surge).max(1),
        template,
        scaled_to: replicas,
    }
}

/// What one reconcile knows, strategy resolved.
struct Rollout<'a> {
    replicas: u32,
    unavailable: u32,
    surge: u32,
    groups: &'a [GroupReadiness],
}

impl Rollout<'_> {
    fn group(&self, index: u32) -> GroupReadiness {
        self.groups.get(index as usize).copied().unwrap_or_default()
    }

    fn done(&self, index: u32) -> bool {
        let group = self.group(index);
        group.ready && group.updated
    }

    /// Partition, but for the user's, and leaders.
    fn next(&self, set: &LeaderStatefulSet, template: Revision) -> (u32, u32) {
        let scaling_up = set.replicas < self.replicas;
        if set.template != template {
            let leaders = if scaling_up { self.replicas } else { self.leaders(self.replicas) };
            return (self.replicas.min(set.replicas), leaders);
        }
        // At rest nothing is surged, whatever the groups' health.
        if set.partition == 0 && set.replicas == self.replicas {
            return (0, self.replicas);
        }
        // New groups are at or above the partition, so they come with the new template; surge waits.
        if scaling_up {
            return (set.partition, self.replicas);
        }
        let undone = (0..self.replicas).filter(|index| !self.done(*index)).count() as u32;
        let partition = if set.scaled_to == self.replicas {
            self.partition(set.replicas).min(set.partition)
        } else {
            set.partition.min(self.replicas + self.surge)
        };
        (partition, self.leaders(undone))
    }

    /// Leaders while `undone` groups are not ready or not updated. Surge groups are given back as soon as the groups still
    /// to come are within what may be unavailable.
    fn leaders(&self, undone: u32) -> u32 {
        let surge = if undone <= self.surge { undone.saturating_sub(self.unavailable) } else { self.surge };
        self.replicas + surge
    }

    /// How far down a set with `leaders` may be replaced. A partition only ever goes down; the caller sees to that.
    fn partition(&self, leaders: u32) -> u32 {
        let run = (0..leaders).rev().take_while(|index| self.done(*index)).count() as u32;
        // A surge group counts as one more that may be away only while it exists.
        let step = self.unavailable.saturating_add(leaders - self.replicas);
        let base = (leaders - run).saturating_sub(step);
        let away = (0..base).filter(|index| !self.group(*index).ready).count() as u32;
        let partition = base + away;
        // Groups that are away anyway cost nothing to replace; without this a set with too many of them would never move.
        let free = |index: &u32| !self.group(*index).ready || self.group(*index).updated;
        (base..leaders.min(partition + 1)).rev().take_while(free).last().unwrap_or(partition)
    }
}
