//! Which failures of a pod recreate its group (C4 to C7, LeaderWorkerSet's `pkg/controllers/pod_controller.go`).

use towtank::kubernetes::{
    Member,
    RestartPolicy::{self, None as NoPolicy, RecreateGroupAfterStart, RecreateGroupOnPodRestart},
    Revision, recreate_group,
};

const SIZE: u32 = 4;
const POLICIES: [RestartPolicy; 3] = [RecreateGroupOnPodRestart, RecreateGroupAfterStart, NoPolicy];

/// A group that runs.
fn group() -> Vec<Member> {
    let member = |worker| Member {
        worker,
        uid: 100 + u64::from(worker),
        revision: Revision(1),
        size: SIZE,
        pending: false,
        failed: false,
        restarted: false,
        terminating: false,
        owner: (worker > 0).then_some(100),
    };
    (0..SIZE).map(member).collect()
}

/// What each policy does about pod `event` after `change`.
fn recreates(event: u32, change: impl Fn(&mut [Member])) -> [bool; 3] {
    let mut members = group();
    change(&mut members);
    POLICIES.map(|policy| recreate_group(policy, SIZE, &members, event))
}

#[test]
fn a_restarted_container_of_any_pod_recreates_the_group() {
    for pod in 0..SIZE {
        assert_eq!(recreates(pod, |members| members[pod as usize].restarted = true), [true, true, false]);
    }
}

#[test]
fn c4_c5_a_deleted_worker_recreates_the_group_unless_the_policy_is_none() {
    assert_eq!(recreates(1, |members| members[1].terminating = true), [true, true, false]);
}

#[test]
fn a_leader_deleted_by_someone_else_takes_its_group_along_by_itself() {
    assert_eq!(recreates(0, |members| members[0].terminating = true), [false; 3]);
}

#[test]
fn a_pod_that_only_fails_is_pending_or_hears_of_another_recreates_nothing() {
    assert_eq!(recreates(1, |_| ()), [false; 3]);
    assert_eq!(recreates(1, |members| members[1].pending = true), [false; 3]);
    assert_eq!(recreates(1, |members| members[1].failed = true), [false; 3]);
    assert_eq!(recreates(1, |members| members[2].restarted = true), [false; 3], "asked about the other pod");
}

/// The phase of an evicted pod is Failed; that its containers restarted before does not count any more.
#[test]
fn a_failed_pod_has_not_restarted() {
    let change = |members: &mut [Member]| (members[1].failed, members[1].restarted) = (true, true);
    assert_eq!(recreates(1, change), [false; 3]);
    let change = |members: &mut [Member]| (members[1].failed, members[1].terminating) = (true, true);
    assert_eq!(recreates(1, change), [true, true, false]);
}

#[test]
fn c6_after_start_waits_until_nothing_is_pending_and_then_catches_up() {
    let mut members = group();
    members[1].restarted = true;
    members[2].pending = true;
    assert_eq!(POLICIES.map(|policy| recreate_group(policy, SIZE, &members, 1)), [true, false, false]);
    members[2].pending = false;
    assert!(recreate_group(RecreateGroupAfterStart, SIZE, &members, 1), "the count of restarts stays");
}

/// The init container of a pod that is itself still pending.
#[test]
fn a_retry_during_start_up_recreates_a_group_only_on_pod_restart() {
    let change = |members: &mut [Member]| (members[1].restarted, members[1].pending) = (true, true);
    assert_eq!(recreates(1, change), [true, false, false]);
}

#[test]
fn after_start_waits_for_missing_pods() {
    let mut members = group();
    members[1].restarted = true;
    members.pop();
    assert_eq!(POLICIES.map(|policy| recreate_group(policy, SIZE, &members, 1)), [true, false, false]);
}

/// Size 4 becomes 2 or 8, and the rollout has not come to this group: its size is compared with the live one.
#[test]
fn after_start_takes_a_group_of_another_size_for_one_that_starts() {
    let mut members = group();
    members[1].restarted = true;
    for live_size in [2, 8] {
        let found = POLICIES.map(|policy| recreate_group(policy, live_size, &members, 1));
        assert_eq!(found, [true, false, false], "{live_size}");
    }
}

/// C7, LeaderWorkerSet issue 291: workers of the old template go while the new leader is there.
#[test]
fn c7_a_worker_of_another_template_than_its_leader_is_a_rollout() {
    let change = |members: &mut [Member]| {
        members[0].revision = Revision(2);
        members[1].terminating = true;
    };
    assert_eq!(recreates(1, change), [false; 3]);
    let later = |members: &mut [Member]| {
        for member in members.iter_mut() {
            member.revision = Revision(2);
        }
        members[1].terminating = true;
    };
    assert_eq!(recreates(1, later), [true, true, false]);
}

/// LeaderWorkerSet issue 804: a new leader of the same template has come up next to workers of the one before.
#[test]
fn a_worker_left_over_from_before_does_not_recreate_the_group_again() {
    let change = |members: &mut [Member]| {
        members[0].uid = 200;
        members[1].terminating = true;
    };
    assert_eq!(recreates(1, change), [false; 3]);
    let orphan = |members: &mut [Member]| (members[1].owner, members[1].terminating) = (None, true);
    assert_eq!(recreates(1, orphan), [false; 3], "its StatefulSet is gone");
}

/// Deleting the leader deletes the workers, whose events follow.
#[test]
fn a_group_is_recreated_once() {
    let change = |members: &mut [Member]| members.iter_mut().for_each(|member| member.terminating = true);
    for pod in 0..SIZE {
        assert_eq!(recreates(pod, change), [false; 3]);
    }
}

#[test]
fn without_its_leader_or_itself_in_sight_a_worker_recreates_nothing() {
    let mut members = group();
    members[1].terminating = true;
    members.remove(0);
    assert!(!recreate_group(RecreateGroupOnPodRestart, SIZE, &members, 1));
    assert!(!recreate_group(RecreateGroupOnPodRestart, SIZE, &group()[..3], 3));
}
