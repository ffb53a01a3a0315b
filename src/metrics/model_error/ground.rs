//! The ground that measured rows cover, and where a deployment stands on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hardware::Gpu;

/// Rows it takes to know how far predictions of their kind are off: of fewer, the worst may still be to come.
const FEWEST_ROWS: u64 = 3;

/// How far beyond the ends of a range a value still counts as inside [ratio]: measured lengths are themselves means.
const SLACK: f64 = 1.05;

/// What the published rows of one engine were measured on: rows by value, or the smallest and the largest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// GPU, by its name in the catalogue.
    pub gpus: BTreeMap<String, u64>,
    /// Format of the weights: `fp8` where any matrix is, else `bf16`, which stands for every format of 16 bits.
    pub weights: BTreeMap<String, u64>,
    /// Format of the KV cache: `fp8` or `bf16`.
    pub kv_cache: BTreeMap<String, u64>,
    /// Tensor-parallel ranks.
    pub tensor_parallel: BTreeMap<u32, u64>,
    /// Pipeline stages.
    pub pipeline_parallel: BTreeMap<u32, u64>,
    /// Machines of a group.
    pub nodes: BTreeMap<u32, u64>,
    /// Parameters of the model.
    pub parameters: [f64; 2],
    /// Mean prompt [tokens].
    pub input_tokens: [f64; 2],
    /// Mean answer [tokens].
    pub output_tokens: [f64; 2],
}

/// Where a deployment stands.
#[derive(Clone, Debug)]
pub struct Position<'a> {
    /// The catalogue's `accuracy` of its engine, such as `vllm-v1`.
    pub engine: &'a str,
    /// Its GPU.
    pub gpu: &'a Gpu,
    /// A matrix of its model is FP8.
    pub fp8_weights: bool,
    /// Its KV cache is FP8.
    pub fp8_kv_cache: bool,
    /// Tensor-parallel ranks.
    pub tensor_parallel: u32,
    /// Pipeline stages.
    pub pipeline_parallel: u32,
    /// Machines of a group.
    pub nodes: u32,
    /// Parameters of its model.
    pub parameters: u64,
    /// What its model has that no measured model had.
    pub unmeasured: &'a [String],
    /// Mean prompt and mean answer of each class of traffic [tokens].
    pub lengths: &'a [(f64, f64)],
}

impl Ground {
    /// Everything about a position that these rows do not cover, in words; nothing if it is inside.
    pub(super) fn outside(&self, position: &Position<'_>) -> Vec<String> {
        let format = |fp8: bool| if fp8 { "fp8" } else { "bf16" }.to_owned();
        let (weights, kv_cache) = (format(position.fp8_weights), format(position.fp8_kv_cache));
        let (tensor, pipeline) = (position.tensor_parallel, position.pipeline_parallel);
        let counted = [
            thin(&self.gpus, &position.gpu.name, &position.gpu.name),
            thin(&self.weights, &weights, &format!("{weights} weights")),
            thin(&self.kv_cache, &kv_cache, &format!("{kv_cache} KV cache")),
            thin(&self.tensor_parallel, &tensor, &format!("TP {tensor}")),
            thin(&self.pipeline_parallel, &pipeline, &format!("PP {pipeline}")),
            thin(&self.nodes, &position.nodes, &plural(u64::from(position.nodes), "node")),
        ];
        let billions = self.parameters.map(|parameters| parameters / 1e9);
        let model = beyond(billions, position.parameters as f64 / 1e9, "models", "billion parameters");
        let mut reasons: Vec<String> = counted.into_iter().flatten().chain(model).collect();
        for (input, output) in position.lengths {
            let found = [
                beyond(self.input_tokens, *input, "prompts", "tokens"),
                beyond(self.output_tokens, *output, "answers", "tokens"),
            ];
            reasons.extend(found.into_iter().flatten());
        }
        reasons
    }
}

/// `what: no row`, unless enough rows have the value.
fn thin<K: Ord>(rows: &BTreeMap<K, u64>, value: &K, what: &str) -> Option<String> {
    let rows = rows.get(value).copied().unwrap_or(0);
    (rows < FEWEST_ROWS).then(|| match rows {
        0 => format!("{what}: no row"),
        1 => format!("{what}: one row"),
        rows => format!("{what}: {rows} rows"),
    })
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// How a value lies outside a range of rows.
fn beyond([low, high]: [f64; 2], value: f64, what: &str, unit: &str) -> Option<String> {
    let inside = (low / SLACK..=high * SLACK).contains(&value);
    (!inside).then(|| format!("{what} of {value:.0} {unit}: rows go from {low:.0} to {high:.0}"))
}
