//! Published checkpoints, from configurations of our own in `tests/fixtures/models`: parameters, bytes, and what vLLM makes
//! of them.

use std::{fs, path::Path};

use towtank::{
    batch::{Batch, Chunk, GraphMode},
    catalog::Catalog,
    model::{Architecture, Layout, Stage, checkpoint_bytes, weights_per_gpu},
    scenario::ScenarioFile,
    timing::Timing,
    units::Version,
};

const ONE: Layout = Layout { tensor_parallel: 1, pipeline_parallel: 1 };

fn fixture(name: &str) -> Architecture {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(format!("{name}.json"));
    Architecture::from_config(name, &fs::read_to_string(file).unwrap()).unwrap()
}

fn close(found: u64, published: u64, name: &str) {
    let error = found as f64 / published as f64 - 1.0;
    assert!(error.abs() < 0.005, "{name}: {found}, published {published}: {error:+.4}");
}

fn bytes(model: &Architecture) -> u64 {
    let stages = Stage::all(model, ONE, Version::new(0, 33, 0));
    stages.iter().map(|stage| checkpoint_bytes(model, stage).get()).sum()
}

/// Parameters and `total_size` of the safetensors on Hugging Face, recalled; Gemma 3 without its vision tower.
#[test]
fn parameters_and_bytes_of_published_checkpoints() {
    for (name, parameters) in [
        ("mistral-7b-v0.3", 7_248_023_552),
        ("mistral-small-24b", 23_572_403_200),
        ("mistral-small-3.1-24b", 23_572_403_200),
        ("qwen2.5-7b", 7_615_616_512),
        ("qwen2.5-32b", 32_763_876_352),
        ("qwen2.5-72b", 72_706_203_648),
        ("qwen3-8b", 8_190_735_360),
        ("qwen3-32b", 32_762_123_264),
        ("gemma-7b", 8_537_680_896),
        ("gemma-2-9b", 9_241_705_984),
        ("gemma-2-27b", 27_227_128_320),
        ("gemma-3-27b", 27_009_002_240),
    ] {
        let model = fixture(name);
        close(model.parameters(), parameters, name);
        close(bytes(&model), 2 * parameters, name);
    }
    for (name, parameters) in [
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
        ("meta-llama/Llama-3.1-70B", 70_553_706_496),
        ("meta-llama/Llama-3.1-405B", 405_853_388_800),
    ] {
        let model = Architecture::read(&Catalog::builtin(), name).unwrap();
        close(model.parameters(), parameters, name);
        close(bytes(&model), 2 * parameters, name);
    }
}

/// Sizes of the files on Hugging Face, recalled to three digits. A file of symmetric GPTQ holds zero points too (half a byte
/// for 128 numbers), which vLLM drops.
#[test]
fn bytes_of_quantised_checkpoints() {
    for (name, published) in [
        ("llama-3.1-8b-awq", 5_730_000_000),
        ("llama-3.1-70b-awq", 39_770_000_000),
        ("qwen2.5-7b-awq", 5_570_000_000),
        ("qwen2.5-72b-gptq", 41_600_000_000 - 70_300_000_000 / 256),
        ("llama-3.1-8b-fp8", 9_080_000_000),
    ] {
        close(bytes(&fixture(name)), published, name);
    }
}

#[test]
fn a_gpu_must_hold_whole_groups_of_four_bit_weights() {
    let eight = Layout { tensor_parallel: 8, pipeline_parallel: 1 };
    assert!(eight.check(&fixture("qwen2.5-72b-gptq")).is_ok());
    let mut unpadded = fixture("qwen2.5-72b-gptq");
    unpadded.intermediate_size = 29_568;
    let error = eight.check(&unpadded).unwrap_err().to_string();
    assert_eq!(
        error,
        "input_size_per_partition over group_size of the 4-bit weights: 3696 is not divisible by 128"
    );
    let whole = Stage::all(&fixture("llama-3.1-8b-w4a16"), ONE, Version::new(0, 33, 0))[0];
    // Packed numbers, a 16-bit scale for each 128 of them; embedding, LM head and norms in BF16.
    let matrices = 6_979_321_856_u64;
    let rest = 2 * (2 * 128_256 * 4096 + 65 * 4096);
    let packed = matrices / 2 + matrices / 128 * 2 + rest;
    assert_eq!(weights_per_gpu(&fixture("llama-3.1-8b-w4a16"), ONE, &whole).get(), packed);
}

fn scenario(model: &str, engine: &str) -> Result<towtank::scenario::Resolved, String> {
    let yaml = format!(
        "name: t\nduration: 10s\nworkloads: [{{name: a, requests: [{{input_tokens: 10, output_tokens: 10}}]}}]\n\
         placements:\n  - name: p\n    node_pools: [{{name: a, machine: a3-highgpu-8g, nodes: 1}}]\n    \
         deployments: [{{name: d, node_pool: a, model: {model}, engine: {{{engine}}}, leaderworkerset: {{}}}}]\n"
    );
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    let file = ScenarioFile::parse("t.yaml", &yaml, &base, &[]).map_err(|error| error.to_string())?;
    file.resolve(&Catalog::builtin()).map_err(|error| error.to_string())
}

#[test]
fn a_context_beyond_the_window_needs_caches_that_go_on() {
    let error = |model, engine| scenario(model, engine).unwrap_err();
    let gemma = error("gemma-3-27b.json", "");
    assert!(
        gemma.contains(
            "131072 tokens, but layers of `gemma-3-27b.json` see the last 1024 only, and a KV cache that ends there is \
             not simulated: expected at most 1024, or `disable_hybrid_kv_cache_manager: true`, with which those layers \
             keep the whole context"
        ),
        "{gemma}"
    );
    let mistral = error("mistral-7b-v0.1.json", "disable_hybrid_kv_cache_manager: true");
    assert!(
        mistral.contains("is not simulated: expected at most 4096\n") || mistral.ends_with("at most 4096"),
        "{mistral}"
    );
    for (model, engine) in [
        ("gemma-3-27b.json", "disable_hybrid_kv_cache_manager: true, tensor_parallel_size: 2"),
        ("gemma-2-9b.json", "max_model_len: 4096"),
        ("mistral-7b-v0.1.json", "max_model_len: 4096"),
        ("mistral-7b-v0.3.json", ""),
    ] {
        let resolved = scenario(model, engine).unwrap();
        assert!(resolved.placements[0].deployments[0].memory.is_ok(), "{model}");
    }
}

fn decodes(count: u32, context: u64) -> Batch {
    let all = u64::from(count) * context;
    Batch {
        tokens: count,
        padded_tokens: count,
        graph: GraphMode::Full,
        decodes: count,
        decode_context: all,
        decode_context_blocks: all,
        sampled_rows: count,
        ..Batch::empty()
    }
}

fn timing(model: &str, engine: &str) -> Timing {
    Timing::new(&scenario(model, engine).unwrap().placements[0].deployments[0].timing)
}

#[test]
fn a_layer_with_a_window_reads_no_more_than_the_window() {
    let mut gemma =
        timing("gemma-3-27b.json", "disable_hybrid_kv_cache_manager: true, tensor_parallel_size: 2");
    let read = |batch: &Batch| gemma.kv_bytes_read(0, batch).get();
    // 52 of 62 layers see 1024 tokens; a GPU of two holds 8 KV heads of 128 elements, two bytes each.
    let (token, windowed, full) = (2 * 8 * 128 * 2, 52, 10);
    assert_eq!(read(&decodes(4, 1000)), 4 * 1000 * token * (windowed + full));
    assert_eq!(read(&decodes(4, 9000)), 4 * token * (1024 * windowed + 9000 * full));
    let mut time = |batch: &Batch| gemma.stage(0, batch).as_secs_f64();
    let growth = time(&decodes(64, 16_000)) - time(&decodes(64, 8000));
    let mut all = timing("qwen3-32b.json", "tensor_parallel_size: 2");
    let mut qwen = |batch: &Batch| all.stage(0, batch).as_secs_f64();
    let growth_of_all = qwen(&decodes(64, 16_000)) - qwen(&decodes(64, 8000));
    // Ten layers with eight KV heads a GPU against 64 with four.
    assert!((growth / growth_of_all / (80.0 / 256.0) - 1.0).abs() < 0.1, "{growth} {growth_of_all}");
    let chunk = |tokens, context| Batch {
        tokens,
        padded_tokens: tokens,
        prefills: vec![Chunk { tokens, context }],
        ..Batch::empty()
    };
    let (near, far) = (time(&chunk(512, 1024)), time(&chunk(512, 64_000)));
    assert!(far > near && far < 4.0 * near, "{near} {far}");
}

#[test]
fn four_bit_weights_are_read_as_such_and_computed_with_as_bf16() {
    let mut plain = timing("meta-llama/Llama-3.1-8B", "");
    let mut int4 = timing("llama-3.1-8b-w4a16.json", "");
    let (one, many) = (decodes(1, 100), decodes(512, 100));
    let few = int4.stage(0, &one).as_secs_f64() / plain.stage(0, &one).as_secs_f64();
    let full = int4.stage(0, &many).as_secs_f64() / plain.stage(0, &many).as_secs_f64();
    assert!((0.3..0.65).contains(&few), "{few}");
    assert!((0.75..=1.0).contains(&full), "{full}");
    let resolved = scenario("llama-3.1-8b-w4a16.json", "").unwrap();
    let error = &resolved.placements[0].model_error;
    assert_eq!(error.reasons, ["no row with 4-bit weights"]);
}
