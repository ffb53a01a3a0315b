//! How far figures may be off: inside, outside and beyond the ground that measurements cover; and which of them tie.

use towtank::{
    catalog::Catalog,
    hardware::Gpu,
    metrics::{EngineAccuracy, ModelError, Position, Standing},
    report::{Headline, Summary, SummaryHead, summary_table},
};

use super::{report, runs};

/// An engine of which everything is known but how far TTFTs are off, and one of which nothing but that.
const ACCURACY: &str = r#"{"accuracy": {
    "mine": {
        "ground": {"value": {
            "gpus": {"H100-SXM5-80GB": 30, "H200-SXM-141GB": 2},
            "weights": {"bf16": 32},
            "kv_cache": {"bf16": 31, "fp8": 1},
            "tensor_parallel": {"1": 16, "8": 16},
            "pipeline_parallel": {"1": 32},
            "nodes": {"1": 31, "2": 1},
            "parameters": [8e9, 70e9],
            "input_tokens": [100, 1000],
            "output_tokens": [50, 500]
        }, "unit": "rows", "source": "test", "date": "2026"},
        "tpot": {"value": {"n": 32, "median_abs": 0.02, "p90_abs": 0.06, "bias": 0.0, "left_out_p90": 0.1},
            "unit": "fraction", "source": "test", "date": "2026"},
        "ttft": {"value": {"n": 32, "median_abs": 0.1, "p90_abs": 0.2, "bias": 0.0, "left_out_p90": 0.15},
            "unit": "fraction", "source": "test", "date": "2026"},
        "throughput": {"value": {"n": 32, "median_abs": 0.05, "p90_abs": 0.07, "bias": 0.0, "left_out_p90": 0.2},
            "unit": "fraction", "source": "test", "date": "2026"}
    },
    "other": {
        "ground": {"value": {
            "gpus": {"A100-SXM4-80GB": 9}, "weights": {"bf16": 9}, "kv_cache": {"bf16": 9},
            "tensor_parallel": {"1": 9}, "pipeline_parallel": {"1": 9}, "nodes": {"1": 9},
            "parameters": [8e9, 8e9], "input_tokens": [100, 1000], "output_tokens": [50, 500]
        }, "unit": "rows", "source": "test", "date": "2026"},
        "ttft": {"value": {"n": 9, "median_abs": 0.5, "p90_abs": 0.8, "bias": 0.0, "left_out_p90": 0.9},
            "unit": "fraction", "source": "test", "date": "2026"}
    }
}}"#;

fn catalog() -> Catalog {
    let mut catalog = Catalog::builtin();
    catalog.extend("test", ACCURACY).unwrap();
    catalog
}

fn gpu(name: &str) -> Gpu {
    Gpu::read(&Catalog::builtin(), name).unwrap()
}

/// A position in the middle of the ground of `mine`, moved by `change`.
fn error(change: impl FnOnce(&mut Position<'static>)) -> ModelError {
    let h100: &'static Gpu = Box::leak(Box::new(gpu("H100-SXM5-80GB")));
    let mut position = Position {
        engine: "mine",
        gpu: h100,
        fp8_weights: false,
        fp8_kv_cache: false,
        tensor_parallel: 8,
        pipeline_parallel: 1,
        nodes: 1,
        parameters: 20_000_000_000,
        unmeasured: &[],
        lengths: &[(500.0, 100.0)],
    };
    change(&mut position);
    ModelError::of(&catalog(), &position).unwrap()
}

/// Holds the bands of TPOT, TTFT, throughput and cost against `expected`.
fn assert_bands(error: &ModelError, expected: [f64; 4]) {
    let bands = [error.tpot, error.ttft, error.throughput, error.cost];
    assert!(
        bands.iter().zip(expected).all(|(band, expected)| band.total_cmp(&expected).is_eq()),
        "{error:?}"
    );
}

#[test]
fn inside_the_ground_a_figure_is_as_far_off_as_its_rows_were() {
    let inside = error(|_| ());
    assert_eq!((inside.class, inside.reasons.len()), (Standing::Interpolated, 0));
    assert_bands(&inside, [0.06, 0.2, 0.07, 0.07]);
}

#[test]
fn a_model_with_what_no_measured_one_had_is_unvalidated() {
    let unmeasured: &'static [String] = Box::leak(Box::new(["4-bit weights".to_owned()]));
    let outside = error(|position| position.unmeasured = unmeasured);
    assert_eq!(outside.class, Standing::Unvalidated);
    assert_eq!(outside.reasons, ["no row with 4-bit weights"]);
    let unknown = error(|position| position.engine = "unknown");
    assert_bands(&outside, [unknown.tpot, unknown.ttft, unknown.throughput, unknown.cost]);
}

#[test]
fn each_thing_outside_the_ground_is_said_and_widens_the_band() {
    let h200: &'static Gpu = Box::leak(Box::new(gpu("H200-SXM-141GB")));
    let cases = [
        (error(|p| p.gpu = h200), "H200-SXM-141GB: 2 rows"),
        (error(|p| p.fp8_weights = true), "fp8 weights: no row"),
        (error(|p| p.fp8_kv_cache = true), "fp8 KV cache: one row"),
        (error(|p| p.tensor_parallel = 4), "TP 4: no row"),
        (error(|p| p.pipeline_parallel = 2), "PP 2: no row"),
        (error(|p| p.nodes = 2), "2 nodes: one row"),
        (error(|p| p.parameters = 405_000_000_000), "models of 405 billion parameters: rows go from 8 to 70"),
        (
            error(|p| p.lengths = &[(500.0, 100.0), (2000.0, 100.0)]),
            "prompts of 2000 tokens: rows go from 100 to 1000",
        ),
        (error(|p| p.lengths = &[(500.0, 20.0)]), "answers of 20 tokens: rows go from 50 to 500"),
    ];
    for (outside, reason) in cases {
        assert_eq!((outside.class, &*outside.reasons), (Standing::Extrapolated, &[reason.to_owned()][..]));
        // A TTFT was further off inside the fit than outside of it: the wider one counts.
        assert_bands(&outside, [0.1, 0.2, 0.2, 0.2]);
    }
}

#[test]
fn without_a_row_of_the_engine_or_the_generation_the_widest_band_counts() {
    let a100: &'static Gpu = Box::leak(Box::new(gpu("A100-SXM4-80GB")));
    let catalog = catalog();
    let engines = catalog.section("accuracy").unwrap().keys();
    let widest = engines
        .filter_map(|name| catalog.entry::<EngineAccuracy>("accuracy", name).unwrap().tpot)
        .map(|tpot| tpot.value.left_out_p90.max(tpot.value.p90_abs))
        .fold(0.0, f64::max);
    for (error, reason) in [
        (error(|p| p.engine = "nobody's"), "no row of nobody's"),
        (error(|p| p.gpu = a100), "no row of mine on A100-SXM4-80GB or another Ampere GPU"),
    ] {
        assert_eq!((error.class, &*error.reasons), (Standing::Unvalidated, &[reason.to_owned()][..]));
        assert!(error.ttft.total_cmp(&0.9).is_eq() && error.tpot.total_cmp(&widest).is_eq(), "{error:?}");
    }
    // Of `other` nobody has measured a TPOT.
    let blind =
        error(|p| (p.engine, p.gpu, p.tensor_parallel, p.parameters) = ("other", a100, 1, 8_000_000_000));
    assert_eq!(blind.class, Standing::Extrapolated);
    assert_eq!(blind.reasons, ["TPOT of other: no row", "throughput of other: no row"]);
    assert!(blind.tpot.total_cmp(&widest).is_eq(), "{blind:?}");
}

#[test]
fn a_placement_is_as_far_off_as_its_worst_deployment() {
    let worst = ModelError::worst([error(|p| p.nodes = 2), error(|_| ()), error(|p| p.nodes = 2)]).unwrap();
    assert_eq!(worst, error(|p| p.nodes = 2));
    assert_eq!(ModelError::worst([]), None);
}

#[test]
fn the_built_in_accuracy_is_whole() {
    let catalog = Catalog::builtin();
    for name in catalog.section("accuracy").unwrap().keys() {
        let engine: EngineAccuracy = catalog.entry("accuracy", name).unwrap();
        for gpu in engine.ground.value.gpus.keys() {
            Gpu::read(&catalog, gpu).unwrap();
        }
        for known in [engine.tpot, engine.ttft, engine.throughput].into_iter().flatten() {
            let of = known.value;
            let ordered = 0.0 < of.median_abs && of.median_abs <= of.p90_abs && of.bias.abs() <= of.p90_abs;
            assert!(of.n > 0 && ordered && of.left_out_p90 < 1.0, "{name}: {of:?}");
        }
    }
}

#[test]
fn a_scenario_knows_where_its_placements_stand() {
    let text = r"
name: standing
duration: 10s
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 1/s}
    lengths: {input: 2000, output: 1500}
placements:
  - name: near
    node_pools:
      - {name: a3, machine: a3-highgpu-8g}
    deployments: [{name: a, node_pool: a3, model: meta-llama/Llama-3.1-8B-Instruct, engine: {max_model_len: 8192}}]
  - name: far
    node_pools:
      - {name: a3, machine: a3-highgpu-8g, nodes: 2}
      - {name: g2, machine: g2-standard-12}
    deployments:
      - name: a
        node_pool: a3
        model: meta-llama/Llama-3.1-70B-Instruct
        engine: {max_model_len: 8192, tensor_parallel_size: 8, pipeline_parallel_size: 2}
        leaderworkerset: {leaderWorkerTemplate: {size: 2}}
      - name: b
        node_pool: g2
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {max_model_len: 4096}
";
    let resolved = runs::resolved(text, &[]);
    let far = &resolved.placements[1].model_error;
    assert_eq!(far.class, Standing::Unvalidated);
    for reason in ["2 nodes: ", "PP 2: ", "no row of vllm-v1 on L4"] {
        assert!(far.reasons.iter().any(|text| text.starts_with(reason)), "{reason}: {far:?}");
    }
    let near = &resolved.placements[0].model_error;
    assert!(near.class < far.class && near.tpot <= far.tpot && near.throughput <= far.throughput, "{near:?}");
}

#[test]
fn figures_no_further_apart_than_both_errors_tie() {
    // 25 % of error either way, at 2 requests a second and 180 dollars an hour.
    let tied = |rate: f64, usd: f64| {
        let mut results = report::results();
        results.truncate(1);
        results.push(results[0].clone());
        results[1].name = "second".to_owned();
        results[1].capacity.as_mut().unwrap().max_requests_per_s_at_slo = rate;
        let towtank::metrics::PlacementStatus::Ok(run) = &mut results[1].status else { panic!() };
        run.cost.usd_per_hour = usd;
        let head = SummaryHead { scenario: "s", seed: 1, calibrated_on: None, has_slo: true };
        let summary = Summary::new(&head, &results);
        assert!(summary.ties.iter().all(|tie| tie.placements == ["two-nodes", "second"]));
        (summary.ties.iter().map(|tie| tie.metric).collect::<Vec<_>>(), summary_table(&summary))
    };
    let latencies = vec![Headline::TtftP95Ms, Headline::TpotP95Ms];
    let (metrics, table) = tied(2.4, 220.0);
    assert_eq!(metrics, Headline::ALL);
    assert!(
        table
            .contains("tie (two-nodes, second): TTFT p95 ms, TPOT p95 ms, max req/s, $/M tok at max: within"),
        "{table}"
    );
    // 25 % of either: the root of the sum of the squares is 0.94 requests a second at 2 and 3.2, 0.58 at 2 and 1.2.
    assert_eq!(tied(3.2, 300.0).0, latencies);
    assert_eq!(tied(1.2, 150.0).0, [&latencies[..], &[Headline::UsdPerMillionTotalTokens]].concat());
    assert_eq!(tied(2.8, 300.0).0, [&latencies[..], &[Headline::MaxRequestsPerSAtSlo]].concat());
}
