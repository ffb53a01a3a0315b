//! Quantities with units: what they are, how they are written in a file, and exact parsing.
//!
//! Time is integer nanoseconds, an instant ([`SimTime`]) and an interval ([`SimDuration`]) being different types. Sizes
//! are whole bytes. Rates are `f64`, since nothing is ever accumulated in them. Text forms carry their unit
//! (`250ms`, `15Gi`, `200Gbps`, `1.5/s`); a value that would lose precision is refused, not rounded.

mod bytes;
mod duration;
mod quantity;
mod rate;
mod time;
mod version;

pub use bytes::{Bandwidth, Bytes};
pub use duration::SimDuration;
pub use quantity::QuantityError;
pub use rate::Rate;
pub use time::SimTime;
pub use version::Version;
