//! What one engine step runs, as far as its duration goes: the vocabulary between engine and timing.
//!
//! The engine makes a [`Batch`], timing says how long each stage is busy with it. It holds only what an engine can
//! keep in O(1) while thousands of requests run: counts and sums, never a list of running requests. Prefill chunks
//! are the exception, because a step has few of them.

/// How the forward pass is launched (vLLM's `CUDAGraphMode` as dispatched for one batch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphMode {
    /// One CUDA graph for the whole forward pass: a uniform decode batch of a captured size.
    Full,
    /// Graphs between the attention calls, attention itself launched: a mixed batch of a captured size.
    Piecewise,
    /// No graph: larger than the largest captured size, or `enforce_eager`.
    Eager,
}

/// A piece of a prompt computed in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// Query tokens computed now.
    pub tokens: u32,
    /// Tokens of the same request already in the KV cache before this chunk.
    pub context: u32,
}

/// One engine step. A chunk of a single token is a decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Query tokens scheduled: `decodes` + the tokens of `prefills`.
    pub tokens: u32,
    /// Tokens the GEMMs and all-reduces really process: `tokens` rounded up to the captured CUDA-graph size.
    pub padded_tokens: u32,
    /// How the step is launched.
    pub graph: GraphMode,
    /// Requests that compute one token.
    pub decodes: u32,
    /// Sum over the decodes of the tokens each attends to, its new one included.
    pub decode_context: u64,
    /// Sum over the decodes of KV tokens rounded up to whole blocks (what a paged kernel reads).
    pub decode_context_blocks: u64,
    /// Chunks of more than one token.
    pub prefills: Vec<Chunk>,
    /// Rows that go through the LM head and the sampler.
    pub sampled_rows: u32,
    /// A further pass of a batch that was scheduled for several: the engine core has nothing to do for it.
    pub continues: bool,
}

impl Batch {
    /// A batch that computes nothing: vLLM dispatches those too when a pipeline slot has no work.
    pub fn empty() -> Self {
        Self {
            tokens: 0,
            padded_tokens: 0,
            graph: GraphMode::Eager,
            decodes: 0,
            decode_context: 0,
            decode_context_blocks: 0,
            prefills: Vec::new(),
            sampled_rows: 0,
            continues: false,
        }
    }

    /// Whether no token is scheduled.
    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }
}
