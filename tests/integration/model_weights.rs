//! Parameters, bytes of weights and of KV cache, to the byte, next to vLLM's own arithmetic.

use towtank::{
    catalog::Catalog,
    model::{
        Architecture, KvDtype, Layout, Precision, Stage, WeightFormat, checkpoint_bytes,
        kv_bytes_per_token_per_gpu, partition_layers, weights_per_gpu,
    },
    units::Version,
};

const V33: Version = Version::new(0, 33, 0);

fn model(name: &str) -> Architecture {
    Architecture::read(&Catalog::builtin(), name).unwrap()
}

const fn layout(tensor_parallel: u32, pipeline_parallel: u32) -> Layout {
    Layout { tensor_parallel, pipeline_parallel }
}

fn stages(model: &Architecture, layout: Layout) -> Vec<u64> {
    layout.check(model).unwrap();
    Stage::all(model, layout, V33).iter().map(|stage| weights_per_gpu(model, layout, stage).get()).collect()
}

#[test]
fn parameter_counts_are_those_published() {
    for (name, parameters) in [
        ("meta-llama/Llama-3.1-405B-Instruct", 405_853_388_800),
        ("meta-llama/Llama-3.1-405B-Instruct-FP8", 405_853_388_800),
        ("meta-llama/Llama-3.1-70B-Instruct", 70_553_706_496),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("meta-llama/Llama-2-70b-chat-hf", 68_976_648_192),
    ] {
        assert_eq!(model(name).parameters(), parameters, "{name}");
    }
    // Every entry says its own count, and it is the one its shape gives.
    let catalog = Catalog::builtin();
    for name in catalog.section("models").unwrap().keys() {
        let facts = catalog.facts("models", name).unwrap();
        let stated = facts.iter().find(|fact| fact.path == "parameters").unwrap();
        assert_eq!(stated.fact.value, model(name).parameters(), "{name}");
    }
}

/// Whole model, then for each layout the first and, where it differs, a middle stage: from vLLM's sharding rules.
struct Row {
    model: &'static str,
    total: u64,
    layouts: &'static [((u32, u32), &'static [u64])],
}

const TABLE: [Row; 7] = [
    Row {
        model: "meta-llama/Llama-3.1-405B-Instruct",
        total: 811_706_777_600,
        layouts: &[
            ((8, 1), &[101_470_601_216]),
            ((8, 2), &[50_735_284_224, 50_735_316_992]),
            ((8, 4), &[25_231_818_752, 25_503_465_472, 25_503_465_472, 25_231_851_520]),
            ((16, 1), &[51_267_928_064]),
            ((4, 2), &[101_466_439_680]),
        ],
    },
    Row {
        model: "RedHatAI/Meta-Llama-3.1-405B-Instruct-FP8",
        total: 410_060_226_560,
        layouts: &[
            ((8, 1), &[51_264_782_336]),
            ((8, 2), &[25_632_374_784]),
            ((8, 4), &[12_879_593_472, 12_752_781_312]),
            ((16, 1), &[25_900_777_472]),
            ((4, 2), &[51_260_620_800]),
            ((4, 1), &[102_521_274_368]),
        ],
    },
    Row {
        model: "meta-llama/Llama-3.1-405B-Instruct-FP8",
        total: 487_168_311_296,
        layouts: &[
            ((8, 1), &[60_903_292_928]),
            ((8, 2), &[30_451_630_080]),
            ((8, 4), &[15_417_147_392, 15_034_482_688]),
            ((16, 1), &[30_984_273_920]),
            ((4, 2), &[60_899_131_392]),
        ],
    },
    Row {
        model: "meta-llama/Llama-3.1-70B-Instruct",
        total: 141_107_412_992,
        layouts: &[
            ((8, 1), &[17_640_734_720]),
            ((8, 2), &[8_820_359_168]),
            ((8, 4), &[4_541_513_728, 4_278_845_440]),
            ((16, 1), &[8_989_458_432]),
            ((4, 2), &[17_639_407_616]),
            ((4, 1), &[35_278_831_616]),
        ],
    },
    Row {
        model: "RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8",
        total: 72_656_371_712,
        layouts: &[
            ((8, 1), &[9_084_354_560]),
            ((8, 2), &[4_542_169_088]),
            ((8, 4), &[2_402_418_688, 2_139_750_400]),
            ((16, 1), &[4_627_382_272]),
            ((4, 2), &[9_083_027_456]),
            ((4, 1), &[18_166_071_296]),
        ],
    },
    Row {
        model: "meta-llama/Llama-3.1-8B-Instruct",
        total: 16_060_522_496,
        layouts: &[
            ((8, 1), &[2_008_031_232]),
            ((8, 2), &[1_004_011_520]),
            ((16, 1), &[1_037_836_288]),
            ((4, 2), &[2_007_760_896]),
            ((4, 1), &[4_015_529_984]),
        ],
    },
    Row {
        model: "RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8",
        total: 9_081_200_640,
        layouts: &[
            ((8, 1), &[1_135_616_000]),
            ((8, 2), &[567_803_904]),
            ((16, 1), &[584_851_456]),
            ((4, 2), &[1_135_345_664]),
            ((4, 1), &[2_270_699_520]),
        ],
    },
];

#[test]
fn weights_per_gpu_are_vllms_to_the_byte() {
    for row in &TABLE {
        let model = model(row.model);
        assert_eq!(stages(&model, layout(1, 1)), [row.total], "{}", row.model);
        for ((tp, pp), expected) in row.layouts {
            let found = stages(&model, layout(*tp, *pp));
            assert_eq!(&found[..expected.len()], *expected, "{} TP{tp} PP{pp}", row.model);
        }
    }
}

#[test]
fn a_tied_embedding_is_held_once_by_one_stage_and_twice_by_two() {
    let text = r#"{"architectures": ["Qwen2ForCausalLM"], "hidden_size": 896, "intermediate_size": 4864,
        "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936,
        "max_position_embeddings": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
        "use_sliding_window": false, "sliding_window": 32768}"#;
    let model = Architecture::from_config("qwen", text).unwrap();
    assert_eq!(model.parameters(), 494_032_768); // Qwen2.5-0.5B, biases included
    let whole = stages(&model, layout(1, 1));
    assert_eq!(whole, [2 * 494_032_768]);
    let halves = stages(&model, layout(1, 2));
    assert_eq!(halves.iter().sum::<u64>(), whole[0] + 2 * 151_936 * 896);
}

#[test]
fn a_checkpoint_holds_every_number_once_in_its_own_format() {
    let stages = |model: &Architecture, pp| -> Vec<u64> {
        let stages = Stage::all(model, layout(8, pp), V33);
        stages.iter().map(|stage| checkpoint_bytes(model, stage).get()).collect()
    };
    let l405 = model("meta-llama/Llama-3.1-405B-Instruct");
    let halves = stages(&l405, 2);
    assert!(halves.iter().all(|half| (404e9..407e9).contains(&(*half as f64))), "{halves:?}");
    assert_eq!(halves.iter().sum::<u64>(), 2 * l405.parameters());
    assert_eq!(stages(&l405, 1), [2 * l405.parameters()]);
    // Ranks share norms, and sixteen of them eight KV heads: GPUs hold more than the file has.
    let whole = Stage::all(&l405, layout(16, 1), V33)[0];
    assert!(16 * weights_per_gpu(&l405, layout(16, 1), &whole).get() > 2 * l405.parameters());
    // What becomes FP8 while loading is read in BF16; an FP8 checkpoint is FP8.
    let online = l405.clone().quantized_online();
    assert_eq!(stages(&online, 2), halves);
    assert_eq!(stages(&model("meta-llama/Llama-3.1-405B-Instruct-FP8"), 1), [487_168_311_296]);
}

#[test]
fn layers_are_dealt_as_vllm_deals_them() {
    for (layers, stages, expected) in [
        (126, 1, vec![126]),
        (126, 2, vec![63, 63]),
        (126, 3, vec![42, 42, 42]),
        (126, 4, vec![31, 32, 32, 31]),
        (126, 8, vec![15, 16, 16, 16, 16, 16, 16, 15]),
        (80, 3, vec![27, 27, 26]),
        (3, 2, vec![2, 1]),
        (5, 3, vec![2, 2, 1]),
        (4, 3, vec![1, 2, 1]),
    ] {
        assert_eq!(partition_layers(layers, stages, V33), expected, "{layers} layers over {stages}");
    }
    assert_eq!(partition_layers(126, 4, Version::new(0, 6, 3)), [31, 31, 31, 33]);
}

#[test]
fn kv_bytes_count_layers_of_the_stage_and_heads_of_the_gpu() {
    let bytes = |name: &str, tp, pp, kv| {
        let model = model(name);
        let layout = layout(tp, pp);
        kv_bytes_per_token_per_gpu(&model, layout, &Stage::all(&model, layout, V33)[0], kv)
    };
    let l405 = "meta-llama/Llama-3.1-405B-Instruct";
    assert_eq!(bytes(l405, 8, 1, KvDtype::Auto), 64_512);
    assert_eq!(bytes(l405, 8, 2, KvDtype::Auto), 32_256);
    assert_eq!(bytes(l405, 16, 1, KvDtype::Auto), 64_512); // 8 KV heads on 16 GPUs: replicated
    assert_eq!(bytes(l405, 8, 1, KvDtype::Fp8), 32_256);
    let l70 = "meta-llama/Llama-3.1-70B-Instruct";
    assert_eq!(bytes(l70, 8, 1, KvDtype::Auto), 40_960);
    assert_eq!(bytes(l70, 4, 1, KvDtype::Auto), 81_920);
    assert_eq!(bytes(l70, 1, 1, KvDtype::Auto), 327_680);
    assert_eq!(bytes("meta-llama/Llama-3.1-8B", 1, 1, KvDtype::Auto), 131_072);
    assert_eq!(bytes("meta-llama/Llama-3.1-8B", 8, 1, KvDtype::Auto), 16_384);
}

#[test]
fn metas_405b_fp8_keeps_attention_and_the_outer_layers_in_bf16() {
    let model = model("meta-llama/Llama-3.1-405B-Instruct-FP8");
    for (layer, mlp) in
        [(0, Precision::Bf16), (1, Precision::Fp8), (124, Precision::Fp8), (125, Precision::Bf16)]
    {
        let precision = model.precision[layer];
        let (bf16, mlp) = (WeightFormat::Plain(Precision::Bf16), WeightFormat::Plain(mlp));
        assert_eq!(precision.formats(), [bf16, bf16, mlp, mlp], "layer {layer}");
    }
}

#[test]
fn a_layout_that_does_not_divide_is_refused_in_vllms_words() {
    let refuse = |name: &str, tp, pp| layout(tp, pp).check(&model(name)).unwrap_err().to_string();
    let l70 = "meta-llama/Llama-3.1-70B-Instruct";
    assert_eq!(
        refuse(l70, 3, 1),
        "Total number of attention heads (64) must be divisible by tensor parallel size (3)."
    );
    assert_eq!(refuse(l70, 64, 81), "pipeline_parallel_size (81) is larger than the number of layers (80)");
    assert_eq!(refuse(l70, 0, 1), "tensor_parallel_size must be at least 1");
}

#[test]
fn the_context_is_the_models_unless_a_shorter_one_is_asked_for() {
    let model = model("meta-llama/Llama-2-70b-hf");
    assert_eq!((model.max_model_len(None), model.max_model_len(Some(1000))), (Ok(4096), Ok(1000)));
    assert_eq!(
        model.max_model_len(Some(8192)).unwrap_err().to_string(),
        "User-specified max_model_len (8192) is greater than the derived max_model_len \
         (max_position_embeddings=4096 or model_max_length=None in model's config.json)."
    );
}
