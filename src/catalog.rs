//! Facts about the world: every number with its unit, its source and its date.
//!
//! The catalogue is JSON, one file a kind, compiled into the binary and open to extension by a user's own file. This
//! room knows what a [`Fact`] is and where entries are found; what a GPU or a price entry must hold is known by the
//! room that uses it, which parses its own section with [`Catalog::entry`]. A fact somebody remembered rather than
//! read carries `"recalled": true`, and reports show it.
//!
//! Layout of a file: `{"<kind>": {"<name>": {...entry...}, ...}}`; a user's file may hold several kinds, and an entry
//! there replaces the built-in one of the same name, field by field.

mod error;
mod fact;
mod listing;
mod nearest;
mod reading;
mod store;

pub use error::CatalogError;
pub use fact::Fact;
pub use listing::ListedFact;
pub use nearest::{nearest, suggestion};
pub use reading::{fact_bandwidth, fact_bytes, fact_flops, fact_number, fact_seconds};
pub use store::Catalog;
