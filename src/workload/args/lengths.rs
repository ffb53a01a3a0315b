//! How long prompts and answers are.

mod both;

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::number;
use crate::workload::histogram::Histogram;

pub use both::LengthsArgs;

/// Who ends an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// The request asks for exactly this many tokens: the engine knows `max_tokens`.
    #[default]
    Length,
    /// The model ends it: the engine does not know when.
    Eos,
}

/// A number of tokens or turns: `512`, a preset's name, or a distribution.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum LengthArgs {
    /// Always the same.
    Fixed(u32),
    /// As the preset of the catalogue has it on this side.
    Preset(String),
    /// Drawn each time.
    Drawn(Box<LengthForm>),
}

/// A distribution; exactly one of `fixed`, `uniform`, `lognormal`, `histogram`, `preset`, or quantiles (at least `p50` and
/// `max`), or `p50` with `sigma`, which is lognormal too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LengthForm {
    /// Always the same.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<u32>,
    /// Whole numbers from the first to the second, all equally likely.
    #[garde(inner(inner(range(min = 1))))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uniform: Option<[u32; 2]>,
    /// Lognormal by its median.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lognormal: Option<LognormalArgs>,
    /// Buckets of a Prometheus histogram: upper bound to cumulative count, `+Inf` included or not.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<BTreeMap<String, f64>>,
    /// As the preset of the catalogue has it on this side.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Smallest value; 1 when left out.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// 10th percentile.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p10: Option<u32>,
    /// 25th percentile.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p25: Option<u32>,
    /// Median.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<u32>,
    /// 75th percentile.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p75: Option<u32>,
    /// 90th percentile.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90: Option<u32>,
    /// 95th percentile.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<u32>,
    /// 99th percentile.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<u32>,
    /// Largest value; lognormal values above it are drawn again.
    #[garde(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Standard deviation of the logarithm, with `p50`: lognormal.
    #[garde(range(min = 0.0, max = 5.0), inner(custom(number)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// What ends an answer, for outputs only; `length` when left out.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

/// A lognormal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LognormalArgs {
    /// Median.
    #[garde(range(min = 1))]
    pub p50: u32,
    /// Standard deviation of the logarithm.
    #[garde(range(min = 0.0, max = 5.0), custom(number))]
    pub sigma: f64,
    /// Values above are drawn again.
    #[garde(range(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

impl Validate for LengthArgs {
    type Context = ();
    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        match self {
            Self::Fixed(0) => report.append(parent(), garde::Error::new("must be at least 1")),
            Self::Fixed(_) | Self::Preset(_) => (),
            Self::Drawn(form) => {
                form.validate_into(ctx, parent, report);
                if let Err(text) = form.check() {
                    report.append(parent(), garde::Error::new(text));
                }
            }
        }
    }
}

impl LengthArgs {
    /// What ends an answer, where it is stated.
    pub(in crate::workload) fn stop(&self) -> Option<Stop> {
        match self {
            Self::Drawn(form) => form.stop,
            Self::Fixed(_) | Self::Preset(_) => None,
        }
    }

    /// A histogram that does not say how far its last bucket reaches.
    pub(in crate::workload) fn open_histogram(&self) -> Option<Histogram> {
        let Self::Drawn(form) = self else { return None };
        let buckets = form.histogram.as_ref().filter(|_| form.max.is_none())?;
        let mut buckets: Vec<_> =
            buckets.iter().filter_map(|(text, count)| Some((bucket_bound(text)?, *count))).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(Histogram { buckets, sum: None })
    }

    /// Checks lengths that are not those of answers.
    fn validate_input(&self, parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        self.validate_into(&(), parent, report);
        if self.stop().is_some() {
            report.append(parent(), garde::Error::new("`stop` belongs to the output"));
        }
    }
}

impl<'de> Deserialize<'de> for LengthArgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = LengthArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number, the name of a preset, or a distribution such as {p50: 1020, p90: 2734, max: 14050}")
            }
            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<LengthArgs, E> {
                u32::try_from(count)
                    .map(LengthArgs::Fixed)
                    .map_err(|_| E::custom(format!("{count} is too large")))
            }
            fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<LengthArgs, E> {
                let count = u64::try_from(count).map_err(|_| E::custom(format!("{count} is below 1")))?;
                self.visit_u64(count)
            }
            fn visit_str<E>(self, name: &str) -> Result<LengthArgs, E> {
                Ok(LengthArgs::Preset(name.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<LengthArgs, A::Error> {
                let form = LengthForm::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(LengthArgs::Drawn(Box::new(form)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl LengthForm {
    /// The quantiles that are given, in order.
    pub(in crate::workload) fn quantiles(&self) -> impl Iterator<Item = (f64, u32)> {
        let table = [
            (0.0, self.min),
            (0.1, self.p10),
            (0.25, self.p25),
            (0.5, self.p50),
            (0.75, self.p75),
            (0.9, self.p90),
            (0.95, self.p95),
            (0.99, self.p99),
            (1.0, self.max),
        ];
        table.into_iter().filter_map(|(q, value)| value.map(|value| (q, value)))
    }

    /// Whether the fields make up one distribution.
    pub(in crate::workload) fn check(&self) -> Result<(), String> {
        let quantiles = self.quantiles().next().is_some() || self.sigma.is_some();
        let own =
            [self.fixed.is_some(), self.uniform.is_some(), self.lognormal.is_some(), self.preset.is_some()];
        let own_count = own.iter().filter(|given| **given).count();
        let bounded = self.quantiles().all(|(q, _)| q == 0.0 || q >= 1.0) && self.sigma.is_none();
        match (own_count, &self.histogram, quantiles) {
            (1, None, false) => (),
            (0, Some(buckets), _) if bounded => return check_histogram(buckets),
            (0, None, true) => return self.check_quantiles(),
            _ => {
                return Err("expected one of fixed, uniform, lognormal {p50, sigma}, histogram, preset, or quantiles \
                            {p50, p90, p99, max}"
                    .to_owned());
            }
        }
        if self.uniform.is_some_and(|[low, high]| low > high) {
            return Err("uniform: the first number is above the second".to_owned());
        }
        if self.lognormal.is_some_and(|l| l.max.is_some_and(|max| max < l.p50)) {
            return Err("lognormal: `max` is below `p50`".to_owned());
        }
        Ok(())
    }

    fn check_quantiles(&self) -> Result<(), String> {
        if self.sigma.is_some() {
            let other = [self.min, self.p10, self.p25, self.p75, self.p90, self.p95, self.p99]
                .iter()
                .any(Option::is_some);
            return match (self.p50, self.max) {
                (None, _) => Err("a lognormal length needs `p50`".to_owned()),
                _ if other => Err("a lognormal length is {p50, sigma, max}".to_owned()),
                (Some(p50), Some(max)) if max < p50 => Err("`max` is below `p50`".to_owned()),
                _ => Ok(()),
            };
        }
        if self.p50.is_none() || self.max.is_none() {
            return Err("quantiles need at least `p50` and `max`".to_owned());
        }
        if !self.quantiles().map(|(_, value)| value).is_sorted() {
            return Err("quantiles must not fall".to_owned());
        }
        Ok(())
    }
}

/// Upper bound of a bucket as Prometheus prints it.
pub(in crate::workload) fn bucket_bound(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|bound: &f64| *bound > 0.0)
}

fn check_histogram(buckets: &BTreeMap<String, f64>) -> Result<(), String> {
    let mut sorted = Vec::new();
    for (text, count) in buckets {
        let bound = bucket_bound(text).ok_or_else(|| {
            format!("histogram: `{text}` is not the upper bound of a bucket, such as 512 or +Inf")
        })?;
        if !(0.0..=1e15).contains(count) {
            return Err(format!("histogram: {count} is not a count"));
        }
        sorted.push((bound, *count));
    }
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    if sorted.iter().all(|(bound, count)| bound.is_infinite() || *count <= 0.0) {
        return Err("histogram: no bucket with a finite bound holds anything".to_owned());
    }
    if sorted.is_sorted_by(|a, b| a.1 <= b.1) {
        Ok(())
    } else {
        Err("histogram: counts are cumulative and must not fall from bucket to bucket".to_owned())
    }
}
