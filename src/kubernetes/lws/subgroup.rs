//! Groups within a group, which exclusive placement keeps in one domain each.

/// `subGroupPolicyType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubGroupType {
    /// The leader is in the first subgroup.
    LeaderWorker,
    /// The leader is in none.
    LeaderExcluded,
}

/// The subgroup of a pod in a group of `size`. Where the workers alone divide evenly, the leader is the one pod too many
/// in the first subgroup (`getSubGroupIndex` in LeaderWorkerSet's `pkg/webhooks/pod_webhook.go`).
pub fn subgroup_index(worker: u32, size: u32, sub_group_size: u32, kind: SubGroupType) -> Option<u32> {
    if worker == 0 {
        return (kind == SubGroupType::LeaderWorker).then_some(0);
    }
    let leader_is_extra = (size - 1).is_multiple_of(sub_group_size) && !size.is_multiple_of(sub_group_size);
    let place = if leader_is_extra { worker - 1 } else { worker };
    Some(place / sub_group_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(size: u32, sub_group_size: u32, kind: SubGroupType) -> Vec<Option<u32>> {
        (0..size).map(|worker| subgroup_index(worker, size, sub_group_size, kind)).collect()
    }

    #[test]
    fn a_leader_too_many_is_in_the_first_subgroup_or_in_none() {
        use SubGroupType::{LeaderExcluded, LeaderWorker};
        assert_eq!(indices(4, 2, LeaderWorker), [0, 0, 1, 1].map(Some));
        assert_eq!(indices(5, 2, LeaderWorker), [0, 0, 0, 1, 1].map(Some));
        assert_eq!(indices(5, 2, LeaderExcluded), [None, Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!(indices(3, 1, LeaderWorker), [0, 1, 2].map(Some));
    }
}
