//! A group that serves one request at a time is a single-server queue: what queueing theory knows must come out.

use rand::{RngExt, SeedableRng, rngs::ChaCha12Rng};
use towtank::{
    engine::{EngineConfig, Outputs},
    simulation::{Group, Moment},
    units::SimTime,
};

use super::groups::{self, Linear};

const REPLICATIONS: usize = 30;
/// Two-sided 99.9 % quantile of Student's t with 29 degrees of freedom.
const T: f64 = 3.659;
const REQUESTS: usize = 10_000;
/// Left out of the mean: the queue starts empty.
const WARMUP: usize = 1_000;
/// Mean service [ns], and the load.
const SERVICE: u64 = 100_000_000;
const LOAD: f64 = 0.7;

fn exponential(rng: &mut ChaCha12Rng, mean: f64) -> f64 {
    -mean * (1.0 - rng.random::<f64>()).ln()
}

/// One request at a time, each for one token: its only step is its service.
fn single_server() -> EngineConfig {
    EngineConfig {
        max_num_seqs: 1,
        max_num_batched_tokens: 100_000_000,
        max_model_len: 100_000_000,
        num_gpu_blocks: 1_000_000,
        ..groups::config()
    }
}

/// Service times and how long each request waited [ns], the group, and when it was empty again.
struct Served {
    service: Vec<u64>,
    wait: Vec<u64>,
    group: Group<Linear>,
    end: SimTime,
}

/// Poisson arrivals; a prompt token takes `timing.stage_per_token`, the prompt has `prompt` tokens.
fn serve(seed: u64, timing: &Linear, mut prompt: impl FnMut(&mut ChaCha12Rng) -> u32) -> Served {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut group = groups::group(&single_server(), timing);
    let mut out = Outputs::default();
    let (mut arrivals, mut service) = (Vec::new(), Vec::new());
    let mut now = 0;
    for id in 0..REQUESTS {
        now += exponential(&mut rng, SERVICE as f64 / LOAD) as u64;
        let tokens = prompt(&mut rng);
        arrivals.push(now);
        service.push(timing.stage + timing.stage_per_token * u64::from(tokens));
        let request = groups::request(id as u32, SimTime::from_nanos(now), tokens, 1);
        groups::send(&mut group, request, &mut out);
    }
    group.advance(Moment::END, &mut out);
    let left: Vec<u64> = out.finished.iter().map(|finished| finished.at.as_nanos()).collect();
    assert!(out.finished.iter().enumerate().all(|(place, finished)| finished.id.0 as usize == place));
    let wait = (0..REQUESTS).map(|request| left[request] - arrivals[request] - service[request]).collect();
    // Lindley: who comes while the server works waits for what is left of it.
    let mut expected = 0;
    for request in 0..REQUESTS {
        let free = if request == 0 { 0 } else { left[request - 1] };
        expected = free.max(arrivals[request]) + service[request];
        assert_eq!(left[request], expected, "request {request} of seed {seed}");
    }
    Served { service, wait, group, end: SimTime::from_nanos(expected) }
}

/// Mean and half width of its 99.9 % confidence interval over independent replications.
fn interval(means: &[f64]) -> (f64, f64) {
    assert_eq!(means.len(), REPLICATIONS);
    let count = means.len() as f64;
    let mean = means.iter().sum::<f64>() / count;
    let variance = means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, T * (variance / count).sqrt())
}

fn mean_wait(served: &Served) -> f64 {
    served.wait[WARMUP..].iter().sum::<u64>() as f64 / (REQUESTS - WARMUP) as f64
}

/// Theory within the interval, and the interval narrow enough to mean something.
fn check(what: &str, means: &[f64], theory: f64, narrow: f64) {
    let (mean, half) = interval(means);
    assert!(half < narrow * theory, "{what}: {mean} +- {half} says little about {theory}");
    assert!((mean - theory).abs() < half, "{what}: {mean} +- {half}, in theory {theory}");
}

/// Pollaczek-Khinchine with constant service: `rho S / (2 (1 - rho))`.
#[test]
fn constant_service_waits_as_in_m_d_1() {
    let timing = Linear { stage: SERVICE, ..Linear::default() };
    let (mut waits, mut loads) = (Vec::new(), Vec::new());
    for seed in 0..REPLICATIONS as u64 {
        let served = serve(seed, &timing, |_| 16);
        waits.push(mean_wait(&served));
        let busy = served.group.usage(served.end).stage_busy[0];
        assert_eq!(busy.as_nanos(), served.service.iter().sum::<u64>());
        assert_eq!(served.group.usage(served.end).serving, busy, "it serves when its stage works");
        loads.push(busy.as_secs_f64() / (served.end - SimTime::ZERO).as_secs_f64());
    }
    check("M/D/1 wait", &waits, LOAD * SERVICE as f64 / (2.0 * (1.0 - LOAD)), 0.05);
    check("utilisation", &loads, LOAD, 0.01);
}

/// Exponential service: `rho S / (1 - rho)`.
#[test]
fn exponential_service_waits_as_in_m_m_1() {
    let timing = Linear { stage_per_token: 1000, ..Linear::default() };
    let mean_tokens = SERVICE as f64 / 1000.0;
    let waits: Vec<f64> = (100..100 + REPLICATIONS as u64)
        .map(|seed| mean_wait(&serve(seed, &timing, |rng| exponential(rng, mean_tokens).ceil() as u32)))
        .collect();
    check("M/M/1 wait", &waits, LOAD * SERVICE as f64 / (1.0 - LOAD), 0.1);
}

/// Number in the system, integrated over time, is the sum of the sojourns: of any engine, to the nanosecond.
#[test]
fn littles_law_is_an_identity() {
    for stages in 1..=3 {
        let config = EngineConfig {
            pipeline_parallel_size: stages,
            max_num_seqs: 6,
            num_gpu_blocks: 34,
            max_model_len: 512,
            max_num_batched_tokens: 64,
            ..groups::config()
        };
        let timing = Linear {
            host: 300,
            stage: 10_000,
            stage_per_token: 20,
            stage_per_context: 1,
            transfer: 500,
            token_return: 70,
        };
        let mut rng = ChaCha12Rng::seed_from_u64(u64::from(stages));
        let mut group = groups::group(&config, &timing);
        let mut out = Outputs::default();
        let (mut now, mut present, mut arrived) = (0, 0, 0);
        let mut number = 0;
        for id in 0..2_000 {
            let next = now + exponential(&mut rng, 100_000.0) as u64;
            present += integrate(&mut group, now, next, &mut number, &mut out);
            arrived += u128::from(next);
            let tokens = rng.random_range(1..200);
            let request = groups::request(id, SimTime::from_nanos(next), tokens, rng.random_range(1..40));
            groups::send(&mut group, request, &mut out);
            number = held(&group);
            now = next;
        }
        present += integrate(&mut group, now, u64::MAX, &mut number, &mut out);
        let left: u128 = out.finished.iter().map(|finished| u128::from(finished.at.as_nanos())).sum();
        assert_eq!((out.finished.len(), number), (2_000, 0));
        assert_eq!(present, left - arrived, "{stages} stages");
        assert!(group.stats().preemptions > 0, "the pool is meant to be tight");
    }
}

fn held(group: &Group<Linear>) -> u32 {
    let state = group.state();
    state.running + state.waiting
}

/// Steps event by event from `now` to `until` and integrates how many requests the engine holds.
fn integrate(
    group: &mut Group<Linear>,
    mut now: u64,
    until: u64,
    number: &mut u32,
    out: &mut Outputs,
) -> u128 {
    let mut area = 0;
    while let Some(event) = group.next_event(Moment::END).filter(|event| event.at.as_nanos() < until) {
        area += u128::from(event.at.as_nanos() - now) * u128::from(*number);
        now = event.at.as_nanos();
        group.step(out);
        *number = held(group);
    }
    // The engine may be empty long before the next arrival.
    if *number == 0 { area } else { area + u128::from(until - now) * u128::from(*number) }
}
