//! When requests arrive.

use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number;
use crate::units::{Rate, SimDuration};

/// An arrival process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Process {
    /// Equal intervals.
    Constant,
    /// Exponential intervals.
    Poisson,
    /// Gamma intervals, as `vllm bench serve --burstiness`.
    Gamma,
    /// Gamma or exponential intervals while on, silence while off; both phases of exponential length.
    OnOff,
    /// Everything at time 0; needs `num_prompts`.
    AllAtOnce,
    /// A fixed number of users, each of whom sends, waits for the answer, thinks, and sends again.
    ClosedLoop,
}

/// When requests (with `turns`: conversations) arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivalArgs {
    /// The process.
    #[garde(skip)]
    pub process: Process,
    /// Mean rate over all time, for constant, poisson, gamma and on-off (there: off phases included).
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The same as a server counted it.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_from: Option<RateFromArgs>,
    /// Shape of the Gamma intervals of gamma and on-off: their coefficient of variation is `1 / sqrt(burstiness)`, 1 is
    /// Poisson (as when left out, vLLM's default), smaller is burstier.
    #[garde(range(min = 1e-3, max = 1e6), inner(custom(number)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burstiness: Option<f64>,
    /// Mean length of an on phase, for on-off.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_on: Option<SimDuration>,
    /// Mean length of an off phase, for on-off.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_off: Option<SimDuration>,
    /// Number of users, for closed-loop.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Time between an answer and the user's next request, for closed-loop; none when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think_time: Option<super::ThinkArgs>,
    /// The same as `num_prompts` of the workload.
    #[garde(range(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_prompts: Option<u32>,
    /// Factor on the rate over time: `[[0h, 0.4], [9h, 2.1]]`, each factor from its time to the next, the last one to
    /// the end; or the name of a weekly curve in the catalogue.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_curve: Option<RateCurveArgs>,
    /// Where in the curve the run starts; a weekly curve starts on Monday at midnight.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_curve_start: Option<SimDuration>,
}

/// A rate that a vLLM server counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateFromArgs {
    /// What its `/metrics` answered: `vllm:request_success_total`, or `vllm:request_prompt_tokens_count` without it.
    #[garde(skip)]
    pub prometheus: PathBuf,
    /// How long it had counted: since its start.
    #[garde(custom(above_zero))]
    pub over: SimDuration,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn above_zero(over: &SimDuration, (): &()) -> garde::Result {
    if *over > SimDuration::ZERO { Ok(()) } else { Err(garde::Error::new("must be above 0s")) }
}

/// Factors on the rate over time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RateCurveArgs {
    /// A weekly curve of the catalogue.
    Named(String),
    /// Times, ascending from zero, and the factor from each on.
    Points(Vec<(SimDuration, f64)>),
}

impl Validate for RateCurveArgs {
    type Context = ();
    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        let Self::Points(points) = self else { return };
        let mut refuse = |text: &str| report.append(parent(), garde::Error::new(text));
        if points.first().is_none_or(|(at, _)| *at != SimDuration::ZERO) {
            refuse("the first point must be at 0h");
        }
        if !points.is_sorted_by(|a, b| a.0 < b.0) {
            refuse("the times must ascend");
        }
        if points.iter().any(|(_, factor)| !(0.0..=1e6).contains(factor)) {
            refuse("factors must lie between 0 and 1000000");
        }
        if points.iter().all(|(_, factor)| *factor == 0.0) {
            refuse("at least one factor must be above 0");
        }
    }
}

impl<'de> Deserialize<'de> for RateCurveArgs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = RateCurveArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list such as [[0h, 0.4], [9h, 2.1]] or the name of a rate curve")
            }
            fn visit_str<E>(self, name: &str) -> Result<RateCurveArgs, E> {
                Ok(RateCurveArgs::Named(name.to_owned()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, points: A) -> Result<RateCurveArgs, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(points))
                    .map(RateCurveArgs::Points)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
