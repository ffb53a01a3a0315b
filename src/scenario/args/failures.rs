//! What fails at random, and how it is repaired.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// `none`, `catalogue`, or each kind of fault with its own rate.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FailuresArgs {
    /// From one source.
    From(FailureSource),
    /// Stated here; kinds left out do not fail.
    Stated(Box<FailureKindsArgs>),
}

/// Where rates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureSource {
    /// Nothing fails.
    None,
    /// The catalogue's facts.
    Catalogue,
}

impl Default for FailuresArgs {
    fn default() -> Self {
        Self::From(FailureSource::None)
    }
}

impl Validate for FailuresArgs {
    type Context = ();
    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if let Self::Stated(kinds) = self {
            kinds.validate_into(ctx, parent, report);
        }
    }
}

impl<'de> Deserialize<'de> for FailuresArgs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = FailuresArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("none, catalogue, or kinds of faults such as {node: {mtbf: 264d}}")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<FailuresArgs, E> {
                FailureSource::deserialize(serde::de::value::StrDeserializer::new(name))
                    .map(FailuresArgs::From)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<FailuresArgs, A::Error> {
                let kinds = serde::de::value::MapAccessDeserializer::new(map);
                FailureKindsArgs::deserialize(kinds).map(|kinds| FailuresArgs::Stated(Box::new(kinds)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Kinds of faults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FailureKindsArgs {
    /// A node is lost.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<FaultProcessArgs>,
    /// A GPU is lost.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<FaultProcessArgs>,
    /// A network card is lost.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<FaultProcessArgs>,
    /// An engine process dies.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<FaultProcessArgs>,
    /// An engine stops answering.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<FaultProcessArgs>,
    /// A spot node is taken away.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot: Option<FaultProcessArgs>,
}

/// How often one thing fails, and how long it takes to repair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultProcessArgs {
    /// Mean time between failures of one of them.
    #[garde(custom(above_zero))]
    pub mtbf: SimDuration,
    /// Time until it is repaired; the catalogue's fact when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairArgs>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn above_zero(duration: &SimDuration, (): &()) -> garde::Result {
    if *duration == SimDuration::ZERO { Err(garde::Error::new("must be above 0s")) } else { Ok(()) }
}

/// A time to repair: always the same, or `{lognormal: {p50, sigma}}`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
