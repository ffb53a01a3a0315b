//! vLLM's V0 engine, before 0.8: `pp` virtual engines, prefill first.
//!
//! Read in 0.6.3.post1: `core/scheduler.py`, `core/block_manager.py`, `engine/async_llm_engine.py`. Each virtual engine
//! has its scheduler, its queue and `num_gpu_blocks // pp` blocks; a request goes to the one with the fewest unfinished
//! requests. All blocks of a prompt are taken when it is admitted. With several scheduler steps a batch of decodes goes
//! through the model that many times, its slots taken ahead.
//!
//! Limits: outputs are processed when a step ends (the asynchronous output processor, which keeps a request for one
//! step too many and delivers a step late, is left out); no swapping, no prefix caching, no PRIORITY.

mod admit;
mod running;

use super::{
    CaptureSizes, EngineConfig, Outputs, Rejected,
    lanes::{Draft, LaneEngine, Lanes, Policy, Queue},
};
use crate::batch::{Batch, GraphMode};
use crate::request::Request;
use crate::units::SimTime;

/// The scheduler of a virtual engine.
#[derive(Clone, Debug)]
pub(super) struct V0 {
    chunked: bool,
    steps: u32,
    max_num_seqs: u32,
    max_num_batched_tokens: u32,
    /// Longest prompt it takes [tokens].
    prompt_limit: u32,
    /// Blocks of a virtual engine that admission leaves free.
    watermark_blocks: u32,
    capture_sizes: CaptureSizes,
    max_seq_len_to_capture: u32,
}

/// What a step may still take (`SchedulingBudget`).
#[derive(Clone, Copy, Debug)]
struct Budget {
    tokens: u32,
    seqs: u32,
}

impl V0 {
    /// The engine: a lane a virtual engine.
    pub(super) fn engine(config: &EngineConfig) -> LaneEngine<Self> {
        let lanes = config.pipeline_parallel_size;
        let (chunked, steps) = (config.enable_chunked_prefill, config.num_scheduler_steps);
        let blocks = config.num_gpu_blocks / lanes;
        let policy = Self {
            chunked,
            steps,
            max_num_seqs: config.max_num_seqs,
            max_num_batched_tokens: config.max_num_batched_tokens,
            // `_get_prompt_limit`
            prompt_limit: if chunked && steps == 1 {
                config.max_model_len
            } else {
                config.max_model_len.min(config.max_num_batched_tokens)
            },
            watermark_blocks: (config.watermark * f64::from(blocks)) as u32,
            capture_sizes: config.capture_sizes.clone(),
            max_seq_len_to_capture: config.max_seq_len_to_capture,
        };
        LaneEngine::new(policy, config, lanes, lanes, 1)
    }

    /// Slots taken ahead for a prompt: with several steps its first pass is followed by decodes of the same batch
    /// (`_get_num_lookahead_slots`).
    fn prompt_lookahead(&self) -> u32 {
        if self.chunked && self.steps > 1 { self.steps } else { 0 }
    }

    /// Blocks without which a prompt of so many tokens is not admitted.
    fn admission_blocks(&self, lanes: &Lanes, tokens: u32) -> u32 {
        lanes.blocks(tokens + self.prompt_lookahead())
    }

    /// Whether a virtual engine could never admit that many tokens: vLLM ends such a request with what it has.
    fn never(&self, lanes: &Lanes, queue: &Queue, tokens: u32) -> bool {
        tokens > self.prompt_limit
            || self.admission_blocks(lanes, tokens) + self.watermark_blocks > queue.blocks
    }
}

impl Policy for V0 {
    fn check(&self, lanes: &Lanes, request: &Request) -> Result<(), Rejected> {
        let prompt_tokens = request.prompt_tokens;
        if prompt_tokens > self.prompt_limit {
            let max_num_batched_tokens = self.max_num_batched_tokens;
            return Err(Rejected::LongerThanStep { prompt_tokens, max_num_batched_tokens });
        }
        let queue = lanes.queue(0);
        if self.never(lanes, queue, prompt_tokens) {
            let needed = self.admission_blocks(lanes, prompt_tokens);
            return Err(Rejected::NeverFits { needed, usable: queue.blocks - self.watermark_blocks });
        }
        Ok(())
    }

    /// The fewest unfinished, the first of equals (`engine/llm_engine.py` `_add_processed_request`).
    fn deal(&self, lanes: &Lanes) -> usize {
        let unfinished = |lane: &usize| lanes.all[*lane].running.len() + lanes.queue(*lane).waiting.len();
        (0..lanes.all.len()).min_by_key(unfinished).expect("an engine has a lane")
    }

    fn schedule(&self, lanes: &mut Lanes, lane: usize, now: SimTime, out: &mut Outputs) -> Draft {
        if self.chunked {
            self.schedule_chunked(lanes, lane, now, out)
        } else {
            self.schedule_default(lanes, lane, now, out)
        }
    }

    fn passes(&self) -> u32 {
        self.steps
    }

    fn changes(&self, lanes: &Lanes, lane: usize) -> bool {
        let running = lanes.all[lane].running.len() as u32;
        let budget = self.budget(if self.chunked { running } else { 0 }, running);
        self.head(lanes, lane, budget).is_some()
    }

    /// Every decode is taken to touch a block (`can_append_slots`).
    fn spare_blocks(&self) -> u32 {
        1
    }

    /// A graph for decodes alone whose contexts it covers (`worker/model_runner.py` `_use_captured_graph`).
    fn launch(&self, batch: &Batch, longest: u32) -> (GraphMode, u32) {
        if batch.prefills.is_empty() && longest <= self.max_seq_len_to_capture {
            self.capture_sizes.launch(batch.tokens, true)
        } else {
            (GraphMode::Eager, batch.tokens)
        }
    }
}

impl V0 {
    fn budget(&self, tokens: u32, seqs: u32) -> Budget {
        Budget { tokens: self.max_num_batched_tokens - tokens, seqs: self.max_num_seqs.saturating_sub(seqs) }
    }

    /// Prompts first; nobody decodes in a step with a prompt (`_schedule_default`).
    fn schedule_default(&self, lanes: &mut Lanes, lane: usize, now: SimTime, out: &mut Outputs) -> Draft {
        let mut budget = self.budget(0, lanes.all[lane].running.len() as u32);
        let chunks = self.admit(lanes, lane, &mut budget, now, out);
        if !chunks.is_empty() {
            return Draft { chunks, decodes: Vec::new(), passes: 1 };
        }
        let served = self.serve(lanes, lane, &mut budget);
        lanes.all[lane].running.clone_from(&served.decodes);
        served.requeue(lanes, lane);
        Draft { chunks, decodes: served.decodes, passes: self.steps }
    }

    /// Decodes, prompts under way, then new prompts, all within one budget (`_schedule_chunked_prefill`).
    fn schedule_chunked(&self, lanes: &mut Lanes, lane: usize, now: SimTime, out: &mut Outputs) -> Draft {
        let mut budget = self.budget(0, 0);
        let served = self.serve(lanes, lane, &mut budget);
        let prompts = served.chunks.iter().map(|(slot, _)| *slot);
        lanes.all[lane].running = served.decodes.iter().copied().chain(prompts).collect();
        let mut chunks = self.admit(lanes, lane, &mut budget, now, out);
        served.requeue(lanes, lane);
        chunks.extend(served.chunks);
        Draft { chunks, decodes: served.decodes, passes: self.steps }
    }
}
