//! Hugging Face configurations: what is read, and what is refused by name.

use serde_json::{Value, json};
use towtank::model::{Architecture, LayerPrecision, Precision};

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
         LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM)"
    );
    assert!(refused(&json!({"architectures": []})).contains("`architectures` names no class"));
    assert!(
        refused(&json!({"architectures": ["MistralForCausalLM"], "sliding_window": 4096}))
            .ends_with("sliding-window attention (`sliding_window`) is not simulated")
    );
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
    assert_eq!(some.precision[0], LayerPrecision { down: Precision::Bf16, ..fp8 });
    let fbgemm = json!({"quantization_config": {"quant_method": "fbgemm_fp8",
        "modules_to_not_convert": ["model.layers.0.self_attn", "model.layers.3"]}});
    let fbgemm = llama(&fbgemm).unwrap();
    assert_eq!(fbgemm.precision[0], LayerPrecision { qkv: Precision::Bf16, o: Precision::Bf16, ..fp8 });
    assert_eq!((fbgemm.precision[1], fbgemm.precision[3]), (fp8, bf16));
    let online = llama(&json!({})).unwrap().quantized_online();
    assert!(online.online_quantization && online.precision.iter().all(|layer| *layer == fp8));
    assert!(!all.quantized_online().online_quantization, "an FP8 checkpoint is what it is");
}

#[test]
fn quantisation_that_is_not_simulated_is_refused_by_name() {
    assert_eq!(
        refused(&json!({"quantization_config": {"quant_method": "awq"}})),
        "model `m`: quant_method `awq` (known: fp8, fbgemm_fp8, modelopt, compressed-tensors with 8-bit floats) is not \
         simulated"
    );
    assert!(refused(&compressed(&json!([]), 4)).contains("4-bit float weights"));
    assert!(
        refused(&compressed(&json!(["re:.*[qk]_proj"]), 8)).contains("the module pattern `re:.*[qk]_proj`")
    );
    assert!(refused(&compressed(&json!(["model.layers.2.self_attn.q_proj"]), 8)).contains("fused layer"));
    let block = json!({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}});
    assert!(refused(&block).contains("block-wise FP8"));
}
