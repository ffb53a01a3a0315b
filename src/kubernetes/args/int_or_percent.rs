//! Kubernetes' `IntOrString`, where the string is a percentage.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A count, or a percentage of the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// So many.
    Int(u32),
    /// So many of a hundred.
    Percent(u8),
}

impl Serialize for IntOrPercent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(count) => serializer.serialize_u32(*count),
            Self::Percent(percent) => serializer.collect_str(&format_args!("{percent}%")),
        }
    }
}

impl<'de> Deserialize<'de> for IntOrPercent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = IntOrPercent;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count such as 1 or a percentage such as \"25%\"")
            }
            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<IntOrPercent, E> {
                let large = || E::invalid_value(serde::de::Unexpected::Unsigned(count), &self);
                u32::try_from(count).map(IntOrPercent::Int).map_err(|_| large())
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<IntOrPercent, E> {
                let percent = text.strip_suffix('%').and_then(|digits| digits.parse().ok());
                let percent = percent.filter(|percent| *percent <= 100);
                let bad = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
                percent.map(IntOrPercent::Percent).ok_or_else(bad)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for IntOrPercent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IntOrPercent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A count such as 1 or a percentage such as \"25%\".",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                { "type": "string", "pattern": "^(100|[0-9]{1,2})%$" },
            ],
        })
    }
}
