//! What LeaderWorkerSet's own tests expect of the controller, literally.
//!
//! In `test/integration/controllers/leaderworkerset_test.go` no `StatefulSet` controller runs: an old group stays as it is
//! until the test makes it a ready new one, and what the set asks for does not exist until the test makes it.

use towtank::kubernetes::{
    GroupReadiness, IntOrPercent::Int, LeaderStatefulSet, LwsStatus, Revision, RollingUpdate,
    reconcile_leader_statefulset, reconcile_status,
};

#[derive(Debug)]
enum Step {
    Template,
    Scale(u32),
    TemplateAndScale(u32),
    Partition(u32),
    /// These groups are of the newest template and ready.
    Done(&'static [u32]),
    /// These groups are of the newest template and not ready.
    Made(&'static [u32]),
    /// These groups are not ready, and otherwise as they were.
    Unready(&'static [u32]),
}
use Step::{Done, Made, Partition, Scale, Template, TemplateAndScale, Unready};

/// After the step: (partition, replicas), ready and updated groups.
type Row = (Step, (u32, u32), u32, u32);

struct Script {
    replicas: u32,
    strategy: RollingUpdate,
    template: Revision,
    set: Option<LeaderStatefulSet>,
    groups: Vec<Option<GroupReadiness>>,
    status: LwsStatus,
    trail: Vec<(u32, u32)>,
}

/// A set at rest.
fn script(replicas: u32, unavailable: u32, surge: u32) -> Script {
    partitioned(replicas, unavailable, surge, 0)
}

fn partitioned(replicas: u32, unavailable: u32, surge: u32, partition: u32) -> Script {
    let strategy = RollingUpdate { partition, max_unavailable: Int(unavailable), max_surge: Int(surge) };
    let done = GroupReadiness { ready: true, updated: true };
    let mut script = Script {
        replicas,
        strategy,
        template: Revision(1),
        set: None,
        groups: vec![Some(done); replicas as usize],
        status: LwsStatus::default(),
        trail: Vec::new(),
    };
    script.settle();
    assert!(script.status.available && !script.status.progressing, "{:?}", script.status);
    script
}

impl Script {
    fn new_template(&mut self) {
        self.template.0 += 1;
        self.groups.iter_mut().flatten().for_each(|group| group.updated = false);
    }

    fn put(&mut self, indices: &[u32], ready: bool) {
        for index in indices {
            let length = self.groups.len().max(*index as usize + 1);
            self.groups.resize(length, None);
            self.groups[*index as usize] = Some(GroupReadiness { ready, updated: true });
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Template => self.new_template(),
            Scale(replicas) => self.replicas = *replicas,
            TemplateAndScale(replicas) => {
                self.new_template();
                self.replicas = *replicas;
            }
            Partition(partition) => self.strategy.partition = *partition,
            Done(indices) => self.put(indices, true),
            Made(indices) => self.put(indices, false),
            Unready(indices) => {
                for index in *indices {
                    self.groups[*index as usize].as_mut().unwrap().ready = false;
                }
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        self.trail.clear();
        loop {
            let groups: Vec<_> = self.groups.iter().map(|group| group.unwrap_or_default()).collect();
            let old = self.set.as_ref();
            let set =
                reconcile_leader_statefulset(self.replicas, &self.strategy, self.template, old, &groups);
            self.groups.truncate(set.replicas as usize);
            let leaders = self.groups.iter().flatten().count() as u32;
            let partition = self.strategy.partition;
            let status = reconcile_status(&self.status, self.replicas, partition, leaders, &self.groups);
            if (Some(set), status) == (self.set, self.status) {
                return;
            }
            self.trail.push((set.partition, set.replicas));
            (self.set, self.status) = (Some(set), status);
        }
    }

    #[track_caller]
    fn check(mut self, rows: &[Row]) -> Self {
        for (number, (step, written, ready, updated)) in rows.iter().enumerate() {
            self.apply(step);
            let set = self.set.unwrap();
            let found =
                ((set.partition, set.replicas), self.status.ready_replicas, self.status.updated_replicas);
            assert_eq!(found, (*written, *ready, *updated), "row {number}, {step:?}: {:?}", self.groups);
        }
        self
    }

    #[track_caller]
    fn available(self) {
        let LwsStatus { available, progressing, update_in_progress, .. } = self.status;
        assert_eq!((available, progressing, update_in_progress), (true, false, false));
    }
}

#[test]
fn w1_default_strategy() {
    let plain = script(4, 1, 0).check(&[
        (Template, (3, 4), 4, 0),
        (Done(&[3]), (2, 4), 4, 1),
        (Done(&[2]), (1, 4), 4, 2),
        (Done(&[1]), (0, 4), 4, 3),
        (Done(&[0]), (0, 4), 4, 4),
    ]);
    plain.available();
}

#[test]
fn w1_c9_out_of_order_and_back_to_unready_never_raise_the_partition() {
    let detour = script(4, 1, 0).check(&[
        (Template, (3, 4), 4, 0),
        (Done(&[3]), (2, 4), 4, 1),
        (Done(&[1]), (2, 4), 4, 2),
        (Unready(&[3]), (2, 4), 3, 2),
        (Done(&[3, 2, 1, 0]), (0, 4), 4, 4),
    ]);
    detour.available();
}

#[test]
fn w2_max_unavailable_two() {
    let script = script(4, 2, 0).check(&[
        (Template, (2, 4), 4, 0),
        (Done(&[3]), (1, 4), 4, 1),
        (Done(&[2]), (0, 4), 4, 2),
        (Done(&[1, 0]), (0, 4), 4, 4),
    ]);
    script.available();
}

#[test]
fn w3_max_unavailable_greater_than_replicas() {
    script(4, 10, 0).check(&[(Template, (0, 4), 4, 0), (Done(&[3, 2, 1, 0]), (0, 4), 4, 4)]).available();
}

#[test]
fn w4_c10_max_unavailable_zero_and_max_surge() {
    let script = script(4, 0, 1).check(&[
        (Template, (4, 5), 4, 0),
        (Done(&[4]), (3, 5), 5, 1),
        (Done(&[3]), (2, 5), 5, 2),
        (Done(&[2]), (1, 5), 5, 3),
        (Done(&[1]), (0, 5), 5, 4),
        (Done(&[0]), (0, 4), 4, 4),
    ]);
    script.available();
}

#[test]
fn w5_max_surge() {
    let script = script(4, 1, 1).check(&[
        (Template, (3, 5), 4, 0),
        (Done(&[4]), (2, 5), 5, 1),
        (Done(&[3]), (1, 5), 5, 2),
        (Done(&[2]), (0, 5), 5, 3),
        (Done(&[1]), (0, 4), 4, 3),
        (Done(&[0]), (0, 4), 4, 4),
    ]);
    script.available();
}

#[test]
fn w6_max_unavailable_and_max_surge() {
    let script = script(4, 2, 2).check(&[
        (Template, (2, 6), 4, 0),
        (Done(&[3, 2]), (0, 4), 4, 2),
        (Done(&[1, 0]), (0, 4), 4, 4),
    ]);
    script.available();
}

/// The table of the documentation's page on rollout strategies, surge groups made first.
#[test]
fn w6_c11_the_documented_stages() {
    let script = script(4, 2, 2).check(&[
        (Template, (2, 6), 4, 0),
        (Made(&[5, 4, 3, 2]), (2, 6), 2, 4),
        (Done(&[4]), (2, 6), 3, 4),
        (Done(&[5]), (0, 6), 4, 4),
        (Made(&[1, 0]), (0, 6), 2, 6),
        (Done(&[3, 2]), (0, 4), 2, 4),
        (Done(&[1]), (0, 4), 3, 4),
        (Done(&[0]), (0, 4), 4, 4),
    ]);
    script.available();
}

#[test]
fn w7_max_surge_greater_than_replicas() {
    script(2, 1, 4).check(&[(Template, (1, 3), 2, 0), (Done(&[2, 1, 0]), (0, 2), 2, 2)]).available();
}

#[test]
fn w10_c12_an_unhealthy_group_below_the_partition() {
    let script = script(4, 2, 0).check(&[
        (Unready(&[1]), (0, 4), 3, 4),
        (Template, (3, 4), 3, 0),
        (Done(&[3, 2, 1, 0]), (0, 4), 4, 4),
    ]);
    script.available();
}

#[test]
fn w11_c12_no_ready_replicas() {
    let script = script(2, 1, 0).check(&[
        (Unready(&[1, 0]), (0, 2), 0, 2),
        (Template, (1, 2), 0, 0),
        (Done(&[1]), (0, 2), 1, 1),
        (Done(&[0]), (0, 2), 2, 2),
    ]);
    script.available();
}

#[test]
fn w12_template_and_number_of_replicas_changed() {
    let script = script(4, 1, 0).check(&[
        (TemplateAndScale(6), (4, 6), 4, 0),
        (Made(&[5, 4]), (4, 6), 4, 2),
        (Done(&[5]), (4, 6), 5, 2),
        (Done(&[4]), (3, 6), 6, 2),
        (Done(&[3]), (2, 6), 6, 3),
        (Done(&[2]), (1, 6), 6, 4),
        (Done(&[1]), (0, 6), 6, 5),
        (Done(&[0]), (0, 6), 6, 6),
    ]);
    script.available();
}

#[test]
fn w13_replicas_increase_during_rolling_update() {
    let script = script(4, 1, 0).check(&[
        (Template, (3, 4), 4, 0),
        (Done(&[3]), (2, 4), 4, 1),
        (Scale(6), (2, 6), 4, 1),
        (Done(&[5, 4]), (2, 6), 6, 3),
        (Done(&[2]), (1, 6), 6, 4),
        (Done(&[1]), (0, 6), 6, 5),
        (Done(&[0]), (0, 6), 6, 6),
    ]);
    script.available();
}

#[test]
fn w14_replicas_decrease_during_rolling_update() {
    let script = script(6, 1, 0).check(&[(Template, (5, 6), 6, 0), (Scale(3), (2, 3), 3, 0)]);
    assert_eq!(script.trail[..2], [(3, 3), (2, 3)]);
    let script =
        script.check(&[(Done(&[2]), (1, 3), 3, 1), (Done(&[1]), (0, 3), 3, 2), (Done(&[0]), (0, 3), 3, 3)]);
    script.available();
}

#[test]
fn w15_replicas_scaled_up_and_max_surge() {
    let script = script(2, 1, 2).check(&[(TemplateAndScale(4), (2, 6), 2, 0)]);
    assert_eq!(script.trail[..2], [(2, 4), (2, 6)]);
    script.check(&[(Done(&[5, 4, 3, 2, 1, 0]), (0, 4), 4, 4)]).available();
}

#[test]
fn w16_replicas_scaled_down_and_max_surge() {
    let script = script(6, 1, 2).check(&[(TemplateAndScale(3), (2, 5), 5, 0)]);
    assert_eq!(script.trail[..2], [(3, 5), (2, 5)]);
    script.check(&[(Done(&[4, 3, 2, 1, 0]), (0, 3), 3, 3)]).available();
}

#[test]
fn w17_c13_scale_up_and_down_during_rolling_update_with_max_surge() {
    let script = script(4, 1, 2).check(&[
        (Template, (3, 6), 4, 0),
        (Scale(6), (3, 8), 4, 0),
        (Made(&[7, 6]), (3, 8), 4, 2),
        (Done(&[7, 6]), (3, 8), 6, 2),
        (Scale(2), (1, 3), 3, 0),
        (Done(&[2]), (0, 3), 3, 1),
        (Done(&[1]), (0, 2), 2, 1),
        (Done(&[0]), (0, 2), 2, 2),
    ]);
    script.available();
}

#[test]
fn w18_c18_a_second_template_during_rolling_update() {
    let script = script(4, 1, 2).check(&[
        (Template, (3, 6), 4, 0),
        (Done(&[5, 4]), (1, 6), 6, 2),
        (Template, (3, 6), 6, 0),
    ]);
    assert_eq!(script.trail[..2], [(4, 6), (3, 6)]);
    script.check(&[(Done(&[5, 4, 3, 2, 1, 0]), (0, 4), 4, 4)]).available();
}

#[test]
fn w19_c14_partition() {
    let script = partitioned(6, 1, 0, 4).check(&[
        (Unready(&[]), (4, 6), 6, 6),
        (Template, (5, 6), 6, 0),
        (Done(&[5]), (4, 6), 6, 1),
        (Done(&[4]), (4, 6), 6, 2),
    ]);
    assert!(script.status.available);
    let script = script.check(&[(Partition(2), (3, 6), 6, 2)]);
    assert!(script.status.update_in_progress && script.status.progressing && !script.status.available);
    script.check(&[(Done(&[3]), (2, 6), 6, 3), (Done(&[2]), (2, 6), 6, 4)]).available();
}

#[test]
fn w20_c14_partition_and_max_surge() {
    let script = partitioned(3, 1, 1, 2).check(&[(Template, (2, 4), 3, 0), (Done(&[3, 2]), (2, 4), 4, 2)]);
    assert!(script.status.available);
    let script = script.check(&[(Partition(0), (0, 4), 4, 2), (Done(&[1, 0]), (0, 3), 3, 3)]);
    script.available();
}
