//! One way to serve the workloads, and what became of it.

use serde::{Deserialize, Serialize};

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It meets the slo.
    MeetsSlo,
    /// It does not, however many groups there are.
    MissesSlo,
    /// The model does not fit its GPUs, or vLLM refuses its arguments.
    DoesNotFit,
    /// Even its analytic floor costs more than a candidate that meets the slo.
    Pruned,
    /// The search was stopped before its turn.
    NotReached,
}

/// One way to serve the workloads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Machine type.
    pub machine: String,
    /// Network between the nodes of a group.
    pub network: String,
    /// Model, which says the precision of the weights too.
    pub model: String,
    /// GPUs that split every layer.
    pub tensor_parallel_size: u32,
    /// Stages.
    pub pipeline_parallel_size: u32,
    /// Most sequences in a step; absent for vLLM's default.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_num_seqs: Option<u32>,
    /// Most tokens in a step; absent for vLLM's default.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_num_batched_tokens: Option<u32>,
    /// Nodes of a group; 1 where groups share a node.
    pub nodes_per_group: u32,
    /// Groups on a node; 1 where a group spans nodes.
    pub groups_per_node: u32,
    /// Price of a node [USD/h].
    pub usd_per_node_hour: f64,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it was rejected or pruned, with the figures that decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Analytic bound; absent where it does not fit, or no number of groups meets the slo.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub floor: Option<Floor>,
    /// What the simulation says; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub figures: Option<Figures>,
}

/// What no simulation can beat: memory, peak throughput of the kernels, and Little's law at the slo's TPOT.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Most requests a group could serve within the slo [1/s].
    pub requests_per_s_per_group: f64,
    /// Groups at that rate.
    pub groups: u32,
    /// Price of their nodes [USD a month of 730 h].
    pub usd_per_month: f64,
}

/// What the simulation of the planned rate says, with the fewest groups that meet the slo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Groups that the slo needs.
    pub groups: u32,
    /// Groups on top, for the availability.
    pub spare_groups: u32,
    /// Nodes of all.
    pub nodes: u32,
    /// GPUs of all.
    pub gpus: u32,
    /// Price of all [USD a month of 730 h].
    pub usd_per_month: f64,
    /// Without the spare groups, at the planned rate.
    pub ttft_p95_ms: Option<f64>,
    /// The same.
    pub tpot_p95_ms: Option<f64>,
    /// Answers, over all GPUs that the slo needs [tokens/s].
    pub output_tokens_per_s_per_gpu: f64,
    /// Answers as one user sees them: 1 over the mean TPOT [tokens/s].
    pub output_tokens_per_s_per_user: Option<f64>,
    /// Price of all over the tokens served at the planned rate; absent where the availability is missed.
    pub usd_per_million_total_tokens_at_planned_rate: Option<f64>,
    /// Part of the time that as many groups as the slo needs are ready at least, a bound; absent where nothing fails.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub availability: Option<f64>,
}
