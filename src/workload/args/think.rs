//! How long a user thinks.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number;
use crate::units::SimDuration;

/// Time between an answer and the same user's next request: `45s`, or a distribution.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ThinkArgs {
    /// Always the same.
    Fixed(SimDuration),
    /// Drawn each time.
    Drawn(ThinkForm),
}

/// A distribution of think times: `{mean: 45s}` is exponential, `{p50: 40s, sigma: 1.15}` lognormal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThinkForm {
    /// Mean of an exponential think time.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<SimDuration>,
    /// Median of a lognormal think time.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<SimDuration>,
    /// Standard deviation of the logarithm of a lognormal think time.
    #[garde(range(min = 0.0, max = 5.0), inner(custom(number)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// Longer think times are drawn again.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<SimDuration>,
}

impl Validate for ThinkArgs {
    type Context = ();
    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        let Self::Drawn(form) = self else { return };
        form.validate_into(ctx, parent, report);
        if form.mean.is_some() == form.p50.is_some() || form.p50.is_some() != form.sigma.is_some() {
            let text = "a think time is one duration, {mean} (exponential) or {p50, sigma} (lognormal)";
            report.append(parent(), garde::Error::new(text));
        }
        if form.max.is_some_and(|max| max < form.p50.or(form.mean).unwrap_or_default()) {
            report.append(parent(), garde::Error::new("`max` is below the middle of the distribution"));
        }
    }
}

impl<'de> Deserialize<'de> for ThinkArgs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = ThinkArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration such as 45s, {mean: 45s} or {p50: 40s, sigma: 1.15}")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ThinkArgs, E> {
                text.parse().map(ThinkArgs::Fixed).map_err(E::custom)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<ThinkArgs, A::Error> {
                ThinkForm::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(ThinkArgs::Drawn)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
