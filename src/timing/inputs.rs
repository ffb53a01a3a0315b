//! What a [`Timing`](super::Timing) is made from.

use super::{AllReduceRules, Kernels, LocalLinks, Multipliers, NetworkSpec, Overheads};
use crate::model::{Architecture, LayerPrecision};

/// The shape of a dense decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Width of the residual stream.
    pub hidden: u32,
    /// Width of the MLP.
    pub intermediate: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Size of a head.
    pub head_dim: u32,
    /// Entries of the vocabulary.
    pub vocabulary: u32,
    /// Norms of a layer over the whole residual.
    pub norms: u32,
    /// Queries and keys are normalised too.
    pub qk_norm: bool,
}

impl From<&Architecture> for Dimensions {
    fn from(model: &Architecture) -> Self {
        Self {
            hidden: model.hidden_size,
            intermediate: model.intermediate_size,
            heads: model.heads,
            kv_heads: model.kv_heads,
            head_dim: model.head_dim,
            vocabulary: model.vocab_size,
            norms: model.norms,
            qk_norm: model.qk_norm,
        }
    }
}

/// Layers of one stage that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerGroup {
    /// How many.
    pub layers: u32,
    /// Formats of their matrices.
    pub precision: LayerPrecision,
    /// How many tokens back they see, their own included; all where there is nothing [tokens].
    pub window: Option<u32>,
}

/// One pipeline stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageInputs {
    /// Its layers.
    pub layers: Vec<LayerGroup>,
    /// The machine of each of its ranks, in tensor-parallel order; any numbering that all stages share.
    pub nodes: Vec<u32>,
}

/// Everything that decides how long a batch takes on one group.
#[derive(Clone, Debug)]
pub struct TimingInputs {
    /// The model.
    pub model: Dimensions,
    /// Bytes of one element of the KV cache: 2, or 1 for FP8.
    pub kv_element_bytes: u32,
    /// Pipeline stages, first to last.
    pub stages: Vec<StageInputs>,
    /// Kernel constants of the GPU.
    pub kernels: Kernels,
    /// Collectives inside a machine.
    pub links: LocalLinks,
    /// The network between machines.
    pub network: NetworkSpec,
    /// Choice of the all-reduce.
    pub all_reduce: AllReduceRules,
    /// Host times.
    pub overheads: Overheads,
    /// What the user's cluster was calibrated to.
    pub multipliers: Multipliers,
}

impl TimingInputs {
    /// The same group with its ranks on other machines: `nodes` is that of each rank, tensor-parallel first, in any
    /// numbering; `network` is what is left of the bandwidth between them [fraction].
    ///
    /// # Panics
    /// If there is not one node for each rank.
    #[must_use]
    pub fn placed(&self, nodes: &[u32], network: f64) -> Self {
        let mut placed = self.clone();
        let mut rest = nodes;
        for stage in &mut placed.stages {
            let (ours, others) = rest.split_at(stage.nodes.len());
            stage.nodes = ours.to_vec();
            rest = others;
        }
        assert!(rest.is_empty(), "a node for each rank");
        placed.network = self.network.slowed(network);
        placed
    }
}
