//! The shipped scenarios tell what their comments say: orders and rough factors that follow from the rules.
//!
//! Whatever happens in them, requests and node hours add up. Rates and durations are cut where the story allows it.

#![expect(clippy::float_cmp, reason = "whole seconds and equal runs are equal to the last bit")]

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;
use towtank::{
    catalog::Catalog,
    metrics::{Event, KeepRows},
    report::{Summary, SummaryHead},
    scenario::{Resolved, ScenarioFile},
    study::{self, Monitor, RunOptions},
};

use super::determinism;

/// From a machine that was found to a node that is ready, in the catalogue [s].
const NODE_READY_S: f64 = 360.0;

/// A scenario that was run: its summary, and what happened, by placement.
struct Story {
    summary: Value,
    events: BTreeMap<String, Vec<Event>>,
}

fn shipped(name: &str, sets: &[&str]) -> Resolved {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.yaml"));
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let file = ScenarioFile::read(&path, &sets).unwrap_or_else(|error| panic!("{error}"));
    file.supported().unwrap_or_else(|error| panic!("{error}"));
    file.resolve(&Catalog::builtin()).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs all placements of a shipped scenario, or those named, and adds up what came of them.
fn story(name: &str, sets: &[&str], placements: &[&str]) -> Story {
    let mut resolved = shipped(name, sets);
    resolved.placements.retain(|placement| placements.is_empty() || placements.contains(&&*placement.name));
    let story = tell(&resolved);
    for placement in story.events.keys() {
        story.adds_up(placement);
    }
    story
}

fn tell(resolved: &Resolved) -> Story {
    let options = RunOptions { rows: KeepRows::None, ..RunOptions::default() };
    let result = study::run(resolved, &options, &Monitor::default());
    let head =
        SummaryHead { scenario: &resolved.name, seed: resolved.seed, calibrated_on: None, has_slo: false };
    let summary = serde_json::to_value(Summary::new(&head, &result.placements)).unwrap();
    let events = result.placements.iter().map(|placement| {
        let run = placement.simulated().unwrap_or_else(|| panic!("{:?}", placement.status));
        (placement.name.clone(), run.metrics.events().to_vec())
    });
    Story { events: events.collect(), summary }
}

impl Story {
    fn placement(&self, name: &str) -> &Value {
        let all = self.summary["placements"].as_array().unwrap();
        all.iter().find(|placement| placement["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// The number at a dotted path; 0 where there is none.
    fn number(&self, placement: &str, path: &str) -> f64 {
        let found = path.split('.').fold(self.placement(placement), |value, key| &value[key]);
        found.as_f64().unwrap_or_default()
    }

    fn availability(&self, placement: &str, path: &str) -> f64 {
        self.number(placement, &format!("availability.{path}"))
    }

    fn requests(&self, placement: &str, kind: &str) -> f64 {
        self.number(placement, &format!("requests.{kind}"))
    }

    /// When an event of that kind was told, of all objects [s].
    fn times(&self, placement: &str, kind: &str) -> Vec<f64> {
        let events = self.events[placement].iter().filter(|event| event.kind == kind);
        events.map(|event| event.at.as_secs_f64()).collect()
    }

    /// (partition, replicas), as written after the first time.
    fn trail(&self, placement: &str) -> Vec<(u64, u64)> {
        let events = self.events[placement].iter().filter(|event| event.kind == "leader_statefulset");
        let number = |event: &Event, name: &str| event.fields[name].as_u64().unwrap();
        events.skip(1).map(|event| (number(event, "partition"), number(event, "replicas"))).collect()
    }

    /// The fewest groups that are ready at any time after the first second.
    fn fewest_ready(&self, placement: &str) -> u32 {
        let mut ready = 0;
        let after = self.events[placement].iter().filter_map(|event| {
            match event.kind {
                "group_ready" => ready += 1,
                "group_unready" => ready -= 1,
                _ => return None,
            }
            (event.at.as_secs_f64() > 0.0).then_some(ready)
        });
        after.min().unwrap()
    }

    /// Requests and hours of one placement add up.
    fn adds_up(&self, placement: &str) {
        let ends = ["completed", "failed", "rejected", "unfinished"];
        let ended: f64 = ends.iter().map(|kind| self.requests(placement, kind)).sum();
        assert_eq!(self.requests(placement, "arrived"), ended, "{placement}");
        assert!(ended > 0.0, "{placement}: nobody asked for anything");
        let hours = self.hours(placement);
        let (paid, unsure) = self.paid_hours(placement);
        assert!((hours - paid).abs() < 1e-6 + unsure, "{placement}: {hours} h of nodes, {paid} h by events");
        let fraction = self.availability(placement, "fraction");
        let end = self.placement(placement)["window_s"]["cost"][1].as_f64().unwrap();
        let down = self.availability(placement, "downtime_s");
        assert!((fraction - (1.0 - down / end)).abs() < 1e-9, "{placement}: {fraction}, {down} of {end}");
        // With no group wanted none is missing.
        let asleep =
            self.events[placement].iter().any(|event| event.fields.get("replicas") == Some(&0.into()));
        let capacity = self.availability(placement, "capacity_fraction");
        assert!(asleep || capacity <= fraction + 1e-9, "{placement}: {capacity} {fraction}");
    }

    /// Node hours of all kinds.
    fn hours(&self, placement: &str) -> f64 {
        let kinds = ["serving", "idle", "starting", "down", "spare"];
        kinds.iter().map(|kind| self.number(placement, &format!("cost.hours.{kind}"))).sum()
    }

    /// Node time that is paid for as `events.jsonl` tells it, and how far that may be off [h]: it does not say when the
    /// machine of a node was found that is not ready by the end.
    fn paid_hours(&self, placement: &str) -> (f64, f64) {
        let mut since: BTreeMap<&str, Option<f64>> = BTreeMap::new();
        let mut paid = 0.0;
        for event in &self.events[placement] {
            let (at, node) = (event.at.as_secs_f64(), event.object.as_str());
            match event.kind {
                "node_provisioned" => drop(since.insert(node, None)),
                "node_ready" => {
                    let found = if since.contains_key(node) { at - NODE_READY_S } else { at };
                    since.insert(node, Some(found));
                }
                "node_removed" => paid += since.remove(node).flatten().map_or(0.0, |since| at - since),
                _ => {}
            }
        }
        let end = self.placement(placement)["window_s"]["cost"][1].as_f64().unwrap();
        let open = since.values().flatten().map(|since| end - since);
        paid += open.sum::<f64>();
        let coming = since.values().filter(|since| since.is_none()).count();
        (paid / 3600.0, coming as f64 * NODE_READY_S / 3600.0)
    }
}

#[test]
fn a_lost_node_costs_what_it_takes_to_notice_it() {
    let story = story("node-loss-at-peak", &["workloads[0].arrivals.rate=6/min"], &[]);
    let away = |placement| story.availability(placement, "by_cause.node.time_to_recover.mean_s");
    let stage = |placement: &str, stage: &str| {
        story.availability(placement, &format!("by_cause.node.stages_s.{stage}"))
    };
    // Nothing is bound anew before auto-repair has taken the node object away, and the pods with it.
    assert_eq!(story.times("spare", "node_removed"), [950.0]);
    assert_eq!(stage("spare", "detection") + stage("spare", "termination"), 710.0);
    // The taint frees the group at the garbage collector's next turn.
    assert_eq!(stage("spare-taint", "detection") + stage("spare-taint", "termination"), 80.0);
    assert!(away("spare-taint") - 732.0 < 0.5 * (away("spare") - 732.0), "{}", away("spare-taint"));
    assert!(away("spare-taint") < 0.6 * away("spare"));
    // A spare node does away with the time a new one takes, less what was lost to the leader's time-out.
    let saved = away("no-spare") - away("spare");
    assert!((300.0..=360.0).contains(&saved), "{saved}");
    assert!((away("no-spare-taint") - away("no-spare")).abs() < 60.0);
    assert_eq!(story.availability("two-groups", "fraction"), 1.0);
    let failed = |placement| story.requests(placement, "failed");
    assert!(failed("no-spare") > failed("spare") && failed("spare") > failed("spare-taint"));
    assert!(failed("spare-taint") > 20.0 * failed("two-groups").max(1.0));
}

#[test]
fn a_budget_keeps_a_group_up_while_its_pool_is_upgraded() {
    let story = story("gke-pool-upgrade", &["workloads[0].arrivals.rate=1/min"], &[]);
    let away = |placement| story.availability(placement, "downtime_s");
    assert_eq!(away("surge-1-budget"), 0.0);
    assert!(0.0 < away("surge-1") && away("surge-1") < away("blue-green"));
    assert!(away("blue-green") < away("unavailable-1"));
    let took = |placement| {
        let [from, to] = ["upgrade_started", "upgrade_finished"].map(|kind| story.times(placement, kind)[0]);
        to - from
    };
    // Four nodes one after the other: six minutes for a new one, half a minute of grace for pods that are still there.
    for (placement, nodes_s) in [
        ("surge-1", 4.0 * NODE_READY_S),
        ("unavailable-1", 4.0 * NODE_READY_S),
        ("blue-green", NODE_READY_S + 600.0),
    ] {
        let grace = took(placement) - nodes_s;
        assert!((30.0..=4.0 * 30.0).contains(&grace), "{placement}: {grace}");
    }
    assert!(took("surge-1-budget") > took("surge-1"));
    let hours = |placement: &str| story.paid_hours(placement).0;
    assert!(hours("blue-green") > hours("surge-1") && hours("surge-1") > hours("unavailable-1"));
    // Every node is a new one afterwards.
    for placement in story.events.keys() {
        assert_eq!(story.times(placement, "node_removed").len(), 4, "{placement}");
    }
}

#[test]
fn a_grace_period_that_is_too_short_cuts_answers() {
    let story = story("weekly-release-grace", &[], &[]);
    let cut = |placement| story.requests(placement, "cut_mid_stream");
    assert!(cut("grace-30") >= 5.0);
    assert_eq!(cut("grace-30"), cut("grace-30-prestop-300"));
    assert_eq!(cut("grace-330-prestop-300-drain"), 0.0);
    assert_eq!(cut("grace-600-drain"), 0.0);
    let away = |placement| story.availability(placement, "by_cause.rollout.time_to_recover.mean_s");
    assert_eq!(away("grace-330-prestop-300-drain") - away("grace-30"), 270.0);
    assert!(away("grace-600-drain") < away("grace-330-prestop-300-drain"));
    for placement in story.events.keys() {
        assert_eq!(story.availability(placement, "downtime_s"), 0.0, "{placement}");
    }
}

const LIGHT: &str = "workloads[0].arrivals.rate=1/min";

#[test]
fn rollouts_trade_capacity_for_nodes_and_time() {
    let story = story("rollout-surge", &[LIGHT], &[]);
    let took = |placement: &str| story.times(placement, "group_ready").last().unwrap() - 180.0;
    let start = took("unavailable-1") / 4.0;
    // Five starts in turn, the first of them of a group that nobody has to end before.
    let starts = |placement: &str| (took(placement) + 30.0) / start;
    // An image that is new to a node, and probes, make them unequal by some seconds.
    for (placement, expected) in [("surge-1", 5.0), ("both-2", 2.0), ("both-2-gate-off", 5.0)] {
        assert!((starts(placement) - expected).abs() < 0.1, "{placement}: {} starts", starts(placement));
    }
    let fewest = |placement| story.fewest_ready(placement);
    assert_eq!(fewest("unavailable-1"), 3);
    assert_eq!(fewest("surge-1"), 4);
    assert_eq!(fewest("both-2"), 2);
    assert!(fewest("both-2-gate-off") >= 3);
    let capacity = |placement| story.availability(placement, "capacity_fraction");
    assert_eq!(capacity("surge-1"), 1.0);
    assert!(capacity("both-2-gate-off") > capacity("both-2"));
    // The 405B groups' surge is given back before it is ready.
    assert!(story.placement("both-2-405b")["availability"]["starts"].is_null());
    assert_eq!(story.trail("both-2-405b"), [(4, 6), (2, 6), (2, 4), (0, 4)]);
}

/// One worked rollout: groups, (maxUnavailable, maxSurge), Kubernetes, and every (partition, replicas) that is written.
type Worked = (u32, (u32, u32), &'static str, &'static [(u64, u64)]);

/// The tables of `lws_rollout.rs`, as a cluster goes through them in which groups take their time.
#[test]
fn the_leaders_set_is_written_as_worked_out_by_hand() {
    let worked: [Worked; 9] = [
        (4, (1, 0), "1.37", &[(4, 4), (3, 4), (2, 4), (1, 4), (0, 4)]),
        (4, (1, 0), "1.34", &[(4, 4), (3, 4), (2, 4), (1, 4), (0, 4)]),
        // Groups that end together are ready together: the waves of the tables.
        (4, (2, 0), "1.37", &[(4, 4), (2, 4), (0, 4)]),
        (4, (0, 1), "1.37", &[(4, 5), (3, 5), (2, 5), (1, 5), (0, 5), (0, 4)]),
        (4, (1, 1), "1.37", &[(4, 5), (3, 5), (2, 5), (1, 5), (0, 5), (0, 4)]),
        // Groups 4 and 5 are ready at the same time: the stages of LeaderWorkerSet's own table.
        (4, (2, 2), "1.37", &[(4, 6), (2, 6), (0, 6), (0, 4)]),
        (4, (2, 2), "1.34", &[(4, 6), (2, 6), (0, 6), (0, 4)]),
        (2, (1, 4), "1.37", &[(2, 3), (1, 3), (0, 3), (0, 2)]),
        (1, (0, 1), "1.37", &[(1, 2), (0, 2), (0, 1)]),
    ];
    for (replicas, (unavailable, surge), version, trail) in worked {
        let deployment = "placements[0].deployments[0].leaderworkerset";
        let strategy = format!("{deployment}.rolloutStrategy.rollingUpdateConfiguration");
        let sets = [
            "duration=30m".to_owned(),
            "placements[0].node_pools[0].nodes=8".to_owned(),
            format!("placements[0].kubernetes.version=\"{version}\""),
            format!("{deployment}.replicas={replicas}"),
            format!("{strategy}.maxUnavailable={unavailable}"),
            format!("{strategy}.maxSurge={surge}"),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).chain([LIGHT]).collect();
        let story = story("rollout-surge", &sets, &["unavailable-1"]);
        assert_eq!(story.trail("unavailable-1"), trail, "{replicas}, ({unavailable}, {surge}), {version}");
        let least = story.fewest_ready("unavailable-1");
        assert!(least + unavailable >= replicas, "{replicas}, {unavailable}: {least}");
    }
}

#[test]
fn a_slow_pull_is_a_storm_only_where_the_whole_group_is_recreated() {
    let story = story("restart-storm", &["workloads[0].arrivals.rate=1/min"], &[]);
    let restarts = |placement| story.availability(placement, "group_restarts");
    let recovered = |placement| story.availability(placement, "by_cause.drain.recoveries");
    assert!(restarts("on-pod-restart") >= 5.0);
    assert_eq!(recovered("on-pod-restart"), 0.0);
    // One for the drained node, and one for the leader's restart once nothing is pending any more.
    assert_eq!(restarts("after-start"), 2.0);
    for placement in ["after-start", "longer-wait", "image-on-the-node"] {
        assert_eq!(recovered(placement), 1.0, "{placement}");
    }
    let away = |placement| story.availability(placement, "downtime_s");
    assert!(away("image-on-the-node") < away("longer-wait") && away("longer-wait") < away("after-start"));
    // The pull is what keeps it away.
    assert!((away("longer-wait") - away("image-on-the-node") - 470.0).abs() < 20.0);
}

#[test]
fn weights_come_no_faster_than_a_node_takes_them() {
    let story = story("weights-from", &["workloads[0].arrivals.rate=6/min"], &[]);
    let load = |placement| story.availability(placement, "starts.stages_s.weight_load");
    let mib = 1024.0 * 1024.0;
    let bytes = load("hyperdisk-2400") * 2400.0 * mib / 4.0;
    let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-3;
    assert!(close(load("hub"), bytes / 0.26e9), "{} s from the hub", load("hub"));
    assert!(close(load("hyperdisk-9600"), bytes / (2400.0 * mib)));
    assert_eq!(load("hyperdisk-9600"), load("hyperdisk-19200"));
    assert!(close(load("hub"), load("local-ssd")));
    let again = |placement| story.availability(placement, "by_cause.engine.stages_s.weight_load");
    assert!(close(again("hyperdisk-9600"), load("hyperdisk-9600")));
    assert!(close(again("local-ssd"), bytes / 7.3e9), "{} s from its disks", again("local-ssd"));
    for placement in story.events.keys() {
        assert_eq!(story.availability(placement, "starts.count"), 4.0, "{placement}");
    }
}

#[test]
fn an_autoscaler_is_as_late_as_a_start() {
    let story = story("hpa-burst", &[], &[]);
    let good = |placement| story.number(placement, "goodput.fraction");
    assert!(good("cold-nodes") < good("warm-nodes") && good("warm-nodes") < good("always-four"));
    let start = |placement| story.availability(placement, "starts.time.max_s");
    assert!((start("cold-nodes") - NODE_READY_S - 661.0).abs() < 10.0);
    assert!(start("warm-nodes") < start("cold-nodes") / 3.0);
    // The burst ends after 35 minutes; what was asked for in it comes too late.
    let first = story.times("cold-nodes", "group_ready")[1];
    assert!(first > 2100.0, "{first}");
    let scaled = |placement: &str| story.times(placement, "hpa_scaled");
    assert_eq!(scaled("cold-nodes")[0], scaled("warm-nodes")[0]);
    // Metrics three minutes old, less the 15 s that they always are.
    assert_eq!(scaled("warm-nodes-late-metrics")[0] - scaled("warm-nodes")[0], 165.0);
    assert!(scaled("warm-nodes").len() > scaled("warm-nodes-late-metrics").len());
    let cost = |placement| story.number(placement, "cost.usd_total");
    assert!(cost("cold-nodes") < 0.7 * cost("always-four"));
}

#[test]
fn a_floor_on_demand_stays_where_spot_nodes_go() {
    let story = story("spot-with-floor", &["duration=1d", LIGHT], &[]);
    let cost = |placement| story.number(placement, "cost.usd_total");
    assert!(cost("all-spot") < cost("spot-with-floor") && cost("spot-with-floor") < cost("all-on-demand"));
    let capacity = |placement| story.availability(placement, "capacity_fraction");
    assert!(capacity("all-spot") < 1.0 && capacity("all-on-demand") == 1.0);
    assert_eq!(story.availability("spot-with-floor", "fraction"), 1.0);
    // Placements share their random numbers: the two spot nodes over the floor fail when the same two of three do.
    let of = |placement: &str, last: char| {
        let faults = story.events[placement].iter().filter(|event| event.kind == "fault");
        let here = faults.filter(|event| event.object.ends_with(last));
        here.map(|event| (event.at, event.object.clone())).collect::<Vec<_>>()
    };
    assert!(!of("all-spot", '0').is_empty());
    for node in ['0', '1'] {
        assert_eq!(of("all-spot", node), of("spot-with-floor", node));
    }
}

#[test]
fn gangs_keep_leaders_from_waiting_for_nobody() {
    let story = story("half-placed-groups", &[LIGHT], &[]);
    let restarts = |placement| story.availability(placement, "group_restarts");
    for placement in ["no-gang", "exclusive-topology"] {
        assert!(restarts(placement) >= 5.0, "{placement}");
    }
    for placement in ["gang", "gang-three-nodes"] {
        assert_eq!(restarts(placement), 0.0, "{placement}");
        assert!(story.number(placement, "cost.hours.spare") > 0.9, "{placement}");
    }
    let ready = |placement: &str| story.times(placement, "group_ready").len();
    assert_eq!((ready("no-gang"), ready("gang"), ready("exclusive-topology")), (2, 2, 2));
    // Three leaders on three nodes, and nobody lets go.
    assert_eq!((ready("no-gang-three-nodes"), ready("gang-three-nodes")), (0, 1));
    assert_eq!(story.availability("no-gang-three-nodes", "fraction"), 0.0);
}

#[test]
fn a_slow_card_hurts_tensor_parallelism_and_a_dead_one_a_group_for_good() {
    let story = story("degraded-nic", &[], &[]);
    // After over before.
    let slower = |placement: &str, latency: &str| {
        let of = |workload: usize| &story.placement(placement)["workloads"][workload]["latency"][latency];
        of(1)["p50"].as_f64().unwrap() / of(0)["p50"].as_f64().unwrap()
    };
    assert!(slower("tcpxo-tp16-slow", "ttft_ms") > 2.0 && slower("tcpxo-tp16-slow", "tpot_ms") > 1.15);
    assert!(slower("tcpxo-pp2-slow", "ttft_ms") < 1.3 && slower("tcpxo-pp2-slow", "tpot_ms") < 1.03);
    assert!(slower("gvnic-pp2-slow", "tpot_ms") < 1.06);
    for placement in ["tcpxo-tp16-slow", "tcpxo-pp2-slow", "gvnic-pp2-slow"] {
        assert_eq!(story.requests(placement, "failed"), 0.0, "{placement}");
    }
    assert_eq!(story.availability("tcpxo-pp2-dead", "by_cause.nic.recoveries"), 0.0);
    assert!(story.times("tcpxo-pp2-dead", "node_not_ready").is_empty());
    assert!(story.availability("tcpxo-pp2-dead", "group_restarts") >= 3.0);
    assert_eq!(story.availability("gvnic-pp2-dead", "by_cause.nic.recoveries"), 1.0);
    assert_eq!(story.times("gvnic-pp2-dead", "node_removed").len(), 1);
}

#[test]
fn a_group_that_sleeps_is_cheap_and_late() {
    let story = story("scale-to-zero", &["workloads[0].arrivals.rate=0.1/s"], &[]);
    let cost =
        |placement| story.number(placement, "cost.usd_total") / story.number("always-on", "cost.usd_total");
    assert!(cost("by-the-clock") < cost("by-hpa") && cost("by-hpa") < 0.7, "{}", cost("by-hpa"));
    let late = |placement| story.number(placement, "latency.ttft_ms.max");
    assert!(late("by-hpa") > 600_000.0 && late("always-on") < 10_000.0);
    assert_eq!(story.requests("by-hpa", "failed"), 0.0);
    assert!(story.requests("by-the-clock", "failed") > 0.0);
    // By the clock it is there before the morning.
    assert!(story.times("by-the-clock", "group_ready")[1] < 36_000.0);
    assert!(*story.times("by-hpa", "group_ready").last().unwrap() > 36_000.0);
}

#[test]
fn a_hang_costs_more_than_a_crash() {
    let story = story("hang-behind-a-green-probe", &[], &[]);
    let failed = |placement| story.requests(placement, "failed");
    assert!(failed("hang-2") > 10.0 * failed("crash-2"));
    assert!(failed("hang-1") > 4.0 * failed("hang-2") && failed("hang-2") > 4.0 * failed("hang-8"));
    let detection = |placement| story.availability(placement, "by_cause.hang.stages_s.detection");
    for placement in ["hang-1", "hang-2", "hang-8"] {
        assert_eq!(detection(placement), 300.0, "{placement}");
    }
    let away = |cause: &str, placement| {
        story.availability(placement, &format!("by_cause.{cause}.time_to_recover.mean_s"))
    };
    assert_eq!(away("hang", "hang-2") - away("engine", "crash-2"), 300.0);
}

#[test]
fn maintenance_takes_a_lone_group_for_as_long_as_its_node() {
    let story = story("host-maintenance", &["workloads[0].arrivals.rate=1/h"], &[]);
    let away = |placement| story.availability(placement, "by_cause.maintenance.time_to_recover.mean_s");
    let faults = |placement| story.availability(placement, "by_cause.maintenance.faults");
    assert!(faults("one-group") >= 2.0 && faults("one-group") == faults("fp8-two-groups"));
    assert!((3600.0..=3600.0 + 800.0).contains(&away("one-group")), "{}", away("one-group"));
    assert!(away("spare-node") < 800.0);
    assert!(story.availability("one-group", "downtime_s") >= 3600.0 * faults("one-group"));
    for placement in ["two-groups", "fp8-two-groups"] {
        assert_eq!(story.availability(placement, "fraction"), 1.0, "{placement}");
    }
    let cost = |placement| story.number(placement, "cost.usd_total");
    assert_eq!(cost("one-group"), cost("fp8-two-groups"));
}

#[test]
fn a_year_is_a_matter_of_nodes_a_group_and_of_a_second_group() {
    let story = tell(&shipped("a-year-of-failures", &[]));
    let away = |placement| story.availability(placement, "downtime_s");
    // Half as many nodes, half as many faults; a spare takes the repair out of what remains.
    let ratio = away("bf16-2-nodes") / away("fp8-1-node");
    assert!((1.6..=2.6).contains(&ratio), "{ratio}");
    assert!(away("bf16-3-nodes") < 0.5 * away("bf16-2-nodes"));
    for placement in ["bf16-two-groups", "fp8-two-groups"] {
        assert!(away(placement) < 0.02 * away("fp8-1-node"), "{placement}");
    }
    let cost = |placement| story.number(placement, "cost.usd_total");
    assert!((cost("fp8-two-groups") / cost("bf16-2-nodes") - 1.0).abs() < 1e-9);
    for (placement, nodes) in [("bf16-2-nodes", 2.0), ("bf16-3-nodes", 3.0), ("fp8-1-node", 1.0)] {
        let hours = story.hours(placement);
        assert!((hours - nodes * 8760.0).abs() < 1e-3, "{placement}: {hours}");
    }
}

#[test]
fn equal_seeds_make_equal_bytes() {
    for (name, sets) in
        [("spot-with-floor", ["duration=8h", LIGHT]), ("rollout-surge", ["duration=30m", LIGHT])]
    {
        let resolved = shipped(name, &sets);
        let [first, again, jobs] = [("1", 1), ("2", 1), ("3", 2)]
            .map(|(run, jobs)| determinism::files(&format!("{name}-{run}"), &resolved, jobs));
        assert!(first["events.jsonl"].len() > 1000 && first["summary.json"].len() > 1000);
        assert!(first == again, "{name} differs from itself");
        assert!(first == jobs, "{name} differs with two jobs");
    }
}
