//! What holds of every rollout, whatever happens during it.

use proptest::prelude::*;
use towtank::kubernetes::{
    IntOrPercent::{self, Int, Percent},
    MaxUnavailableGate::{self, Off, V1_35, V1_37},
    RollingUpdate,
};

use super::lws_harness::Fleet;

#[derive(Clone, Debug)]
enum Edit {
    Template,
    Scale(u32),
    /// One of the groups that are not ready becomes ready.
    Ready(prop::sample::Index),
    /// A group stops being ready.
    Unready(prop::sample::Index),
    /// A group is lost.
    Lost(prop::sample::Index),
}

impl Edit {
    fn apply(&self, fleet: &mut Fleet) {
        let unready: Vec<u32> = fleet.groups.iter().filter(|g| !g.ready).map(|g| g.ordinal).collect();
        let any = |index: &prop::sample::Index| {
            (!fleet.groups.is_empty()).then(|| fleet.groups[index.index(fleet.groups.len())].ordinal)
        };
        match self {
            Self::Template => fleet.template.0 += 1,
            Self::Scale(replicas) => fleet.replicas = *replicas,
            Self::Ready(index) if !unready.is_empty() => {
                fleet.set_ready(unready[index.index(unready.len())], true);
            }
            Self::Ready(_) => {}
            Self::Unready(index) => {
                if let Some(group) = any(index) {
                    fleet.set_ready(group, false);
                }
            }
            Self::Lost(index) => {
                let lost = any(index);
                fleet.groups.retain(|group| Some(group.ordinal) != lost);
            }
        }
        fleet.settle();
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        1 => Just(Edit::Template),
        1 => (0..7_u32).prop_map(Edit::Scale),
        4 => any::<prop::sample::Index>().prop_map(Edit::Ready),
        1 => any::<prop::sample::Index>().prop_map(Edit::Unready),
        1 => any::<prop::sample::Index>().prop_map(Edit::Lost),
    ];
    prop::collection::vec(edit, 0..24)
}

fn amount() -> impl Strategy<Value = IntOrPercent> {
    prop_oneof![(0..5_u32).prop_map(Int), (0..=100_u8).prop_map(Percent)]
}

/// Strategies that the webhook accepts at any number of replicas.
fn strategies() -> impl Strategy<Value = RollingUpdate> {
    (amount(), amount(), prop_oneof![3 => Just(0), 1 => 0..4_u32])
        .prop_map(|(max_unavailable, max_surge, partition)| RollingUpdate {
            partition,
            max_unavailable,
            max_surge,
        })
        .prop_filter("both zero", |strategy| (1..7).all(|n| strategy.resolved(n) != (0, 0)))
}

fn gates() -> impl Strategy<Value = MaxUnavailableGate> {
    prop::sample::select(vec![Off, V1_35, V1_37])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every group that is made becomes ready in the end, old ones too; then the set is what was asked for.
    #[test]
    fn what_becomes_ready_becomes_available(
        replicas in 0..7_u32, strategy in strategies(), gate in gates(), edits in edits(),
    ) {
        let mut fleet = Fleet::new(replicas, strategy, gate);
        fleet.settle();
        for edit in edits {
            edit.apply(&mut fleet);
        }
        fleet.heal();
        prop_assert!(fleet.status.available && fleet.is_done(), "{}", fleet.picture());
        if strategy.partition == 0 {
            prop_assert_eq!(fleet.written(), (0, fleet.replicas));
        }
    }

    /// The partition never rises while the template stays, leaders are never more than replicas and surge, and after a
    /// sync they are exactly those asked for.
    #[test]
    fn the_partition_falls_and_leaders_are_those_asked_for(
        replicas in 0..7_u32, strategy in strategies(), gate in gates(), edits in edits(),
    ) {
        let mut fleet = Fleet::new(replicas, strategy, gate);
        fleet.settle();
        for edit in edits {
            let mut before = fleet.set.unwrap();
            edit.apply(&mut fleet);
            let (_, surge) = strategy.resolved(fleet.replicas);
            for moment in &fleet.moments {
                prop_assert!(moment.set.replicas <= fleet.replicas + surge, "{moment:?}");
                prop_assert!(moment.set.template != before.template || moment.set.partition <= before.partition);
                before = moment.set;
            }
            let ordinals: Vec<u32> = fleet.groups.iter().map(|group| group.ordinal).collect();
            prop_assert_eq!(ordinals, (0..before.replicas).collect::<Vec<_>>());
        }
    }

    /// From rest and without failures, surge included, no more than `maxUnavailable` groups are away, in whatever order new
    /// ones become ready. Where `maxUnavailable` and `maxSurge` exceed the replicas together that holds only if they
    /// become ready from the top (see `too_much_surge_given_back_leaves_fewer_ready_than_promised`).
    #[test]
    fn a_rollout_from_rest_keeps_its_promise(
        replicas in 0..9_u32, strategy in strategies(), gate in gates(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut fleet = Fleet::at_rest(replicas, strategy, gate);
        let (unavailable, surge) = strategy.resolved(replicas);
        let any_order = unavailable + surge <= replicas;
        let mut edits = order.into_iter();
        fleet.template.0 += 1;
        fleet.settle();
        loop {
            let least = fleet.moments.iter().map(|moment| moment.ready).min().unwrap();
            prop_assert!(least >= replicas.saturating_sub(unavailable), "{}", fleet.picture());
            let unready: Vec<u32> = fleet.groups.iter().filter(|g| !g.ready).map(|g| g.ordinal).collect();
            let Some(top) = unready.last() else { break };
            let next = edits.next().filter(|_| any_order).map(|index| unready[index.index(unready.len())]);
            fleet.set_ready(next.unwrap_or(*top), true);
            fleet.settle();
        }
        prop_assert!(fleet.status.available);
    }
}
