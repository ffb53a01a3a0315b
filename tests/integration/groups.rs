//! One group driven by hand: constant step times, requests at given times.

use std::sync::{Arc, LazyLock};

use towtank::{
    batch::Batch,
    engine::{CaptureSizes, Engine, EngineConfig, Executor, Family, Outputs, SchedulingPolicy},
    request::{Content, Request, RequestId, RequestName, Segment, StreamId},
    simulation::{Group, Moment, Rank, StepTime},
    units::{SimDuration, SimTime},
};

static NO_SEGMENTS: LazyLock<Arc<[Segment]>> = LazyLock::new(|| Vec::new().into());

/// Step times that are linear in the tokens [ns].
#[derive(Clone, Debug, Default)]
pub(crate) struct Linear {
    pub(crate) host: u64,
    pub(crate) stage: u64,
    pub(crate) stage_per_token: u64,
    pub(crate) stage_per_context: u64,
    pub(crate) transfer: u64,
    pub(crate) token_return: u64,
}

impl StepTime for Linear {
    fn host(&mut self, _: &Batch) -> SimDuration {
        SimDuration::from_nanos(self.host)
    }
    fn stage(&mut self, _: usize, batch: &Batch) -> SimDuration {
        if batch.is_empty() {
            return SimDuration::ZERO;
        }
        let tokens = self.stage_per_token * u64::from(batch.tokens);
        SimDuration::from_nanos(self.stage + tokens + self.stage_per_context * batch.decode_context)
    }
    fn transfer(&mut self, _: usize, batch: &Batch) -> SimDuration {
        SimDuration::from_nanos(if batch.is_empty() { 0 } else { self.transfer })
    }
    fn token_return(&self) -> SimDuration {
        SimDuration::from_nanos(self.token_return)
    }
}

/// One stage, one batch in flight, no prefix cache, plenty of everything.
pub(crate) fn config() -> EngineConfig {
    EngineConfig {
        family: Family::V1,
        version: "0.33".parse().unwrap(),
        scheduling_policy: SchedulingPolicy::Fcfs,
        max_num_seqs: 16,
        max_num_batched_tokens: 1024,
        max_model_len: 4096,
        block_size: 16,
        num_gpu_blocks: 10_000,
        enable_chunked_prefill: true,
        enable_prefix_caching: false,
        long_prefill_token_threshold: 0,
        watermark: 0.0,
        async_scheduling: Some(false),
        pipeline_parallel_size: 1,
        num_scheduler_steps: 1,
        executor: Executor::Mp,
        capture_sizes: CaptureSizes::up_to(512),
        max_seq_len_to_capture: 8192,
    }
}

pub(crate) fn group(config: &EngineConfig, timing: &Linear) -> Group<Linear> {
    Group::new(Engine::new(config), timing.clone(), config.pipeline_parallel_size as usize)
}

/// A private prompt.
pub(crate) fn request(id: u32, at: SimTime, prompt_tokens: u32, output_tokens: u32) -> Request {
    Request {
        class: 0,
        id: RequestId(id),
        name: RequestName::Row { workload: "r".into(), row: id },
        arrival: at,
        prompt_tokens,
        max_tokens: output_tokens,
        output_tokens,
        priority: 0,
        content: Content { segments: NO_SEGMENTS.clone(), tail: StreamId(u64::from(id)) },
    }
}

/// Everything up to `at`, then the request.
pub(crate) fn send(group: &mut Group<Linear>, request: Request, out: &mut Outputs) {
    let now = request.arrival;
    group.advance(Moment::new(now, Rank::Arrival), out);
    group.add(request, now).unwrap();
}
