//! What a step costs: hand-checked bytes, order relations, the choice of the all-reduce, and published step times.

use towtank::{
    batch::{Batch, Chunk, GraphMode},
    catalog::Catalog,
    hardware::{Gpu, Machine, Network, NetworkKind},
    model::{Architecture, LayerPrecision, Layout, Precision},
    timing::{
        AllReduce, AllReduceRules, Dimensions, ExecutorKind, Group, Kernels, LayerGroup, LocalLinks,
        Multipliers, NetworkSpec, Overheads, StageInputs, Timing, TimingInputs,
    },
    units::{Bytes, SimDuration, Version},
};

pub(crate) const LLAMA_405B: Dimensions = Dimensions {
    hidden: 16384,
    intermediate: 53248,
    heads: 128,
    kv_heads: 8,
    head_dim: 128,
    vocabulary: 128_256,
    norms: 2,
    qk_norm: false,
};
pub(crate) const LLAMA_70B: Dimensions = Dimensions {
    hidden: 8192,
    intermediate: 28672,
    heads: 64,
    kv_heads: 8,
    head_dim: 128,
    vocabulary: 128_256,
    norms: 2,
    qk_norm: false,
};

pub(crate) fn h100() -> Gpu {
    Gpu::read(&Catalog::builtin(), "H100-SXM5-80GB").unwrap()
}

/// A group whose stages are `tensor_parallel` consecutive GPUs of machines with eight.
pub(crate) fn inputs(
    model: Dimensions,
    weights: Precision,
    layers: &[u32],
    tensor_parallel: u32,
) -> TimingInputs {
    let catalog = Catalog::builtin();
    let version = Version::new(0, 33, 0);
    let stage = |(index, layers): (usize, &u32)| StageInputs {
        layers: vec![LayerGroup {
            layers: *layers,
            precision: LayerPrecision::uniform(weights),
            window: None,
        }],
        nodes: (0..tensor_parallel).map(|rank| (index as u32 * tensor_parallel + rank) / 8).collect(),
    };
    TimingInputs {
        model,
        kv_element_bytes: 2,
        stages: layers.iter().enumerate().map(stage).collect(),
        kernels: Kernels::of(&catalog, &h100()).unwrap(),
        links: LocalLinks::of(&catalog, "nvlink4-h100").unwrap(),
        network: NetworkSpec::new(&Network::read(&catalog, NetworkKind::Gvnic).unwrap(), 25e9),
        all_reduce: AllReduceRules::of(&catalog, 9.0, version, false).unwrap(),
        overheads: Overheads::of(&catalog, "vllm-v1", version, ExecutorKind::Mp).unwrap(),
        multipliers: Multipliers::ONE,
    }
}

pub(crate) fn decode(sequences: u32, context: u32) -> Batch {
    Batch {
        tokens: sequences,
        padded_tokens: sequences,
        graph: GraphMode::Full,
        decodes: sequences,
        decode_context: u64::from(sequences) * u64::from(context),
        decode_context_blocks: u64::from(sequences) * u64::from(context.next_multiple_of(16)),
        prefills: Vec::new(),
        sampled_rows: sequences,
        continues: false,
    }
}

pub(crate) fn prefill(tokens: u32, context: u32) -> Batch {
    Batch {
        tokens,
        padded_tokens: tokens,
        prefills: vec![Chunk { tokens, context }],
        sampled_rows: 1,
        ..Batch::empty()
    }
}

fn ms(duration: SimDuration) -> f64 {
    duration.as_millis_f64()
}

/// All stages and transfers of one batch, one after the other [ms].
fn pass(timing: &mut Timing, stages: usize, batch: &Batch) -> f64 {
    let busy: f64 = (0..stages).map(|stage| ms(timing.stage(stage, batch))).sum();
    busy + (1..stages).map(|boundary| ms(timing.transfer(boundary - 1, batch))).sum::<f64>()
}

#[test]
fn a_decode_step_reads_the_whole_blocks_of_every_sequence() {
    let mut two_stages = inputs(LLAMA_405B, Precision::Bf16, &[63, 63], 8);
    let batch = decode(16, 1500);
    // 1500 tokens are 94 blocks of 16; one KV head a GPU, keys and values of 128 elements of 2 B, 63 layers.
    let expected: u64 = 16 * 1504 * 512 * 63;
    assert_eq!(Timing::new(&two_stages).kv_bytes_read(0, &batch), Bytes::new(expected));
    two_stages.kv_element_bytes = 1;
    assert_eq!(Timing::new(&two_stages).kv_bytes_read(1, &batch), Bytes::new(expected / 2));
    // Sixteen ranks share eight KV heads: each keeps one, as eight ranks do.
    let wide = Timing::new(&inputs(LLAMA_405B, Precision::Bf16, &[126], 16));
    assert_eq!(wide.kv_bytes_read(0, &batch), Bytes::new(expected * 2));
}

#[test]
fn a_stage_hands_over_65536_bytes_a_token_of_405b() {
    let timing = Timing::new(&inputs(LLAMA_405B, Precision::Bf16, &[63, 63], 8));
    assert_eq!(timing.transfer_bytes(0, &decode(1, 100)), Bytes::new(65_536));
    assert_eq!(timing.transfer_bytes(0, &decode(128, 100)), Bytes::new(8 << 20));
    assert_eq!(timing.transfer_bytes(0, &prefill(8192, 0)), Bytes::new(512 << 20));
    // Three ranks do not divide 16384 elements: each sends everything.
    let odd = Dimensions { heads: 96, kv_heads: 6, ..LLAMA_405B };
    let whole = Timing::new(&inputs(odd, Precision::Bf16, &[63, 63], 3));
    assert_eq!(whole.transfer_bytes(0, &decode(1, 100)), Bytes::new(3 * 65_536));
}

#[test]
fn a_transfer_over_the_network_takes_as_long_as_its_card_needs() {
    let mut timing = Timing::new(&inputs(LLAMA_405B, Precision::Bf16, &[63, 63], 8));
    // 512 MiB at 4 GB/s a machine are 134 ms; the gather at the receiver adds 2 x (256 MiB at 368 GB/s) = 1.5 ms.
    let long = ms(timing.transfer(0, &prefill(8192, 0)));
    assert!((134.0..138.0).contains(&long), "{long} ms");
    // 70B on one machine, TP4 x PP2: 256 MiB over four NVLinks of 357 GB/s, well below one millisecond.
    let mut near = Timing::new(&inputs(LLAMA_70B, Precision::Bf16, &[40, 40], 4));
    let short = ms(near.transfer(0, &prefill(8192, 0)));
    assert!((0.5..1.5).contains(&short), "{short} ms");
    assert!(timing.token_return() > near.token_return());
}

#[test]
fn an_empty_batch_takes_no_time_on_the_gpus() {
    let mut timing = Timing::new(&inputs(LLAMA_405B, Precision::Bf16, &[63, 63], 8));
    assert_eq!(timing.stage(0, &Batch::empty()), SimDuration::ZERO);
    assert_eq!(timing.transfer(0, &Batch::empty()), SimDuration::ZERO);
    assert!(timing.host(&Batch::empty()) > SimDuration::ZERO);
}

#[test]
fn more_tokens_more_context_and_more_sequences_never_take_less() {
    let mut timing = Timing::new(&inputs(LLAMA_70B, Precision::Fp8, &[80], 8));
    let steps = |timing: &mut Timing, batches: Vec<Batch>| -> Vec<SimDuration> {
        batches.iter().map(|batch| timing.stage(0, batch) + timing.host(batch)).collect()
    };
    let sequences = steps(&mut timing, (1..=512).map(|n| decode(n, 1000)).collect());
    let contexts = steps(&mut timing, (1..400).map(|k| decode(64, k * 200)).collect());
    let chunks = steps(&mut timing, (1..200).map(|k| prefill(k * 41, 0)).collect());
    let prefixes = steps(&mut timing, (0..100).map(|k| prefill(512, k * 512)).collect());
    for (name, series) in
        [("sequences", sequences), ("contexts", contexts), ("chunks", chunks), ("prefixes", prefixes)]
    {
        let step_down = series.windows(2).position(|pair| pair[1] < pair[0]);
        // All-reduces get faster where vLLM changes the algorithm (64 MiB, between 4096 and 8192 tokens of 70B).
        assert!(step_down.is_none(), "{name}: falls at {step_down:?}");
    }
}

#[test]
fn answers_do_not_depend_on_what_was_asked_before() {
    let inputs = inputs(LLAMA_405B, Precision::Bf16, &[63, 63], 8);
    let mut warm = Timing::new(&inputs);
    for n in (1..300).rev() {
        warm.stage(1, &decode(n, 10 * n));
        warm.transfer(0, &decode(n, 10 * n));
    }
    for batch in [decode(7, 900), decode(256, 3000), prefill(2048, 100)] {
        assert_eq!(warm.stage(1, &batch), Timing::new(&inputs).stage(1, &batch));
        assert_eq!(warm.transfer(0, &batch), Timing::new(&inputs).transfer(0, &batch));
    }
}

#[test]
fn sixteen_ranks_across_plain_ethernet_are_far_slower_than_two_stages() {
    let batch = decode(16, 1500);
    let two_stages = pass(&mut Timing::new(&inputs(LLAMA_405B, Precision::Bf16, &[63, 63], 8)), 2, &batch);
    let wide = pass(&mut Timing::new(&inputs(LLAMA_405B, Precision::Bf16, &[126], 16)), 1, &batch);
    assert!(wide > 3.0 * two_stages, "TP16 {wide} ms, TP8 x PP2 {two_stages} ms");
    // 253 all-reduces of at least 0.4 ms.
    assert!(wide > 253.0 * 0.4, "{wide} ms");
}

#[test]
fn launching_without_a_graph_costs_only_where_the_gpu_would_wait() {
    let mut small = Timing::new(&inputs(LLAMA_70B, Precision::Fp8, &[80], 8));
    let eager = |tokens| Batch { graph: GraphMode::Eager, ..decode(tokens, 500) };
    assert!(small.stage(0, &eager(1)) > small.stage(0, &decode(1, 500)));
    let long = prefill(8192, 0);
    let graph = Batch { graph: GraphMode::Full, ..long.clone() };
    assert_eq!(small.stage(0, &long), small.stage(0, &graph));
}

#[test]
fn the_all_reduce_follows_the_size_table_of_the_release() {
    let catalog = Catalog::builtin();
    let rules = |version: &str| AllReduceRules::of(&catalog, 9.0, version.parse().unwrap(), false).unwrap();
    let token = 16384 * 2;
    let at = |rules: &AllReduceRules, tokens: u64| rules.choose(tokens * token, 8);
    let now = rules("0.33");
    assert_eq!([1, 32, 33].map(|n| at(&now, n)), [AllReduce::Fused, AllReduce::Fused, AllReduce::Symmetric]);
    assert_eq!([2048, 2049].map(|n| at(&now, n)), [AllReduce::Symmetric, AllReduce::Nccl]);
    let eager = AllReduceRules::of(&catalog, 9.0, Version::new(0, 33, 0), true).unwrap();
    assert_eq!([7, 8].map(|n| at(&eager, n)), [AllReduce::Custom, AllReduce::Symmetric]);
    // Before symmetric memory the custom kernel went up to 8 MiB, not included.
    let old = rules("0.8.5");
    assert_eq!([255, 256].map(|n| at(&old, n)), [AllReduce::Custom, AllReduce::Nccl]);
    assert_eq!(old.choose(1 << 20, 3), AllReduce::Nccl, "the custom kernel has no version for three ranks");
    assert_eq!(now.choose(1 << 30, 1), AllReduce::Alone);
    // On an A100 there is neither symmetric memory nor the fused kernel.
    let ampere = AllReduceRules::of(&catalog, 8.0, Version::new(0, 33, 0), false).unwrap();
    assert_eq!([255, 256].map(|n| at(&ampere, n)), [AllReduce::Custom, AllReduce::Nccl]);
}

#[test]
fn ray_and_old_engines_cost_more_host_time() {
    let catalog = Catalog::builtin();
    let of = |engine: &str, version: &str, executor| {
        Overheads::of(&catalog, engine, version.parse().unwrap(), executor).unwrap()
    };
    let (mp, ray) = (of("vllm-v1", "0.11", ExecutorKind::Mp), of("vllm-v1", "0.11", ExecutorKind::Ray));
    assert!(ray.dispatch > mp.dispatch && ray.remote_return > mp.remote_return);
    assert_eq!(
        of("vllm-v1", "0.33", ExecutorKind::Ray),
        of("vllm-v1", "0.33", ExecutorKind::Mp),
        "Ray uses vLLM's queue since 0.33"
    );
    // What published runs show: V0 spent more between the kernels of a layer, 0.5 more on each sequence.
    let [older, v0] = ["0.5.4", "0.6.3"].map(|version| of("vllm-v0", version, ExecutorKind::Mp));
    assert!(v0.core_step > mp.core_step && v0.layer > 3.0 * mp.layer, "{v0:?}");
    assert!(older.core_sequence > 1.5 * v0.core_sequence, "{older:?}");
    assert!(of("vllm-v0", "0.6.3", ExecutorKind::Ray).dispatch > ray.dispatch, "actors called one by one");
    // Its releases are no releases of vLLM: the engine decides before the version does.
    let tensorrt = of("tensorrt-llm", "1.0", ExecutorKind::Mpi);
    let all = tensorrt.core_step + tensorrt.worker_step + tensorrt.dispatch + tensorrt.local_return;
    assert!(all < 0.2 * (mp.core_step + mp.worker_step), "{all}");
}

/// Step times of a simpler model that was within 3 % of 58 published runs, its overheads left out.
#[test]
fn steps_are_as_long_as_published_runs_say() {
    let zero = |model, layers: &[u32]| {
        let mut inputs = inputs(model, Precision::Fp8, layers, 8);
        inputs.all_reduce.fused = false;
        inputs.overheads = Overheads { worker_step: 0.0, worker_sequence: 0.0, ..inputs.overheads };
        Timing::new(&inputs)
    };
    let bands = [
        (ms(zero(LLAMA_70B, &[80]).stage(0, &decode(16, 1500))), 7.7..=10.0),
        (ms(zero(LLAMA_405B, &[126]).stage(0, &decode(64, 2000))), 30.0..=36.0),
        (ms(zero(LLAMA_70B, &[80]).stage(0, &prefill(8192, 0))), 250.0..=330.0),
        (ms(zero(LLAMA_405B, &[126]).stage(0, &prefill(8192, 0))), 1000.0..=1300.0),
    ];
    for (index, (got, band)) in bands.into_iter().enumerate() {
        println!("{index}: {got:.2} ms in {band:?}");
        assert!(band.contains(&got), "step {index}: {got} ms is outside {band:?}");
    }
}

/// Timing of a catalogue model on catalogue machines.
fn placed(model: &str, machine: &str, network: NetworkKind, layout: Layout, nodes: &[u32]) -> TimingInputs {
    let catalog = Catalog::builtin();
    let group = Group {
        model: &Architecture::read(&catalog, model).unwrap(),
        layout,
        kv_cache: Precision::Bf16,
        engine: "vllm-v1",
        version: Version::new(0, 33, 0),
        vllm_rules: Version::new(0, 33, 0),
        executor: ExecutorKind::Ray,
        enforce_eager: false,
        machine: &Machine::read(&catalog, machine).unwrap(),
        network,
        nodes,
    };
    TimingInputs::new(&catalog, &group).unwrap()
}

#[test]
fn a_faster_network_between_the_stages_shortens_the_transfer_only() {
    let nodes: Vec<u32> = (0..16).map(|rank| rank / 8).collect();
    let layout = Layout { tensor_parallel: 8, pipeline_parallel: 2 };
    let of = |machine: &str, network| {
        let model = "meta-llama/Llama-3.1-405B-Instruct";
        Timing::new(&placed(model, machine, network, layout, &nodes))
    };
    let mut by_network = [
        of("a3-highgpu-8g", NetworkKind::Gvnic),
        of("a3-highgpu-8g", NetworkKind::GpudirectTcpx),
        of("a3-megagpu-8g", NetworkKind::GpudirectTcpxo),
    ];
    let long = by_network.each_mut().map(|timing| ms(timing.transfer(0, &prefill(8192, 0))));
    assert!(long[0] > 10.0 * long[1] && long[1] > 2.0 * long[2], "{long:?}");
    let busy = by_network.each_mut().map(|timing| timing.stage(0, &prefill(8192, 0)));
    assert!(busy[0] == busy[1] && busy[1] == busy[2]);
}

#[test]
fn the_published_fp8_checkpoint_is_between_bf16_and_fp8() {
    let layout = Layout { tensor_parallel: 8, pipeline_parallel: 1 };
    let model = "meta-llama/Llama-3.1-405B-Instruct-FP8";
    let inputs = placed(model, "a3-highgpu-8g", NetworkKind::Gvnic, layout, &[0; 8]);
    let layers: Vec<u32> = inputs.stages[0].layers.iter().map(|group| group.layers).collect();
    assert_eq!(layers, [1, 124, 1], "the first and the last layer stay BF16");
    let uniform =
        |precision| Timing::new(&self::inputs(LLAMA_405B, precision, &[126], 8)).stage(0, &decode(8, 500));
    let mixed = Timing::new(&inputs).stage(0, &decode(8, 500));
    assert!(uniform(Precision::Fp8) < mixed && mixed < uniform(Precision::Bf16));
}

#[test]
fn every_gpu_machine_of_the_catalogue_has_a_timing() {
    let catalog = Catalog::builtin();
    let layout = Layout { tensor_parallel: 1, pipeline_parallel: 1 };
    for machine in catalog.section("machines").unwrap().keys() {
        let model = "meta-llama/Llama-3.1-8B-Instruct";
        let mut timing = Timing::new(&placed(model, machine, NetworkKind::Gvnic, layout, &[0]));
        let step = ms(timing.stage(0, &decode(8, 500)));
        // 15 GB of weights at 0.3 to 8 TB/s.
        assert!((1.9..80.0).contains(&step), "{machine}: {step} ms");
    }
}

#[test]
fn a_users_catalogue_changes_the_answer() {
    let mut catalog = Catalog::builtin();
    let before = Overheads::of(&catalog, "vllm-v1", Version::new(0, 33, 0), ExecutorKind::Mp).unwrap();
    catalog.extend("mine", r#"{"engine_overheads": {"v1": {"core_step": {"value": 2000}}}}"#).unwrap();
    let after = Overheads::of(&catalog, "vllm-v1", Version::new(0, 33, 0), ExecutorKind::Mp).unwrap();
    assert!((after.core_step - 2e6).abs() < 1.0 && after.worker_step.total_cmp(&before.worker_step).is_eq());
}
