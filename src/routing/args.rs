//! What a scenario file says about the router.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// A policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RouterName {
    /// A Kubernetes `ClusterIP` Service: each connection to a ready endpoint drawn at random.
    #[default]
    Service,
    /// Each in turn.
    RoundRobin,
    /// The group with the fewest requests that this router sent there and that have not ended.
    LeastRequests,
    /// The group with the smallest share of its KV cache in use, as last scraped.
    LeastKv,
    /// The group that a consistent hash of the prompt's first shared piece points to, unless it is overloaded.
    PrefixAffinity,
    /// Gateway API Inference Extension: queue, KV cache and prefix scores on metrics as last scraped.
    InferenceGateway,
}

/// Refuses NaN, which lies in every range as `garde` compares.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn number(value: &f64, (): &()) -> garde::Result {
    if value.is_nan() { Err(garde::Error::new("not a number")) } else { Ok(()) }
}

/// The router: a policy's name, or `{policy: inference-gateway, scrape_interval: 50ms}`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RouterArgs {
    /// With defaults.
    Named(RouterName),
    /// In detail.
    Form(RouterForm),
}

/// A router in detail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterForm {
    /// The policy.
    #[garde(skip)]
    pub policy: RouterName,
    /// How old metrics get before they are read again, for least-kv and inference-gateway.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrape_interval: Option<SimDuration>,
    /// Requests in flight a group may have, as a multiple of the mean, before prefix-affinity passes it over.
    #[garde(range(min = 1.0, max = 1000.0), inner(custom(number)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_bound: Option<f64>,
}

impl Default for RouterArgs {
    fn default() -> Self {
        Self::Named(RouterName::default())
    }
}

impl Validate for RouterArgs {
    type Context = ();
    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        let Self::Form(form) = self else { return };
        form.validate_into(ctx, parent, report);
        let scrapes = matches!(form.policy, RouterName::LeastKv | RouterName::InferenceGateway);
        if form.scrape_interval.is_some() && !scrapes {
            let text = "only least-kv and inference-gateway scrape metrics";
            report.append(parent().join("scrape_interval"), garde::Error::new(text));
        }
        if form.scrape_interval == Some(SimDuration::ZERO) {
            report.append(parent().join("scrape_interval"), garde::Error::new("must be above 0s"));
        }
        if form.load_bound.is_some() && form.policy != RouterName::PrefixAffinity {
            let text = "only prefix-affinity has a load bound";
            report.append(parent().join("load_bound"), garde::Error::new(text));
        }
    }
}

impl<'de> Deserialize<'de> for RouterArgs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = RouterArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a router such as round-robin, or {policy: ...}")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<RouterArgs, E> {
                RouterName::deserialize(serde::de::value::StrDeserializer::new(name)).map(RouterArgs::Named)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<RouterArgs, A::Error> {
                RouterForm::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(RouterArgs::Form)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
