//! TensorRT-LLM's in-flight batching, step by step.

use towtank::{
    engine::{Action, EngineConfig, Family, Rejected},
    units::SimTime,
};

use super::{
    engine_traces::Bench,
    groups::{self, request},
};

fn config() -> EngineConfig {
    EngineConfig {
        family: Family::TensorRtLlm,
        version: "1.0".parse().unwrap(),
        enable_chunked_prefill: false,
        block_size: 4,
        max_num_batched_tokens: 100,
        max_model_len: 100,
        ..groups::config()
    }
}

#[test]
fn a_request_is_admitted_when_its_longest_answer_fits() {
    let mut bench = Bench::new(&EngineConfig { num_gpu_blocks: 10, ..config() });
    // Four blocks each at the end, two now.
    bench.add(0, 8, 8);
    bench.add(1, 8, 8);
    // Six blocks are free, four of them promised; the one behind it would fit and may not overtake.
    bench.add(2, 4, 8);
    bench.add(3, 4, 4);
    assert_eq!(bench.schedule(), [(0, 8), (1, 8)]);
    assert_eq!(bench.free(), 6);
    for _ in 0..7 {
        assert_eq!(bench.schedule(), [(0, 1), (1, 1)]);
    }
    assert_eq!(bench.schedule(), [(2, 4), (3, 4)]);
    assert_eq!(bench.engine.stats().preemptions, 0);
}

#[test]
fn an_answer_that_ends_early_was_promised_all_of_max_tokens() {
    for (max_tokens, together) in [(8, true), (12, false)] {
        let mut bench = Bench::new(&EngineConfig { num_gpu_blocks: 8, ..config() });
        for id in 0..2 {
            let mut request = request(id, SimTime::ZERO, 8, 2);
            request.max_tokens = max_tokens;
            bench.engine.add(request).unwrap();
        }
        assert_eq!(bench.schedule().len() == 2, together, "{max_tokens}");
    }
}

#[test]
fn a_prompt_that_does_not_fit_the_budget_waits_and_is_not_overtaken() {
    let mut bench = Bench::new(&EngineConfig { max_num_batched_tokens: 16, ..config() });
    for (id, prompt) in [(0, 10), (1, 10), (2, 3)] {
        bench.add(id, prompt, 9);
    }
    assert_eq!(bench.schedules(2), [vec![(0, 10)], vec![(1, 10), (2, 3), (0, 1)]]);
}

#[test]
fn pieces_of_prompts_are_whole_blocks() {
    let mut bench =
        Bench::new(&EngineConfig { max_num_batched_tokens: 16, enable_chunked_prefill: true, ..config() });
    for (id, prompt) in [(0, 10), (1, 10), (2, 3)] {
        bench.add(id, prompt, 9);
    }
    assert_eq!(bench.schedules(2), [vec![(0, 10), (1, 4)], vec![(1, 6), (2, 3), (0, 1)]]);
}

/// A prompt under way may stand before decodes: a short one was admitted behind it, into what whole blocks had left.
#[test]
fn decodes_come_before_prompts_under_way() {
    let mut bench =
        Bench::new(&EngineConfig { max_num_batched_tokens: 16, enable_chunked_prefill: true, ..config() });
    for (id, prompt, answer) in [(0, 1, 1), (1, 40, 9), (2, 3, 9)] {
        bench.add(id, prompt, answer);
    }
    assert_eq!(bench.schedules(2), [vec![(0, 1), (1, 12), (2, 3)], vec![(1, 12), (2, 1)]]);
}

#[test]
fn what_could_never_be_admitted_is_refused() {
    let mut bench = Bench::new(&EngineConfig { num_gpu_blocks: 8, max_num_batched_tokens: 16, ..config() });
    let mut add = |prompt, answer| bench.engine.add(request(0, SimTime::ZERO, prompt, answer));
    assert_eq!(add(8, 25), Err(Rejected::NeverFits { needed: 9, usable: 8 }));
    assert_eq!(add(17, 1), Err(Rejected::LongerThanStep { prompt_tokens: 17, max_num_batched_tokens: 16 }));
    assert_eq!(add(8, 24), Ok(()));
}

#[test]
fn every_micro_batch_has_its_own_requests() {
    let mut bench = Bench::new(&EngineConfig { pipeline_parallel_size: 2, max_num_seqs: 2, ..config() });
    for id in 0..3 {
        bench.add(id, 8, 9);
    }
    let (first, second) = (vec![(0, 1), (1, 1)], vec![(2, 1)]);
    assert_eq!(
        bench.schedules(6),
        [vec![(0, 8), (1, 8)], vec![(2, 8)], first.clone(), second.clone(), first, second]
    );
}

#[test]
fn the_overlap_scheduler_sends_a_batch_before_the_one_before_returns() {
    let overlap = EngineConfig { async_scheduling: Some(true), ..config() };
    let mut bench = Bench::new(&overlap);
    bench.add(0, 8, 3);
    let mut actions = Vec::new();
    for now in 0..8 {
        let action = bench.engine.poll(SimTime::from_nanos(now), false, &mut bench.out);
        actions.push(match action {
            Action::Dispatch(batch) => batch.tokens,
            Action::WaitOldest => {
                bench.engine.complete(SimTime::from_nanos(now), &mut bench.out);
                0
            }
            _ => 99,
        });
    }
    // Two in flight; the third token is the last by length, so no fourth is computed.
    assert_eq!(actions, [8, 1, 0, 1, 0, 0, 99, 99]);
    assert_eq!(bench.out.finished[0].output_tokens, 3);
    // With an end-of-sequence token one more is on its way, for nobody.
    let mut bench = Bench::new(&overlap);
    let mut eos = request(0, SimTime::ZERO, 8, 2);
    eos.max_tokens = 9;
    bench.engine.add(eos).unwrap();
    assert_eq!(bench.schedules(3), [vec![(0, 8)], vec![(0, 1)], vec![(0, 1)]]);
    let now = SimTime::from_nanos(10_000);
    bench.engine.complete(now, &mut bench.out);
    bench.engine.complete(now, &mut bench.out);
    assert_eq!((bench.out.finished[0].output_tokens, bench.free()), (2, bench.engine.state().usable_blocks));
}
