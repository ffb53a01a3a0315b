//! What a simulation of one placement hands on.

use serde::{Deserialize, Serialize};

use crate::units::{SimDuration, SimTime};

use super::{Availability, CostInputs, ModelError, PlacementMetrics, RareEvents};

/// One placement's answer.
#[derive(Clone, Debug)]
pub struct PlacementResult {
    /// Its name.
    pub name: String,
    /// Whether it could serve at all.
    pub status: PlacementStatus,
    /// The highest rate within the slo, where asked for.
    pub capacity: Option<Capacity>,
    /// What failures cost that are too rare to meet, where asked for.
    pub rare_events: Option<RareEvents>,
}

/// Whether a placement could serve at all.
#[derive(Clone, Debug)]
pub enum PlacementStatus {
    /// It served.
    Ok(Box<Simulated>),
    /// It does not fit into the GPUs, in vLLM's own words.
    DoesNotFit {
        /// Why.
        reason: String,
    },
}

impl PlacementResult {
    /// Its run, unless it does not fit.
    pub fn simulated(&self) -> Option<&Simulated> {
        match &self.status {
            PlacementStatus::Ok(simulated) => Some(simulated),
            PlacementStatus::DoesNotFit { .. } => None,
        }
    }
}

/// A run of one placement.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What was measured.
    pub metrics: PlacementMetrics,
    /// When the run ended.
    pub end: SimTime,
    /// Per deployment, in file order; their groups are counted in this order.
    pub deployments: Vec<DeploymentResult>,
    /// What it costs.
    pub cost: CostInputs,
    /// How long it could serve.
    pub availability: Availability,
    /// How far its figures may be off.
    pub model_error: ModelError,
    /// What `vllm bench serve` would print about how it was asked.
    pub bench: BenchInputs,
}

/// One deployment's engine and memory.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentResult {
    /// Its name.
    pub name: String,
    /// Its groups.
    pub groups: usize,
    /// What its engines did, all groups together.
    pub engine: EngineFigures,
    /// What its memory holds.
    pub memory: MemoryFigures,
}

/// What the engines of a deployment did; counted over the whole run, the warm-up included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineFigures {
    /// Batches dispatched.
    pub steps: u64,
    /// Times a request lost its KV cache.
    pub preemptions: u64,
    /// Prompt tokens looked up in the prefix cache.
    pub prefix_queries: u64,
    /// Prompt tokens found there.
    pub prefix_hits: u64,
    /// Part of the KV blocks in use, mean over batches.
    pub kv_usage_mean: f64,
    /// Part of the KV blocks in use, largest.
    pub kv_usage_max: f64,
    /// Requests in a batch, mean over batches.
    pub batch_size_mean: f64,
    /// Requests in a batch, largest.
    pub batch_size_max: u32,
    /// Part of the time each stage worked.
    pub stage_busy_fraction: Vec<f64>,
    /// Steps that the fast path could not take.
    pub slow_steps: u64,
    /// Tokens computed again after a preemption.
    pub recomputed_tokens: u64,
}

/// What the memory of a deployment's GPUs holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MemoryFigures {
    /// Whether it all fits.
    pub fits: bool,
    /// Weights on one GPU, per stage [bytes].
    pub weights_bytes_per_gpu: Vec<u64>,
    /// Activations, graphs, communication buffers [bytes].
    pub other_bytes_per_gpu: u64,
    /// KV cache [bytes].
    pub kv_cache_bytes_per_gpu: u64,
    /// What vLLM leaves alone on one GPU, per stage [bytes].
    pub free_bytes_per_gpu: Vec<u64>,
    /// All memory of one GPU [bytes].
    pub gpu_bytes: u64,
    /// KV blocks, the null block included.
    pub num_gpu_blocks: u32,
    /// Tokens the KV cache of a group holds.
    pub kv_cache_tokens: u64,
    /// Sequences of `max_model_len` it holds at once.
    pub max_full_length_sequences: f64,
    /// Sequences of this workload's mean length it holds at once.
    pub sequences_at_this_workload: Option<f64>,
}

/// How requests were sent, in the words of `vllm bench serve`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchInputs {
    /// The model that was asked for.
    pub model_id: String,
    /// Arrival rate over all classes [1/s]; `None` for all at once, which vLLM prints as `inf`.
    pub request_rate: Option<f64>,
    /// Shape of the Gamma process.
    pub burstiness: f64,
    /// The client's limit on open requests.
    pub max_concurrency: Option<u32>,
}

/// The highest arrival rate that meets the slo, and what it is like there.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// That rate, over all classes [1/s].
    pub max_requests_per_s_at_slo: f64,
    /// Prompt tokens there [1/s].
    pub input_tokens_per_s: f64,
    /// Answer tokens there [1/s].
    pub output_tokens_per_s: f64,
    /// Requests that meet every goodput threshold there [1/s].
    pub good_requests_per_s: f64,
    /// GPU time that prompts took there.
    pub prefill: SimDuration,
    /// GPU time that answers took there.
    pub decode: SimDuration,
    /// What fails just above it: `tpot_p95` and the like.
    pub limited_by: String,
    /// That rate over the offered one, minus 1.
    pub headroom: Option<f64>,
    /// Every rate that the search tried, lowest first.
    pub trials: Vec<Trial>,
}

/// One rate that a search for the highest one tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Arrivals, over all classes [1/s].
    pub requests_per_s: f64,
    /// 95th percentile of the time to first token; absent when nothing was answered.
    pub ttft_p95_ms: Option<f64>,
    /// 95th percentile of the time per output token.
    pub tpot_p95_ms: Option<f64>,
    /// Whether the slo was met, and the placement kept up.
    pub met: bool,
}

impl Capacity {
    /// What is known of a placement that meets the slo at no rate: what keeps it from that.
    pub fn none(limited_by: String, trials: Vec<Trial>) -> Self {
        Self {
            max_requests_per_s_at_slo: 0.0,
            input_tokens_per_s: 0.0,
            output_tokens_per_s: 0.0,
            good_requests_per_s: 0.0,
            prefill: SimDuration::ZERO,
            decode: SimDuration::ZERO,
            limited_by,
            headroom: Some(-1.0),
            trials,
        }
    }

    /// Whether some rate meets the slo.
    pub fn exists(&self) -> bool {
        self.max_requests_per_s_at_slo > 0.0
    }
}
