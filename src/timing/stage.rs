//! Time of one stage.
//!
//! A stage runs its layers, of which everything but attention depends on the padded number of tokens only, then, if it
//! is the last, the LM head for the sampled rows. The GPUs wait for the CPU where launching a layer takes longer than
//! running it.

use std::borrow::Cow;

use super::{
    AllReduce, Attention, AttentionShape, Gemm, LayerGroup, Multipliers, Overheads, TimingInputs,
    collective::Collectives, network::Spread,
};
use crate::batch::{Batch, GraphMode};
use crate::model::{Precision, WeightFormat};

/// vLLM pads the vocabulary to a multiple of this (`vocab_parallel_embedding.py`).
const VOCABULARY_PAD: u32 = 64;
/// Bytes of a BF16 element.
const BF16: f64 = 2.0;

/// Values by a small index, computed when first asked for.
#[derive(Clone, Debug)]
pub(super) struct Table<T>(Vec<Option<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Table<T> {
    /// The value at `index`.
    #[inline]
    pub(super) fn get(&mut self, index: u32, compute: impl FnOnce(f64) -> T) -> T {
        match self.0.get(index as usize) {
            Some(Some(value)) => *value,
            _ => self.fill(index, compute(f64::from(index))),
        }
    }

    #[cold]
    fn fill(&mut self, index: u32, value: T) -> T {
        let index = index as usize;
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = Some(value);
        value
    }
}

/// Time of the GPUs of a stage, by what keeps them busy [ns].
#[derive(Clone, Copy, Debug)]
struct Busy {
    /// Computing.
    compute: f64,
    /// Collectives.
    network: f64,
}

/// A stage with what it has computed so far.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    costs: Costs,
    attention: Attention,
    attention_shape: AttentionShape,
    layers: f64,
    /// Layers by how many tokens back they see.
    windows: Vec<(f64, Option<u32>)>,
    multipliers: Multipliers,
    by_tokens: Table<Busy>,
    by_rows: Table<Busy>,
}

impl Stage {
    /// Stage `index` of a group.
    pub(super) fn new(inputs: &TimingInputs, index: usize) -> Self {
        let costs = Costs::new(inputs, index);
        let layers = costs.layers.iter().map(|group| f64::from(group.layers)).sum();
        let windows = by_window(&costs.layers);
        let attention = attention(inputs);
        let attention_shape = costs.shape.attention(inputs.kv_element_bytes);
        let (by_tokens, by_rows) = (Table::default(), Table::default());
        Self {
            costs,
            attention,
            attention_shape,
            layers,
            windows,
            multipliers: inputs.multipliers,
            by_tokens,
            by_rows,
        }
    }

    /// Busy time for a batch that is not empty [ns].
    pub(super) fn time(&mut self, batch: &Batch, overheads: &Overheads) -> f64 {
        let costs = &self.costs;
        let Busy { mut compute, mut network } =
            self.by_tokens.get(batch.padded_tokens, |tokens| costs.tokens(tokens));
        for (layers, window) in &self.windows {
            compute += layers * self.attention.time_within(&self.attention_shape, batch, *window);
        }
        if costs.last && batch.sampled_rows > 0 {
            let rows = self.by_rows.get(batch.sampled_rows, |rows| costs.rows(rows));
            compute += rows.compute;
            network += rows.network;
        }
        compute += self.layers * overheads.layer;
        let gpu = self.multipliers.compute(batch) * compute + self.multipliers.network * network;
        let launch = match batch.graph {
            GraphMode::Full => 0.0,
            GraphMode::Piecewise => self.layers * overheads.piecewise_layer,
            GraphMode::Eager => self.layers * overheads.eager_layer,
        };
        let sequences = f64::from(batch.decodes) + batch.prefills.len() as f64;
        gpu.max(launch) + overheads.worker_step + overheads.worker_sequence * sequences
    }

    /// The collectives of the stage's ranks.
    pub(super) fn collectives(&self) -> &Collectives {
        &self.costs.collectives
    }

    /// KV bytes one GPU reads for the decodes of a batch.
    pub(super) fn streamed(&self, batch: &Batch) -> f64 {
        let streamed = |(layers, window): &(f64, _)| layers * self.attention_shape.streamed(batch, *window);
        self.windows.iter().map(streamed).sum()
    }
}

/// Numbers of layers by how many tokens back they see.
fn by_window(groups: &[LayerGroup]) -> Vec<(f64, Option<u32>)> {
    let mut windows: Vec<(f64, Option<u32>)> = Vec::new();
    for group in groups {
        let layers = f64::from(group.layers);
        match windows.iter_mut().find(|(_, window)| *window == group.window) {
            Some((sum, _)) => *sum += layers,
            None => windows.push((layers, group.window)),
        }
    }
    windows
}

/// Widths on one GPU.
#[derive(Clone, Debug)]
struct Shape {
    hidden: f64,
    /// Query heads times head size.
    query: f64,
    /// KV heads times head size.
    kv: f64,
    kv_heads: f64,
    intermediate: f64,
    /// Rows of the embedding and of the LM head.
    vocabulary: f64,
    /// Padded vocabulary of all ranks.
    all_vocabulary: f64,
    /// Norms over the residual.
    norms: f64,
    /// Numbers of queries and keys that are normalised.
    qk_norm: f64,
}

impl Shape {
    fn new(inputs: &TimingInputs, ranks: u32) -> Self {
        let model = &inputs.model;
        let head_dim = f64::from(model.head_dim);
        // With more ranks than KV heads, each rank holds a copy of one.
        let kv_heads = f64::from((model.kv_heads / ranks).max(1));
        let all_vocabulary = f64::from(model.vocabulary.next_multiple_of(VOCABULARY_PAD));
        let ranks = f64::from(ranks);
        let (query, kv) = (f64::from(model.heads) / ranks * head_dim, kv_heads * head_dim);
        Self {
            hidden: f64::from(model.hidden),
            query,
            kv,
            kv_heads,
            intermediate: f64::from(model.intermediate) / ranks,
            vocabulary: all_vocabulary / ranks,
            all_vocabulary,
            norms: f64::from(model.norms),
            qk_norm: if model.qk_norm { query + kv } else { 0.0 },
        }
    }

    fn attention(&self, kv_element_bytes: u32) -> AttentionShape {
        AttentionShape {
            query_width: self.query,
            kv_heads: self.kv_heads,
            kv_bytes: 2.0 * self.kv * f64::from(kv_element_bytes),
        }
    }
}

/// What decides the times that the tables keep.
#[derive(Clone, Debug)]
struct Costs {
    shape: Shape,
    layers: Vec<LayerGroup>,
    first: bool,
    last: bool,
    gemm_bf16: Gemm,
    gemm_fp8: Gemm,
    elementwise: f64,
    sampling_floor: f64,
    sampling_bytes: f64,
    collectives: Collectives,
}

impl Costs {
    fn new(inputs: &TimingInputs, index: usize) -> Self {
        let stage = &inputs.stages[index];
        let kernels = &inputs.kernels;
        let spread = Spread::of(&stage.nodes);
        Self {
            shape: Shape::new(inputs, spread.ranks),
            layers: stage.layers.clone(),
            first: index == 0,
            last: index + 1 == inputs.stages.len(),
            gemm_bf16: kernels.gemm_bf16.clone(),
            gemm_fp8: kernels.gemm_fp8.quantizing(inputs.overheads.fp8_quantization),
            elementwise: kernels.elementwise,
            sampling_floor: kernels.sampling_floor,
            sampling_bytes: kernels.sampling_bytes,
            collectives: Collectives {
                rules: inputs.all_reduce.clone(),
                links: inputs.links.clone(),
                network: inputs.network.clone(),
                spread,
            },
        }
    }

    /// All that depends on the number of tokens only.
    fn tokens(&self, tokens: f64) -> Busy {
        let shape = &self.shape;
        let bytes = tokens * shape.hidden * BF16;
        let all_reduce = self.collectives.all_reduce(bytes);
        let fused = self.collectives.choose(bytes) == AllReduce::Fused;
        let elementwise = self.elementwise_time(tokens, fused);
        let (mut compute, mut all_reduces) = (0.0, 0.0);
        for group in &self.layers {
            let layers = f64::from(group.layers);
            compute += layers * (self.products(*group, tokens) + elementwise);
            all_reduces += 2.0 * layers;
        }
        if self.first {
            // Tokens are looked up, one read and one write each, and the ranks' parts added.
            compute += 2.0 * bytes / self.elementwise;
            all_reduces += 1.0;
        }
        Busy { compute, network: all_reduces * all_reduce }
    }

    /// The four products of a layer [ns].
    fn products(&self, group: LayerGroup, tokens: f64) -> f64 {
        let shape = &self.shape;
        let time = |format, n, k| self.gemm(format).time(tokens, n, k);
        time(group.precision.qkv, shape.query + 2.0 * shape.kv, shape.hidden)
            + time(group.precision.o, shape.hidden, shape.query)
            + time(group.precision.gate_up, 2.0 * shape.intermediate, shape.hidden)
            + time(group.precision.down, shape.hidden, shape.intermediate)
    }

    /// FP16 runs as BF16 does. Nobody serves FP32, which vLLM allows: it is taken for BF16 too. 4-bit weights are read as
    /// such and widened on the way, by a kernel that is otherwise taken to be as good as that of BF16.
    fn gemm(&self, format: WeightFormat) -> Cow<'_, Gemm> {
        match format {
            WeightFormat::Plain(Precision::Fp8) => Cow::Borrowed(&self.gemm_fp8),
            WeightFormat::Plain(Precision::Bf16 | Precision::Fp16 | Precision::Fp32) => {
                Cow::Borrowed(&self.gemm_bf16)
            }
            WeightFormat::Int4(int4) => {
                Cow::Owned(Gemm { weight_bytes: int4.bytes_per_number(), ..self.gemm_bf16.clone() })
            }
        }
    }

    /// Norms, rotary embedding, activation and cache writes of a layer [ns].
    fn elementwise_time(&self, tokens: f64, fused: bool) -> f64 {
        let shape = &self.shape;
        // A norm reads and writes both the tensor and the residual; an all-reduce takes one with it.
        let norms = 4.0 * (if fused { shape.norms - 2.0 } else { shape.norms }) * shape.hidden;
        let norms = norms + 2.0 * shape.qk_norm;
        let rotary = 2.0 * (shape.query + shape.kv);
        let cache = 4.0 * shape.kv;
        let activation = 3.0 * shape.intermediate;
        tokens * BF16 * (norms + rotary + cache + activation) / self.elementwise
    }

    /// Final norm, LM head, gathering the logits and sampling.
    fn rows(&self, rows: f64) -> Busy {
        let shape = &self.shape;
        let norm = 4.0 * rows * shape.hidden * BF16 / self.elementwise;
        let head = self.gemm_bf16.time(rows, shape.vocabulary, shape.hidden);
        let gather = self.collectives.all_gather(rows * shape.all_vocabulary * BF16);
        let sampled = rows * shape.all_vocabulary * self.sampling_bytes / self.elementwise;
        Busy { compute: norm + head + self.sampling_floor + sampled, network: gather }
    }
}

fn attention(inputs: &TimingInputs) -> Attention {
    let kernels = &inputs.kernels;
    if inputs.kv_element_bytes != 1 {
        return kernels.bf16_kv.clone();
    }
    let mut attention = kernels.fp8_kv.clone();
    attention.decode.memory /= inputs.overheads.fp8_kv_stream;
    attention
}
