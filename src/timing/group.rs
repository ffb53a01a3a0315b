//! From what a scenario knows about a group to what its timing needs.

use super::{
    AllReduceRules, Dimensions, ExecutorKind, Kernels, LayerGroup, LocalLinks, Multipliers, NetworkSpec,
    Overheads, StageInputs, Sustained, TimingInputs,
};
use crate::catalog::{Catalog, CatalogError};
use crate::hardware::{Gpu, Machine, Network, NetworkKind};
use crate::model::{Architecture, Layout, Precision, Stage};
use crate::units::Version;

/// One group of pods that together run one engine.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The model as it is in GPU memory.
    pub model: &'a Architecture,
    /// How it is cut.
    pub layout: Layout,
    /// Format of the KV cache.
    pub kv_cache: Precision,
    /// Name of the engine in the catalogue's `accuracy`.
    pub engine: &'a str,
    /// Its release.
    pub version: Version,
    /// The release of vLLM whose partition of layers and choice of all-reduce it follows.
    pub vllm_rules: Version,
    /// How the engine core reaches its workers.
    pub executor: ExecutorKind,
    /// `enforce_eager`: neither CUDA graphs nor the compiler.
    pub enforce_eager: bool,
    /// The machine type of its nodes.
    pub machine: &'a Machine,
    /// The network its pods really use.
    pub network: NetworkKind,
    /// The node of each rank, tensor-parallel first, in any numbering.
    pub nodes: &'a [u32],
}

impl TimingInputs {
    /// What decides how long the steps of a group take.
    ///
    /// # Errors
    /// If the catalogue lacks the machine's GPU or link, the network, or a calibration.
    ///
    /// # Panics
    /// If there is not one node for each rank of the layout.
    pub fn new(catalog: &Catalog, group: &Group<'_>) -> Result<Self, CatalogError> {
        let gpu = Gpu::read(catalog, &group.machine.gpu)?;
        assert_eq!(group.nodes.len(), group.layout.gpus() as usize, "a node for each rank");
        let stages = Stage::all(group.model, group.layout, group.vllm_rules)
            .iter()
            .zip(group.nodes.chunks_exact(group.layout.tensor_parallel as usize))
            .map(|(stage, nodes)| StageInputs { layers: layers(group.model, stage), nodes: nodes.to_vec() })
            .collect();
        Ok(Self {
            model: Dimensions::from(group.model),
            kv_element_bytes: group.kv_cache.bytes() as u32,
            stages,
            kernels: Kernels::of(catalog, &gpu)?.sustained(Sustained::of(catalog, &gpu)?),
            links: LocalLinks::of(catalog, &group.machine.intra_node_link)?,
            network: NetworkSpec::new(&Network::read(catalog, group.network)?, line(group)),
            all_reduce: AllReduceRules::of(
                catalog,
                gpu.compute_capability,
                group.vllm_rules,
                group.enforce_eager,
            )?,
            overheads: Overheads::of(catalog, group.engine, group.version, group.executor)?,
            multipliers: Multipliers::of(catalog)?,
        })
    }
}

/// What the cards that a group uses carry on one machine [B/s].
fn line(group: &Group<'_>) -> f64 {
    let machine = group.machine;
    match (group.network, machine.gpu_nics, machine.gpu_nic_bandwidth) {
        (NetworkKind::Gvnic, _, _) | (_, None, _) | (_, _, None) => machine.host_nic_bandwidth,
        (_, Some(cards), Some(each)) => f64::from(cards) * each,
    }
}

/// The layers of a stage, neighbours that are alike together.
fn layers(model: &Architecture, stage: &Stage) -> Vec<LayerGroup> {
    let first = stage.first_layer as usize;
    let ours = first..first + stage.layers as usize;
    let mut groups: Vec<LayerGroup> = Vec::new();
    for (precision, window) in model.precision[ours.clone()].iter().zip(&model.windows[ours]) {
        match groups.last_mut() {
            Some(last) if (last.precision, last.window) == (*precision, *window) => last.layers += 1,
            _ => groups.push(LayerGroup { layers: 1, precision: *precision, window: *window }),
        }
    }
    groups
}
