//! The winner, looked at from all sides.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::horizon::{BreakEven, Commitments, ManagedApi, Money, Month, PriceOption, Range, Swing};

/// What the availabilities of a plan are, in words.
pub const AVAILABILITY_BOUND: &str = "availability is a bound and no simulation of the fleet: a node takes all of its groups with \
     it, nodes fail apart from each other, and no group moves to another node";

/// The cheapest candidate that meets the slo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Winner {
    /// Name of the candidate.
    pub name: String,
    /// Groups that the planned rate needs, without spare ones: as simulated, and within the model error and between seeds.
    pub groups: Range<u32>,
    /// Spare groups, for the availability.
    pub spare_groups: u32,
    /// Why one fewer would not do, in words; absent without spare groups.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spare_reason: Option<String>,
    /// The analytic floor on the groups.
    pub floor_groups: u32,
    /// Its placement in `summary.json`, as a run of the emitted scenario says it.
    pub summary: Value,
    /// The groups needed, those with as many more as one node and two hold, and those planned.
    pub redundancy: Vec<Redundancy>,
    /// Latency over the rate of one group.
    pub knee: Knee,
    /// Every month of the horizon.
    pub months: Vec<Month>,
    /// The same nodes on other terms.
    pub prices: Vec<PriceOption>,
    /// Commitments against the load-duration curve, by terms; none where the catalogue has no such price.
    pub commitments: Vec<Commitments>,
    /// The last month's money with the best commitment.
    pub money: Money,
    /// Dollars a million tokens.
    pub unit_cost: UnitCosts,
    /// From how many hours a month on a commitment pays.
    pub break_even: Vec<BreakEven>,
    /// Against an API that bills by the token.
    pub managed_api: ManagedApi,
    /// What moves the bill, most first.
    pub tornado: Vec<Swing>,
    /// What failures do; absent where nothing fails.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub incident: Option<Incident>,
    /// Every fact that the figures rest on.
    pub facts: Vec<Fact>,
}

/// So many groups beyond the need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redundancy {
    /// Spare groups beside those that the slo needs in the busiest hour.
    pub spare_groups: u32,
    /// Groups in all.
    pub groups: u32,
    /// Their nodes.
    pub nodes: u32,
    /// Their price.
    pub usd_per_month: f64,
    /// Part of the time that as many groups as the slo needs are ready at least, a bound as [`AVAILABILITY_BOUND`] says; absent
    /// where nothing fails.
    pub availability: Option<f64>,
    /// Groups that a node takes with it.
    pub groups_lost_with_a_node: u32,
    /// The peak with a node and its groups away all the time; absent where no group is left.
    pub one_down: Option<OneDown>,
    /// The peak with a node that dies in it.
    pub fault: Option<FaultAtPeak>,
}

/// Steady peak without the groups of a node.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneDown {
    /// Whether the slo still holds.
    pub slo_met: bool,
    /// Time to first token.
    pub ttft_p95_ms: Option<f64>,
    /// Time per output token.
    pub tpot_p95_ms: Option<f64>,
}

/// A node dies at the peak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultAtPeak {
    /// Requests that failed for good.
    pub requests_failed: u64,
    /// Requests sent in all, over those that clients wanted: what retries add.
    pub retry_amplification: f64,
    /// From the fault to ready again; absent where the run ended before [s].
    pub time_to_recover_s: Option<f64>,
    /// From ready again until as few requests were open as before the fault [s].
    pub backlog_drain_s: Option<f64>,
    /// Time to first token over the whole run.
    pub ttft_p95_ms: Option<f64>,
}

/// Latency over the rate of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// By rate.
    pub points: Vec<KneePoint>,
    /// The highest rate of one group within the slo [1/s].
    pub max_requests_per_s_at_slo: f64,
    /// What fails just above it.
    pub limited_by: String,
    /// Page when `vllm:num_requests_waiting` of a group averages more than this over minutes: what it averages at the highest rate
    /// within the slo.
    pub page_num_requests_waiting: f64,
    /// Page when `vllm:kv_cache_usage_perc` does: likewise [fraction].
    pub page_kv_cache_usage_perc: f64,
}

/// One rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KneePoint {
    /// Rate of the group [1/s].
    pub requests_per_s: f64,
    /// Time to first token.
    pub ttft_p95_ms: Option<f64>,
    /// Time per output token.
    pub tpot_p95_ms: Option<f64>,
    /// Requests waiting, mean over time.
    pub num_requests_waiting: f64,
    /// KV cache in use, mean over time [fraction].
    pub kv_cache_usage_perc: f64,
    /// Whether the slo holds.
    pub slo_met: bool,
}

/// Dollars for a million tokens, prompts and answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitCosts {
    /// One group at the highest rate within the slo.
    pub at_capacity: Option<f64>,
    /// The last month's fleet over the tokens of that month.
    pub at_forecast: f64,
}

/// What failures do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Years simulated without traffic.
    pub years: u32,
    /// Groups in them: those that the slo needs, and as many more as fill up their nodes.
    pub groups: u32,
    /// Part of the time that one group can serve.
    pub group_availability: f64,
    /// Part of the time that nothing takes a node with all of its groups: no fleet on one node is ready more often.
    pub node_availability: f64,
    /// From the fault to ready again, mean over all recoveries [s].
    pub mean_time_to_recover_s: Option<f64>,
    /// The same by stage, in order.
    pub stages: Vec<Stage>,
    /// The longest of them.
    pub dominant_stage: Option<String>,
    /// What took groups away, most first.
    pub causes: Vec<Cause>,
}

/// A stage of a recovery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Mean [s].
    pub mean_s: f64,
}

/// One cause of failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Its name.
    pub name: String,
    /// Faults a year, all nodes together.
    pub faults_per_year: f64,
    /// Recoveries a year times their mean time: group time lost [s a year].
    pub group_seconds_lost_per_year: f64,
    /// Of all group time lost [fraction].
    pub share: f64,
}

/// A fact of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Kind of entry.
    pub kind: String,
    /// Entry.
    pub name: String,
    /// Where in the entry.
    pub fact: String,
    /// Its value, in the unit.
    pub value: Value,
    /// Its unit.
    pub unit: String,
    /// Date.
    pub date: String,
    /// Where it was read.
    pub source: String,
    /// Remembered rather than read.
    pub recalled: bool,
}
