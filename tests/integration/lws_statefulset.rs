//! The `StatefulSet` controller, one sync at a time.

use proptest::prelude::*;
use towtank::kubernetes::{
    MaxUnavailableGate::{self, Off, V1_35, V1_37},
    Revision,
    StatefulSetAction::{self, Create, Delete},
    StatefulSetPod, StatefulSetSpec, reconcile_statefulset, rolling_update_complete,
};

const OLD: Revision = Revision(1);
const NEW: Revision = Revision(2);
const NONE: [u32; 0] = [];

fn spec(replicas: u32, partition: u32, max_unavailable: u32, gate: MaxUnavailableGate) -> StatefulSetSpec {
    StatefulSetSpec { start: 0, replicas, partition, max_unavailable, gate, current: OLD, update: NEW }
}

/// Pods from ordinal 0 on: `O` old or `N` new, then `+` ready, `-` not ready, `x` failed, `~` ready and terminating or
/// `!` failed and terminating; `.` for none.
fn pods(picture: &str) -> Vec<StatefulSetPod> {
    let pod = |(ordinal, word): (usize, &str)| {
        let (letter, sign) = word.split_at_checked(1).filter(|(letter, _)| *letter != ".")?;
        Some(StatefulSetPod {
            ordinal: ordinal as u32,
            revision: if letter == "N" { NEW } else { OLD },
            ready: sign == "+" || sign == "~",
            failed: sign == "x" || sign == "!",
            terminating: sign == "~" || sign == "!",
        })
    };
    picture.split_whitespace().enumerate().filter_map(pod).collect()
}

fn deleted(spec: &StatefulSetSpec, picture: &str) -> Vec<u32> {
    let ordinal = |action| match action {
        Delete { ordinal } => Some(ordinal),
        Create { .. } => None,
    };
    reconcile_statefulset(spec, &pods(picture)).into_iter().filter_map(ordinal).collect()
}

#[test]
fn the_gate_follows_the_release() {
    let gate = |version: &str| MaxUnavailableGate::of(version.parse().unwrap());
    assert_eq!(["1.27", "1.34", "1.34.9"].map(gate), [Off; 3]);
    assert_eq!(["1.35", "1.35.3"].map(gate), [V1_35; 2]);
    assert_eq!(["1.35.4", "1.36"].map(gate), [Off; 2]);
    assert_eq!(["1.37", "1.40.1"].map(gate), [V1_37; 2]);
}

/// C1: leaders from 0, workers from 1, all in one sync.
#[test]
fn all_pods_of_a_set_are_created_at_once() {
    let create = |ordinal| Create { ordinal, revision: NEW };
    assert_eq!(reconcile_statefulset(&spec(2, 0, 1, Off), &[]), [0, 1].map(create));
    let workers = StatefulSetSpec { start: 1, ..spec(3, 0, 1, Off) };
    assert_eq!(reconcile_statefulset(&workers, &[]), [1, 2, 3].map(create));
}

#[test]
fn a_missing_pod_comes_back_of_the_revision_of_its_side_of_the_partition() {
    let actions = reconcile_statefulset(&spec(4, 2, 1, Off), &pods(". O+ . N+"));
    assert_eq!(actions, [Create { ordinal: 0, revision: OLD }, Create { ordinal: 2, revision: NEW }]);
    let workers = StatefulSetSpec { start: 1, ..spec(2, 1, 1, Off) };
    let first = reconcile_statefulset(&workers, &pods(". . N+"));
    assert_eq!(first, [Create { ordinal: 1, revision: OLD }], "a partition counts from the first ordinal");
}

#[test]
fn pods_beyond_the_range_go_at_once_highest_first() {
    assert_eq!(deleted(&spec(2, 0, 1, Off), "N+ N- N+ N~ N-"), [4, 2]);
}

#[test]
fn a_failed_pod_is_deleted_and_a_terminating_one_waited_for() {
    assert_eq!(deleted(&spec(3, 3, 1, Off), "O+ Ox N+"), [1]);
    assert_eq!(reconcile_statefulset(&spec(2, 0, 1, Off), &pods("N! N~")), []);
}

#[test]
fn without_the_gate_one_pod_is_replaced_and_none_below_an_unavailable_one() {
    let replaced = |picture| deleted(&spec(4, 0, 4, Off), picture);
    assert_eq!(replaced("O+ O+ O+ O+"), [3]);
    assert_eq!(replaced("O- O+ O- N+"), [2], "whether it works or not");
    assert_eq!(replaced("O+ O+ N- N+"), NONE);
    assert_eq!(replaced("O+ O+ O~ N+"), NONE);
    assert_eq!(replaced("O+ O+ N+"), NONE, "the pod just created is not available");
    assert_eq!(deleted(&spec(4, 3, 4, Off), "O+ O+ O+ N+"), NONE);
}

#[test]
fn in_1_35_whatever_is_unavailable_uses_the_budget_up() {
    let replaced = |max_unavailable, picture| deleted(&spec(4, 1, max_unavailable, V1_35), picture);
    assert_eq!(replaced(2, "O+ O+ O+ O+"), [3, 2]);
    assert_eq!(replaced(0, "O+ O+ O+ O+"), [3], "none counts as one");
    assert_eq!(replaced(2, "O+ O+ N- O+"), [3]);
    assert_eq!(replaced(2, "O- O+ N- O+"), NONE, "below the partition, too");
    assert_eq!(replaced(2, "O+ O- O- O+"), NONE);
    assert_eq!(replaced(9, "O+ O+ O+ O+"), [3, 2, 1]);
}

#[test]
fn from_1_37_broken_old_pods_go_first_and_outside_the_budget() {
    let replaced = |max_unavailable, picture| deleted(&spec(4, 1, max_unavailable, V1_37), picture);
    assert_eq!(replaced(1, "O- O- O- O+"), [2, 1]);
    assert_eq!(replaced(2, "O+ O- O+ O+"), [1, 3]);
    assert_eq!(replaced(2, "O+ O+ O+ O+"), [3, 2]);
    assert_eq!(replaced(2, "O+ O+ N- O+"), [3]);
}

#[test]
fn a_rollout_is_over_when_all_pods_asked_for_are_new_and_ready() {
    let over = |replicas, picture: &str| rolling_update_complete(&spec(replicas, 0, 1, Off), &pods(picture));
    assert!(over(2, "N+ N+"));
    for (replicas, picture) in [(2, "N+ N-"), (2, "N+ O+"), (2, "N+ N~"), (3, "N+ N+"), (1, "N+ N+")] {
        assert!(!over(replicas, picture), "{picture} of {replicas}");
    }
}

fn any_pods() -> impl Strategy<Value = Vec<StatefulSetPod>> {
    let word = prop::sample::select(vec![".", "O+", "O-", "Ox", "O~", "N+", "N-", "Nx", "N~", "N!"]);
    prop::collection::vec(word, 0..8).prop_map(|words| pods(&words.join(" ")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sync_does_each_thing_once_and_stays_within_the_budget(
        pods in any_pods(), replicas in 0..8_u32, partition in 0..8_u32, max_unavailable in 0..4_u32,
        gate in prop::sample::select(vec![Off, V1_35, V1_37]),
    ) {
        let spec = spec(replicas, partition, max_unavailable, gate);
        let find = |ordinal| pods.iter().find(|pod| pod.ordinal == ordinal);
        let available = |pod: &StatefulSetPod| pod.ready && !pod.terminating;
        let mut touched = Vec::new();
        let mut taken = 0;
        for action in reconcile_statefulset(&spec, &pods) {
            match action {
                StatefulSetAction::Create { ordinal, .. } => {
                    prop_assert!(ordinal < replicas && find(ordinal).is_none());
                    touched.push(ordinal);
                }
                StatefulSetAction::Delete { ordinal } => {
                    let pod = find(ordinal).unwrap();
                    prop_assert!(!pod.terminating);
                    touched.push(ordinal);
                    let replaced = ordinal < replicas && !pod.failed;
                    prop_assert!(!replaced || (pod.revision == OLD && ordinal >= partition));
                    taken += u32::from(replaced && available(pod));
                }
            }
        }
        let count = touched.len();
        touched.sort_unstable();
        touched.dedup();
        prop_assert_eq!(touched.len(), count);
        let there = pods.iter().filter(|pod| pod.ordinal < replicas && available(pod)).count() as u32;
        let budget = if gate == Off { 1 } else { max_unavailable.max(1).saturating_sub(replicas - there) };
        prop_assert!(taken <= budget, "{} > {}", taken, budget);
    }
}
