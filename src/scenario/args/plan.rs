//! What `towtank plan` searches, and for when.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::EngineArgs;
use crate::hardware::{NetworkKind, StorageArgs};

/// The search for the cheapest placement: what it may choose from, and the demand it must meet. Every list that is left out
/// takes what its field says, and the plan announces what that keeps out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanArgs {
    /// Checkpoints of one model that would all do: names of the catalogue or paths of a `config.json`. Their precisions are
    /// compared.
    #[garde(length(min = 1), inner(length(min = 1)))]
    pub models: Vec<String>,
    /// Machine types. Every type that the catalogue prices on demand in the region, with as many GPUs as the model needs, when left out.
    #[garde(inner(length(min = 1), inner(length(min = 1))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<Vec<String>>,
    /// Region that prices are taken from. `us-central1` when left out.
    #[garde(length(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Negotiated discount, as a part of every list price.
    #[garde(range(min = 0.0, max = 0.99))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<f64>,
    /// Networks for groups that span nodes. The fastest that the machine has when left out.
    #[garde(inner(length(min = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<NetworkKind>>,
    /// GPUs that split every layer. 1, 2, 4 and 8, within a node, when left out.
    #[garde(inner(length(min = 1), inner(range(min = 1, max = 1024))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor_parallel_size: Option<Vec<u32>>,
    /// Stages. 1, 2 and 4 when left out.
    #[garde(inner(length(min = 1), inner(range(min = 1, max = 256))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_parallel_size: Option<Vec<u32>>,
    /// Most sequences in a step. vLLM's default when left out.
    #[garde(inner(length(min = 1), inner(range(min = 1, max = 65_536))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_num_seqs: Option<Vec<u32>>,
    /// Most tokens in a step. vLLM's default when left out.
    #[garde(inner(length(min = 1), inner(range(min = 1, max = 1_048_576))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_num_batched_tokens: Option<Vec<u32>>,
    /// What every candidate's engine has in common; sizes and limits that are searched do not belong here.
    #[garde(dive)]
    #[serde(default)]
    pub engine: EngineArgs,
    /// Where weights are loaded from: the model hub, by every pod anew, when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageArgs>,
    /// Most groups of a candidate. 64 when left out.
    #[garde(range(min = 1, max = 1000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_groups: Option<u32>,
    /// Most groups on top of the need, for `slo.availability`. When left out 2, or as many as two nodes hold where groups
    /// share nodes: a node takes all of its groups with it.
    #[garde(range(max = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_spare_groups: Option<u32>,
    /// Growth of every arrival rate [% a month]. 0 when left out.
    #[garde(range(min = -50.0, max = 100.0))]
    #[serde(default)]
    pub growth_percent_per_month: f64,
    /// Months planned for: candidates must serve the peak of the last one. 3 when left out.
    #[garde(range(min = 1, max = 60))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
    /// Part added on top of the peak. 0.2 when left out.
    #[garde(range(min = 0.0, max = 10.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<f64>,
    /// Price of an API that bills by the token, to hold the fleet against [$ a million tokens, prompts and answers].
    #[garde(range(min = 0.0, max = 1e6))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_api_usd_per_million_tokens: Option<f64>,
}
