//! Bytes of weights and of KV cache on one GPU.

use super::{Architecture, KvDtype, Layout, Precision, Stage};
use crate::units::Bytes;

/// Weights of one GPU of `stage` [B], as they lie in memory once loaded.
///
/// Matrices are sharded over the tensor-parallel ranks, keys and values replicated when there are fewer KV heads than
/// ranks, norms replicated; the embedding is on the first stage, final norm and LM head on the last (both copies even
/// when they are tied, unless it is one stage). Embedding, LM head, norms and biases stay in `dtype`.
pub fn weights_per_gpu(model: &Architecture, layout: Layout, stage: &Stage) -> Bytes {
    let layer = model.layer_parameters(layout.tensor_parallel);
    let vectors = layer.vectors * model.dtype.bytes();
    let first = stage.first_layer as usize;
    let layers: u64 = model.precision[first..first + stage.layers as usize]
        .iter()
        .map(|p| {
            p.qkv.bytes(layer.qkv)
                + p.o.bytes(layer.o)
                + p.gate_up.bytes(layer.gate_up)
                + p.down.bytes(layer.down)
                + vectors
        })
        .sum();
    Bytes::new(layers + ends(model, layout, stage))
}

/// Most bytes of weights a GPU of `stage` holds while loading [B]: of a checkpoint quantised online, the matrices in
/// `dtype`, before they are converted.
pub fn online_load_peak_per_gpu(model: &Architecture, layout: Layout, stage: &Stage) -> Bytes {
    if !model.online_quantization {
        return weights_per_gpu(model, layout, stage);
    }
    let layer = model.layer_parameters(layout.tensor_parallel);
    let layers = u64::from(stage.layers) * layer.numbers() * model.dtype.bytes();
    Bytes::new(layers + ends(model, layout, stage))
}

/// Weights of `stage` in the checkpoint [B]: every number once, however many ranks hold it, in the format of the file. An
/// embedding tied to the LM head is read by the first and the last stage.
///
/// It is what one GPU would hold of the stage before anything is converted, up to the rows that pad the vocabulary.
pub fn checkpoint_bytes(model: &Architecture, stage: &Stage) -> Bytes {
    online_load_peak_per_gpu(model, Layout { tensor_parallel: 1, pipeline_parallel: 1 }, stage)
}

/// Embedding, final norm and LM head of a stage [B].
fn ends(model: &Architecture, layout: Layout, stage: &Stage) -> u64 {
    let hidden = u64::from(model.hidden_size);
    let embedding = u64::from(model.padded_vocab()) / u64::from(layout.tensor_parallel) * hidden;
    let mut numbers = 0;
    if stage.first {
        numbers += embedding;
    }
    if stage.last {
        numbers += hidden;
        if !(stage.first && model.tied_embeddings) {
            numbers += embedding;
        }
    }
    numbers * model.dtype.bytes()
}

/// KV cache of one token on one GPU of `stage` [B]: keys and values of the stage's layers and the GPU's KV heads.
pub fn kv_bytes_per_token_per_gpu(model: &Architecture, layout: Layout, stage: &Stage, kv: KvDtype) -> u64 {
    let precision: Precision = kv.precision(model.dtype);
    let heads = u64::from(model.kv_heads_per_gpu(layout.tensor_parallel));
    u64::from(stage.layers) * heads * 2 * u64::from(model.head_dim) * precision.bytes()
}
