//! One number about the world.

use serde::{Deserialize, Serialize};

/// A value with its unit, where it was read and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
pub struct Fact<T = f64> {
    /// The value, in `unit`.
    pub value: T,
    /// Unit of the value, as the source states it.
    pub unit: String,
    /// Where it was read: a document with its version, a repository with its commit.
    pub source: String,
    /// When it was read or published (`YYYY`, `YYYY-MM` or `YYYY-MM-DD`).
    pub date: String,
    /// Lower end of what was seen or is believed, in `unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<T>,
    /// Upper end of what was seen or is believed, in `unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<T>,
    /// Remembered rather than read: to be checked before anyone relies on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recalled: bool,
    /// What to know before using it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
