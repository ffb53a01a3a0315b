//! Families of models: what each class has beyond its sizes, and what its configuration may leave out.

/// A class of models, as Hugging Face and vLLM implement it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// Its name in `architectures`.
    pub(super) class: &'static str,
    /// `model_type`, by which a multimodal model names the class of its text part.
    pub(super) model_type: &'static str,
    /// Query, key and value projections have biases.
    pub(super) qkv_bias: bool,
    /// Queries and keys are normalised by head.
    pub(super) qk_norm: bool,
    /// Norms of a layer over the whole residual.
    pub(super) norms: u32,
    /// `tie_word_embeddings` where it is left out.
    pub(super) tied: bool,
    /// What it computes does not fit float16, so vLLM takes bfloat16 where the checkpoint states neither.
    pub(super) needs_bf16: bool,
    /// Which layers `sliding_window` is about.
    pub(super) window: Window,
    /// Sizes where they are left out.
    pub(super) defaults: &'static [(&'static str, u32)],
}

/// Which layers see a sliding window only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// All, if `sliding_window` is stated.
    Every,
    /// None unless `use_sliding_window` is set, which is refused.
    Asked,
    /// All but each n-th; `sliding_window_pattern` says otherwise.
    AllButEach(u32),
}

const LLAMA: Family = Family {
    class: "LlamaForCausalLM",
    model_type: "llama",
    qkv_bias: false,
    qk_norm: false,
    norms: 2,
    tied: false,
    needs_bf16: false,
    window: Window::Every,
    defaults: &[],
};

const QWEN: Family = Family { window: Window::Asked, ..LLAMA };

const GEMMA: Family =
    Family { class: "GemmaForCausalLM", model_type: "gemma", tied: true, defaults: &GEMMA_DEFAULTS, ..LLAMA };

/// Defaults of `GemmaConfig`, `Gemma2Config` and `Gemma3TextConfig` of transformers (recalled): published files of Gemma
/// leave some of them out.
const GEMMA_DEFAULTS: [(&str, u32); 3] =
    [("head_dim", 256), ("vocab_size", 256_000), ("max_position_embeddings", 8192)];
const GEMMA2_DEFAULTS: [(&str, u32); 4] =
    [("head_dim", 256), ("vocab_size", 256_000), ("max_position_embeddings", 8192), ("sliding_window", 4096)];
const GEMMA3_DEFAULTS: [(&str, u32); 6] = [
    ("head_dim", 256),
    ("num_attention_heads", 8),
    ("num_key_value_heads", 4),
    ("vocab_size", 262_208),
    ("max_position_embeddings", 131_072),
    ("sliding_window", 4096),
];

/// Classes that are simulated.
const KNOWN: [Family; 7] = [
    LLAMA,
    Family { class: "MistralForCausalLM", model_type: "mistral", ..LLAMA },
    Family { class: "Qwen2ForCausalLM", model_type: "qwen2", qkv_bias: true, ..QWEN },
    Family { class: "Qwen3ForCausalLM", model_type: "qwen3", qk_norm: true, ..QWEN },
    GEMMA,
    Family {
        class: "Gemma2ForCausalLM",
        model_type: "gemma2",
        norms: 4,
        needs_bf16: true,
        window: Window::AllButEach(2),
        defaults: &GEMMA2_DEFAULTS,
        ..GEMMA
    },
    Family {
        class: "Gemma3ForCausalLM",
        model_type: "gemma3_text",
        norms: 4,
        qk_norm: true,
        needs_bf16: true,
        window: Window::AllButEach(6),
        defaults: &GEMMA3_DEFAULTS,
        ..GEMMA
    },
];

/// Multimodal classes of which the text part is read.
pub(super) const WRAPPERS: [&str; 2] = ["Gemma3ForConditionalGeneration", "Mistral3ForConditionalGeneration"];

impl Family {
    /// The family of a class.
    pub(super) fn of_class(class: &str) -> Option<Self> {
        KNOWN.into_iter().find(|family| family.class == class)
    }

    /// The family of a `model_type`.
    pub(super) fn of_model_type(model_type: &str) -> Option<Self> {
        KNOWN.into_iter().find(|family| family.model_type == model_type)
    }

    /// Every class that is read.
    pub(super) fn classes() -> impl Iterator<Item = &'static str> {
        KNOWN.into_iter().map(|family| family.class).chain(WRAPPERS)
    }

    /// A size that a configuration may leave out.
    pub(super) fn default(&self, field: &str) -> Option<u32> {
        self.defaults.iter().find(|(name, _)| *name == field).map(|(_, size)| *size)
    }
}
