//! What a scenario file says about one class of traffic.
//!
//! These types hold the file's words, unit strings parsed and ranges checked; what follows from them together is
//! worked out in [`Class::resolve`](super::Class::resolve).

mod arrivals;
mod lengths;
mod prefixes;
mod replay;
mod think;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

pub use arrivals::{ArrivalArgs, Process, RateCurveArgs, RateFromArgs};
pub(super) use lengths::bucket_bound;
pub use lengths::{LengthArgs, LengthForm, LengthsArgs, LognormalArgs, Stop};
pub use prefixes::{PrefixArgs, TurnArgs};
pub use replay::{RequestArgs, TraceArgs, TraceFormat};
pub use think::{ThinkArgs, ThinkForm};

/// One class of traffic. `S` is the class's own slo, of which this room knows nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadArgs<S: Validate<Context = ()>> {
    /// Name of the class; rows are named `<name>-<row>`.
    #[garde(length(min = 1))]
    pub name: String,
    /// When requests arrive.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<ArrivalArgs>,
    /// How long prompts and answers are: a preset (`chat`, `code`, `rag`, `reasoning`), input and output, or a file.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<LengthsArgs>,
    /// Arrivals end after this many requests instead of at the end of the duration, as `vllm bench serve
    /// --num-prompts`.
    #[garde(range(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_prompts: Option<u32>,
    /// Factors on the lengths, for another tokenizer than the one they were counted with.
    #[garde(dive)]
    #[serde(default)]
    pub token_scale: TokenScaleArgs,
    /// What prompts have in common.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<PrefixArgs>,
    /// A recorded trace, instead of arrivals and lengths.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceArgs>,
    /// The requests themselves, one by one, instead of arrivals and lengths.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Vec<RequestArgs>>,
    /// What the clients do when the answer is late or fails.
    #[garde(dive)]
    #[serde(default)]
    pub client: ClientArgs,
    /// vLLM's priority of these requests under `scheduling_policy: priority`: smaller is more urgent.
    #[garde(skip)]
    #[serde(default)]
    pub priority: i32,
    /// What is good enough for this class.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo: Option<S>,
}

/// Refuses NaN, which lies in every range as `garde` compares.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn number(value: &f64, (): &()) -> garde::Result {
    if value.is_nan() { Err(garde::Error::new("not a number")) } else { Ok(()) }
}

/// Factors on token counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenScaleArgs {
    /// Factor on input lengths.
    #[garde(range(min = 1e-3, max = 1e3), custom(number))]
    pub input: f64,
    /// Factor on output lengths.
    #[garde(range(min = 1e-3, max = 1e3), custom(number))]
    pub output: f64,
}

impl Default for TokenScaleArgs {
    fn default() -> Self {
        Self { input: 1.0, output: 1.0 }
    }
}

/// What a client does besides sending.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientArgs {
    /// The client gives up this long after an attempt was sent; never, when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<SimDuration>,
    /// Further attempts after a failure; only before the first token, a cut stream is a failure.
    #[garde(range(max = 100))]
    pub retries: u32,
    /// Wait before the first further attempt, doubled before each later one.
    #[garde(skip)]
    pub backoff: SimDuration,
    /// Requests the client keeps open at once, as `vllm bench serve --max-concurrency`; the others queue at the
    /// client.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
}

impl Default for ClientArgs {
    fn default() -> Self {
        Self { timeout: None, retries: 0, backoff: SimDuration::SECOND, max_concurrency: None }
    }
}
