//! What holds for V0 and TensorRT-LLM whatever they are given.

use proptest::prelude::*;
use towtank::{
    engine::{EngineConfig, Family, Outputs},
    simulation::{Group, Moment},
    units::SimTime,
};

use super::groups::{self, Linear};

/// An engine that can hold the longest request in each of its lanes.
fn engines() -> impl Strategy<Value = EngineConfig> {
    let family = prop::sample::select(vec![Family::V0, Family::TensorRtLlm]);
    let shape = (1..4_u32, any::<bool>(), any::<bool>(), prop::sample::select(vec![1, 3, 8_u32]));
    (family, shape, 1..9_u32, 0..60_u32).prop_map(|(family, (stages, chunked, ahead, steps), seqs, more)| {
        let steps = if family == Family::V0 && !(chunked && stages > 1) { steps } else { 1 };
        let whole = !chunked || steps > 1;
        EngineConfig {
            family,
            version: if family == Family::V0 { "0.6.3" } else { "1.0" }.parse().unwrap(),
            pipeline_parallel_size: stages,
            enable_chunked_prefill: chunked,
            async_scheduling: Some(ahead),
            num_scheduler_steps: steps,
            max_num_seqs: seqs,
            max_num_batched_tokens: if whole { 256 } else { 48 },
            max_model_len: 256,
            block_size: 8,
            // A request has 120 tokens at most, and is promised 150.
            num_gpu_blocks: stages * (20 + more),
            watermark: 0.01,
            ..groups::config()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every token of every answer comes out once, and every block comes back.
    #[test]
    fn tokens_come_out_and_blocks_come_back(
        config in engines(),
        requests in prop::collection::vec((0..400_u64, 1..70_u32, 1..50_u32, 0..30_u32), 1..40),
    ) {
        let timing = Linear { host: 50, stage: 100, stage_per_token: 3, transfer: 10, ..Linear::default() };
        let mut group: Group<Linear> = groups::group(&config, &timing);
        let mut out = Outputs::default();
        let (mut now, mut wanted) = (0, 0);
        for (id, (gap, prompt, answer, more)) in requests.iter().enumerate() {
            now += gap;
            let mut request = groups::request(id as u32, SimTime::from_nanos(now), *prompt, *answer);
            request.max_tokens = answer + if more % 3 == 0 { *more } else { 0 };
            wanted += answer;
            groups::send(&mut group, request, &mut out);
        }
        group.advance(Moment::END, &mut out);
        let state = group.state();
        prop_assert_eq!((state.running, state.waiting, state.free_blocks), (0, 0, state.usable_blocks));
        prop_assert_eq!(out.finished.len(), requests.len());
        prop_assert_eq!(out.scheduled.len(), requests.len());
        for finished in &out.finished {
            prop_assert_eq!(finished.output_tokens, requests[finished.id.0 as usize].2);
        }
        let gaps: u32 = out.gaps.iter().map(|gap| gap.count).sum();
        prop_assert_eq!(out.first_tokens.len() as u32 + gaps, wanted);
        prop_assert!(config.family == Family::V0 || group.stats().preemptions == 0);
    }
}

/// The property above is no good if nobody is ever preempted.
#[test]
fn tight_pools_preempt() {
    let config = EngineConfig {
        family: Family::V0,
        version: "0.6.3".parse().unwrap(),
        enable_chunked_prefill: false,
        block_size: 8,
        num_gpu_blocks: 20,
        ..groups::config()
    };
    let mut group = groups::group(&config, &Linear { stage: 100, ..Linear::default() });
    let mut out = Outputs::default();
    for id in 0..6 {
        groups::send(&mut group, groups::request(id, SimTime::ZERO, 20, 40), &mut out);
    }
    group.advance(Moment::END, &mut out);
    assert!(group.stats().preemptions > 3);
    let preemptions: u32 = out.finished.iter().map(|finished| finished.preemptions).sum();
    assert_eq!(u64::from(preemptions), group.stats().preemptions);
}
