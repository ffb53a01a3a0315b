//! What a published latency contains beside the engine.
//!
//! A simulated request enters its engine the moment it is sent. The clients of published benchmarks stand behind an API server
//! that parses, tokenises, forwards and streams; its time before the first token shows in their TTFT and nowhere else.

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, Fact};
use crate::engine::Backend;

/// Time of an API server before the first token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frontend {
    /// A request [s].
    pub(super) request_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    request: Fact<f64>,
}

impl Frontend {
    /// That of a backend's server.
    ///
    /// # Errors
    /// If the catalogue has none.
    pub(super) fn of(catalog: &Catalog, backend: Backend) -> Result<Self, CatalogError> {
        let entry: Entry = catalog.entry("frontends", backend.name())?;
        Ok(Self { request_s: entry.request.value / 1e3 })
    }

    /// No server: requests are handed to the engine in its own process.
    pub(super) const NONE: Self = Self { request_s: 0.0 };
}
