//! Hugging Face configurations: what is read, and what is refused by name.

use serde_json::{Value, json};
use towtank::model::{Architecture, Int4, LayerPrecision, Precision, WeightFormat};

fn llama(change: &Value) -> Result<Architecture, String> {
    let mut config = json!({
        "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 4, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256,
        "max_position_embeddings": 131_072, "torch_dtype": "bfloat16"
    });
    for (key, value) in change.as_object().unwrap() {
        config[key] = value.clone();
    }
    Architecture::from_config("m", &config.to_string()).map_err(|error| error.to_string())
}

const BF16: WeightFormat = WeightFormat::Plain(Precision::Bf16);

fn refused(change: &Value) -> String {
    llama(change).unwrap_err()
}

#[test]
fn mixtures_of_experts_are_refused_by_name() {
    assert_eq!(
        refused(&json!({"architectures": ["MixtralForCausalLM"], "num_local_experts": 8})),
        "model `m`: MixtralForCausalLM is a mixture of experts (num_local_experts: 8); only dense models are \
         simulated"
    );
    for change in [
        json!({"architectures": ["Qwen3MoeForCausalLM"]}),
        json!({"architectures": ["DeepseekV3ForCausalLM"], "n_routed_experts": 256}),
        json!({"num_experts": 64}),
    ] {
        assert!(refused(&change).contains("is a mixture of experts"), "{change}");
    }
}

#[test]
fn unknown_classes_are_refused_with_the_nearest_known_one() {
    assert_eq!(
        refused(&json!({"architectures": ["LLaMAForCausalLM2"]})),
        "model `m`: architecture `LLaMAForCausalLM2` is not simulated; did you mean `LlamaForCausalLM`? (known: \
         LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, GemmaForCausalLM, Gemma2ForCausalLM, \
         Gemma3ForCausalLM, Gemma3ForConditionalGeneration, Mistral3ForConditionalGeneration)"
    );
    assert!(refused(&json!({"architectures": []})).contains("`architectures` names no class"));
}

#[test]
fn sizes_that_make_no_sense_are_refused_by_field() {
    assert!(refused(&json!({"hidden_size": 0})).contains("hidden_size: 0 is not a whole number"));
    assert!(refused(&json!({"num_hidden_layers": 1e18})).contains("num_hidden_layers"));
    assert!(refused(&json!({"vocab_size": "many"})).contains("vocab_size: \"many\""));
    assert!(refused(&json!({"intermediate_size": null})).contains("`intermediate_size` is missing"));
    assert!(
        refused(&json!({"num_key_value_heads": 5})).contains("is not divisible by num_key_value_heads 5")
    );
    assert!(refused(&json!({"torch_dtype": "int8"})).contains("torch_dtype: `int8`"));
    assert!(Architecture::from_config("m", "[1]").is_err() && Architecture::from_config("m", "{").is_err());
}

#[test]
fn shapes_of_other_dense_families_are_read() {
    let qwen3 = llama(&json!({"architectures": ["Qwen3ForCausalLM"], "head_dim": 64})).unwrap();
    assert!(qwen3.qk_norm && !qwen3.qkv_bias && qwen3.head_dim == 64);
    let qwen2 = llama(&json!({"architectures": ["Qwen2ForCausalLM"]})).unwrap();
    assert!(qwen2.qkv_bias && !qwen2.o_bias && qwen2.head_dim == 128);
    assert_eq!(llama(&json!({"num_key_value_heads": null})).unwrap().kv_heads, 32);
    assert_eq!(llama(&json!({"torch_dtype": "float32"})).unwrap().dtype, Precision::Fp16);
}

fn compressed(ignore: &Value, bits: u32) -> Value {
    json!({"quantization_config": {"quant_method": "compressed-tensors", "ignore": ignore, "config_groups":
        {"group_0": {"targets": ["Linear"], "weights": {"num_bits": bits, "type": "float"}}}}})
}

#[test]
fn quantisation_is_read_from_the_checkpoint() {
    let fp8 = LayerPrecision::uniform(Precision::Fp8);
    let bf16 = LayerPrecision::uniform(Precision::Bf16);
    let all = llama(&compressed(&json!(["lm_head"]), 8)).unwrap();
    assert!(all.precision.iter().all(|layer| *layer == fp8));
    let some = llama(&compressed(&json!(["lm_head", "model.layers.1", "re:.*down_proj"]), 8)).unwrap();
    assert_eq!(some.precision[1], bf16);
    assert_eq!(some.precision[0], LayerPrecision { down: BF16, ..fp8 });
    let fbgemm = json!({"quantization_config": {"quant_method": "fbgemm_fp8",
        "modules_to_not_convert": ["model.layers.0.self_attn", "model.layers.3"]}});
    let fbgemm = llama(&fbgemm).unwrap();
    assert_eq!(fbgemm.precision[0], LayerPrecision { qkv: BF16, o: BF16, ..fp8 });
    assert_eq!((fbgemm.precision[1], fbgemm.precision[3]), (fp8, bf16));
    let online = llama(&json!({})).unwrap().quantized_online();
    assert!(online.online_quantization && online.precision.iter().all(|layer| *layer == fp8));
    assert!(!all.quantized_online().online_quantization, "an FP8 checkpoint is what it is");
}

#[test]
fn quantisation_that_is_not_simulated_is_refused_by_name() {
    assert_eq!(
        refused(&json!({"quantization_config": {"quant_method": "bitsandbytes"}})),
        "model `m`: quant_method `bitsandbytes` (known: fp8, fbgemm_fp8, modelopt, awq, gptq, compressed-tensors with \
         8-bit floats or 4-bit integers) is not simulated"
    );
    assert!(refused(&compressed(&json!([]), 4)).contains("4-bit float weights"));
    assert!(
        refused(&compressed(&json!(["re:.*[qk]_proj"]), 8)).contains("the module pattern `re:.*[qk]_proj`")
    );
    assert!(refused(&compressed(&json!(["model.layers.2.self_attn.q_proj"]), 8)).contains("fused layer"));
    let block = json!({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}});
    assert!(refused(&block).contains("block-wise FP8"));
}

fn quantized(config: &Value) -> Result<Architecture, String> {
    llama(&json!({ "quantization_config": config }))
}

#[test]
fn four_bit_weights_of_every_tool_are_read() {
    let format = |config: Value| quantized(&config).unwrap().precision[0].qkv;
    let int4 = |group_size, zero_points| WeightFormat::Int4(Int4 { group_size, zero_points });
    let awq = json!({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true});
    assert_eq!(format(awq), int4(Some(128), true));
    let gptq = json!({"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": true, "desc_act": true});
    assert_eq!(format(gptq), int4(Some(32), false));
    assert_eq!(
        format(json!({"quant_method": "gptq", "bits": 4, "group_size": -1, "sym": false})),
        int4(None, true)
    );
    let weights =
        json!({"num_bits": 4, "type": "int", "symmetric": true, "strategy": "group", "group_size": 64});
    let group = json!({"targets": ["Linear"], "input_activations": null, "weights": weights});
    let packed = json!({"quant_method": "compressed-tensors", "ignore": ["lm_head", "re:.*down_proj"],
        "config_groups": {"group_0": group}});
    assert_eq!(format(packed.clone()), int4(Some(64), false));
    assert_eq!(quantized(&packed).unwrap().precision[0].down, BF16);
    // AWQ looks for the name anywhere in that of a module.
    let kept =
        json!({"quant_method": "awq", "bits": 4, "group_size": 128, "modules_to_not_convert": ["self_attn"]});
    let kept = quantized(&kept).unwrap().precision[2];
    assert_eq!((kept.qkv, kept.o, kept.down), (BF16, BF16, int4(Some(128), true)));
}

#[test]
fn four_bit_weights_that_are_not_simulated_are_refused_by_name() {
    for (config, message) in [
        (json!({"quant_method": "awq", "bits": 8}), "awq with 8 bits (only 4) is not simulated"),
        (json!({"quant_method": "gptq"}), "gptq with no stated bits (only 4) is not simulated"),
        (
            json!({"quant_method": "awq", "bits": 4, "group_size": 0}),
            "group_size: 0 is not -1 or a number from 8 to 65536",
        ),
        (
            json!({"quant_method": "gptq", "bits": 4, "lm_head": true}),
            "gptq with a quantised `lm_head` is not simulated",
        ),
        (
            json!({"quant_method": "gptq", "bits": 4, "dynamic": {"-:.*down.*": {}}}),
            "rules by module (`dynamic`) is not simulated",
        ),
        (
            json!({"quant_method": "compressed-tensors", "config_groups": {"g": {"targets": ["Linear"], "weights":
            {"num_bits": 4, "type": "int"}, "input_activations": {"num_bits": 8}}}}),
            "compressed-tensors g with 4-bit weights and quantised activations is not simulated",
        ),
        (
            json!({"quant_method": "compressed-tensors", "config_groups": {}}),
            "compressed-tensors without `config_groups`",
        ),
    ] {
        let error = quantized(&config).unwrap_err();
        assert!(error.ends_with(message), "{config}: {error}");
    }
}

#[test]
fn a_scaled_rotary_embedding_reaches_as_far_as_vllm_says() {
    let context = |scaling: Value| llama(&json!({"max_position_embeddings": 32768, "rope_scaling": scaling}));
    let reaches = |scaling| context(scaling).unwrap().max_position_embeddings;
    assert_eq!(reaches(json!(null)), 32_768);
    assert_eq!(reaches(json!({"rope_type": "llama3", "factor": 8.0})), 32_768);
    assert_eq!(reaches(json!({"type": "linear", "factor": 2.5})), 81_920);
    let yarn = json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192});
    assert_eq!(reaches(yarn), 32_768);
    let error = |scaling| context(scaling).unwrap_err();
    assert!(
        error(json!({"rope_type": "spiral"})).ends_with("rope scaling of the type `spiral` is not simulated")
    );
    assert!(error(json!({"rope_type": "linear", "factor": 0})).contains("`factor` gives no context"));
    assert!(error(json!({"factor": 2})).contains("`rope_type` is missing"));
}

#[test]
fn windows_follow_the_family_or_the_list_of_layers() {
    let windows = |change: &Value| llama(change).unwrap().windows;
    assert_eq!(windows(&json!({})), [None; 4]);
    let mistral = json!({"architectures": ["MistralForCausalLM"], "sliding_window": 4096});
    assert_eq!(windows(&mistral), [Some(4096); 4]);
    let gemma2 = json!({"architectures": ["Gemma2ForCausalLM"]});
    assert_eq!(windows(&gemma2), [Some(4096), None, Some(4096), None]);
    let gemma3 =
        json!({"architectures": ["Gemma3ForCausalLM"], "sliding_window": 512, "num_hidden_layers": 7});
    let gemma3 = windows(&gemma3);
    assert_eq!((gemma3[4], gemma3[5], gemma3[6]), (Some(512), None, Some(512)));
    let listed = json!({"sliding_window": 100, "layer_types":
        ["full_attention", "sliding_attention", "full_attention", "full_attention"]});
    assert_eq!(windows(&listed), [None, Some(100), None, None]);
    let qwen = json!({"architectures": ["Qwen2ForCausalLM"], "sliding_window": 4096});
    assert_eq!(windows(&qwen), [None; 4]);
    for (change, message) in [
        (
            json!({"architectures": ["Qwen2ForCausalLM"], "sliding_window": 9, "use_sliding_window": true}),
            "sliding-window attention (`use_sliding_window`) is not simulated",
        ),
        (json!({"layer_types": ["full_attention"]}), "layer_types: not a list of 4 layers"),
        (
            json!({"layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]}),
            "`sliding_attention` without a `sliding_window`",
        ),
        (
            json!({"sliding_window": 9, "layer_types": ["chunked_attention", "", "", ""]}),
            "attention of the type \"chunked_attention\" (`layer_types`) is not simulated",
        ),
    ] {
        let error = refused(&change);
        assert!(error.ends_with(message), "{error}");
    }
}

#[test]
fn the_text_part_of_a_multimodal_model_is_read_and_said_to_be_one() {
    let text = json!({"model_type": "mistral", "hidden_size": 1024, "intermediate_size": 4096, "head_dim": 64,
        "num_hidden_layers": 2, "num_attention_heads": 16, "vocab_size": 32000, "max_position_embeddings": 4096});
    let mut config = json!({"architectures": ["Mistral3ForConditionalGeneration"], "torch_dtype": "bfloat16",
        "text_config": text, "quantization_config": {"quant_method": "fp8", "activation_scheme": "dynamic",
            "ignored_layers": ["language_model.model.layers.0.mlp"]}});
    let read = |config: &Value| Architecture::from_config("m", &config.to_string());
    let model = read(&config).unwrap();
    assert_eq!(model.text_of.as_deref(), Some("Mistral3ForConditionalGeneration"));
    assert_eq!((model.dtype, model.kv_heads, model.precision[0].down), (Precision::Bf16, 16, BF16));
    assert_eq!(model.precision[1], LayerPrecision::uniform(Precision::Fp8));
    config["text_config"]["model_type"] = json!("mamba");
    assert!(
        read(&config)
            .unwrap_err()
            .to_string()
            .contains("`Mistral3ForConditionalGeneration` is not simulated")
    );
    config["architectures"] = json!(["LlavaForConditionalGeneration"]);
    assert!(
        read(&config).unwrap_err().to_string().contains("`LlavaForConditionalGeneration` is not simulated")
    );
}

#[test]
fn sizes_that_make_no_sense_together_are_refused() {
    let largest = 16_777_216;
    let all = json!({"hidden_size": largest, "intermediate_size": largest, "num_hidden_layers": largest,
        "num_attention_heads": largest, "num_key_value_heads": largest, "vocab_size": largest});
    assert!(refused(&all).contains("no model is so large"), "{}", refused(&all));
    let cache = json!({"num_hidden_layers": largest, "max_position_embeddings": largest});
    assert!(refused(&cache).contains("of KV cache for one request"), "{}", refused(&cache));
}
