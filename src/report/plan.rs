//! `plan.json`: what a search over placements found, and what follows from its winner.
//!
//! Every figure that a capacity report shows stands here; the report is drawn from this file alone. Rates are requests per
//! second of the whole fleet unless a name says otherwise.

mod candidate;
mod horizon;
mod table;
mod winner;

use serde::{Deserialize, Serialize};

pub use candidate::{Candidate, Figures, Floor, Verdict};
pub use horizon::{
    BreakEven, Commitments, DemandSwing, LoadHours, ManagedApi, Money, Month, PriceOption, Range, Swing,
};
pub use table::{plan_csv, plan_table};
pub use winner::{
    AVAILABILITY_BOUND, Cause, Fact, FaultAtPeak, Incident, Knee, KneePoint, OneDown, Redundancy, Stage,
    UnitCosts, Winner,
};

/// A search and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this program.
    pub towtank_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of its random numbers.
    pub seed: u64,
    /// What the times were calibrated on; absent where they are as the catalogue has them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calibrated_on: Option<String>,
    /// Somebody stopped the search: candidates are missing, and a cheaper one may be among them.
    pub interrupted: bool,
    /// Every stated threshold.
    pub slo: Vec<Limit>,
    /// What was planned for.
    pub demand: Demand,
    /// Defaults that keep something out of the search, and other choices nobody stated; a sentence each.
    pub announced: Vec<String>,
    /// What the availabilities in this file are, in words; absent where nothing fails.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub availability_note: Option<String>,
    /// How the search went.
    pub counts: Counts,
    /// Every candidate: those that meet the slo by price, the winner first, then the others.
    pub candidates: Vec<Candidate>,
    /// Candidates with which no other gives more tokens a second a GPU and more a user at once; by tokens a user.
    pub pareto_throughput: Vec<String>,
    /// Candidates with which no other is cheaper and has a lower TTFT p95 at once; by price.
    pub pareto_cost: Vec<String>,
    /// Others that cost no more than the winner would at the high end of its range of groups: what is known does not tell them
    /// apart.
    pub ties: Vec<String>,
    /// The cheapest that meets the slo; absent where none does, or the search ended before one was found.
    pub winner: Option<Winner>,
}

/// A stated threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The class of traffic it is for; absent where it is for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workload: Option<String>,
    /// `ttft_p95` and the like, or `availability`.
    pub name: String,
    /// The threshold [ms, or a fraction].
    pub limit: f64,
}

/// What was planned for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Mean rate today [1/s].
    pub mean_requests_per_s: f64,
    /// Highest rate of the curve over its mean.
    pub peak_over_mean: f64,
    /// Growth [% a month].
    pub growth_percent_per_month: f64,
    /// Months planned for.
    pub months: u32,
    /// Part added on top of the peak.
    pub headroom: f64,
    /// The rate that candidates must serve: the peak of the busiest month, headroom included [1/s].
    pub planned_requests_per_s: f64,
    /// Mean prompt [tokens].
    pub input_tokens: f64,
    /// Mean answer [tokens].
    pub output_tokens: f64,
}

/// How the search went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Candidates.
    pub candidates: u32,
    /// That vLLM would not start.
    pub does_not_fit: u32,
    /// That miss the slo with any number of groups.
    pub miss_slo: u32,
    /// Whose analytic floor is above a price already found.
    pub pruned: u32,
    /// That were simulated.
    pub simulated: u32,
    /// Simulations in all.
    pub simulations: u64,
}
