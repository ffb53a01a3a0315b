//! Rollouts of a LeaderWorkerSet in a cluster, step by step: the two controllers together.
//!
//! A row is what holds once everything has settled after an event. W1 to W21 are the worked cases of `lws_envtest.rs`, as
//! they go where a `StatefulSet` controller runs; W8 is from LeaderWorkerSet's `test/e2e`.

use towtank::kubernetes::{
    GroupReadiness,
    IntOrPercent::{self, Int, Percent},
    LeaderStatefulSet,
    MaxUnavailableGate::{self, Off, V1_35, V1_37},
    Revision, RollingUpdate, reconcile_leader_statefulset,
};

use super::lws_harness::{
    Event::{self, Created, Lost, Partition, Ready, Scale, Template, TemplateAndScale},
    Fleet,
};

/// After the event: (partition, replicas), ready and updated groups, and what was written on the way.
type Row = (Event, (u32, u32), u32, u32, &'static [(u32, u32)]);

struct Case {
    replicas: u32,
    strategy: RollingUpdate,
    gates: Vec<MaxUnavailableGate>,
    created: bool,
    unready: &'static [u32],
}

/// From nothing.
fn new(replicas: u32, max_unavailable: IntOrPercent, max_surge: IntOrPercent) -> Case {
    let strategy = RollingUpdate { partition: 0, max_unavailable, max_surge };
    Case { replicas, strategy, gates: vec![V1_35, V1_37], created: false, unready: &[] }
}

/// From rest, all groups ready.
fn live(replicas: u32, max_unavailable: IntOrPercent, max_surge: IntOrPercent) -> Case {
    Case { created: true, ..new(replicas, max_unavailable, max_surge) }
}

impl Case {
    fn gate(self, gate: MaxUnavailableGate) -> Self {
        Self { gates: vec![gate], ..self }
    }

    fn partition(mut self, partition: u32) -> Self {
        self.strategy.partition = partition;
        self
    }

    fn unready(self, unready: &'static [u32]) -> Self {
        Self { unready, ..self }
    }

    fn fleet(&self, gate: MaxUnavailableGate) -> Fleet {
        let start = if self.created { Fleet::at_rest } else { Fleet::new };
        let mut fleet = start(self.replicas, self.strategy, gate);
        self.unready.iter().for_each(|index| fleet.set_ready(*index, false));
        fleet
    }

    #[track_caller]
    fn check(&self, rows: &[Row]) {
        for gate in &self.gates {
            let mut fleet = self.fleet(*gate);
            for (number, (event, written, ready, updated, trail)) in rows.iter().enumerate() {
                let before = fleet.written();
                fleet.apply(event);
                let status = fleet.status;
                let found = (fleet.written(), status.ready_replicas, status.updated_replicas);
                let at = format!("row {number}, {event:?}, gate {gate:?}: {}", fleet.picture());
                assert_eq!(found, (*written, *ready, *updated), "{at}");
                assert_eq!(fleet.trail(before), *trail, "{at}");
                assert_eq!(status.available, fleet.is_done(), "{at}: {status:?}");
            }
            assert!(fleet.is_done(), "gate {gate:?}: {}", fleet.picture());
        }
    }
}

#[test]
fn w1_one_group_at_a_time_by_default() {
    live(4, Int(1), Int(0)).check(&[
        (Template, (3, 4), 3, 1, &[(4, 4), (3, 4)]),
        (Ready(&[3]), (2, 4), 3, 2, &[(2, 4)]),
        (Ready(&[2]), (1, 4), 3, 3, &[(1, 4)]),
        (Ready(&[1]), (0, 4), 3, 4, &[(0, 4)]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w2_two_away_are_a_sliding_window() {
    live(4, Int(2), Int(0)).check(&[
        (Template, (2, 4), 2, 2, &[(4, 4), (2, 4)]),
        (Ready(&[3]), (1, 4), 2, 3, &[(1, 4)]),
        (Ready(&[2]), (0, 4), 2, 4, &[(0, 4)]),
        (Ready(&[1]), (0, 4), 3, 4, &[]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w2_gate_off_replaces_one_leader_at_a_time() {
    live(4, Int(2), Int(0)).gate(Off).check(&[
        (Template, (2, 4), 3, 1, &[(4, 4), (2, 4)]),
        (Ready(&[3]), (1, 4), 3, 2, &[(1, 4)]),
        (Ready(&[2]), (0, 4), 3, 3, &[(0, 4)]),
        (Ready(&[1]), (0, 4), 3, 4, &[]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w3_all_may_be_away() {
    live(4, Int(10), Int(0)).check(&[
        (Template, (0, 4), 0, 4, &[(4, 4), (0, 4)]),
        (Ready(&[3]), (0, 4), 1, 4, &[]),
        (Ready(&[2]), (0, 4), 2, 4, &[]),
        (Ready(&[1]), (0, 4), 3, 4, &[]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w4_surge_alone_keeps_every_group() {
    live(4, Int(0), Int(1)).check(&[
        (Template, (4, 5), 4, 1, &[(4, 5)]),
        (Ready(&[4]), (3, 5), 4, 2, &[(3, 5)]),
        (Ready(&[3]), (2, 5), 4, 3, &[(2, 5)]),
        (Ready(&[2]), (1, 5), 4, 4, &[(1, 5)]),
        (Ready(&[1]), (0, 5), 4, 5, &[(0, 5)]),
        (Ready(&[0]), (0, 4), 4, 4, &[(0, 4)]),
    ]);
}

#[test]
fn w5_surge_is_given_back_before_the_last_group_is_done() {
    live(4, Int(1), Int(1)).check(&[
        (Template, (3, 5), 3, 2, &[(4, 5), (3, 5)]),
        (Ready(&[4]), (2, 5), 3, 3, &[(2, 5)]),
        (Ready(&[3]), (1, 5), 3, 4, &[(1, 5)]),
        (Ready(&[2]), (0, 5), 3, 5, &[(0, 5)]),
        (Ready(&[1]), (0, 4), 3, 4, &[(0, 4)]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w6_two_away_and_two_more() {
    live(4, Int(2), Int(2)).check(&[
        (Template, (2, 6), 2, 4, &[(4, 6), (2, 6)]),
        (Ready(&[5]), (1, 6), 2, 5, &[(1, 6)]),
        (Ready(&[4]), (0, 6), 2, 6, &[(0, 6)]),
        (Ready(&[3]), (0, 6), 3, 6, &[]),
        (Ready(&[2]), (0, 4), 2, 4, &[(0, 4)]),
        (Ready(&[1]), (0, 4), 3, 4, &[]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w6_gate_off_keeps_what_the_partition_would_give_up() {
    live(4, Int(2), Int(2)).gate(Off).check(&[
        (Template, (2, 6), 4, 2, &[(4, 6), (2, 6)]),
        (Ready(&[5]), (1, 6), 5, 2, &[(1, 6)]),
        (Ready(&[4]), (0, 6), 5, 3, &[(0, 6)]),
        (Ready(&[3]), (0, 6), 5, 4, &[]),
        (Ready(&[2]), (0, 4), 3, 3, &[(0, 4)]),
        (Ready(&[1]), (0, 4), 3, 4, &[]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w7_surge_is_capped_at_the_replicas() {
    live(2, Int(1), Int(4)).check(&[
        (Template, (1, 3), 1, 2, &[(2, 3), (1, 3)]),
        (Ready(&[2]), (0, 3), 1, 3, &[(0, 3)]),
        (Ready(&[1]), (0, 2), 1, 2, &[(0, 2)]),
        (Ready(&[0]), (0, 2), 2, 2, &[]),
    ]);
}

#[test]
fn w8_surge_goes_back_one_by_one() {
    live(4, Int(1), Int(4)).check(&[
        (Template, (3, 7), 3, 4, &[(4, 7), (3, 7)]),
        (Ready(&[6]), (2, 7), 3, 5, &[(2, 7)]),
        (Ready(&[5]), (1, 7), 3, 6, &[(1, 7)]),
        (Ready(&[4]), (0, 7), 3, 7, &[(0, 7)]),
        (Ready(&[3]), (0, 6), 3, 6, &[(0, 6)]),
        (Ready(&[2]), (0, 5), 3, 5, &[(0, 5)]),
        (Ready(&[1]), (0, 4), 3, 4, &[(0, 4)]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w9_a_single_group_with_surge_is_never_away() {
    live(1, Int(0), Int(1)).check(&[
        (Template, (1, 2), 1, 1, &[(1, 2)]),
        (Ready(&[1]), (0, 2), 1, 2, &[(0, 2)]),
        (Ready(&[0]), (0, 1), 1, 1, &[(0, 1)]),
    ]);
}

#[test]
fn w9_a_single_group_that_may_be_away_gets_no_surge() {
    live(1, Int(1), Int(1))
        .check(&[(Template, (0, 1), 0, 1, &[(1, 1), (0, 1)]), (Ready(&[0]), (0, 1), 1, 1, &[])]);
}

#[test]
fn w9_a_single_group_by_default_is_an_outage() {
    live(1, Int(1), Int(0))
        .check(&[(Template, (0, 1), 0, 1, &[(1, 1), (0, 1)]), (Ready(&[0]), (0, 1), 1, 1, &[])]);
}

#[test]
fn w10_a_group_below_the_partition_that_is_away_counts() {
    live(4, Int(2), Int(0)).unready(&[1]).gate(V1_35).check(&[
        (Template, (3, 4), 2, 1, &[(4, 4), (3, 4)]),
        (Ready(&[3]), (1, 4), 2, 2, &[(1, 4)]),
        (Ready(&[2]), (0, 4), 2, 4, &[(0, 4)]),
        (Ready(&[1]), (0, 4), 3, 4, &[]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w11_no_group_is_ready_and_the_old_ones_recover() {
    live(2, Int(1), Int(0)).unready(&[0, 1]).gate(V1_35).check(&[
        (Template, (1, 2), 0, 0, &[(2, 2), (1, 2)]),
        (Ready(&[1]), (1, 2), 1, 0, &[]),
        (Ready(&[0]), (1, 2), 1, 1, &[]),
        (Ready(&[1]), (0, 2), 1, 2, &[(0, 2)]),
        (Ready(&[0]), (0, 2), 2, 2, &[]),
    ]);
}

#[test]
fn w12_template_and_more_replicas_in_one_edit() {
    live(4, Int(1), Int(0)).check(&[
        (TemplateAndScale(6), (4, 6), 4, 2, &[(4, 6)]),
        (Ready(&[5]), (4, 6), 5, 2, &[]),
        (Ready(&[4]), (3, 6), 5, 3, &[(3, 6)]),
        (Ready(&[3]), (2, 6), 5, 4, &[(2, 6)]),
        (Ready(&[2]), (1, 6), 5, 5, &[(1, 6)]),
        (Ready(&[1]), (0, 6), 5, 6, &[(0, 6)]),
        (Ready(&[0]), (0, 6), 6, 6, &[]),
    ]);
}

#[test]
fn w13_more_replicas_during_a_rollout() {
    live(4, Int(1), Int(0)).check(&[
        (Template, (3, 4), 3, 1, &[(4, 4), (3, 4)]),
        (Ready(&[3]), (2, 4), 3, 2, &[(2, 4)]),
        (Scale(6), (2, 6), 3, 4, &[(2, 6)]),
        (Ready(&[5]), (2, 6), 4, 4, &[]),
        (Ready(&[4]), (2, 6), 5, 4, &[]),
        (Ready(&[2]), (1, 6), 5, 5, &[(1, 6)]),
        (Ready(&[1]), (0, 6), 5, 6, &[(0, 6)]),
        (Ready(&[0]), (0, 6), 6, 6, &[]),
    ]);
}

#[test]
fn w14_fewer_replicas_during_a_rollout() {
    live(6, Int(1), Int(0)).check(&[
        (Template, (5, 6), 5, 1, &[(6, 6), (5, 6)]),
        (Scale(3), (2, 3), 2, 1, &[(3, 3), (2, 3)]),
        (Ready(&[2]), (1, 3), 2, 2, &[(1, 3)]),
        (Ready(&[1]), (0, 3), 2, 3, &[(0, 3)]),
        (Ready(&[0]), (0, 3), 3, 3, &[]),
    ]);
}

#[test]
fn w15_template_and_more_replicas_with_surge() {
    live(2, Int(1), Int(2)).check(&[
        (TemplateAndScale(4), (2, 6), 2, 4, &[(2, 4), (2, 6)]),
        (Ready(&[5]), (2, 6), 3, 4, &[]),
        (Ready(&[4]), (1, 6), 3, 5, &[(1, 6)]),
        (Ready(&[3]), (0, 6), 3, 6, &[(0, 6)]),
        (Ready(&[2]), (0, 5), 3, 5, &[(0, 5)]),
        (Ready(&[1]), (0, 4), 3, 4, &[(0, 4)]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn w16_template_and_fewer_replicas_with_surge() {
    live(6, Int(1), Int(2)).check(&[
        (TemplateAndScale(3), (2, 5), 2, 3, &[(3, 5), (2, 5)]),
        (Ready(&[4]), (1, 5), 2, 4, &[(1, 5)]),
        (Ready(&[3]), (0, 5), 2, 5, &[(0, 5)]),
        (Ready(&[2]), (0, 4), 2, 4, &[(0, 4)]),
        (Ready(&[1]), (0, 3), 2, 3, &[(0, 3)]),
        (Ready(&[0]), (0, 3), 3, 3, &[]),
    ]);
}

#[test]
fn w19_the_partition_of_the_user_holds_groups_back() {
    live(6, Int(1), Int(0)).partition(4).check(&[
        (Template, (5, 6), 5, 1, &[(6, 6), (5, 6)]),
        (Ready(&[5]), (4, 6), 5, 2, &[(4, 6)]),
        (Ready(&[4]), (4, 6), 6, 2, &[]),
        (Partition(2), (3, 6), 5, 3, &[(3, 6)]),
        (Ready(&[3]), (2, 6), 5, 4, &[(2, 6)]),
        (Ready(&[2]), (2, 6), 6, 4, &[]),
    ]);
}

#[test]
fn w20_surge_stays_until_the_partition_is_lifted() {
    live(3, Int(1), Int(1)).partition(2).check(&[
        (Template, (2, 4), 2, 2, &[(3, 4), (2, 4)]),
        (Ready(&[3]), (2, 4), 3, 2, &[]),
        (Ready(&[2]), (2, 4), 4, 2, &[]),
        (Partition(0), (0, 4), 2, 4, &[(0, 4)]),
        (Ready(&[1]), (0, 3), 2, 3, &[(0, 3)]),
        (Ready(&[0]), (0, 3), 3, 3, &[]),
    ]);
}

#[test]
fn w21_percentages() {
    live(8, Percent(25), Percent(25)).check(&[
        (Template, (6, 10), 6, 4, &[(8, 10), (6, 10)]),
        (Ready(&[9, 8, 7, 6]), (2, 10), 6, 8, &[(2, 10)]),
        (Ready(&[5, 4, 3, 2]), (0, 8), 6, 8, &[(0, 8)]),
        (Ready(&[1, 0]), (0, 8), 8, 8, &[]),
    ]);
}

#[test]
fn eight_groups_one_away_take_eight_waves() {
    live(8, Int(1), Int(0)).check(&[
        (Template, (7, 8), 7, 1, &[(8, 8), (7, 8)]),
        (Ready(&[7]), (6, 8), 7, 2, &[(6, 8)]),
        (Ready(&[6]), (5, 8), 7, 3, &[(5, 8)]),
        (Ready(&[5]), (4, 8), 7, 4, &[(4, 8)]),
        (Ready(&[4]), (3, 8), 7, 5, &[(3, 8)]),
        (Ready(&[3]), (2, 8), 7, 6, &[(2, 8)]),
        (Ready(&[2]), (1, 8), 7, 7, &[(1, 8)]),
        (Ready(&[1]), (0, 8), 7, 8, &[(0, 8)]),
        (Ready(&[0]), (0, 8), 8, 8, &[]),
    ]);
}

#[test]
fn eight_groups_two_away_take_four_waves() {
    live(8, Int(2), Int(0)).check(&[
        (Template, (6, 8), 6, 2, &[(8, 8), (6, 8)]),
        (Ready(&[7, 6]), (4, 8), 6, 4, &[(4, 8)]),
        (Ready(&[5, 4]), (2, 8), 6, 6, &[(2, 8)]),
        (Ready(&[3, 2]), (0, 8), 6, 8, &[(0, 8)]),
        (Ready(&[1, 0]), (0, 8), 8, 8, &[]),
    ]);
}

#[test]
fn eight_groups_one_more_take_nine_waves() {
    live(8, Int(0), Int(1)).check(&[
        (Template, (8, 9), 8, 1, &[(8, 9)]),
        (Ready(&[8]), (7, 9), 8, 2, &[(7, 9)]),
        (Ready(&[7]), (6, 9), 8, 3, &[(6, 9)]),
        (Ready(&[6]), (5, 9), 8, 4, &[(5, 9)]),
        (Ready(&[5]), (4, 9), 8, 5, &[(4, 9)]),
        (Ready(&[4]), (3, 9), 8, 6, &[(3, 9)]),
        (Ready(&[3]), (2, 9), 8, 7, &[(2, 9)]),
        (Ready(&[2]), (1, 9), 8, 8, &[(1, 9)]),
        (Ready(&[1]), (0, 9), 8, 9, &[(0, 9)]),
        (Ready(&[0]), (0, 8), 8, 8, &[(0, 8)]),
    ]);
}

#[test]
fn eight_groups_two_more_take_five_waves() {
    live(8, Int(0), Int(2)).check(&[
        (Template, (8, 10), 8, 2, &[(8, 10)]),
        (Ready(&[9, 8]), (6, 10), 8, 4, &[(6, 10)]),
        (Ready(&[7, 6]), (4, 10), 8, 6, &[(4, 10)]),
        (Ready(&[5, 4]), (2, 10), 8, 8, &[(2, 10)]),
        (Ready(&[3, 2]), (0, 10), 8, 10, &[(0, 10)]),
        (Ready(&[1, 0]), (0, 8), 8, 8, &[(0, 8)]),
    ]);
}

#[test]
fn eight_groups_one_away_and_one_more_take_five_waves() {
    live(8, Int(1), Int(1)).check(&[
        (Template, (7, 9), 7, 2, &[(8, 9), (7, 9)]),
        (Ready(&[8, 7]), (5, 9), 7, 4, &[(5, 9)]),
        (Ready(&[6, 5]), (3, 9), 7, 6, &[(3, 9)]),
        (Ready(&[4, 3]), (1, 9), 7, 8, &[(1, 9)]),
        (Ready(&[2, 1]), (0, 8), 7, 8, &[(0, 8)]),
        (Ready(&[0]), (0, 8), 8, 8, &[]),
    ]);
}

#[test]
fn eight_groups_two_away_and_two_more_take_three_waves() {
    live(8, Int(2), Int(2)).check(&[
        (Template, (6, 10), 6, 4, &[(8, 10), (6, 10)]),
        (Ready(&[9, 8, 7, 6]), (2, 10), 6, 8, &[(2, 10)]),
        (Ready(&[5, 4, 3, 2]), (0, 8), 6, 8, &[(0, 8)]),
        (Ready(&[1, 0]), (0, 8), 8, 8, &[]),
    ]);
}

/// The partition does not pass a group that works, not even to reach those below that are away.
#[test]
fn two_groups_below_the_partition_are_away() {
    live(4, Int(2), Int(0)).unready(&[2, 1]).gate(Off).check(&[
        (Template, (2, 4), 1, 1, &[(4, 4), (3, 4), (2, 4)]),
        (Ready(&[3]), (1, 4), 2, 2, &[(1, 4)]),
        (Ready(&[2]), (0, 4), 3, 3, &[(0, 4)]),
        (Ready(&[1]), (0, 4), 3, 4, &[]),
        (Ready(&[0]), (0, 4), 4, 4, &[]),
    ]);
}

#[test]
fn more_replicas_at_rest_make_no_surge() {
    live(4, Int(1), Int(1)).check(&[
        (Scale(6), (0, 6), 4, 6, &[(0, 6)]),
        (Ready(&[4]), (0, 6), 5, 6, &[]),
        (Ready(&[5]), (0, 6), 6, 6, &[]),
    ]);
}

#[test]
fn more_replicas_during_a_rollout_come_before_their_surge() {
    live(4, Int(1), Int(1)).check(&[
        (Template, (3, 5), 3, 2, &[(4, 5), (3, 5)]),
        (Scale(7), (3, 8), 3, 5, &[(3, 7), (3, 8)]),
        (Ready(&[7, 6, 5, 4, 3]), (1, 8), 6, 7, &[(1, 8)]),
        (Ready(&[2, 1]), (0, 7), 6, 7, &[(0, 7)]),
        (Ready(&[0]), (0, 7), 7, 7, &[]),
    ]);
}

/// The group that becomes surge by the edit is an old one, and replaced like the rest.
#[test]
fn fewer_replicas_during_a_rollout_make_old_groups_surge() {
    live(6, Int(1), Int(1)).check(&[
        (Template, (5, 7), 5, 2, &[(6, 7), (5, 7)]),
        (Scale(3), (2, 4), 2, 2, &[(4, 4), (2, 4)]),
        (Ready(&[3, 2]), (0, 4), 2, 4, &[(0, 4)]),
        (Ready(&[1, 0]), (0, 3), 3, 3, &[(0, 3)]),
    ]);
}

#[test]
fn fewer_replicas_at_rest_make_no_surge() {
    live(4, Int(1), Int(2)).check(&[(Scale(3), (0, 3), 3, 3, &[(0, 3)])]);
}

#[test]
fn fewer_replicas_while_none_is_ready_make_surge() {
    live(4, Int(1), Int(2)).unready(&[0, 1, 2, 3]).check(&[
        (Scale(3), (0, 5), 0, 5, &[(0, 5)]),
        (Ready(&[4]), (0, 5), 1, 5, &[]),
        (Ready(&[3]), (0, 5), 2, 5, &[]),
        (Ready(&[2]), (0, 4), 2, 4, &[(0, 4)]),
        (Ready(&[1]), (0, 3), 2, 3, &[(0, 3)]),
        (Ready(&[0]), (0, 3), 3, 3, &[]),
    ]);
}

#[test]
fn a_partition_of_the_user_makes_surge_at_creation() {
    new(3, Int(1), Int(1)).partition(2).check(&[
        (Created, (2, 4), 0, 4, &[(2, 3), (2, 4)]),
        (Ready(&[3]), (2, 4), 1, 4, &[]),
        (Ready(&[2]), (2, 4), 2, 4, &[]),
        (Ready(&[1]), (2, 3), 2, 3, &[(2, 3)]),
        (Ready(&[0]), (2, 3), 3, 3, &[]),
    ]);
}

#[test]
fn w11_broken_old_groups_block_their_replacement_in_1_35_only() {
    let after = |gate| {
        let mut fleet = live(2, Int(1), Int(0)).unready(&[0, 1]).fleet(gate);
        fleet.apply(&Template);
        assert_eq!(fleet.written(), (1, 2));
        fleet.picture()
    };
    assert_eq!(after(V1_35), "O- O-");
    assert_eq!([after(Off), after(V1_37)], ["O- N-"; 2]);
}

/// From `test/e2e`, "rolling update even if old lws not ready"; kubernetes issue 137409.
#[test]
fn c20_a_rollout_away_from_a_broken_template_ends_unless_in_1_35() {
    let after = |gate| {
        let mut fleet = live(2, Int(0), Int(1)).unready(&[0, 1]).fleet(gate);
        for event in [Template, Ready(&[2])] {
            fleet.apply(&event);
        }
        fleet
    };
    assert_eq!(after(V1_35).picture(), "O- O- N+");
    for gate in [Off, V1_37] {
        let mut fleet = after(gate);
        assert_eq!(fleet.picture(), "O- N- N+");
        fleet.apply(&Ready(&[1]));
        fleet.apply(&Ready(&[0]));
        assert_eq!((fleet.picture().as_str(), fleet.status.available), ("N+ N+", true));
    }
}

/// "Not updated worker gets recreated with old worker spec", seen from the leaders.
#[test]
fn c8_a_group_lost_during_a_rollout_comes_back_as_the_partition_says() {
    let mut fleet = live(4, Int(1), Int(0)).fleet(Off);
    fleet.apply(&Template);
    fleet.apply(&Lost(&[0]));
    assert_eq!(fleet.picture(), "O- O+ O+ N-");
    fleet.apply(&Lost(&[3]));
    assert_eq!(fleet.picture(), "O- O+ O+ N-");
}

#[test]
fn c15_groups_come_and_go_at_the_top() {
    let mut fleet = live(4, Int(1), Int(0)).fleet(Off);
    let steps: [(Event, &str); 5] = [
        (Scale(3), "N+ N+ N+"),
        (Scale(0), ""),
        (Scale(2), "N- N-"),
        (Ready(&[1, 0]), "N+ N+"),
        (Scale(3), "N+ N+ N-"),
    ];
    for (event, picture) in steps {
        fleet.apply(&event);
        assert_eq!(fleet.picture(), picture, "{event:?}");
        assert_eq!(fleet.status.available, !picture.contains('-'), "{event:?}");
    }
}

#[test]
fn c17_a_lost_leader_statefulset_is_made_again() {
    let mut fleet = live(3, Int(1), Int(2)).fleet(Off);
    (fleet.set, fleet.groups) = (None, Vec::new());
    fleet.settle();
    assert_eq!((fleet.written(), fleet.picture().as_str()), ((0, 3), "N- N- N-"));
}

/// Leaders written while `undone` of `replicas` groups are not updated, in the middle of a rollout.
fn leaders(replicas: u32, surge: u32, unavailable: u32, undone: u32) -> u32 {
    let strategy = RollingUpdate { partition: 0, max_unavailable: Int(unavailable), max_surge: Int(surge) };
    let set = LeaderStatefulSet {
        replicas: replicas + surge,
        partition: replicas,
        max_unavailable: 1,
        template: Revision(2),
        scaled_to: replicas,
    };
    let group = |index| GroupReadiness { ready: true, updated: index >= undone };
    let groups: Vec<_> = (0..replicas).map(group).collect();
    reconcile_leader_statefulset(replicas, &strategy, set.template, Some(&set), &groups).replicas
}

/// `TestCalculateRollingUpdateReplicas`.
#[test]
fn surge_is_kept_while_more_is_undone_than_may_be_away() {
    let found = [
        leaders(1, 1, 0, 1),
        leaders(4, 2, 1, 2),
        leaders(2, 2, 1, 2),
        leaders(1, 1, 0, 0),
        leaders(1, 1, 1, 1),
        leaders(3, 0, 0, 1),
    ];
    assert_eq!(found, [2, 5, 3, 1, 1, 3]);
}

#[test]
fn a_percentage_is_rounded_down_for_the_unavailable_and_up_for_the_surge() {
    let strategy = RollingUpdate { partition: 0, max_unavailable: Percent(30), max_surge: Percent(30) };
    assert_eq!([4, 10, 0].map(|replicas| strategy.resolved(replicas)), [(1, 2), (3, 3), (0, 0)]);
    assert_eq!(RollingUpdate { max_surge: Int(9), ..strategy }.resolved(2), (0, 2));
    assert_eq!(RollingUpdate::default().resolved(5), (1, 0));
}

/// The surge counts: leaders that start and leaders that are replaced are away together (LeaderWorkerSet pull request 781).
#[test]
fn leaders_may_be_away_by_the_sum_of_both_and_at_least_one() {
    let max_unavailable =
        |away, surge| live(4, Int(away), Int(surge)).fleet(Off).set.unwrap().max_unavailable;
    assert_eq!([max_unavailable(2, 2), max_unavailable(0, 1)], [4, 1]);
    // The one case in which both may be zero.
    let strategy = RollingUpdate { max_unavailable: Int(0), ..RollingUpdate::default() };
    assert_eq!(reconcile_leader_statefulset(0, &strategy, Revision(1), None, &[]).max_unavailable, 1);
}

/// Surge groups go highest index first, whichever is ready. Where `maxUnavailable` and `maxSurge` together exceed the
/// replicas, the ready ones can be given back while most groups are still starting.
#[test]
fn too_much_surge_given_back_leaves_fewer_ready_than_promised() {
    let mut fleet = live(4, Int(2), Int(3)).fleet(V1_37);
    for (event, picture) in [
        (Template, "O+ O+ N- N- N- N- N-"),
        (Ready(&[6]), "O+ N- N- N- N- N- N+"),
        (Ready(&[5]), "N- N- N- N- N- N+ N+"),
        (Ready(&[3]), "N- N- N- N+ N-"),
    ] {
        fleet.apply(&event);
        assert_eq!(fleet.picture(), picture, "{event:?}");
    }
}
