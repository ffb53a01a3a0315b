//! Laws the literal scheduler must obey on random scenarios: it ends, serves everybody, computes every token once and
//! gives every block back.

use std::collections::{BTreeMap, BTreeSet};

use towtank::{request::RequestId, units::Version};

use crate::oracle::{Input, Oracle, OracleAction, Record, Scenario, Versions, drive};

const SCENARIOS: u64 = 1_500;

#[test]
fn every_request_ends_and_every_block_comes_back() {
    for seed in 0..SCENARIOS {
        let scenario = Scenario::random(seed);
        let mut oracle = Oracle::new(scenario.config.clone());
        let records = drive(&scenario, &mut oracle);
        let mut ended = BTreeSet::new();
        let mut answers: BTreeMap<RequestId, u32> = BTreeMap::new();
        for record in &records {
            if let Record::Completed { completed, .. } = record {
                for (id, nth, _) in &completed.tokens {
                    let answer = answers.entry(*id).or_default();
                    *answer += 1;
                    assert_eq!(*nth, *answer, "seed {seed}: tokens come one by one");
                }
                for id in &completed.finished {
                    assert!(ended.insert(*id), "seed {seed}: {id:?} finishes once");
                }
            }
        }
        let aborted: BTreeSet<_> = scenario
            .events
            .iter()
            .filter_map(|event| match event.input {
                Input::Abort(id) => Some(id),
                Input::Add(_) => None,
            })
            .collect();
        for request in scenario.requests() {
            assert!(ended.contains(&request.id) || aborted.contains(&request.id), "seed {seed}: {request:?}");
            if ended.contains(&request.id) {
                let room = scenario.config.max_model_len - request.prompt_tokens;
                let expected = request.output_tokens.min(request.max_tokens).min(room);
                assert_eq!(answers[&request.id], expected, "seed {seed}: {request:?}");
            }
        }
        assert_eq!(oracle.free_blocks(), scenario.config.num_gpu_blocks as usize - 1, "seed {seed}");
        assert!(!oracle.has_requests() && oracle.batches_in_flight() == 0, "seed {seed}");
    }
}

#[test]
fn every_token_is_computed_once_after_the_last_preemption() {
    let mut checked = 0;
    for seed in 0..SCENARIOS {
        let mut scenario = Scenario::random(seed);
        scenario.config.prefix_caching = false;
        scenario.events.retain(|event| matches!(event.input, Input::Add(_)));
        let records = drive(&scenario, &mut Oracle::new(scenario.config.clone()));
        let mut computed: BTreeMap<RequestId, u32> = BTreeMap::new();
        for record in &records {
            if let Record::Polled { action: OracleAction::Dispatch { scheduled, preempted }, .. } = record {
                for id in preempted {
                    computed.insert(*id, 0);
                }
                for (id, tokens) in scheduled {
                    *computed.entry(*id).or_default() += tokens;
                }
            }
        }
        for request in scenario.requests() {
            let room = scenario.config.max_model_len - request.prompt_tokens;
            let length = request.max_tokens.min(room);
            let answer = request.output_tokens.min(length);
            let needed = request.prompt_tokens + answer - 1;
            let computed = computed[&request.id];
            // A preempted request can get its last token from the batch it was in.
            if computed == 0 {
                continue;
            }
            checked += 1;
            let surplus =
                if scenario.config.is_async() { scenario.config.batches_in_flight() as u32 } else { 0 };
            assert!(
                (needed..=needed + surplus).contains(&computed),
                "seed {seed}: {computed} tokens of {needed} for {request:?}"
            );
            if answer == length
                && (scenario.config.v2_runner() || scenario.config.pipeline_parallel_size <= 2)
            {
                assert_eq!(computed, needed, "seed {seed}: nothing runs past the length: {request:?}");
            }
        }
    }
    assert!(checked > 5_000);
}

#[test]
fn a_step_keeps_to_its_limits() {
    let (mut preemptions, mut steps) = (0, 0);
    for seed in 0..SCENARIOS {
        let scenario = Scenario::random(seed);
        let records = drive(&scenario, &mut Oracle::new(scenario.config.clone()));
        for record in &records {
            if let Record::Polled { action: OracleAction::Dispatch { scheduled, preempted }, state, .. } =
                record
            {
                let tokens: u32 = scheduled.iter().map(|(_, tokens)| tokens).sum();
                assert!(tokens <= scenario.config.max_num_batched_tokens, "seed {seed}");
                assert!(state.0 <= scenario.config.max_num_seqs as usize, "seed {seed}");
                preemptions += preempted.len();
                steps += 1;
            }
        }
        assert_eq!(records, drive(&scenario, &mut Oracle::new(scenario.config.clone())), "seed {seed}");
    }
    assert!(preemptions > 500 && steps > 20_000, "{preemptions} preemptions in {steps} steps");
}

/// Releases differ where their rules do: some scenario must tell each pair of neighbours apart.
#[test]
fn neighbouring_releases_schedule_differently() {
    for pair in Versions::ALL.windows(2) {
        let differs = (0..300).any(|seed| {
            let records = |version: Version| -> Vec<Record> {
                let mut scenario = Scenario::random(seed);
                scenario.config.version = version;
                drive(&scenario, &mut Oracle::new(scenario.config.clone()))
            };
            records(pair[0]) != records(pair[1])
        });
        assert!(differs, "{pair:?}");
    }
}
