//! A group may be looked at, moved and cut anywhere: what it puts out stays the same to the byte.

use std::{fmt::Write, sync::Arc};

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha12Rng};
use towtank::{
    engine::{EngineConfig, Family, Outputs, SchedulingPolicy},
    request::{Content, Request, RequestId, Segment, StreamId},
    simulation::{Group, Moment, Rank},
    units::SimTime,
};

use super::groups::{self, Linear};

/// What a group is given.
#[derive(Clone)]
enum Input {
    Add(Request),
    Abort(RequestId),
}

/// How a group is moved between its inputs.
#[derive(Clone, Copy, Debug)]
enum Drive {
    /// In one piece.
    Whole,
    /// In one piece, every step walked by itself.
    Recorded,
    /// Visible event by visible event, as far ahead as it likes to look.
    Events,
    /// To random moments, and asked in between for its next event up to random horizons.
    Cut(u64),
}

const RANKS: [Rank; 5] = [Rank::Timeout, Rank::Result, Rank::Arrival, Rank::Poll, Rank::Sample];

/// Inputs at multiples of a microsecond, so that some come together with results and polls.
fn inputs(rng: &mut ChaCha12Rng, config: &EngineConfig, requests: u32) -> Vec<(Moment, Input)> {
    let mut inputs = Vec::new();
    let mut now = 0;
    for id in 0..requests {
        let longest = if rng.random_ratio(1, 8) { 6000 } else { 300 };
        now += 1000 * rng.random_range(0..longest);
        let prompt = rng.random_range(1..200);
        let at = SimTime::from_nanos(now);
        let mut request = groups::request(id, at, prompt, rng.random_range(1..150));
        request.priority = rng.random_range(0..3);
        if config.enable_prefix_caching {
            let segment =
                Segment { stream: StreamId(1_000_000 + rng.random_range(0..4)), tokens: prompt / 2 };
            request.content = Content { segments: Arc::from([segment]), tail: request.content.tail };
        }
        inputs.push((Moment::new(at, Rank::Arrival), Input::Add(request)));
        if rng.random_ratio(1, 10) {
            let at = SimTime::from_nanos(now + 1000 * rng.random_range(0..2000));
            inputs.push((Moment::new(at, Rank::Timeout), Input::Abort(RequestId(id))));
        }
    }
    inputs.sort_by_key(|(moment, _)| *moment);
    inputs
}

fn walk(group: &mut Group<Linear>, until: Moment, out: &mut Outputs) {
    while group.next_event(Moment::END).is_some_and(|event| event < until) {
        group.step(out);
    }
    // What is not visible, the head of a run that goes beyond, stays to be done.
    group.advance(until, out);
}

fn move_to(
    group: &mut Group<Linear>,
    drive: Drive,
    from: Moment,
    until: Moment,
    rng: &mut impl Rng,
    out: &mut Outputs,
) {
    match drive {
        Drive::Whole | Drive::Recorded => {}
        Drive::Events => walk(group, until, out),
        Drive::Cut(_) => {
            let end = until.at.as_nanos().min(from.at.as_nanos() + 20_000_000);
            let mut cuts: Vec<Moment> = (0..rng.random_range(0..12))
                .map(|_| {
                    let at = SimTime::from_nanos(rng.random_range(from.at.as_nanos()..=end) / 1000 * 1000);
                    Moment::new(at, RANKS[rng.random_range(0..RANKS.len())])
                })
                .filter(|cut| from <= *cut && *cut <= until)
                .collect();
            cuts.sort();
            for cut in cuts {
                if rng.random() {
                    group.next_event(if rng.random() { Moment::END } else { until });
                }
                group.advance(cut, out);
            }
        }
    }
    group.advance(until, out);
}

/// Everything a group put out and what could be seen of it at each input, as text.
fn trace(config: &EngineConfig, timing: &Linear, inputs: &[(Moment, Input)], drive: Drive) -> String {
    let mut group = groups::group(config, timing);
    if matches!(drive, Drive::Recorded) {
        group.record_steps();
    }
    let mut rng = ChaCha12Rng::seed_from_u64(if let Drive::Cut(seed) = drive { seed } else { 0 });
    let mut out = Outputs::default();
    let mut text = String::new();
    let mut from = Moment::new(SimTime::ZERO, Rank::Timeout);
    for (moment, input) in inputs {
        move_to(&mut group, drive, from, *moment, &mut rng, &mut out);
        let (state, stats, usage) = (group.state(), group.stats(), group.usage(moment.at));
        writeln!(text, "{moment:?} {state:?} {stats:?} {usage:?} {out:?}").unwrap();
        out = Outputs::default();
        match input {
            Input::Add(request) => group.add(request.clone(), moment.at).unwrap(),
            Input::Abort(id) => {
                writeln!(text, "{}", group.output_tokens(*id)).unwrap();
                group.abort(*id, moment.at);
            }
        }
        from = *moment;
    }
    move_to(&mut group, drive, from, Moment::END, &mut rng, &mut out);
    let end = SimTime::from_nanos(u64::MAX / 2);
    let (state, stats, usage) = (group.state(), group.stats(), group.usage(end));
    writeln!(text, "{state:?} {stats:?} {usage:?} {out:?}").unwrap();
    assert_eq!((state.running, state.waiting, state.free_blocks), (0, 0, state.usable_blocks));
    assert!(stats.steps > 500, "{stats:?}");
    text
}

/// Compares every way of moving the group with the plainest.
fn check(config: &EngineConfig) {
    for seed in 0..6 {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let inputs = inputs(&mut rng, config, 60);
        // Round times make ties with the inputs, the others make every step different.
        let round =
            Linear { host: 1000, stage: 10_000, transfer: 1000, token_return: 1000, ..Linear::default() };
        let odd = Linear { host: 317, stage_per_token: 13, stage_per_context: 1, ..round.clone() };
        let slow_host = Linear { host: 25_000, ..round.clone() };
        let timing = [round, odd, slow_host][seed as usize % 3].clone();
        let plain = trace(config, &timing, &inputs, Drive::Recorded);
        for drive in [Drive::Whole, Drive::Events, Drive::Cut(seed), Drive::Cut(seed + 100)] {
            let other = trace(config, &timing, &inputs, drive);
            for (line, (plain, other)) in plain.lines().zip(other.lines()).enumerate() {
                assert_eq!(plain, other, "line {line}, seed {seed}, {drive:?}, {config:?}");
            }
            assert_eq!(plain.len(), other.len());
        }
    }
}

fn stages(version: &str, stages: u32, asynchronous: bool) -> EngineConfig {
    EngineConfig {
        version: version.parse().unwrap(),
        pipeline_parallel_size: stages,
        async_scheduling: Some(asynchronous),
        max_num_seqs: 8,
        max_num_batched_tokens: 128,
        max_model_len: 512,
        num_gpu_blocks: 400,
        ..groups::config()
    }
}

const VERSIONS: [&str; 6] = ["0.8.5", "0.11", "0.19", "0.22", "0.27", "0.33"];

#[test]
fn synchronous_engines() {
    for version in VERSIONS {
        (1..=3).for_each(|depth| check(&stages(version, depth, false)));
    }
}

#[test]
fn asynchronous_engines() {
    for version in &VERSIONS[1..] {
        (1..=3).for_each(|depth| check(&stages(version, depth, true)));
    }
}

#[test]
fn starved_pools() {
    for version in VERSIONS {
        for (depth, asynchronous) in [(1, false), (1, true), (2, false), (2, true)] {
            let roomy = stages(version, depth, asynchronous && version != "0.8.5");
            check(&EngineConfig { num_gpu_blocks: 34, ..roomy });
        }
    }
}

#[test]
fn shared_prefixes() {
    for version in VERSIONS {
        for (depth, num_gpu_blocks) in [(1, 400), (1, 40), (2, 60)] {
            let roomy = stages(version, depth, version != "0.8.5");
            check(&EngineConfig { num_gpu_blocks, enable_prefix_caching: true, ..roomy });
        }
    }
}

#[test]
fn priorities() {
    for depth in [1, 2] {
        let roomy = stages("0.33", depth, depth == 1);
        check(&EngineConfig { num_gpu_blocks: 50, scheduling_policy: SchedulingPolicy::Priority, ..roomy });
    }
}

fn lanes(family: Family, version: &str, stages: u32) -> EngineConfig {
    let budget = EngineConfig { family, max_num_batched_tokens: 512, ..self::stages(version, stages, false) };
    EngineConfig { enable_chunked_prefill: false, watermark: 0.01, ..budget }
}

#[test]
fn virtual_engines() {
    for depth in 1..=3 {
        let prefill_first = lanes(Family::V0, "0.6.3", depth);
        let chunked = EngineConfig {
            enable_chunked_prefill: true,
            max_num_batched_tokens: 64,
            ..prefill_first.clone()
        };
        for config in [prefill_first, chunked] {
            check(&config);
            check(&EngineConfig { num_gpu_blocks: 34 * depth, ..config });
        }
    }
}

#[test]
fn several_steps_a_schedule() {
    for (depth, chunked, steps) in [(1, false, 4), (2, false, 4), (1, true, 10)] {
        let config = lanes(Family::V0, "0.6.3", depth);
        let config = EngineConfig { enable_chunked_prefill: chunked, num_scheduler_steps: steps, ..config };
        check(&config);
        check(&EngineConfig { num_gpu_blocks: 34 * depth, ..config });
    }
}

#[test]
fn micro_batches() {
    for depth in 1..=3 {
        let whole = lanes(Family::TensorRtLlm, "1.0", depth);
        let pieces =
            EngineConfig { enable_chunked_prefill: true, max_num_batched_tokens: 64, ..whole.clone() };
        for config in [whole, pieces] {
            for asynchronous in [false, true] {
                let config = EngineConfig { async_scheduling: Some(asynchronous), ..config.clone() };
                check(&config);
                check(&EngineConfig { num_gpu_blocks: 40, ..config });
            }
        }
    }
}
