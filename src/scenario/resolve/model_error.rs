//! Where a placement stands on the ground that measurements cover.

use crate::catalog::{Catalog, CatalogError};
use crate::metrics::{ModelError, Position};
use crate::model::{Architecture, Precision};
use crate::scenario::{ResolvedDeployment, ResolvedPool, ResolvedWorkload};

/// How far figures of a placement may be off: as far as those of its worst deployment.
pub(super) fn of(
    catalog: &Catalog,
    pools: &[ResolvedPool],
    deployments: &[ResolvedDeployment],
    workloads: &[ResolvedWorkload],
) -> Result<ModelError, CatalogError> {
    let lengths: Vec<(f64, f64)> = workloads
        .iter()
        .map(|workload| (workload.expected.input_tokens, workload.expected.output_tokens))
        .collect();
    let errors = deployments.iter().map(|deployment| {
        let nodes = deployment.timing.stages.iter().flat_map(|stage| &stage.nodes);
        let kv_cache = deployment.engine.kv_cache_dtype.precision(deployment.model.dtype);
        let unmeasured = unmeasured(&deployment.model);
        let position = Position {
            engine: deployment.engine.family().name(),
            gpu: &pools[deployment.pool].gpu,
            fp8_weights: deployment.model.has_fp8(),
            fp8_kv_cache: kv_cache == Precision::Fp8,
            tensor_parallel: deployment.layout.tensor_parallel,
            pipeline_parallel: deployment.layout.pipeline_parallel,
            // Nodes of a group are counted from 0.
            nodes: nodes.max().map_or(deployment.size, |last| last + 1),
            parameters: deployment.model.parameters(),
            unmeasured: &unmeasured,
            lengths: &lengths,
        };
        ModelError::of(catalog, &position)
    });
    let errors = errors.collect::<Result<Vec<_>, _>>()?;
    Ok(ModelError::worst(errors).expect("a placement has a deployment"))
}

/// What all published rows lack: they are of Llama models in 16 bits and FP8.
fn unmeasured(model: &Architecture) -> Vec<String> {
    let int4 = model.has_int4().then(|| "4-bit weights".to_owned());
    let window = model.shortest_window().map(|_| "sliding-window layers".to_owned());
    let text = model.text_of.as_ref();
    let text = text.map(|class| format!("the text part of {class}, whose other parts are left out"));
    int4.into_iter().chain(window).chain(text).collect()
}
