//! Availability without traffic, and what failures cost that are too rare to meet in a run with it.

use towtank::{
    metrics::{KeepRows, PlacementResult},
    scenario::Resolved,
    study::{self, Monitor, RunOptions},
};

use super::runs;

/// One group on one GPU that is ready within 30 s, whose engine dies as often as stated.
const ALONE: &str = r#"
name: years
seed: 1
duration: 365d
replications: 12
failures: {engine: {mtbf: 10d}}
placements:
  - name: one
    node_pools:
      - {name: a3, machine: a3-highgpu-1g, provisioning: spot}
    startup: {image_pull: 5s, container_start: 5s, distributed_init: 5s, weight_load: 5s, compile: 5s, graph_capture: 5s}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {version: "0.33", max_model_len: 4096}
        pod: {readinessProbe: {periodSeconds: 1}}
"#;

fn run(resolved: &Resolved) -> PlacementResult {
    let options = RunOptions { rows: KeepRows::None, ..RunOptions::default() };
    study::run(resolved, &options, &Monitor::default()).placements.remove(0)
}

#[test]
fn a_renewal_process_is_available_as_its_theory_says() {
    let result = run(&runs::resolved(ALONE, &[]));
    let availability = &result.simulated().unwrap().availability;
    let figures = &availability.by_cause["engine"];
    // The container starts at once; what is on the way: 1 s image, 5 s each of the others.
    let recovery = availability.mean_time_to_recover_s.unwrap();
    assert!((recovery - 26.0).abs() < 1.0, "{recovery}");
    let up = 10.0 * 86_400.0;
    let expected = up / (up + recovery);
    let [low, high] = availability.fraction_interval.unwrap();
    assert!(low <= availability.fraction && availability.fraction <= high);
    assert!((availability.fraction - expected).abs() < 3e-6, "{} {expected}", availability.fraction);
    assert!(low < expected && expected < high, "{low} {expected} {high}");
    // Renewals in a year, and their scatter over twelve of them.
    let faults = 365.0 * 86_400.0 / (up + 0.0);
    assert!((figures.faults - faults).abs() < 3.0 * (faults / 12.0).sqrt(), "{} {faults}", figures.faults);
    assert!((figures.downtime_s - availability.downtime_s).abs() < 1e-6);
    assert!((availability.downtime_s - figures.recoveries * recovery).abs() < 1.0);
    let stages: f64 = figures.stages_s.values().map(|stage| stage.as_f64().unwrap()).sum();
    assert!((stages - recovery).abs() < 1e-6, "stages add up to the recovery");
}

#[test]
fn an_slo_of_availability_is_held_against_years() {
    let met = |limit: &str| {
        let result = run(&runs::resolved(ALONE, &[&format!("slo={{availability: {limit}}}")]));
        result.simulated().unwrap().slo_checks().iter().all(|check| check.met)
    };
    assert!(met("0.9999") && !met("0.99999"));
}

#[test]
fn years_repeat_to_the_digit_and_differ_by_seed() {
    let figures =
        |sets: &[&str]| format!("{:?}", run(&runs::resolved(ALONE, sets)).simulated().unwrap().availability);
    assert_eq!(figures(&[]), figures(&[]));
    assert_ne!(figures(&[]), figures(&["seed=2"]));
}

#[test]
fn rare_events_tell_frequency_and_cost_apart() {
    let traffic = [
        "replications=null",
        "duration=5m",
        "workloads=[{name: chat, arrivals: {process: poisson, rate: 3/s, rate_curve: azure-2024-code}, \
         lengths: {input: 200, output: 100}}]",
        "rare_events={years: 4, hours: 24, before: 1m, after: 3m}",
    ];
    let result = run(&runs::resolved(ALONE, &traffic));
    let usual = result.simulated().unwrap();
    assert_eq!(
        (usual.availability.fraction, usual.metrics.overall().requests.failed),
        (1.0, 0),
        "nothing fails in it"
    );
    let rare = result.rare_events.as_ref().unwrap();
    assert_eq!((rare.years, rare.by_hour.len()), (4, 24));
    assert!(
        (rare.failures_per_year - 36.5).abs() < 3.0 * (36.5_f64 / 4.0).sqrt(),
        "{}",
        rare.failures_per_year
    );
    assert!(rare.by_hour.iter().all(|hour| hour.cause == "engine" && hour.arrived > 0));
    // Without retries everything sent while nobody is there is lost: arrivals of some 26 s, as many as the hour has.
    let of = |hour: usize| &rare.by_hour[hour];
    let busiest = (0..24).max_by_key(|hour| of(*hour).arrived).unwrap();
    let quietest = (0..24).min_by_key(|hour| of(*hour).arrived).unwrap();
    assert!(of(busiest).arrived > 3 * of(quietest).arrived, "hours are those of the curve");
    assert!(of(busiest).loss.requests_lost > of(quietest).loss.requests_lost);
    let lost: f64 = rare.by_hour.iter().map(|hour| hour.loss.requests_lost).sum();
    assert!((rare.per_failure.requests_lost - lost / 24.0).abs() < 1e-9);
    assert!((rare.requests_lost_per_year - rare.failures_per_year * lost / 24.0).abs() < 1e-9);
    assert!(rare.by_hour.iter().all(|hour| (hour.time_to_recover_s.unwrap() - 26.0).abs() < 2.0));
}
