//! What one pass of the engine costs: a plain decode step walked pass by pass (`poll`, `complete`), and the same step
//! inside a run (`run_len`, `run_batch`, `advance`), at 16, 128 and 1,024 sequences with prefix caching on.
//!
//! Instructions do not depend on how busy the machine is. They are counted with:
//!
//! ```sh
//! cargo bench --bench engine --no-run   # prints the path of the program
//! valgrind --tool=callgrind --callgrind-out-file=calls.out PROGRAM --bench --profile-time 1 'step/1024$'
//! callgrind_annotate --inclusive=yes --tree=caller calls.out | grep -B2 '\* .*engine::step'
//! ```
//!
//! The line of `Bencher::iter` begins with the instructions of all calls measured and ends in how many they were.
//! `run/1024$` and `engine::run` count runs of [`RUN`] steps the same way.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use towtank::{
    engine::{Action, CaptureSizes, Engine, EngineConfig, Executor, Family, Outputs, SchedulingPolicy},
    request::{Content, Request, RequestId, RequestName, StreamId},
    units::SimTime,
};

const SEQUENCES: [u32; 3] = [16, 128, 1024];

/// Steps of a run.
const RUN: u32 = 16;

/// Sequences as long as this do not end while they are measured.
const LONG: u32 = 500_000_000;

/// An engine that decodes for all its requests, and its clock.
#[derive(Clone)]
struct Decoding {
    engine: Engine,
    out: Outputs,
    now: u64,
}

fn request(id: u32) -> Request {
    // Prompts of different lengths: their blocks fill up at different steps.
    let prompt_tokens = 100 + id % 50;
    Request {
        id: RequestId(id),
        name: RequestName::Row { workload: "b".into(), row: id },
        arrival: SimTime::ZERO,
        prompt_tokens,
        max_tokens: LONG,
        output_tokens: LONG,
        priority: 0,
        class: 0,
        content: Content { segments: Arc::from([]), tail: StreamId(u64::from(id)) },
    }
}

impl Decoding {
    fn new(sequences: u32) -> Self {
        let mut engine = Engine::new(&EngineConfig {
            family: Family::V1,
            version: "0.33".parse().unwrap(),
            scheduling_policy: SchedulingPolicy::Fcfs,
            max_num_seqs: sequences,
            max_num_batched_tokens: 8192,
            max_model_len: 2 * LONG,
            block_size: 16,
            num_gpu_blocks: 1_000_000_000,
            enable_chunked_prefill: true,
            enable_prefix_caching: true,
            long_prefill_token_threshold: 0,
            watermark: 0.0,
            async_scheduling: Some(false),
            pipeline_parallel_size: 1,
            num_scheduler_steps: 1,
            executor: Executor::Mp,
            capture_sizes: CaptureSizes::up_to(512),
            max_seq_len_to_capture: 8192,
        });
        for id in 0..sequences {
            engine.add(request(id)).unwrap();
        }
        let mut decoding = Self { engine, out: Outputs::default(), now: 0 };
        while decoding.engine.run_len(1) == 0 {
            step(&mut decoding);
        }
        assert_eq!(decoding.engine.state().running, sequences);
        decoding
    }

    fn tick(&mut self) -> SimTime {
        self.now += 10_000_000;
        SimTime::from_nanos(self.now)
    }

    /// Whether blocks are left for a while.
    fn goes_on(&self) -> bool {
        self.engine.state().free_blocks > 1_000_000
    }
}

/// One decode step.
#[inline(never)]
fn step(decoding: &mut Decoding) {
    decoding.out.gaps.clear();
    let now = decoding.tick();
    loop {
        match decoding.engine.poll(now, false, &mut decoding.out) {
            Action::Dispatch(batch) => {
                black_box(batch);
            }
            Action::WaitOldest => break,
            Action::PollAfter(_) | Action::Idle => panic!("every request goes on"),
        }
    }
    let now = decoding.tick();
    decoding.engine.complete(now, &mut decoding.out);
}

/// [`RUN`] decode steps in one piece.
#[inline(never)]
fn run(decoding: &mut Decoding) {
    decoding.out.gaps.clear();
    assert_eq!(decoding.engine.run_len(RUN), RUN);
    let mut results = [SimTime::ZERO; RUN as usize];
    for (pass, result) in results.iter_mut().enumerate() {
        black_box(decoding.engine.run_batch(pass as u32));
        *result = decoding.tick();
    }
    decoding.engine.advance(&results, &mut decoding.out);
}

fn measure(criterion: &mut Criterion, name: &str, steps: u32, pass: fn(&mut Decoding)) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(u64::from(steps)));
    for sequences in SEQUENCES {
        let fresh = Decoding::new(sequences);
        let mut decoding = fresh.clone();
        group.bench_function(sequences.to_string(), |bencher| {
            bencher.iter(|| {
                if !decoding.goes_on() {
                    decoding = fresh.clone();
                }
                pass(&mut decoding);
            });
        });
    }
}

fn steps(criterion: &mut Criterion) {
    measure(criterion, "step", 1, step);
    measure(criterion, "run", RUN, run);
}

criterion_group!(benches, steps);
criterion_main!(benches);
