//! Failures too rare to meet in a run with traffic.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

/// What a failure costs, told apart from how often one comes: the run itself has no random failures; years without a token
/// tell how often groups are away, and one failure in every hour of the week, under that hour's traffic, what it does to
/// requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RareEventsArgs {
    /// Years without traffic.
    #[garde(range(min = 2, max = 10_000))]
    pub years: u32,
    /// Hours in which a failure happens, the first ones of the week.
    #[garde(range(min = 1, max = 168))]
    pub hours: u32,
    /// Traffic before the failure.
    #[garde(skip)]
    pub before: SimDuration,
    /// Traffic after it.
    #[garde(custom(not_zero))]
    pub after: SimDuration,
}

impl Default for RareEventsArgs {
    fn default() -> Self {
        Self {
            years: 20,
            hours: 168,
            before: SimDuration::from_secs(5 * 60),
            after: SimDuration::from_secs(60 * 60),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn not_zero(duration: &SimDuration, (): &()) -> garde::Result {
    if *duration == SimDuration::ZERO { Err(garde::Error::new("must be above 0s")) } else { Ok(()) }
}
