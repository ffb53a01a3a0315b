//! Host time around the kernels: engine core, workers, messages between them.

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, Fact};
use crate::units::Version;

/// How the engine core reaches its workers (vLLM's `distributed_executor_backend`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutorKind {
    /// The one worker lives in the engine core.
    Uni,
    /// Worker processes and vLLM's message queue.
    Mp,
    /// TensorRT-LLM: every rank runs the executor's loop.
    Mpi,
    /// Ray: calls of its actors, its compiled graph, later vLLM's message queue between Ray actors.
    Ray,
}

/// Host times of one release with one executor [ns].
#[derive(Clone, Debug, PartialEq)]
pub struct Overheads {
    /// Engine core, per step.
    pub core_step: f64,
    /// Engine core, per scheduled sequence.
    pub core_sequence: f64,
    /// Workers of a stage, per step: input preparation and launch, which nothing hides.
    pub worker_step: f64,
    /// Workers of a stage, per scheduled sequence.
    pub worker_sequence: f64,
    /// Per layer: small kernels that nobody measured and the gaps between all of them.
    pub layer: f64,
    /// How much slower an FP8 cache is read than by the isolated kernel [ratio].
    pub fp8_kv_stream: f64,
    /// Time to quantise the inputs of an FP8 product against a kernel of its own for it: less where it is fused [ratio].
    pub fp8_quantization: f64,
    /// CPU time to launch one layer between CUDA graphs.
    pub piecewise_layer: f64,
    /// CPU time to launch one layer without CUDA graph.
    pub eager_layer: f64,
    /// From the engine core to the workers, per step.
    pub dispatch: f64,
    /// Sampled tokens back to the engine core on the same machine.
    pub local_return: f64,
    /// Sampled tokens back to the engine core from another machine.
    pub remote_return: f64,
    /// Shapes sent ahead of the tensors between two stages.
    pub metadata: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EngineEntry {
    engine: Fact<String>,
    since: Fact<Version>,
    core_step: Fact<f64>,
    core_sequence: Fact<f64>,
    worker_step: Fact<f64>,
    worker_sequence: Fact<f64>,
    layer: Fact<f64>,
    fp8_kv_stream: Fact<f64>,
    fp8_quantization: Fact<f64>,
    piecewise_layer: Fact<f64>,
    eager_layer: Fact<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecutorEntry {
    dispatch: Fact<f64>,
    local_return: Fact<f64>,
    remote_return: Fact<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RayEntry {
    compiled_graph_since: Fact<Version>,
    message_queue_since: Fact<Version>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferEntry {
    metadata: Fact<f64>,
}

impl Overheads {
    /// The host times of an engine's release with an executor; `engine` as in the catalogue's `accuracy`.
    ///
    /// # Errors
    /// If the catalogue's overheads are incomplete.
    pub fn of(
        catalog: &Catalog,
        engine: &str,
        version: Version,
        executor: ExecutorKind,
    ) -> Result<Self, CatalogError> {
        let engine = entry(catalog, engine, version)?;
        let ray: RayEntry = catalog.entry("executor_since", "ray")?;
        let name = match executor {
            ExecutorKind::Uni => "uni",
            ExecutorKind::Mpi => "mpi",
            ExecutorKind::Ray if version < ray.compiled_graph_since.value => "ray-rpc",
            ExecutorKind::Ray if version < ray.message_queue_since.value => "ray-dag",
            ExecutorKind::Mp | ExecutorKind::Ray => "mp",
        };
        let executor: ExecutorEntry = catalog.entry("executor_overheads", name)?;
        let transfer: TransferEntry = catalog.entry("transfer_overheads", "stage")?;
        let ns = |fact: &Fact<f64>| fact.value * 1e3;
        Ok(Self {
            core_step: ns(&engine.core_step),
            core_sequence: ns(&engine.core_sequence),
            worker_step: ns(&engine.worker_step),
            worker_sequence: ns(&engine.worker_sequence),
            layer: ns(&engine.layer),
            fp8_kv_stream: engine.fp8_kv_stream.value,
            fp8_quantization: engine.fp8_quantization.value,
            piecewise_layer: ns(&engine.piecewise_layer),
            eager_layer: ns(&engine.eager_layer),
            dispatch: ns(&executor.dispatch),
            local_return: ns(&executor.local_return),
            remote_return: ns(&executor.remote_return),
            metadata: ns(&transfer.metadata),
        })
    }

    /// The same with every CPU time multiplied by `factor`; how an FP8 cache is read and what goes ahead of a transfer are
    /// none.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self {
            core_step: self.core_step * factor,
            core_sequence: self.core_sequence * factor,
            worker_step: self.worker_step * factor,
            worker_sequence: self.worker_sequence * factor,
            layer: self.layer,
            fp8_kv_stream: self.fp8_kv_stream,
            fp8_quantization: self.fp8_quantization,
            piecewise_layer: self.piecewise_layer * factor,
            eager_layer: self.eager_layer * factor,
            dispatch: self.dispatch * factor,
            local_return: self.local_return * factor,
            remote_return: self.remote_return * factor,
            metadata: self.metadata,
        }
    }
}

/// The latest of an engine's entries that is not newer than `version`.
fn entry(catalog: &Catalog, engine: &str, version: Version) -> Result<EngineEntry, CatalogError> {
    let mut best: Option<EngineEntry> = None;
    for name in catalog.section("engine_overheads")?.keys() {
        let entry: EngineEntry = catalog.entry("engine_overheads", name)?;
        let applies = entry.engine.value == engine && entry.since.value <= version;
        if applies && best.as_ref().is_none_or(|best| best.since.value < entry.since.value) {
            best = Some(entry);
        }
    }
    best.ok_or_else(|| CatalogError::UnknownName {
        kind: "engine_overheads".to_owned(),
        name: format!("{engine} {version}"),
        suggestion: String::new(),
    })
}
