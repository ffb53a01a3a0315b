//! Schedules known call by call, from vLLM's own tests and from arithmetic on its rules, as data any core can be put
//! through.

use std::sync::Arc;

use towtank::{
    request::{Content, Request, RequestId, RequestName, StreamId},
    units::{SimTime, Version},
};

use crate::oracle::{Completed, Core, Kv, Oracle, OracleAction, OracleConfig, Policy, identities};

/// A schedule known in full.
pub(crate) struct Trace {
    /// Where it comes from.
    pub(crate) source: &'static str,
    pub(crate) config: OracleConfig,
    /// (before which call, prompt, `max_tokens`, priority); ids in this order.
    pub(crate) adds: Vec<(usize, u32, u32, i32)>,
    /// Tokens scheduled at each call.
    pub(crate) calls: Vec<Vec<(u32, u32)>>,
    /// (call, victims).
    pub(crate) preempted: Vec<(usize, Vec<u32>)>,
    /// (call, blocks free after its `schedule()`).
    pub(crate) free: Vec<(usize, usize)>,
    /// (call, requests running after its `schedule()`).
    pub(crate) running: Vec<(usize, usize)>,
    /// (call, tokens in the result it waits for: request and ordinal).
    pub(crate) outputs: Vec<(usize, Vec<(u32, u32)>)>,
    /// (call, requests that end in the result it waits for).
    pub(crate) finished: Vec<(usize, Vec<u32>)>,
}

fn base() -> OracleConfig {
    OracleConfig {
        version: Version::new(0, 33, 0),
        policy: Policy::Fcfs,
        max_num_seqs: 16,
        max_num_batched_tokens: 1024,
        max_model_len: 4096,
        block_size: 16,
        num_gpu_blocks: 10_000,
        chunked_prefill: true,
        prefix_caching: false,
        long_prefill_token_threshold: 0,
        watermark: 0.0,
        async_scheduling: Some(false),
        pipeline_parallel_size: 1,
        ray: false,
    }
}

fn trace(source: &'static str, config: OracleConfig) -> Trace {
    Trace {
        source,
        config,
        adds: Vec::new(),
        calls: Vec::new(),
        preempted: Vec::new(),
        free: Vec::new(),
        running: Vec::new(),
        outputs: Vec::new(),
        finished: Vec::new(),
    }
}

/// All of them.
pub(crate) fn traces() -> Vec<Trace> {
    vec![
        concurrent_partials(),
        preemption_in_flight(),
        priority_preemption(),
        concurrent_batches(),
        lone_prefill(),
        lone_no_more(),
        starved_pool(),
        pipelined_async(),
    ]
}

fn concurrent_partials() -> Trace {
    Trace {
        adds: vec![(1, 800, 16, 0); 3],
        calls: vec![
            vec![(0, 400), (1, 400), (2, 224)],
            vec![(0, 400), (1, 400), (2, 224)],
            vec![(0, 1), (1, 1), (2, 352)],
            vec![(0, 1), (1, 1), (2, 1)],
        ],
        ..trace(
            "vllm 0.33 tests/v1/core/test_scheduler.py test_schedule_concurrent_partial_requests",
            OracleConfig { long_prefill_token_threshold: 400, ..base() },
        )
    }
}

/// Two batches in flight let the second prompt be scheduled before the first one's token is back.
fn preemption_in_flight() -> Trace {
    Trace {
        adds: vec![(1, 80, 16, 0), (2, 80, 16, 0)],
        calls: vec![vec![(0, 80)], vec![(1, 80)], vec![(0, 1)]],
        preempted: vec![(3, vec![1])],
        free: vec![(1, 5), (2, 0), (3, 4)],
        running: vec![(2, 2), (3, 1)],
        outputs: vec![(2, vec![(0, 1)]), (3, vec![(1, 1)])],
        ..trace(
            "vllm 0.33 tests/v1/core/test_scheduler.py test_preempt_during_execution",
            OracleConfig {
                max_num_batched_tokens: 100,
                max_model_len: 160,
                num_gpu_blocks: 11,
                pipeline_parallel_size: 2,
                ..base()
            },
        )
    }
}

fn priority_preemption() -> Trace {
    Trace {
        adds: vec![(1, 32, 16, 5), (2, 32, 16, 0)],
        calls: vec![vec![(0, 32)], vec![(0, 1), (1, 32)], vec![(1, 1)], vec![(1, 1)]],
        preempted: vec![(3, vec![0])],
        free: vec![(1, 3), (2, 0), (3, 2), (4, 2)],
        running: vec![(2, 2), (3, 1)],
        ..trace(
            "vllm 0.33 tests/v1/core/test_scheduler.py test_priority_scheduling_preemption",
            OracleConfig {
                policy: Policy::Priority,
                max_num_seqs: 3,
                max_num_batched_tokens: 200,
                max_model_len: 80,
                num_gpu_blocks: 6,
                ..base()
            },
        )
    }
}

fn concurrent_batches() -> Trace {
    let mut calls = vec![vec![(0, 10)], vec![(0, 2), (1, 8)], vec![(1, 4)]];
    for _ in 0..4 {
        calls.extend([vec![(0, 1)], vec![(1, 1)]]);
    }
    calls.push(vec![]);
    let mut outputs = vec![(1, vec![]), (2, vec![])];
    for nth in 1..=5 {
        outputs.extend([(2 * nth + 1, vec![(0, nth as u32)]), (2 * nth + 2, vec![(1, nth as u32)])]);
    }
    Trace {
        adds: vec![(1, 12, 5, 0); 2],
        calls,
        outputs,
        finished: vec![(11, vec![0]), (12, vec![1])],
        ..trace(
            "vllm 0.33 tests/v1/engine/test_engine_core.py test_engine_core_concurrent_batches",
            OracleConfig { max_num_batched_tokens: 10, max_num_seqs: 2, pipeline_parallel_size: 2, ..base() },
        )
    }
}

fn lone_prefill() -> Trace {
    Trace {
        adds: vec![(1, 2000, 16, 0)],
        calls: vec![vec![(0, 1024)]],
        ..trace(
            "vllm 0.33 tests/v1/core/test_scheduler.py test_long_prefill_threshold_*, one request",
            OracleConfig { long_prefill_token_threshold: 400, ..base() },
        )
    }
}

fn lone_no_more() -> Trace {
    Trace {
        adds: vec![(1, 2000, 16, 0), (1, 10, 16, 0)],
        calls: vec![vec![(0, 400), (1, 10)]],
        ..trace(
            "vllm 0.33 tests/v1/core/test_scheduler.py test_long_prefill_threshold_*, two requests",
            OracleConfig { long_prefill_token_threshold: 400, ..base() },
        )
    }
}

fn starved_pool() -> Trace {
    let two = || vec![(0, 1), (1, 1)];
    let three = || vec![(0, 1), (1, 1), (2, 1)];
    Trace {
        adds: vec![(1, 10, 12, 0), (1, 9, 8, 0), (1, 7, 6, 0)],
        calls: vec![
            vec![(0, 8)],
            vec![(0, 2), (1, 6)],
            vec![(0, 1), (1, 3), (2, 4)],
            vec![(0, 1), (1, 1), (2, 3)],
            three(),
            three(),
            two(),
            two(),
            two(),
            two(),
            vec![(0, 1), (2, 7)],
            vec![(0, 1), (2, 3)],
            vec![(0, 1), (2, 1)],
            vec![(2, 1)],
        ],
        preempted: vec![(7, vec![2])],
        free: vec![(6, 0), (7, 2)],
        finished: vec![(10, vec![1]), (13, vec![0]), (14, vec![2])],
        ..trace(
            "by hand from the rules of vllm 0.33 v1/core/sched/scheduler.py",
            OracleConfig {
                block_size: 4,
                num_gpu_blocks: 11,
                max_num_batched_tokens: 8,
                // The pool holds one sequence of 40; nobody here gets longer than 22.
                max_model_len: 40,
                ..base()
            },
        )
    }
}

fn pipelined_async() -> Trace {
    Trace {
        adds: vec![(1, 8, 4, 0), (2, 8, 4, 0), (3, 8, 4, 0)],
        calls: vec![
            vec![(0, 8)],
            vec![(1, 8)],
            vec![(0, 1), (2, 8)],
            vec![(1, 1)],
            vec![(0, 1), (2, 1)],
            vec![(1, 1)],
            vec![(0, 1), (2, 1)],
            vec![(1, 1)],
            vec![(2, 1)],
        ],
        ..trace(
            "by hand from vllm 0.33 v1/core/sched/async_scheduler.py and its test \
             test_async_scheduling_pp_allows_rescheduling_with_output_placeholders",
            OracleConfig { async_scheduling: Some(true), pipeline_parallel_size: 2, ..base() },
        )
    }
}

struct Call {
    scheduled: Vec<(u32, u32)>,
    preempted: Vec<u32>,
    state: (usize, usize, usize),
    completed: Completed,
}

/// Puts a core through a trace: every call of `schedule()` that dispatches, and the result waited for behind it.
fn calls(trace: &Trace, core: &mut impl Core) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let now = SimTime::from_nanos;
    let mut tick = 0;
    let mut added = 0;
    loop {
        tick += 1;
        while trace.adds.get(added).is_some_and(|add| add.0 == calls.len() + 1) {
            core.add(request(trace, added, now(tick)));
            added += 1;
        }
        match core.poll(now(tick), false) {
            OracleAction::Dispatch { .. } if calls.len() == trace.calls.len() => return calls,
            OracleAction::Dispatch { scheduled, preempted } => calls.push(Call {
                scheduled: scheduled.iter().map(|(id, tokens)| (id.0, *tokens)).collect(),
                preempted: preempted.iter().map(|id| id.0).collect(),
                state: core.state(),
                completed: Completed::default(),
            }),
            OracleAction::WaitOldest => {
                let completed = core.complete(now(tick));
                calls.last_mut().unwrap().completed = completed;
                if calls.len() == trace.calls.len() {
                    return calls;
                }
            }
            OracleAction::PollAfter(_) | OracleAction::Idle => assert!(tick < 1_000, "{}", trace.source),
        }
    }
}

fn request(trace: &Trace, index: usize, arrival: SimTime) -> Request {
    let (_, prompt_tokens, max_tokens, priority) = trace.adds[index];
    let row = index as u32;
    Request {
        class: 0,
        id: RequestId(row),
        name: RequestName::Row { workload: Arc::from("t"), row },
        arrival,
        prompt_tokens,
        max_tokens,
        output_tokens: max_tokens,
        priority,
        content: Content { segments: Arc::from([]), tail: StreamId(u64::from(row)) },
    }
}

/// Fails where a core leaves a trace.
pub(crate) fn check(trace: &Trace, core: &mut impl Core) {
    let source = trace.source;
    let calls = calls(trace, core);
    let scheduled: Vec<_> = calls.iter().map(|call| call.scheduled.clone()).collect();
    assert_eq!(scheduled, trace.calls, "{source}");
    let victims: Vec<_> = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| !call.preempted.is_empty())
        .map(|(index, call)| (index + 1, call.preempted.clone()))
        .collect();
    assert_eq!(victims, trace.preempted, "{source}");
    for (call, free) in &trace.free {
        assert_eq!(calls[call - 1].state.2, *free, "{source}, call {call}: free blocks");
    }
    for (call, running) in &trace.running {
        assert_eq!(calls[call - 1].state.0, *running, "{source}, call {call}: running");
    }
    for (call, outputs) in &trace.outputs {
        let tokens: Vec<_> =
            calls[call - 1].completed.tokens.iter().map(|(id, nth, _)| (id.0, *nth)).collect();
        assert_eq!(tokens, *outputs, "{source}, call {call}: tokens");
    }
    for (call, finished) in &trace.finished {
        let ids: Vec<_> = calls[call - 1].completed.finished.iter().map(|id| id.0).collect();
        assert_eq!(ids, *finished, "{source}, call {call}: finished");
    }
}

#[test]
fn the_oracle_follows_the_worked_traces() {
    for trace in traces() {
        check(&trace, &mut Oracle::new(trace.config.clone()));
    }
}

/// vllm 0.33 `tests/v1/core/test_prefix_caching.py` `test_prefill`: block ids and the order of the free queue.
#[test]
fn shared_blocks_leave_and_enter_the_free_queue_in_order() {
    let mut kv = Kv::new(11, 16, true, true);
    let common = StreamId(0);
    let content = |tail: u64, shared: u32| Content {
        segments: Arc::from([towtank::request::Segment { stream: common, tokens: shared }]),
        tail: StreamId(tail),
    };
    let admit = |kv: &mut Kv, content: &Content, count: u32| {
        let tokens = identities(content, count);
        let hits = kv.lookup(&tokens);
        kv.touch(&hits);
        let new = kv.take(kv.blocks_for(count) - hits.len());
        let held = [hits.clone(), new.clone()].concat();
        kv.cache(&held, &tokens);
        (hits, new, held)
    };
    let (hits, new, first) = admit(&mut kv, &content(1, 48), 55);
    assert_eq!((hits, new), (vec![], vec![1, 2, 3, 4]));
    let (hits, new, second) = admit(&mut kv, &content(2, 48), 53);
    assert_eq!((hits, new), (vec![1, 2, 3], vec![5]));
    assert!((1..=3).all(|block| kv.holders(block) == 2));
    assert_eq!(kv.free_blocks(), 5);
    kv.release(&first);
    kv.release(&second);
    assert_eq!(kv.queue(), [5, 4, 6, 7, 8, 9, 10, 3, 2, 1]);
    let (hits, new, third) = admit(&mut kv, &content(3, 48), 54);
    assert_eq!((hits, new), (vec![1, 2, 3], vec![5]));
    assert_eq!(kv.free_blocks(), 6);
    kv.release(&third);
    let (hits, new, _) = admit(&mut kv, &content(4, 0), 160);
    assert_eq!((hits, new), (vec![], vec![5, 4, 6, 7, 8, 9, 10, 3, 2, 1]));
    assert_eq!(kv.free_blocks(), 0);
}

/// Two copies of one hash: a fully cached prompt computes its last block again, and the first copy is found later.
#[test]
fn a_fully_cached_prompt_computes_its_last_block_again() {
    let mut kv = Kv::new(11, 4, true, true);
    let tokens = identities(&Content { segments: Arc::from([]), tail: StreamId(0) }, 8);
    let first = kv.take(2);
    kv.cache(&first, &tokens);
    let hits = kv.lookup(&tokens);
    assert_eq!(hits, [1]);
    kv.touch(&hits);
    let second = [hits, kv.take(1)].concat();
    kv.cache(&second, &tokens);
    assert_eq!(second, [1, 3]);
    let longer = identities(&Content { segments: Arc::from([]), tail: StreamId(0) }, 9);
    assert_eq!(kv.lookup(&longer), [1, 2]);
    kv.release(&first);
    assert_eq!(kv.lookup(&longer), [1, 2], "free, but first");
}
