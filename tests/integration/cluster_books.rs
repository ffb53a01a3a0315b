//! The books: node hours, downtime by cause, recoveries, capacity.
// Times here are whole seconds, which f64 holds exactly.
#![allow(clippy::float_cmp)]

use towtank::kubernetes::{Action, Cause, ClusterStart};
use towtank::units::SimDuration;

use super::cluster_harness::{Lab, at, lose, lose_for, pod, seconds, spec};

#[test]
fn every_paid_second_is_booked_once() {
    let mut spec = spec(3, 1, 2);
    spec.pools[0].repair_after = Some(seconds(600));
    let mut lab = Lab::new(spec);
    lab.act(100, lose(1)).run(3000);
    lab.close(3000);
    assert_eq!(lab.paid(), 9000.0);
    let of = |node: usize| {
        let hours = lab.hours(node);
        [hours.up, hours.starting, hours.down, hours.spare].map(SimDuration::as_secs_f64)
    };
    // The healthy node: frozen for 20 s; its pod then ends at once, but the group is stuck and holds no GPU here.
    let up = 3000.0 - 907.0;
    assert_eq!(of(0), [100.0 + up, 907.0 - 810.0, 20.0, 690.0]);
    // The lost one: silent until it was made anew at 750 s; 100 s on its way, then spare.
    assert_eq!(of(1), [100.0, 100.0, 650.0, 3000.0 - 850.0]);
    assert_eq!(of(2), [up, 97.0, 0.0, 810.0]);
}

#[test]
fn a_cold_start_is_paid_from_the_first_machine() {
    let mut spec = spec(2, 1, 2);
    spec.start = ClusterStart::Nothing;
    let mut lab = Lab::new(spec);
    lab.run(1000);
    let account = lab.close(1000);
    let [down] = account.downtimes()[..] else { panic!("until the first group serves") };
    assert_eq!((down.from, down.to, down.cause), (at(0), at(240), None));
    assert_eq!(account.capacity_fraction(), 0.76);
    let hours = lab.hours(0);
    assert_eq!(hours.starting.as_secs_f64(), 233.0, "up as soon as the engine takes requests");
    assert_eq!(hours.up.as_secs_f64(), 767.0);
}

#[test]
fn downtime_is_counted_from_the_last_group_and_by_its_cause() {
    let mut lab = Lab::new(spec(2, 2, 1));
    // Group 0 is away from 100 s to 181 s, group 1 from 150 s to 231 s: none from 150 s to 181 s.
    lab.act(100, Action::DeletePod(pod(0, 0))).act(150, Action::Drain { node: 1 });
    lab.act(151, Action::RepairNode { node: 1 }).run(1000);
    let account = lab.close(1000);
    let [down] = account.downtimes()[..] else { panic!("one stretch") };
    assert_eq!((down.from, down.to, down.cause), (at(150), at(181), Some(Cause::Drain)));
    assert_eq!(account.capacity_fraction(), 1.0 - 0.5 * 2.0 * 81.0 / 1000.0);
    assert_eq!(account.faults()[&Cause::Pod], 1);
    assert_eq!(account.starts().len(), 2);
}

#[test]
fn a_recovery_is_told_from_the_fault_to_ready() {
    let mut spec = spec(3, 1, 2);
    spec.pools[0].repair_after = Some(seconds(600));
    let mut lab = Lab::new(spec);
    lab.act(100, lose(1)).run(3000);
    let account = lab.close(3000);
    let [start] = account.starts() else { panic!("one start") };
    let recovery = start.recovery.unwrap();
    assert_eq!((recovery.cause, recovery.fault), (Cause::Node, at(100)));
    assert_eq!(recovery.detection, seconds(20));
    assert_eq!(recovery.termination, seconds(690), "stuck until 810 s");
    assert_eq!(start.ready, at(911));
    let stages: Vec<u64> = start.stages.iter().map(|stage| stage.as_nanos() / 1_000_000_000).collect();
    assert_eq!(stages, [0, 50, 5, 10, 20, 4, 8, 4]);
}

#[test]
fn a_fault_upon_a_fault_is_one_recovery() {
    let mut lab = Lab::new(spec(3, 1, 2));
    lab.act(100, Action::StopContainer(pod(0, 0))).act(150, Action::StopContainer(pod(0, 1))).run(2000);
    let account = lab.close(2000);
    let [start] = account.starts() else { panic!("one start") };
    assert_eq!(start.recovery.unwrap().fault, at(100));
    assert_eq!(account.downtimes().len(), 1);
}

#[test]
fn an_open_outage_is_booked_until_the_end() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, lose_for(1, 5000)).run(1000);
    let account = lab.close(1000);
    let [down] = account.downtimes()[..] else { panic!("one stretch") };
    assert_eq!((down.from, down.to, down.cause), (at(100), at(1000), Some(Cause::Node)));
    assert!(account.starts().is_empty());
    assert!((account.capacity_fraction() - 0.1).abs() < 1e-12);
    assert!(lab.cluster.has_outage());
}

#[test]
fn groups_that_nobody_wants_are_not_missed() {
    let mut lab = Lab::new(spec(2, 1, 2));
    lab.act(100, Action::Scale { deployment: 0, replicas: 0, by_hpa: false }).run(1000);
    let account = lab.close(1000);
    assert_eq!(account.capacity_fraction(), 1.0);
    let [down] = account.downtimes()[..] else { panic!("nobody serves") };
    assert_eq!((down.from, down.cause), (at(100), None));
}
