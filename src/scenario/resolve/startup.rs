//! How a placement's groups start: what their weights are read from, how long each stage takes, what each pod reads.

use crate::catalog::{Catalog, CatalogError};
use crate::engine::{Backend, ExecutorArg, Family};
use crate::hardware::{Machine, NodePoolArgs, Storage, StorageKind};
use crate::kubernetes::{CompileCacheArg, Rendezvous, StartupArgs, StartupInputs, StartupTimes, weights};
use crate::model::{Architecture, Layout, Stage};
use crate::scenario::path::field;
use crate::scenario::{ResolvedEngine, ResolvedStartup, ScenarioError, ScenarioFile};

impl ScenarioFile {
    /// The storage of a pool; disks must be there to be read from.
    pub(super) fn storage(
        &self,
        catalog: &Catalog,
        pool: &NodePoolArgs,
        machine: &Machine,
        at: &str,
    ) -> Result<Storage, ScenarioError> {
        let storage = Storage::resolve(pool.storage.as_ref(), machine, catalog)
            .map_err(|error| self.error(&field(at, "storage"), error.to_string()))?;
        if storage.kind == StorageKind::LocalSsd && storage.cached_per_node == 0.0 {
            let message = format!(
                "`{}` has no local SSD in the catalogue; if disks were added, state per_node_throughput",
                machine.name
            );
            return Err(self.error(&field(at, "storage.kind"), message));
        }
        Ok(storage)
    }
}

/// The start of a deployment's groups.
pub(super) fn startup(
    catalog: &Catalog,
    args: Option<&StartupArgs>,
    engine: &ResolvedEngine,
    model: &Architecture,
    layout: Layout,
    size: u32,
    storage: &Storage,
) -> Result<ResolvedStartup, CatalogError> {
    let version = engine.family().vllm_rules(engine.version);
    let layers = Stage::all(model, layout, version).iter().map(|stage| stage.layers).max();
    let inputs = StartupInputs {
        size,
        executor: rendezvous(engine),
        tensor_parallel: layout.tensor_parallel,
        pipeline_parallel: layout.pipeline_parallel,
        layers: layers.unwrap_or_default(),
        compiles: engine.family() == Family::V1 && !engine.enforce_eager,
        captures: !engine.capture_sizes.is_empty(),
    };
    let held = weights(model, layout, version, size);
    let whole = weights(model, Layout { tensor_parallel: 1, pipeline_parallel: 1 }, version, 1)[0];
    let stated = args.and_then(|args| args.compile_cache);
    Ok(ResolvedStartup {
        times: StartupTimes::resolve(args, catalog, &inputs)?,
        bytes_per_pod: if storage.kind.downloads() { vec![whole; held.len()] } else { held.clone() },
        cached_bytes_per_pod: held,
        compile_cache: stated.unwrap_or(CompileCacheArg::None),
        rendezvous: inputs.executor,
    })
}

/// How the engine's ranks meet.
fn rendezvous(engine: &ResolvedEngine) -> Rendezvous {
    match (engine.backend, engine.executor) {
        (Backend::TensorRtLlm, _) | (Backend::Vllm, ExecutorArg::Mp) => Rendezvous::Mp,
        (Backend::Vllm, ExecutorArg::Ray) => Rendezvous::Ray,
        (Backend::Vllm, ExecutorArg::Uni) => Rendezvous::None,
    }
}
