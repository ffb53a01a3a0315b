//! Readiness of a group, and the counts and conditions of a set (`updateConditions` and `setCondition`).

use towtank::kubernetes::{
    GroupReadiness, LeaderPod, LwsStatus, Revision, WorkerStatefulSet, reconcile_status,
};

const OLD: Revision = Revision(1);
const NEW: Revision = Revision(2);

const DONE: Option<GroupReadiness> = Some(GroupReadiness { ready: true, updated: true });
const NEW_UNREADY: Option<GroupReadiness> = Some(GroupReadiness { ready: false, updated: true });
const OLD_READY: Option<GroupReadiness> = Some(GroupReadiness { ready: true, updated: false });
const OLD_UNREADY: Option<GroupReadiness> = Some(GroupReadiness { ready: false, updated: false });

fn of(leader_ready: bool, available: u32, leader: Revision, workers: Revision) -> GroupReadiness {
    let leader = LeaderPod { ready: leader_ready, revision: leader };
    let workers = WorkerStatefulSet { replicas: 3, available, revision: workers };
    GroupReadiness::of(&leader, Some(&workers), 4, NEW).unwrap()
}

#[test]
fn a_group_is_ready_when_its_leader_is_and_all_its_workers_are_available() {
    assert!(of(true, 3, NEW, NEW).ready);
    assert!(!of(true, 2, NEW, NEW).ready);
    assert!(!of(false, 3, NEW, NEW).ready);
}

/// Between the replacement of a leader and that of its workers, a group is not updated yet.
#[test]
fn a_group_is_updated_when_leader_and_workers_are() {
    assert!(of(false, 0, NEW, NEW).updated);
    assert!(!of(true, 3, NEW, OLD).updated);
    assert!(!of(true, 3, OLD, NEW).updated);
    assert!(!of(true, 3, OLD, OLD).updated);
}

/// C3, and the groups of a set whose size has just become 1.
#[test]
fn a_group_of_one_is_its_leader() {
    let leader = LeaderPod { ready: true, revision: NEW };
    let stale = WorkerStatefulSet { replicas: 3, available: 0, revision: OLD };
    for workers in [None, Some(&stale)] {
        assert_eq!(GroupReadiness::of(&leader, workers, 1, NEW), DONE);
    }
}

/// C2: with `startupPolicy: LeaderReady` a ready leader has no worker `StatefulSet` for a while.
#[test]
fn a_leader_without_its_workers_is_in_no_count() {
    let leader = LeaderPod { ready: true, revision: NEW };
    assert_eq!(GroupReadiness::of(&leader, None, 4, NEW), None);
    let status = reconcile_status(&LwsStatus::default(), 2, 0, 2, &[None, DONE]);
    assert_eq!((status.replicas, status.ready_replicas, status.updated_replicas), (2, 1, 1));
    assert!(status.progressing && !status.available && !status.update_in_progress);
}

#[test]
fn c1_a_new_set_is_progressing_and_then_available() {
    let made = reconcile_status(&LwsStatus::default(), 2, 0, 2, &[NEW_UNREADY; 2]);
    assert!(made.progressing && !made.available && made.ready_replicas == 0);
    let ready = reconcile_status(&made, 2, 0, 2, &[DONE; 2]);
    assert!(ready.available && !ready.progressing && ready.ready_replicas == 2);
    assert!(reconcile_status(&LwsStatus::default(), 0, 0, 0, &[]).available, "none of none is all");
}

#[test]
fn the_second_condition_comes_with_the_next_reconcile() {
    let rest = LwsStatus { available: true, ..LwsStatus::default() };
    let groups = [OLD_READY, DONE];
    let first = reconcile_status(&rest, 2, 0, 2, &groups);
    assert_eq!((first.available, first.update_in_progress, first.progressing), (false, true, false));
    let second = reconcile_status(&first, 2, 0, 2, &groups);
    assert_eq!((second.available, second.update_in_progress, second.progressing), (false, true, true));
    assert_eq!(reconcile_status(&second, 2, 0, 2, &groups), second);
}

#[test]
fn an_update_is_in_progress_until_the_set_is_available() {
    let updating = LwsStatus { update_in_progress: true, progressing: true, ..LwsStatus::default() };
    let updated = reconcile_status(&updating, 2, 0, 2, &[DONE, NEW_UNREADY]);
    assert!(updated.update_in_progress && updated.progressing);
    let ready = reconcile_status(&updated, 2, 0, 2, &[DONE; 2]);
    assert_eq!((ready.available, ready.update_in_progress, ready.progressing), (true, false, false));
    let broken = reconcile_status(&ready, 2, 0, 2, &[DONE, NEW_UNREADY]);
    assert_eq!((broken.available, broken.update_in_progress, broken.progressing), (false, false, true));
}

#[test]
fn surge_groups_count_but_decide_nothing() {
    let groups = [DONE, DONE, OLD_UNREADY];
    let status = reconcile_status(&LwsStatus::default(), 2, 0, 3, &groups);
    assert_eq!((status.replicas, status.ready_replicas, status.updated_replicas), (3, 2, 2));
    assert!(status.available);
    let lacking = [DONE, NEW_UNREADY, DONE];
    assert!(!reconcile_status(&status, 2, 0, 3, &lacking).available, "a ready surge group is no substitute");
}

#[test]
fn groups_below_the_partition_must_be_ready_but_not_updated() {
    let status = |first| reconcile_status(&LwsStatus::default(), 2, 1, 2, &[first, DONE]);
    assert!(status(OLD_READY).available);
    assert!(!status(OLD_UNREADY).available);
}
