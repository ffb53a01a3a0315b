//! Worked traces of vLLM's own tests, step by step.

use std::sync::{Arc, LazyLock};

use towtank::{
    engine::{Action, Engine, EngineConfig, Outputs, SchedulingPolicy},
    request::{Content, Request, RequestId, RequestName, Segment, StreamId},
    units::SimTime,
};

use super::groups::config;

static NO_SEGMENTS: LazyLock<Arc<[Segment]>> = LazyLock::new(|| Vec::new().into());

/// Requests `0..`, private prompts.
fn request(id: u32, prompt_tokens: u32, max_tokens: u32, priority: i32) -> Request {
    Request {
        id: RequestId(id),
        name: RequestName::Row { workload: "r".into(), row: id },
        arrival: SimTime::from_nanos(u64::from(id)),
        prompt_tokens,
        max_tokens,
        output_tokens: max_tokens,
        priority,
        class: 0,
        content: Content { segments: NO_SEGMENTS.clone(), tail: StreamId(u64::from(id)) },
    }
}

/// An engine walked by hand: every call of `schedule()` with what it gave to whom.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) out: Outputs,
    now: u64,
}

impl Bench {
    pub(crate) fn new(config: &EngineConfig) -> Self {
        let mut engine = Engine::new(config);
        engine.record_steps();
        Self { engine, out: Outputs::default(), now: 0 }
    }

    pub(crate) fn add(&mut self, id: u32, prompt: u32, max_tokens: u32) {
        self.engine.add(request(id, prompt, max_tokens, 0)).unwrap();
    }

    pub(crate) fn tick(&mut self) -> SimTime {
        self.now += 1000;
        SimTime::from_nanos(self.now)
    }

    /// The next `schedule()`: waits for results where the engine does.
    pub(crate) fn schedule(&mut self) -> Vec<(u32, u32)> {
        loop {
            let now = self.tick();
            match self.engine.poll(now, false, &mut self.out) {
                Action::Dispatch(_) => {
                    let detail = self.engine.take_detail();
                    return detail.scheduled.iter().map(|(id, tokens)| (id.0, *tokens)).collect();
                }
                Action::WaitOldest => {
                    let now = self.tick();
                    self.engine.complete(now, &mut self.out);
                }
                Action::PollAfter(_) => {}
                Action::Idle => panic!("the engine is idle"),
            }
        }
    }

    pub(crate) fn schedules(&mut self, calls: usize) -> Vec<Vec<(u32, u32)>> {
        (0..calls).map(|_| self.schedule()).collect()
    }

    fn first_tokens(&self) -> Vec<u32> {
        self.out.first_tokens.iter().map(|(id, _)| id.0).collect()
    }

    pub(crate) fn free(&self) -> u32 {
        self.engine.state().free_blocks
    }
}

/// `test_schedule_concurrent_partial_requests`, `tests/v1/core/test_scheduler.py` of 0.33.
#[test]
fn long_prompts_share_the_budget_by_threshold() {
    let mut bench = Bench::new(&EngineConfig { long_prefill_token_threshold: 400, ..config() });
    for id in 0..3 {
        bench.add(id, 800, 16);
    }
    assert_eq!(
        bench.schedules(4),
        [
            vec![(0, 400), (1, 400), (2, 224)],
            vec![(0, 400), (1, 400), (2, 224)],
            vec![(0, 1), (1, 1), (2, 352)],
            vec![(0, 1), (1, 1), (2, 1)],
        ]
    );
}

/// `test_priority_scheduling_preemption`, same file.
#[test]
fn the_urgent_request_takes_the_blocks_of_the_other() {
    let mut bench = Bench::new(&EngineConfig {
        scheduling_policy: SchedulingPolicy::Priority,
        num_gpu_blocks: 6,
        max_num_seqs: 3,
        max_num_batched_tokens: 200,
        max_model_len: 80,
        ..config()
    });
    bench.engine.add(request(0, 32, 16, 5)).unwrap();
    assert_eq!(bench.schedule(), [(0, 32)]);
    bench.engine.add(request(1, 32, 16, 0)).unwrap();
    assert_eq!(bench.schedule(), [(0, 1), (1, 32)]);
    assert_eq!(bench.free(), 0);
    assert_eq!(bench.schedule(), [(1, 1)]);
    assert_eq!(bench.free(), 2);
    assert_eq!(bench.engine.stats().preemptions, 1);
    assert_eq!(bench.schedule(), [(1, 1)]);
}

/// `test_preempt_during_execution`, same file: the victim's prompt is in a batch in flight.
#[test]
fn a_victim_in_flight_still_gets_its_token() {
    let mut bench = Bench::new(&EngineConfig {
        pipeline_parallel_size: 2,
        max_num_batched_tokens: 100,
        max_model_len: 160,
        num_gpu_blocks: 11,
        ..config()
    });
    bench.add(0, 80, 16);
    assert_eq!(bench.schedule(), [(0, 80)]);
    assert_eq!(bench.free(), 5);
    bench.add(1, 80, 16);
    assert_eq!(bench.schedule(), [(1, 80)]);
    assert_eq!(bench.free(), 0);
    assert_eq!(bench.schedule(), [(0, 1)]);
    let state = bench.engine.state();
    assert_eq!((state.running, state.waiting, state.free_blocks), (1, 1, 4));
    assert_eq!(bench.engine.stats().preemptions, 1);
    assert_eq!(bench.first_tokens(), [0]);
    // Its prompt and that token fill six blocks: it stays out.
    assert_eq!(bench.schedule(), []);
    assert_eq!(bench.first_tokens(), [0, 1]);
    assert_eq!(bench.engine.output_tokens(RequestId(1)), 1);
    assert_eq!(bench.engine.state().waiting, 1);
}

/// `test_long_prefill_threshold_*`, same file.
#[test]
fn a_lone_prompt_is_not_held_to_the_threshold() {
    let config = EngineConfig { long_prefill_token_threshold: 400, ..config() };
    let mut bench = Bench::new(&config);
    bench.add(0, 2000, 16);
    assert_eq!(bench.schedule(), [(0, 1024)]);
    let mut bench = Bench::new(&config);
    bench.add(0, 2000, 16);
    bench.add(1, 10, 16);
    assert_eq!(bench.schedule(), [(0, 400), (1, 10)]);
}

/// `test_engine_core_concurrent_batches`, `tests/v1/engine/test_engine_core.py` of 0.33: two batches in flight.
#[test]
fn two_cohorts_alternate_in_a_pipeline() {
    let mut bench = Bench::new(&EngineConfig {
        pipeline_parallel_size: 2,
        max_num_batched_tokens: 10,
        max_num_seqs: 2,
        ..config()
    });
    bench.add(0, 12, 5);
    bench.add(1, 12, 5);
    let mut expected = vec![vec![(0, 10)], vec![(0, 2), (1, 8)], vec![(1, 4)]];
    for _ in 0..4 {
        expected.extend([vec![(0, 1)], vec![(1, 1)]]);
    }
    expected.push(vec![]);
    assert_eq!(bench.schedules(12), expected);
}

/// Whole-prompt gate, preemption, chunked resumption: one trace by hand through the rules of 0.33.
#[test]
fn a_victim_waits_until_its_whole_prompt_fits() {
    let mut bench = Bench::new(&EngineConfig {
        block_size: 4,
        num_gpu_blocks: 11,
        max_num_batched_tokens: 8,
        max_model_len: 64,
        ..config()
    });
    bench.add(0, 10, 12);
    bench.add(1, 9, 8);
    bench.add(2, 7, 6);
    let mut expected = vec![
        vec![(0, 8)],
        vec![(0, 2), (1, 6)],
        vec![(0, 1), (1, 3), (2, 4)],
        vec![(0, 1), (1, 1), (2, 3)],
        vec![(0, 1), (1, 1), (2, 1)],
        vec![(0, 1), (1, 1), (2, 1)],
    ];
    expected.extend(vec![vec![(0, 1), (1, 1)]; 4]);
    expected.extend([vec![(0, 1), (2, 7)], vec![(0, 1), (2, 3)], vec![(0, 1), (2, 1)], vec![(2, 1)]]);
    assert_eq!(bench.schedules(14), expected);
}

/// Asynchronous scheduling with two stages and a queue of three: cohorts {0, 2} and {1} persist.
#[test]
fn asynchronous_cohorts_come_round_every_other_call() {
    let mut bench =
        Bench::new(&EngineConfig { pipeline_parallel_size: 2, async_scheduling: None, ..config() });
    let mut schedules = Vec::new();
    for call in 0..9 {
        if call < 3 {
            bench.add(call, 8, 4);
        }
        schedules.push(bench.schedule());
    }
    assert_eq!(
        schedules,
        [
            vec![(0, 8)],
            vec![(1, 8)],
            vec![(0, 1), (2, 8)],
            vec![(1, 1)],
            vec![(0, 1), (2, 1)],
            vec![(1, 1)],
            vec![(0, 1), (2, 1)],
            vec![(1, 1)],
            vec![(2, 1)],
        ]
    );
}

/// One answer of 17 tokens behind a prompt of 16, then a second turn that begins with both: how many tokens the second
/// turn still has to compute.
fn second_turn(version: &str, async_scheduling: bool, max_tokens: u32) -> Vec<(u32, u32)> {
    let mut bench = Bench::new(&EngineConfig {
        version: version.parse().unwrap(),
        async_scheduling: Some(async_scheduling),
        enable_prefix_caching: true,
        ..config()
    });
    let content = Content { segments: NO_SEGMENTS.clone(), tail: StreamId(7) };
    let first = Request { output_tokens: 17, content: content.clone(), ..request(0, 16, max_tokens, 0) };
    bench.engine.add(first).unwrap();
    while bench.out.finished.is_empty() {
        let now = bench.tick();
        match bench.engine.poll(now, false, &mut bench.out) {
            Action::WaitOldest => bench.engine.complete(now, &mut bench.out),
            Action::Idle => panic!("the answer has ended"),
            _ => {}
        }
    }
    bench.engine.take_detail();
    bench.engine.add(Request { content, ..request(1, 40, 1, 0) }).unwrap();
    loop {
        let scheduled = bench.schedule();
        if !scheduled.is_empty() {
            return scheduled;
        }
    }
}

/// `Scheduler.update_from_output` of 0.33, `AsyncScheduler._update_request_with_output` before: the blocks that a token
/// completes get their hashes first, then the request that it ends is freed. Both full blocks are found again.
#[test]
fn the_block_that_the_last_token_completes_is_found_again() {
    for version in ["0.13", "0.16", "0.24", "0.28", "0.33"] {
        for asynchronous in [false, true] {
            // By its length, and by its end-of-sequence token with one more step in flight.
            for max_tokens in [17, 100] {
                let scheduled = second_turn(version, asynchronous, max_tokens);
                assert_eq!(scheduled, [(1, 8)], "{version}, asynchronous: {asynchronous}, {max_tokens}");
            }
        }
    }
}
