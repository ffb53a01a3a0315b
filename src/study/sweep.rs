//! Many points of a grid over the fields of one scenario: planned once, run in parts anywhere, put together again.
//!
//! Life of a sweep: [`SweepPlan::new`] resolves every point and gives each a name made of all that its result depends on;
//! [`run_shard`] simulates those of its points whose result is not there yet and writes each aside and renames it, so that a
//! kill loses only what was under way; [`merge`] takes the results of a plan, all of them or none. No result depends on how
//! points were spread over shards and threads.
//!
//! Limits: files that a scenario names (traces, configurations, manifests) are not part of the plan and must not change.

mod axis;
mod error;
mod merge;
mod plan;
mod point;
mod run;

pub use axis::Axis;
pub use error::SweepError;
pub use merge::merge;
pub use plan::{SweepInputs, SweepPlan};
pub use run::{Shard, run_shard};
