//! The literal scheduler's schedules as JSON lines, which `.ci/vllm/replay.py` holds against vLLM's own scheduler.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{BufWriter, Write},
};

use rand::{RngExt, SeedableRng, rngs::ChaCha12Rng};
use serde_json::{Value, json};
use towtank::{
    engine::{Action, EngineConfig, EngineState, Outputs, Rules, SchedulingPolicy},
    request::{Request, RequestId},
    units::SimTime,
};

use crate::{
    engine_lockstep::{random_config, random_request, variable},
    engine_oracle::Oracle,
};

/// The literal scheduler under random inputs, and what it was asked and did, in order.
struct Recorder {
    rng: ChaCha12Rng,
    config: EngineConfig,
    oracle: Oracle,
    now: u64,
    /// Results of the batches in flight, oldest first, and who samples in each.
    results: VecDeque<(u64, Vec<u32>)>,
    added: u32,
    ops: Vec<Value>,
}

fn request_json(request: &Request) -> Value {
    let segments: Vec<_> =
        request.content.segments.iter().map(|segment| json!([segment.stream.0, segment.tokens])).collect();
    json!({
        "op": "add", "id": request.id.0, "name": request.name.to_string(),
        "arrival": request.arrival.as_nanos(), "priority": request.priority,
        "prompt_tokens": request.prompt_tokens, "max_tokens": request.max_tokens,
        "output_tokens": request.output_tokens,
        "segments": segments, "tail": request.content.tail.0,
    })
}

fn ids(ids: &[RequestId]) -> Vec<u32> {
    ids.iter().map(|id| id.0).collect()
}

impl Recorder {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let config = random_config(&mut rng);
        let oracle = Oracle::new(&config);
        Self { rng, config, oracle, now: 0, results: VecDeque::new(), added: 0, ops: Vec::new() }
    }

    fn time(&self) -> SimTime {
        SimTime::from_nanos(self.now)
    }

    fn add(&mut self) {
        let now = self.time();
        let request = random_request(&mut self.rng, self.added, now, &self.config);
        self.added += 1;
        self.ops.push(request_json(&request));
        self.oracle.add(request).unwrap();
    }

    fn abort(&mut self) {
        let id = RequestId(self.rng.random_range(0..self.added.max(1)));
        self.oracle.abort(id);
    }

    fn record(&mut self, mut op: Value, out: &Outputs) {
        if !out.aborted.is_empty() {
            self.ops.push(json!({"op": "abort", "ids": ids(&out.aborted)}));
        }
        let EngineState { running, waiting, free_blocks, .. } = self.oracle.state();
        op["running"] = running.into();
        op["waiting"] = waiting.into();
        op["free_blocks"] = free_blocks.into();
        self.ops.push(op);
    }

    /// One pass of the loop; `false` when idle.
    fn poll(&mut self) -> bool {
        let mut out = Outputs::default();
        let done = self.results.front().is_some_and(|(result, _)| *result <= self.now);
        let (now, before) = (self.time(), self.oracle.schedules());
        let action = self.oracle.poll(now, done, &mut out);
        if self.oracle.schedules() > before {
            let detail = self.oracle.last_step();
            let scheduled: BTreeMap<u32, u32> = detail.scheduled.iter().map(|(id, n)| (id.0, *n)).collect();
            let order: Vec<u32> = detail.scheduled.iter().map(|(id, _)| id.0).collect();
            let dispatched = matches!(action, Action::Dispatch(_));
            let op = json!({
                "op": "schedule", "dispatched": dispatched, "order": order, "scheduled": scheduled,
                "preempted": ids(&detail.preempted), "samples": self.oracle.last_samples(),
            });
            self.record(op, &out);
        } else if !out.aborted.is_empty() {
            self.ops.push(json!({"op": "abort", "ids": ids(&out.aborted)}));
        }
        match action {
            Action::Dispatch(_) => {
                let after = self.results.back().map_or(0, |(result, _)| *result).max(self.now);
                let result = after + self.rng.random_range(0..50);
                self.results.push_back((result, self.oracle.last_samples().to_vec()));
                self.now += self.rng.random_range(0..5);
            }
            Action::WaitOldest => self.wait(),
            Action::PollAfter(delay) => self.now += delay.as_nanos(),
            Action::Idle => return false,
        }
        true
    }

    fn wait(&mut self) {
        let (result, _) = self.results.pop_front().expect("a batch is in flight");
        if self.rng.random_bool(0.1) {
            self.abort();
        }
        self.now = self.now.max(result);
        let mut out = Outputs::default();
        let now = self.time();
        self.oracle.complete(now, &mut out);
        let finished: Vec<u32> = out.finished.iter().map(|finished| finished.id.0).collect();
        self.record(json!({"op": "update", "finished": finished}), &out);
    }

    fn walk(mut self) -> Value {
        let requests = self.rng.random_range(1..25);
        let busy = self.rng.random_range(0.02..0.9);
        let aborts = if self.rng.random_bool(0.3) { 0.03 } else { 0.0 };
        loop {
            if self.added < requests && self.rng.random_bool(busy) {
                self.add();
                continue;
            }
            if self.rng.random_bool(aborts) {
                self.abort();
            }
            if !self.poll() {
                if self.added == requests {
                    break;
                }
                self.add();
            }
        }
        let config = &self.config;
        let rules = Rules::of(config);
        json!({
            "version": config.version.to_string(),
            "policy": if config.scheduling_policy == SchedulingPolicy::Fcfs { "fcfs" } else { "priority" },
            "max_num_seqs": config.max_num_seqs,
            "max_num_batched_tokens": config.max_num_batched_tokens,
            "max_model_len": config.max_model_len,
            "block_size": config.block_size,
            "num_gpu_blocks": config.num_gpu_blocks,
            "enable_chunked_prefill": config.enable_chunked_prefill,
            "enable_prefix_caching": config.enable_prefix_caching,
            "long_prefill_token_threshold": config.long_prefill_token_threshold,
            "watermark": config.watermark,
            "async_scheduling": Rules::async_scheduling(config),
            "pipeline_parallel_size": config.pipeline_parallel_size,
            "batches_in_flight": rules.batches_in_flight,
            "ops": self.ops,
        })
    }
}

/// `TOWTANK_REPLAY=FILE` names the file, `TOWTANK_LOCKSTEP` how many scenarios go into it.
#[test]
#[ignore = "writes the input of .ci/vllm/replay.py"]
fn schedules_for_vllm() {
    let path = std::env::var("TOWTANK_REPLAY").expect("TOWTANK_REPLAY names a file");
    let mut file = BufWriter::new(File::create(path).unwrap());
    let first = variable("TOWTANK_LOCKSTEP_SEED", 0);
    for seed in first..first + variable("TOWTANK_LOCKSTEP", 2_000) {
        let mut walked = Recorder::new(seed).walk();
        walked["seed"] = seed.into();
        writeln!(file, "{walked}").unwrap();
    }
}
