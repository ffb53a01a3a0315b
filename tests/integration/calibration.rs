//! Multipliers of the user's own cluster: what they scale, and how a scenario carries them.

use std::{fs, path::PathBuf};

use towtank::{
    batch::Batch,
    catalog::Catalog,
    model::Precision,
    scenario::{Resolved, ScenarioError, ScenarioFile},
    timing::{Multipliers, Timing, TimingInputs},
};

use super::timing::{LLAMA_70B, decode, inputs, prefill};

#[test]
fn each_multiplier_scales_what_it_names_and_nothing_else() {
    let base = inputs(LLAMA_70B, Precision::Bf16, &[40, 40], 4);
    let (steps, prompt) = (decode(64, 1000), prefill(4096, 0));
    // Busy time of a stage on answers and on a prompt, transfer of the prompt, host, way of the tokens back.
    let of = |multipliers| {
        let mut timing = Timing::new(&TimingInputs { multipliers, ..base.clone() });
        let stage = |timing: &mut Timing, batch: &Batch| timing.stage(0, batch).as_secs_f64();
        [
            stage(&mut timing, &steps),
            stage(&mut timing, &prompt),
            timing.transfer(0, &prompt).as_secs_f64(),
            timing.host(&steps).as_secs_f64(),
            timing.token_return().as_secs_f64(),
        ]
    };
    let one = Multipliers::ONE;
    let plain = of(one);
    let grown = |multipliers| {
        let times = of(multipliers);
        std::array::from_fn::<f64, 5, _>(|index| times[index] / plain[index])
    };
    let near = |ratios: [f64; 5], bands: [(f64, f64); 5]| {
        // Times are whole nanoseconds.
        let inside = |(ratio, (low, high)): (&f64, (f64, f64))| (low - 1e-5..=high + 1e-5).contains(ratio);
        assert!(ratios.iter().zip(bands).all(inside), "{ratios:?} in {bands:?}");
    };
    let (same, twice) = ((1.0, 1.0), (2.0, 2.0));
    near(grown(Multipliers { decode: 2.0, ..one }), [(1.5, 1.99), same, same, same, same]);
    near(grown(Multipliers { prefill: 2.0, ..one }), [same, (1.5, 1.99), same, same, same]);
    near(grown(Multipliers { network: 2.0, ..one }), [(1.01, 1.5), (1.01, 1.5), twice, same, same]);
    near(grown(Multipliers { host: 2.0, ..one }), [(1.01, 1.5), (1.001, 1.5), same, twice, twice]);
}

const SCENARIO: &str = r"
name: calibrated
calibration: mine.json
duration: 10s
workloads:
  - name: chat
    arrivals: {process: poisson, rate: 4/s}
    lengths: {input: 500, output: 50}
placements:
  - name: one
    node_pools:
      - {name: a3, machine: a3-highgpu-1g}
    deployments:
      - name: llama
        node_pool: a3
        model: meta-llama/Llama-3.1-8B-Instruct
        engine: {max_model_len: 4096}
";

/// A directory with the scenario and a calibration beside it.
fn place(name: &str, calibration: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("towtank-calibration-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("scenario.yaml"), SCENARIO).unwrap();
    fs::write(dir.join("mine.json"), calibration).unwrap();
    dir
}

fn resolve(name: &str, calibration: &str) -> Result<Resolved, ScenarioError> {
    let dir = place(name, calibration);
    let file = ScenarioFile::read(&dir.join("scenario.yaml"), &[]).unwrap();
    let resolved = file.resolve(&Catalog::builtin());
    fs::remove_dir_all(dir).unwrap();
    resolved
}

#[test]
fn a_scenario_carries_its_calibration() {
    let text = r#"{"multipliers": {"cluster": {"host": {"value": 1.5}, "calibrated_on": "2 runs"}}}"#;
    let resolved = resolve("carried", text).unwrap();
    assert_eq!(resolved.calibrated_on.as_deref(), Some("2 runs (host x1.500)"));
    let timing = &resolved.placements[0].deployments[0].timing;
    assert_eq!(timing.multipliers, Multipliers { host: 1.5, ..Multipliers::ONE });
    for (name, text, expected) in [
        ("typo", r#"{"multipliers": {"cluster": {"hots": {"value": 2}}}}"#, "unknown field `hots`"),
        (
            "sign",
            r#"{"multipliers": {"cluster": {"host": {"value": -1}}}}"#,
            "`host` is -1: expected a factor",
        ),
        ("text", "host: 2", "mine.json: expected value at line 1"),
    ] {
        let error = resolve(name, text).unwrap_err().to_string();
        assert!(error.contains("scenario.yaml") && error.contains(expected), "{error}");
    }
}
