//! How a model is cut: pipeline stages of layers, tensor-parallel shards of each layer.

use super::{Architecture, Int4, ModelError, WeightFormat};
use crate::units::Version;

/// Tensor- and pipeline-parallel sizes. Ranks run tensor-parallel first: ranks 0 to TP-1 are stage 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// GPUs that share each layer.
    pub tensor_parallel: u32,
    /// Stages of consecutive layers.
    pub pipeline_parallel: u32,
}

impl Layout {
    /// GPUs of one engine.
    pub const fn gpus(self) -> u32 {
        self.tensor_parallel * self.pipeline_parallel
    }

    /// Checks that `model` can be cut so, in the order and words of vLLM.
    ///
    /// # Errors
    /// If heads, KV heads, the MLP or the vocabulary do not divide, or there are more stages than layers.
    pub fn check(self, model: &Architecture) -> Result<(), ModelError> {
        let tp = self.tensor_parallel;
        for (field, size) in
            [("tensor_parallel_size", tp), ("pipeline_parallel_size", self.pipeline_parallel)]
        {
            if size == 0 {
                return Err(ModelError::ZeroParallel { field });
            }
        }
        if !model.heads.is_multiple_of(tp) {
            return Err(ModelError::HeadsNotDivisible { heads: model.heads, tensor_parallel: tp });
        }
        let divides = |what, numerator: u32, denominator: u32| {
            if numerator.is_multiple_of(denominator) {
                Ok(())
            } else {
                Err(ModelError::NotDivisible { what, numerator, denominator })
            }
        };
        if model.kv_heads >= tp {
            divides("num_key_value_heads", model.kv_heads, tp)?;
        } else {
            divides("tensor_parallel_size over num_key_value_heads", tp, model.kv_heads)?;
        }
        divides("intermediate_size", model.intermediate_size, tp)?;
        divides("vocab_size padded to 64", model.padded_vocab(), tp)?;
        // Each GPU must hold whole groups of 4-bit weights (vLLM `verify_marlin_supports_shape`).
        for layer in &model.precision {
            let parts = [
                (layer.qkv, model.hidden_size),
                (layer.o, model.heads / tp * model.head_dim),
                (layer.gate_up, model.hidden_size),
                (layer.down, model.intermediate_size / tp),
            ];
            for (format, inputs) in parts {
                if let WeightFormat::Int4(Int4 { group_size: Some(size), .. }) = format {
                    divides("input_size_per_partition over group_size of the 4-bit weights", inputs, size)?;
                }
            }
        }
        if self.pipeline_parallel > model.layers {
            return Err(ModelError::MoreStagesThanLayers {
                pipeline_parallel: self.pipeline_parallel,
                layers: model.layers,
            });
        }
        Ok(())
    }
}

/// A pipeline rank: a run of layers, with the embedding on the first and norm and LM head on the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stage {
    /// Number of the stage, 0 first.
    pub index: u32,
    /// Its first layer.
    pub first_layer: u32,
    /// How many layers it has.
    pub layers: u32,
    /// Holds the embedding.
    pub first: bool,
    /// Holds the final norm, the LM head and the sampler.
    pub last: bool,
}

impl Stage {
    /// The stages of a layout, in order.
    pub fn all(model: &Architecture, layout: Layout, version: Version) -> Vec<Self> {
        let mut first_layer = 0;
        let parts = partition_layers(model.layers, layout.pipeline_parallel, version);
        let last = parts.len() - 1;
        let mut stages = Vec::with_capacity(parts.len());
        for (index, layers) in parts.into_iter().enumerate() {
            stages.push(Self {
                index: index as u32,
                first_layer,
                layers,
                first: index == 0,
                last: index == last,
            });
            first_layer += layers;
        }
        stages
    }
}

/// Layers of each pipeline stage (vLLM `distributed/utils.py`, `get_pp_indices`).
///
/// What does not divide goes one layer each to the stages before the last, from the back; the last never gets one,
/// the first only if all others have. Before 0.7 the last stage took the whole remainder (recalled).
pub fn partition_layers(layers: u32, stages: u32, version: Version) -> Vec<u32> {
    let (base, rest) = (layers / stages, layers % stages);
    let mut parts = vec![base; stages as usize];
    let last = parts.len() - 1;
    if version < Version::new(0, 7, 0) {
        parts[last] += rest;
    } else {
        // rest < stages, so it reaches back to stage 0 at most.
        for part in parts[..last].iter_mut().rev().take(rest as usize) {
            *part += 1;
        }
    }
    parts
}
