//! What fails at random: what a file may say, and which processes that makes.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;
use towtank::{
    catalog::{Catalog, Fact},
    scenario::{Component, FailureProcess, FaultKind, RepairTime, ScenarioError, ScenarioFile},
    units::SimDuration,
};

const TWO_POOLS: &str = r"
name: two-pools
duration: 10m
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 1/s}
    lengths: {input: 512, output: 128}
placements:
  - name: two
    node_pools:
      - {name: a3, machine: a3-highgpu-8g, nodes: 2}
      - {name: spot, machine: a3-highgpu-8g, nodes: 3, provisioning: spot}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {max_model_len: 8192}
";

fn parse(sets: &[&str]) -> Result<ScenarioFile, ScenarioError> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    ScenarioFile::parse("two-pools.yaml", TWO_POOLS, Path::new(""), &sets)
}

fn processes(sets: &[&str]) -> Vec<FailureProcess> {
    let resolved = parse(sets).unwrap().resolve(&Catalog::builtin()).unwrap();
    resolved.placements[0].failures.clone()
}

fn of(processes: &[FailureProcess], kind: FaultKind) -> Vec<FailureProcess> {
    processes.iter().copied().filter(|process| process.kind == kind).collect()
}

fn one(sets: &[&str]) -> FailureProcess {
    let found = processes(sets);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

fn time(text: &str) -> SimDuration {
    text.parse().unwrap()
}

#[test]
fn nothing_fails_unless_it_is_asked_for() {
    for sets in [&[][..], &["failures=none"], &["failures={}"], &["failures={node: none}"]] {
        assert_eq!(processes(sets), [], "{sets:?}");
    }
}

#[test]
fn the_catalogue_has_every_kind_but_blocks() {
    let all = processes(&["failures=catalogue"]);
    let kinds: Vec<_> = all.iter().map(|process| (process.kind, process.per, process.pool)).collect();
    let expected = [
        (FaultKind::Node, Component::Node, None),
        (FaultKind::Gpu, Component::Gpu, None),
        (FaultKind::Nic, Component::Node, None),
        (FaultKind::Engine, Component::Group, None),
        (FaultKind::Hang, Component::Group, None),
        // Only the second pool is spot; both are maintained.
        (FaultKind::Spot, Component::Node, Some(1)),
        (FaultKind::Maintenance, Component::Node, Some(0)),
        (FaultKind::Maintenance, Component::Node, Some(1)),
    ];
    assert_eq!(kinds, expected);
    let spot = of(&all, FaultKind::Spot)[0];
    assert_eq!((spot.mean, spot.notice), (time("12h"), time("30s")));
    let maintenance = of(&all, FaultKind::Maintenance)[0];
    assert_eq!((maintenance.mean, maintenance.notice), (time("14d"), time("1h")));
    let node = of(&all, FaultKind::Node)[0];
    assert!((node.repair.mean_s() - 6.0 * 3600.0).abs() < 1e-3, "{:?}", node.repair);
    assert!(matches!(node.repair, RepairTime::Lognormal { p50, .. } if p50 == time("1h")));
}

#[test]
fn a_stated_process_takes_the_rest_from_the_catalogue() {
    let stated = one(&["failures={gpu: {mtbf: 264d, repair: 2h, shape: 0.75}}"]);
    assert_eq!((stated.mean, stated.shape, stated.slowed), (time("264d"), 0.75, 0.0));
    assert_eq!(stated.repair, RepairTime::Fixed(time("2h")));
    let drawn = one(&["failures={gpu: {mtbf: 264d, repair: {lognormal: {p50: 2h, sigma: 0.8}}}}"]);
    assert_eq!(drawn.repair, RepairTime::Lognormal { p50: time("2h"), sigma: 0.8 });
    let short = one(&["failures={gpu: {mtbf: 264d}}"]);
    let catalogued = one(&["failures={gpu: catalogue}"]);
    assert_eq!(short, FailureProcess { mean: time("264d"), shape: 1.0, ..catalogued });
    assert_eq!(catalogued, of(&processes(&["failures=catalogue"]), FaultKind::Gpu)[0]);
}

#[test]
fn a_network_card_may_be_slow_instead_of_dead() {
    assert!(one(&["failures={nic: {mtbf: 10d}}"]).slowed.abs() < 1e-12);
    assert!((one(&["failures={nic: {mtbf: 10d, slowed: 0.25}}"]).slowed - 0.25).abs() < 1e-12);
}

#[test]
fn a_block_fails_only_where_it_is_stated_in_full() {
    let block = one(&["failures={block: {mtbf: 90d, repair: 4h}}"]);
    assert_eq!((block.per, block.mean, block.notice), (Component::Block, time("90d"), time("0s")));
}

#[test]
fn what_a_placement_says_replaces_what_the_scenario_says() {
    let own = "placements[0].failures={node: {mtbf: 1d, repair: 1h}}";
    let node = one(&["failures=catalogue", own]);
    assert_eq!((node.kind, node.mean), (FaultKind::Node, time("1d")));
    assert_eq!(processes(&["failures=catalogue", "placements[0].failures=none"]), []);
}

#[test]
fn a_pool_knows_its_maintenance_better() {
    let own = "placements[0].node_pools[a3].maintenance={interval: 30d, notice: 0s, duration: 20m}";
    let all = of(&processes(&["failures=catalogue", own]), FaultKind::Maintenance);
    let [a3, spot] = all[..] else { panic!("{all:?}") };
    assert_eq!((a3.mean, a3.notice, a3.repair), (time("30d"), time("0s"), RepairTime::Fixed(time("20m"))));
    assert_eq!(spot.mean, time("14d"));
    // A pool that states how often it is maintained is, even where nothing fails.
    let alone = one(&["placements[0].node_pools[spot].maintenance={interval: 7d}"]);
    let expected = FailureProcess { pool: Some(1), mean: time("7d"), ..spot };
    assert_eq!(alone, expected);
    assert_eq!(processes(&["placements[0].node_pools[spot].maintenance={notice: 1h}"]), []);
}

#[test]
fn what_is_written_back_reads_as_the_same() {
    for failures in [
        "catalogue",
        "{node: catalogue, gpu: none, nic: {mtbf: 9d, slowed: 0.5}, hang: {mtbf: 2d, shape: 0.75}}",
        "{block: {mtbf: 90d, repair: {lognormal: {p50: 4h, sigma: 1.0}}}, maintenance: {mtbf: 30d, repair: 15m}}",
    ] {
        let file = parse(&[&format!("failures={failures}")]).unwrap();
        let text = serde_saphyr::to_string(&file.scenario).unwrap();
        let again = ScenarioFile::parse("again.yaml", &text, Path::new(""), &[]).unwrap();
        assert_eq!(again.scenario, file.scenario, "{text}");
        let schema = serde_json::to_value(schemars::schema_for!(towtank::scenario::Scenario)).unwrap();
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&value), "{text}");
    }
}

/// One fact of the catalogue.
fn fact(kind: &str, name: &str, path: &str) -> Fact<Value> {
    let facts = Catalog::builtin().facts(kind, name).unwrap();
    facts.into_iter().find(|listed| listed.path == path).unwrap().fact
}

fn llama3_count(row: &str) -> f64 {
    fact("failures", row, "count").value.as_f64().unwrap()
}

#[test]
fn the_catalogues_processes_are_the_llama_3_table_by_cause() {
    let exposure_d = fact("failures", "llama3-unexpected-all", "exposure").value.as_f64().unwrap();
    let mut used: Vec<String> = Vec::new();
    for (name, entry) in Catalog::builtin().section("failure_processes").unwrap() {
        let Some(rows) = entry.get("rows") else { continue };
        let rows: Vec<String> = serde_json::from_value(rows.clone()).unwrap();
        let count: f64 = rows.iter().map(|row| llama3_count(row)).sum();
        let components = if name == "gpu" { 8.0 } else { 1.0 };
        let mtbf = fact("failure_processes", name, "mtbf");
        assert!((mtbf.value.as_f64().unwrap() - components * exposure_d / count).abs() < 0.06, "{name}");
        assert!(mtbf.source.contains(&format!("/ {count} failures")), "{name}: {}", mtbf.source);
        used.extend(rows);
    }
    // Another operator's maintenance is not Google's; wrong results stop no engine.
    used.extend(["llama3-host-maintenance", "llama3-silent-data-corruption"].map(str::to_owned));
    let distinct: BTreeSet<&String> = used.iter().collect();
    assert_eq!(distinct.len(), used.len(), "a row is counted twice");
    let sum: f64 = used.iter().map(|row| llama3_count(row)).sum();
    assert!((sum - llama3_count("llama3-unexpected-all")).abs() < 1e-9, "{sum}");
}

#[test]
fn what_the_catalogue_says_twice_it_says_alike() {
    for ((name, path), (source, source_path)) in [
        (("spot", "mtbf"), ("spot-preemption-rate-gpu", "mean_uptime")),
        (("spot", "notice"), ("spot-preemption-notice", "value")),
        (("maintenance", "mtbf"), ("gce-host-maintenance-gpu", "mean_interval")),
        (("maintenance", "notice"), ("gce-host-maintenance-gpu", "notice")),
        (("node", "repair_p50"), ("distribution-shapes", "repair_median")),
        (("node", "repair_mean"), ("distribution-shapes", "repair_mean")),
    ] {
        let (twice, once) = (fact("failure_processes", name, path), fact("failures", source, source_path));
        assert_eq!((twice.value, twice.unit), (once.value, once.unit), "{name} {path}");
    }
}

#[test]
fn a_node_of_eight_gpus_fails_as_often_as_published() {
    let all = processes(&["failures=catalogue"]);
    let day = time("1d");
    let per_node_day: f64 = all
        .iter()
        .filter(|process| !matches!(process.kind, FaultKind::Spot | FaultKind::Maintenance))
        .map(|process| process.expected(if process.per == Component::Gpu { 8 } else { 1 }, day))
        .sum();
    // 381 of the failures of 110,592 node-days, less what repairs take.
    assert!((per_node_day - 381.0 / 110_592.0).abs() < 1e-5, "{per_node_day}");
}

#[test]
fn a_process_of_the_users_catalogue_is_taken_or_refused_by_name() {
    let fact = |value: &str, unit: &str| {
        format!(r#"{{"value": {value}, "unit": "{unit}", "source": "me", "date": "2026"}}"#)
    };
    let resolve = |name: &str, fields: &[(&str, String)]| {
        let fields: Vec<_> = fields.iter().map(|(field, fact)| format!(r#""{field}": {fact}"#)).collect();
        let text = format!(r#"{{"failure_processes": {{"{name}": {{{}}}}}}}"#, fields.join(", "));
        let mut catalog = Catalog::builtin();
        catalog.extend("mine.json", &text).unwrap();
        parse(&["failures=catalogue"])
            .unwrap()
            .resolve(&catalog)
            .map(|all| all.placements[0].failures.clone())
    };
    let block = [("mtbf", fact("90", "d")), ("shape", fact("1", "1")), ("repair_p50", fact("4", "h"))];
    let blocks = of(&resolve("block", &block).unwrap(), FaultKind::Block);
    assert_eq!((blocks[0].mean, blocks[0].repair), (time("90d"), RepairTime::Fixed(time("4h"))));
    for (field, value, unit, reason) in [
        ("shape", "0", "1", "shape 0 is not in 0.1 to 20"),
        ("mtbf", "0", "d", "mtbf must be above 0"),
        ("mtbf", "1e9", "d", "no time may be longer than a hundred years"),
        ("mtbf", "90", "km", "`90 km` is not a duration"),
        ("repair_mean", "1", "min", "repair_p50 between 0 and repair_mean"),
    ] {
        let error = resolve("gpu", &[(field, fact(value, unit))]).unwrap_err().to_string();
        assert!(error.contains("failures.gpu") && error.contains(reason), "{error}");
    }
}
