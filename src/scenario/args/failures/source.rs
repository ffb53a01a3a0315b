//! A word that says where failure processes come from, or what is stated instead of it.

use std::marker::PhantomData;

use garde::Validate;
use schemars::JsonSchema;
use serde::{
    Deserialize, Serialize,
    de::{Unexpected, value},
};

use crate::catalog::nearest;

/// Where processes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureSource {
    /// Nothing fails.
    None,
    /// The catalogue's facts.
    Catalogue,
}

/// `none`, `catalogue`, or fields.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SourceOr<T> {
    /// From one source.
    From(FailureSource),
    /// Stated here.
    Stated(T),
}

/// What can be stated instead of a source.
pub trait Stated {
    /// What a file may say there, for whoever wrote something else.
    const EXPECTED: &'static str;
}

impl<T> SourceOr<T> {
    /// What is stated, turned into something else.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> SourceOr<U> {
        match self {
            Self::From(source) => SourceOr::From(source),
            Self::Stated(stated) => SourceOr::Stated(into(stated)),
        }
    }
}

impl<T> Default for SourceOr<T> {
    fn default() -> Self {
        Self::From(FailureSource::None)
    }
}

impl<T: Validate<Context = ()>> Validate for SourceOr<T> {
    type Context = ();
    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if let Self::Stated(stated) = self {
            stated.validate_into(ctx, parent, report);
        }
    }
}

impl<'de, T: Deserialize<'de> + Stated> Deserialize<'de> for SourceOr<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Stated> serde::de::Visitor<'de> for Visitor<T> {
            type Value = SourceOr<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<SourceOr<T>, E> {
                let source = FailureSource::deserialize(value::StrDeserializer::new(name));
                // What looks like no source at all, such as `264d`, was meant to be stated.
                source.map(SourceOr::From).map_err(|error: E| match nearest(name, ["none", "catalogue"]) {
                    Some(_) => error,
                    None => E::invalid_value(Unexpected::Str(name), &self),
                })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<SourceOr<T>, A::Error> {
                T::deserialize(value::MapAccessDeserializer::new(map)).map(SourceOr::Stated)
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData))
    }
}
