//! How long a repair takes.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::above_zero;
use crate::units::SimDuration;

/// A time to repair: always the same, or `{lognormal: {p50, sigma}}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RepairArgs {
    /// Always the same.
    Fixed(SimDuration),
    /// Drawn each time.
    Drawn {
        /// Lognormal.
        lognormal: RepairTimeArgs,
    },
}

/// A lognormal time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairTimeArgs {
    /// Median.
    #[garde(custom(above_zero))]
    pub p50: SimDuration,
    /// Standard deviation of the logarithm.
    #[garde(range(min = 0.0, max = 5.0))]
    pub sigma: f64,
}

impl Validate for RepairArgs {
    type Context = ();
    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if let Self::Drawn { lognormal } = self {
            lognormal.validate_into(ctx, &mut || parent().join("lognormal"), report);
        }
    }
}

impl<'de> Deserialize<'de> for RepairArgs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Drawn {
            lognormal: RepairTimeArgs,
        }
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = RepairArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration such as 2h or {lognormal: {p50: 2h, sigma: 0.8}}")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RepairArgs, E> {
                text.parse().map(RepairArgs::Fixed).map_err(E::custom)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<RepairArgs, A::Error> {
                Drawn::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(|drawn| RepairArgs::Drawn { lognormal: drawn.lognormal })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
