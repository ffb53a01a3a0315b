//! A calibration of the user's own cluster: four multipliers from runs of `vllm bench serve`.
//!
//! Every run is simulated as it was sent, and [`Multipliers`] are searched at which mean TTFT, mean TPOT, mean ITL and output
//! throughput come out as measured. A multiplier that the runs cannot tell stays at 1 and is said to be unidentified.

mod fit;
mod measured;
mod overlay;

use std::{fs, path::Path};

use rayon::prelude::*;
use serde::Serialize;
use thiserror::Error;

use self::fit::{Fitted, NAMES};
use self::measured::{METRICS, Measured};
use super::Monitor;
use crate::catalog::Catalog;
use crate::metrics::PlacementStatus;
use crate::report::vllm_bench;
use crate::scenario::{Resolved, ScenarioError, ScenarioFile};
use crate::simulation::Options;
use crate::timing::Multipliers;
use crate::workload::TokenScaleArgs;

/// Difference between mean lengths from which on a run is remarked on [fraction].
const LENGTHS_REMARKED: f64 = 0.1;
/// Difference from which on a run is not taken for one of the scenario [fraction].
const LENGTHS_REFUSED: f64 = 0.2;

/// Why a cluster cannot be calibrated.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The scenario is wrong, alone or as a run was sent.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A file is no result of `vllm bench serve`.
    #[error("{file}: {reason}")]
    NotAResult {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A run and the scenario do not belong together.
    #[error("{file}: {reason}")]
    AnotherScenario {
        /// The run's file.
        file: String,
        /// How they differ.
        reason: String,
    },
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// What is calibrated: a scenario's placement and the runs that came from it.
#[derive(Clone, Copy, Debug)]
pub struct ClusterInputs<'a> {
    /// The scenario file.
    pub scenario: &'a Path,
    /// `PATH=VALUE` assignments on it.
    pub sets: &'a [String],
    /// Which placement; may be left out where there is one.
    pub placement: Option<&'a str>,
    /// Result files of `vllm bench serve`.
    pub files: &'a [&'a Path],
}

/// One metric of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The run's file.
    pub run: String,
    /// The metric, by vLLM's key.
    pub metric: &'static str,
    /// What was measured [ms or 1/s].
    pub measured: f64,
    /// What was predicted with all multipliers at 1.
    pub before: f64,
    /// What is predicted with those found.
    pub after: f64,
}

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Multiplier {
    /// `prefill`, `decode`, `network` or `host`.
    pub name: &'static str,
    /// What was found; 1 where the runs cannot tell [ratio].
    pub value: f64,
    /// Whether the runs can tell.
    pub identified: bool,
}

/// What runs say about a cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterCalibration {
    /// All four.
    pub multipliers: [Multiplier; 4],
    /// Run by run, metric by metric.
    pub comparisons: Vec<Comparison>,
    /// What to know, in sentences.
    pub remarks: Vec<String>,
    /// The runs, in words.
    pub calibrated_on: String,
    /// Day of the latest run.
    pub date: String,
}

/// One run with the scenario as it was sent.
struct Run {
    file: String,
    measured: Measured,
    resolved: Resolved,
}

/// Calibrates a cluster.
///
/// # Errors
/// If a file cannot be understood, or a run does not belong to the scenario.
pub fn calibrate_cluster(
    catalog: &Catalog,
    inputs: &ClusterInputs<'_>,
    monitor: &Monitor,
) -> Result<ClusterCalibration, ClusterError> {
    check_scenario(inputs)?;
    let mut remarks = Vec::new();
    let mut runs = Vec::new();
    for file in inputs.files {
        runs.push(Run::read(catalog, inputs, file, monitor, &mut remarks)?);
    }
    let before = predict_all(&runs, Multipliers::ONE, monitor)?;
    // An interruption shows below; until then any number will do.
    let fitted = Fitted::of(|multipliers| match predict_all(&runs, *multipliers, monitor) {
        Ok(predicted) => log_ratios(&runs, &predicted),
        Err(_) => log_ratios(&runs, &before),
    });
    let after = predict_all(&runs, fitted.multipliers(), monitor)?;
    let mut comparisons = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        for (place, metric) in METRICS.into_iter().enumerate() {
            if let Some(measured) = run.measured.values[place] {
                let (before, after) = (before[index].0[place], after[index].0[place]);
                let run = run.file.clone();
                comparisons.push(Comparison { run, metric, measured, before, after });
            }
        }
    }
    Ok(ClusterCalibration {
        multipliers: std::array::from_fn(|index| Multiplier {
            name: NAMES[index],
            value: fitted.values[index],
            identified: fitted.identified[index],
        }),
        comparisons,
        remarks,
        calibrated_on: in_words(&runs),
        date: runs.iter().map(|run| run.measured.date.clone()).max().unwrap_or_default(),
    })
}

/// The runs, in words.
fn in_words(runs: &[Run]) -> String {
    let dates = runs.iter().map(|run| run.measured.date.as_str());
    let (first, last) = (dates.clone().min().unwrap_or_default(), dates.max().unwrap_or_default());
    let when = if first == last { first.to_owned() } else { format!("{first} to {last}") };
    let files: Vec<&str> = runs.iter().map(|run| run.file.as_str()).collect();
    let noun = if runs.len() == 1 { "run" } else { "runs" };
    format!("{} {noun} of vllm bench serve, {when}: {}", runs.len(), files.join(", "))
}

/// `vllm bench serve` sends one class of traffic, whose arrivals its options decide, to one deployment.
fn check_scenario(inputs: &ClusterInputs<'_>) -> Result<(), ClusterError> {
    let file = ScenarioFile::read(inputs.scenario, inputs.sets)?;
    let [workload] = file.scenario.workloads.as_slice() else {
        let message = "a run of vllm bench serve has one class of traffic: expected one workload";
        return Err(file.error("workloads", message).into());
    };
    if workload.trace.is_some() || workload.requests.is_some() {
        let message = "expected `arrivals` and `lengths`, as a run of vllm bench serve has them";
        return Err(file.error("workloads[0]", message).into());
    }
    let names: Vec<&str> = file.scenario.placements.iter().map(|placement| placement.name.as_str()).collect();
    let placement = match inputs.placement {
        None if names.len() > 1 => {
            format!("there are several: say which one the runs came from, --placement {}", names.join(" or "))
        }
        Some(name) if !names.contains(&name) => {
            format!("no placement named `{name}` (placements: {})", names.join(", "))
        }
        _ => return Ok(()),
    };
    Err(file.error("placements", placement).into())
}

impl Run {
    /// Reads a run and the scenario as it was sent: rate, limits and number of requests are the run's, and lengths are scaled to
    /// the means that it measured.
    fn read(
        catalog: &Catalog,
        inputs: &ClusterInputs<'_>,
        path: &Path,
        monitor: &Monitor,
        remarks: &mut Vec<String>,
    ) -> Result<Self, ClusterError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| ClusterError::NotAResult { file: name.clone(), reason: error.to_string() })?;
        let measured = Measured::parse(&name, &text)?;
        let sets = [inputs.sets, &measured.traffic.sets()].concat();
        let (resolved, scale) = resolve(catalog, inputs, &sets)?;
        if let Some(reason) = resolved.placements[0].does_not_fit() {
            let reason = format!("the scenario's placement does not fit, and this run did: {reason}");
            return Err(ClusterError::AnotherScenario { file: name, reason });
        }
        let file = path.file_name().map_or(name, |name| name.to_string_lossy().into_owned());
        let mut run = Self { file, measured, resolved };
        let simulated = run.predict(Multipliers::ONE, monitor)?.1;
        run.belongs(simulated, remarks)?;
        let factor = |place: usize| run.measured.mean_tokens[place] / simulated[place];
        let (input, output) = (scale.input * factor(0), scale.output * factor(1));
        let scaled = format!("workloads[0].token_scale={{input: {input}, output: {output}}}");
        run.resolved = resolve(catalog, inputs, &[sets, vec![scaled]].concat())?.0;
        Ok(run)
    }

    /// What the run should have measured, and its mean prompt and answer.
    fn predict(&self, multipliers: Multipliers, monitor: &Monitor) -> Result<Predicted, ClusterError> {
        let mut placement = self.resolved.placements[0].clone();
        for timing in placement.deployments.iter_mut().map(|deployment| &mut deployment.timing) {
            timing.multipliers = multipliers;
        }
        let result = monitor.simulate(&self.resolved, &placement, &Options::figures(1.0));
        let result = result.map_err(|_| ClusterError::Interrupted)?;
        let PlacementStatus::Ok(simulated) = &result.status else {
            unreachable!("a placement that does not fit was refused")
        };
        let bench = vllm_bench(simulated);
        let number = |key: &str| bench[key].as_f64().unwrap_or_default();
        let completed = number("completed").max(1.0);
        let mean_tokens = ["total_input_tokens", "total_output_tokens"].map(|key| number(key) / completed);
        Ok((METRICS.map(number), mean_tokens))
    }

    /// Refuses a run whose requests were not the scenario's; remarks on one that hardly was.
    fn belongs(&self, simulated: [f64; 2], remarks: &mut Vec<String>) -> Result<(), ClusterError> {
        let kinds = ["prompts", "answers"].into_iter().zip(self.measured.mean_tokens).zip(simulated);
        for ((what, measured), simulated) in kinds {
            let apart = (simulated / measured).ln().abs();
            let text = format!("mean {what} of {measured:.1} tokens, and {simulated:.1} in the scenario");
            // Not a number where neither has any.
            if apart.is_nan() || apart > LENGTHS_REFUSED.ln_1p() {
                let reason = format!("{text}: not a run of this scenario");
                return Err(ClusterError::AnotherScenario { file: self.file.clone(), reason });
            }
            if apart > LENGTHS_REMARKED.ln_1p() {
                remarks.push(format!("{}: {text}, which are scaled", self.file));
            }
        }
        let model = &self.resolved.placements[0].deployments[0].model.name;
        if &self.measured.model != model {
            remarks.push(format!(
                "{}: ran `{}`, and the scenario has `{model}`",
                self.file, self.measured.model
            ));
        }
        Ok(())
    }
}

/// The scenario with the one placement that was measured, and the factors on its lengths.
fn resolve(
    catalog: &Catalog,
    inputs: &ClusterInputs<'_>,
    sets: &[String],
) -> Result<(Resolved, TokenScaleArgs), ClusterError> {
    let file = ScenarioFile::read(inputs.scenario, sets)?;
    file.supported()?;
    let mut resolved = file.resolve(catalog)?;
    resolved.placements.retain(|placement| inputs.placement.is_none_or(|name| placement.name == name));
    Ok((resolved, file.scenario.workloads[0].token_scale))
}

/// What a run should have measured, by metric, and its mean prompt and answer [tokens].
type Predicted = ([f64; 4], [f64; 2]);

fn predict_all(
    runs: &[Run],
    multipliers: Multipliers,
    monitor: &Monitor,
) -> Result<Vec<Predicted>, ClusterError> {
    runs.par_iter().map(|run| run.predict(multipliers, monitor)).collect()
}

/// Logarithms of predicted over measured, of all that was measured.
fn log_ratios(runs: &[Run], predicted: &[Predicted]) -> Vec<f64> {
    let of = |(run, (predicted, _)): (&Run, &Predicted)| {
        let pairs = run.measured.values.into_iter().zip(*predicted);
        let ratios = pairs.filter_map(|(measured, predicted)| Some((predicted / measured?).ln()));
        ratios.collect::<Vec<_>>()
    };
    runs.iter().zip(predicted).flat_map(of).collect()
}
