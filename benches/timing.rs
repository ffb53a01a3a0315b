//! What asking for the durations of a step costs: decode batches of 16 to 1,024 sequences, a chunked prefill, and the
//! first question about a token count.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use towtank::batch::{Batch, Chunk, GraphMode};
use towtank::catalog::Catalog;
use towtank::hardware::{Machine, NetworkKind};
use towtank::model::{Architecture, Layout, Precision};
use towtank::timing::{ExecutorKind, Group, Timing, TimingInputs};
use towtank::units::Version;

fn two_stages() -> Timing {
    let catalog = Catalog::builtin();
    let nodes: Vec<u32> = (0..16).map(|rank| rank / 8).collect();
    let group = Group {
        model: &Architecture::read(&catalog, "meta-llama/Llama-3.1-405B-Instruct").unwrap(),
        layout: Layout { tensor_parallel: 8, pipeline_parallel: 2 },
        kv_cache: Precision::Bf16,
        engine: "vllm-v1",
        version: Version::new(0, 33, 0),
        vllm_rules: Version::new(0, 33, 0),
        executor: ExecutorKind::Mp,
        enforce_eager: false,
        machine: &Machine::read(&catalog, "a3-highgpu-8g").unwrap(),
        network: NetworkKind::Gvnic,
        nodes: &nodes,
    };
    Timing::new(&TimingInputs::new(&catalog, &group).unwrap())
}

fn decode(sequences: u32) -> Batch {
    Batch {
        tokens: sequences,
        padded_tokens: sequences,
        graph: GraphMode::Full,
        decodes: sequences,
        decode_context: u64::from(sequences) * 1000,
        decode_context_blocks: u64::from(sequences) * 1008,
        prefills: Vec::new(),
        sampled_rows: sequences,
        continues: false,
    }
}

fn mixed() -> Batch {
    let chunk = Chunk { tokens: 1920, context: 512 };
    Batch { tokens: 2048, padded_tokens: 2048, graph: GraphMode::Eager, prefills: vec![chunk], ..decode(128) }
}

fn stage(criterion: &mut Criterion) {
    let mut timing = two_stages();
    let mut group = criterion.benchmark_group("stage");
    for batch in [decode(16), decode(128), decode(1024), mixed()] {
        let name = format!("{} decodes, {} prefills", batch.decodes, batch.prefills.len());
        group.bench_function(name, |bencher| bencher.iter(|| timing.stage(1, black_box(&batch))));
    }
    let cold = two_stages();
    group.bench_function("first question", |bencher| {
        bencher.iter_batched_ref(
            || cold.clone(),
            |timing| timing.stage(1, &decode(128)),
            BatchSize::SmallInput,
        );
    });
}

fn whole_step(criterion: &mut Criterion) {
    let mut timing = two_stages();
    let batch = decode(128);
    criterion.bench_function("whole decode step of two stages", |bencher| {
        bencher.iter(|| {
            let batch = black_box(&batch);
            let busy = timing.stage(0, batch) + timing.stage(1, batch) + timing.transfer(0, batch);
            timing.host(batch) + busy + timing.token_return()
        });
    });
}

criterion_group!(benches, stage, whole_step);
criterion_main!(benches);
