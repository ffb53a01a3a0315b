//! V0's scheduler, step by step through the rules of 0.6.3.

use towtank::{
    batch::{Batch, GraphMode},
    engine::{Action, EngineConfig, Family, Rejected},
    request::RequestId,
    units::SimTime,
};

use super::{
    engine_traces::Bench,
    groups::{self, request},
};

/// Prefill first, one virtual engine, no watermark.
fn config() -> EngineConfig {
    EngineConfig {
        family: Family::V0,
        version: "0.6.3".parse().unwrap(),
        enable_chunked_prefill: false,
        max_num_batched_tokens: 100,
        max_model_len: 100,
        ..groups::config()
    }
}

/// The next batch, which the engine sends without waiting.
fn dispatched(bench: &mut Bench, now: u64) -> Batch {
    match bench.engine.poll(SimTime::from_nanos(now), false, &mut bench.out) {
        Action::Dispatch(batch) => batch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_decodes_in_a_step_with_a_prompt() {
    let mut bench = Bench::new(&config());
    bench.add(0, 60, 3);
    bench.add(1, 60, 3);
    assert_eq!(bench.schedules(3), [vec![(0, 60)], vec![(1, 60)], vec![(0, 1), (1, 1)]]);
    bench.add(2, 20, 3);
    assert_eq!(bench.schedules(3), [vec![(2, 20)], vec![(0, 1), (1, 1), (2, 1)], vec![(2, 1)]]);
}

#[test]
fn chunked_prefill_serves_decodes_then_prompts_under_way_then_new_ones() {
    let mut bench = Bench::new(&EngineConfig {
        enable_chunked_prefill: true,
        max_num_batched_tokens: 32,
        num_gpu_blocks: 50,
        ..config()
    });
    bench.add(0, 20, 9);
    assert_eq!(bench.schedule(), [(0, 20)]);
    bench.add(1, 50, 9);
    bench.add(2, 10, 9);
    // Prompts stand before decodes in the batch, and get what the decodes leave.
    assert_eq!(bench.schedule(), [(1, 31), (0, 1)]);
    // All blocks of a prompt are taken at once.
    assert_eq!(bench.free(), 50 - 2 - 4);
    assert_eq!(bench.schedules(2), [vec![(2, 10), (1, 19), (0, 1)], vec![(0, 1), (1, 1), (2, 1)]]);
}

#[test]
fn admission_leaves_the_watermark_free() {
    let roomy =
        EngineConfig { num_gpu_blocks: 100, max_num_batched_tokens: 4096, max_model_len: 4096, ..config() };
    for (watermark, prompt, admitted) in [(0.05, 32, false), (0.05, 16, true), (0.0, 32, true)] {
        let mut bench = Bench::new(&EngineConfig { watermark, ..roomy.clone() });
        bench.add(0, 94 * 16, 9);
        assert_eq!(bench.schedule(), [(0, 94 * 16)]);
        bench.add(1, prompt, 9);
        assert_eq!(bench.schedule() == [(1, prompt)], admitted, "{watermark} {prompt}");
    }
}

#[test]
fn what_could_never_be_admitted_is_refused() {
    let mut bench = Bench::new(&EngineConfig { num_gpu_blocks: 8, pipeline_parallel_size: 2, ..config() });
    let refused = bench.engine.add(request(0, SimTime::ZERO, 65, 9));
    assert_eq!(refused, Err(Rejected::NeverFits { needed: 5, usable: 4 }));
    let steps = EngineConfig {
        enable_chunked_prefill: true,
        num_scheduler_steps: 4,
        max_num_batched_tokens: 32,
        ..config()
    };
    let refused = Bench::new(&steps).engine.add(request(0, SimTime::ZERO, 33, 9));
    assert_eq!(refused, Err(Rejected::LongerThanStep { prompt_tokens: 33, max_num_batched_tokens: 32 }));
}

#[test]
fn victims_come_from_the_tail_and_return_to_the_head_of_the_queue() {
    let mut bench = Bench::new(&EngineConfig { block_size: 4, num_gpu_blocks: 7, ..config() });
    bench.add(0, 8, 4);
    bench.add(1, 8, 9);
    bench.add(2, 8, 9);
    assert_eq!(bench.schedules(2), [vec![(0, 8), (1, 8), (2, 8)], vec![(0, 1), (1, 1)]]);
    assert_eq!(bench.engine.stats().preemptions, 1);
    // Its three blocks are not there; nobody overtakes it, though one block is.
    bench.add(3, 4, 9);
    assert_eq!(bench.schedules(2), vec![vec![(0, 1), (1, 1)]; 2]);
    // Prompt and generated token are computed again.
    assert_eq!(bench.schedule(), [(2, 9), (3, 4)]);
    assert_eq!(bench.engine.stats().recomputed_tokens, 8);
}

#[test]
fn the_oldest_victim_comes_back_first() {
    let mut bench = Bench::new(&EngineConfig { block_size: 4, num_gpu_blocks: 6, ..config() });
    // One block each; the first step of decodes needs four more and finds two.
    for id in 0..4 {
        bench.add(id, 4, if id < 2 { 2 } else { 9 });
    }
    assert_eq!(bench.schedules(2), [vec![(0, 4), (1, 4), (2, 4), (3, 4)], vec![(0, 1), (1, 1), (2, 1)]]);
    assert_eq!(bench.schedule(), [(3, 5)]);
    let mut bench = Bench::new(&EngineConfig { block_size: 4, num_gpu_blocks: 4, ..config() });
    for id in 0..4 {
        bench.add(id, 4, if id < 2 { 2 } else { 9 });
    }
    assert_eq!(bench.schedules(2), [vec![(0, 4), (1, 4), (2, 4), (3, 4)], vec![(0, 1), (1, 1)]]);
    assert_eq!(bench.schedule(), [(2, 5), (3, 5)]);
}

/// `can_append_slots` takes every block that a token touches for a new one.
#[test]
fn a_decode_asks_for_a_free_block_even_if_it_needs_none() {
    let mut bench = Bench::new(&EngineConfig { block_size: 4, num_gpu_blocks: 4, ..config() });
    bench.add(0, 5, 9);
    bench.add(1, 5, 9);
    assert_eq!(bench.schedules(2), [vec![(0, 5), (1, 5)], vec![(0, 1)]]);
    assert_eq!(bench.engine.stats().preemptions, 1);
}

#[test]
fn who_outgrows_a_virtual_engine_ends_with_what_it_has() {
    let mut bench = Bench::new(&EngineConfig { block_size: 4, num_gpu_blocks: 4, ..config() });
    bench.add(0, 12, 50);
    while bench.engine.state().running + bench.engine.state().waiting > 0 {
        let now = bench.tick();
        match bench.engine.poll(now, false, &mut bench.out) {
            Action::WaitOldest => bench.engine.complete(now, &mut bench.out),
            Action::Idle => break,
            _ => {}
        }
    }
    // Its last decode finds no block beyond the four it has; 16 tokens fit, the 17th is never computed.
    assert_eq!(bench.out.finished.iter().map(|end| end.output_tokens).collect::<Vec<_>>(), [5]);
    assert_eq!(bench.free(), 4);
}

#[test]
fn requests_go_to_the_virtual_engine_with_the_fewest() {
    let mut bench = Bench::new(&EngineConfig { pipeline_parallel_size: 2, ..config() });
    for id in 0..5 {
        bench.add(id, 10, 4);
    }
    let [first, second] =
        [[0, 2, 4].as_slice(), &[1, 3]].map(|ids: &[u32]| ids.iter().map(|id| (*id, 10)).collect::<Vec<_>>());
    assert_eq!(bench.schedules(2), [first, second]);
    bench.add(5, 10, 4);
    bench.add(6, 10, 4);
    // The first result is waited for: then both are dealt, to the second and, on a tie, the first.
    assert_eq!(bench.schedules(2), [vec![(6, 10)], vec![(5, 10)]]);
}

#[test]
fn several_steps_a_schedule_look_at_nothing_in_between() {
    let mut bench =
        Bench::new(&EngineConfig { num_scheduler_steps: 4, block_size: 4, num_gpu_blocks: 50, ..config() });
    bench.add(0, 10, 20);
    assert_eq!((bench.schedule(), bench.free()), (vec![(0, 10)], 47));
    // Slots of all four tokens are taken ahead: 14 tokens, not 11.
    assert_eq!((bench.schedule(), bench.free()), (vec![(0, 1)], 46));
    bench.add(1, 8, 3);
    assert_eq!(bench.schedules(4), [vec![(0, 1)], vec![(0, 1)], vec![(0, 1)], vec![(1, 8)]]);
    assert_eq!(bench.schedules(4), [vec![(0, 1), (1, 1)], vec![(0, 1), (1, 1)], vec![(0, 1)], vec![(0, 1)]]);
    assert_eq!(bench.engine.state().running, 1);
}

#[test]
fn a_row_of_several_steps_is_computed_on_when_its_request_has_ended() {
    let mut bench = Bench::new(&EngineConfig { num_scheduler_steps: 4, ..config() });
    bench.add(0, 8, 20);
    bench.add(1, 8, 3);
    let mut rows = Vec::new();
    for now in 0..5 {
        let batch = dispatched(&mut bench, 10 * now);
        rows.push((batch.decodes, batch.continues, batch.decode_context));
        bench.engine.complete(SimTime::from_nanos(10 * now + 5), &mut bench.out);
    }
    assert_eq!(rows, [(0, false, 0), (2, false, 18), (2, true, 20), (2, true, 22), (2, true, 24)]);
    assert_eq!(bench.engine.output_tokens(RequestId(0)), 5);
}

#[test]
fn several_steps_do_not_cut_prompts_up() {
    let mut bench = Bench::new(&EngineConfig {
        enable_chunked_prefill: true,
        num_scheduler_steps: 3,
        max_num_batched_tokens: 32,
        ..config()
    });
    bench.add(0, 20, 20);
    bench.add(1, 20, 20);
    let decode = vec![(0, 1)];
    assert_eq!(bench.schedules(4), [vec![(0, 20)], decode.clone(), decode, vec![(1, 20), (0, 1)]]);
}

#[test]
fn graphs_are_for_decodes_of_short_contexts() {
    let mut bench = Bench::new(&EngineConfig { max_seq_len_to_capture: 13, ..config() });
    for id in 0..3 {
        bench.add(id, 10, 9);
    }
    let mut launches = Vec::new();
    for now in 0..5 {
        let batch = dispatched(&mut bench, 10 * now);
        launches.push((batch.graph, batch.padded_tokens));
        bench.engine.complete(SimTime::from_nanos(10 * now + 5), &mut bench.out);
    }
    let (eager, graph) = (GraphMode::Eager, (GraphMode::Full, 4));
    assert_eq!(launches, [(eager, 30), graph, graph, graph, (eager, 3)]);
}
