//! Requests that are written down: traces and lists.

use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Stop, number};
use crate::units::SimDuration;

/// Layout of a trace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TraceFormat {
    /// CSV of `AzurePublicDataset` 2023 and 2024: `TIMESTAMP,ContextTokens,GeneratedTokens`.
    Azure,
    /// JSON lines of Mooncake: `timestamp` [ms], `input_length`, `output_length`, `hash_ids` of 512 tokens.
    Mooncake,
    /// CSV of `BurstGPT` 1.x and 2.0: `Timestamp` [s], `Request tokens`, `Response tokens`, and others.
    Burstgpt,
    /// JSON lines as `vllm bench serve --dataset-name timed_trace` reads them: Mooncake's keys, but `timestamp` [s] and
    /// hash ids of 16 tokens.
    VllmTimed,
    /// CSV with `arrived_at` [s], `num_prefill_tokens`, `num_decode_tokens`.
    Csv,
}

/// A recorded trace; the earliest row that is kept is at time 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceArgs {
    /// Path, relative to the scenario file.
    #[garde(skip)]
    pub file: PathBuf,
    /// Its layout.
    #[garde(skip)]
    pub format: TraceFormat,
    /// Replays this many times as fast.
    #[garde(range(min = 1e-6, max = 1e6), custom(number))]
    #[serde(default = "unscaled")]
    pub speed: f64,
    /// Starts again at the end, with prompts that share nothing with the earlier pass.
    #[garde(skip)]
    #[serde(default, rename = "loop")]
    pub repeat: bool,
    /// Reads only so many rows.
    #[garde(range(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Moves every row later by a uniform part of this, in the trace's own time: spreads stamps that were rounded to
    /// ticks.
    #[garde(skip)]
    #[serde(default)]
    pub jitter: SimDuration,
    /// Tokens that one hash id stands for, for mooncake (512 when left out) and vllm-timed (16).
    #[garde(range(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_size: Option<u32>,
    /// What ends an answer: `eos` when left out.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

fn unscaled() -> f64 {
    1.0
}

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestArgs {
    /// Its name; `<workload>-<row>` when left out.
    #[garde(length(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it arrives.
    #[garde(skip)]
    #[serde(default)]
    pub arrival: SimDuration,
    /// Prompt length [tokens].
    #[garde(range(min = 1))]
    pub input_tokens: u32,
    /// Answer length [tokens].
    #[garde(range(min = 1))]
    pub output_tokens: u32,
    /// vLLM's priority, smaller is more urgent; the workload's when left out.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// What ends the answer: `length` when left out.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}
