//! `compare.json`: what replications say about placements, and about the differences between them.
//!
//! A replication is every placement once, on the same random numbers; the next has others. A figure, a percentile too, is one
//! value a replication; its mean over replications has an interval, and so has the mean of the differences between two
//! placements of the same replication, which shared luck makes narrower than those of the figures.

mod build;
mod plot;
mod rows;
mod table;

use serde::Serialize;

use super::{Band, PlacementSummary, Status, TieBy};
use crate::confidence::Estimate;
use crate::metrics::{ModelError, WarningKind};

pub use plot::comparison_svg;
pub use rows::{comparison_csv, write_replications};
pub use table::comparison_table;

/// Every placement once.
#[derive(Clone, Debug, PartialEq)]
pub struct Replication {
    /// Seed of its random numbers.
    pub seed: u64,
    /// What came of it, in file order.
    pub placements: Vec<PlacementSummary>,
}

/// What is known of a comparison besides its replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparisonHead<'a> {
    /// Name of the scenario.
    pub scenario: &'a str,
    /// What it is about.
    pub description: Option<&'a str>,
    /// Seed that the replications' own are derived from.
    pub seed: u64,
    /// What its times were calibrated on.
    pub calibrated_on: Option<&'a str>,
    /// The precision that was asked for [fraction], and whether it was reached.
    pub precision: Option<(f64, bool)>,
    /// The placement that the others are held against on the terminal; the first that fits if left out.
    pub baseline: Option<&'a str>,
}

/// Everything that replications say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of this program.
    pub towtank_version: &'static str,
    /// Name of the scenario.
    pub scenario: String,
    /// What it is about, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Seed that the replications' own are derived from.
    pub seed: u64,
    /// What the times were calibrated on; absent where they are as the catalogue has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated_on: Option<String>,
    /// Replications.
    pub replications: usize,
    /// Share of intervals that hold what they are an interval of.
    pub confidence: f64,
    /// The precision that was asked for, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionReached>,
    /// The placement that the others are held against on the terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// In file order.
    pub placements: Vec<ComparedPlacement>,
    /// Every figure that some placement has.
    pub metrics: Vec<ComparedMetric>,
}

/// The precision that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrecisionReached {
    /// Largest half-width of an interval relative to the true mean [fraction].
    pub relative: f64,
    /// Whether every deciding figure came to be known so well.
    pub reached: bool,
    /// The figure that is known worst, and how well: half-width over mean [fraction].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widest: Option<Widest>,
}

/// The figure that is known worst.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Widest {
    /// Which figure.
    pub metric: String,
    /// Of which placement.
    pub placement: String,
    /// Half-width over mean [fraction].
    pub relative: f64,
}

/// What of a placement is no matter of chance, or a count over replications.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedPlacement {
    /// Its name.
    pub name: String,
    /// Whether it could serve at all.
    pub status: Status,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Replications in which every stated threshold holds; absent without an slo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo_met: Option<usize>,
    /// What some replication warned of.
    pub warnings: Vec<CountedWarning>,
    /// Machines, memory and how far figures may be off; absent of a placement that does not fit.
    #[serde(flatten)]
    pub fixed: Option<FixedFigures>,
}

/// A warning and how many replications gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountedWarning {
    /// Its kind.
    pub kind: WarningKind,
    /// Its words in the first replication that gave it.
    pub text: String,
    /// Replications that gave it.
    pub replications: usize,
}

/// What is the same in every replication.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FixedFigures {
    /// Machines.
    pub nodes: u32,
    /// GPUs in them.
    pub gpus: u32,
    /// Price of all of them.
    pub usd_per_hour: f64,
    /// Weights on the GPU that holds most of them [bytes].
    pub weights_bytes_per_gpu: u64,
    /// Tokens that the KV cache of a group holds, by deployment.
    pub kv_cache_tokens: Vec<u64>,
    /// Sequences of the workload's mean length that a group holds at once, by deployment.
    pub sequences_at_this_workload: Vec<Option<f64>>,
    /// How far figures may be off.
    pub model_error: ModelError,
}

/// One figure, of all placements.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedMetric {
    /// Its key.
    pub metric: String,
    /// Its name for a reader.
    pub name: String,
    /// `lower` or `higher`.
    pub better: &'static str,
    /// Whether a choice is made by it.
    pub deciding: bool,
    /// Of each placement that has it, in file order.
    pub placements: Vec<Measured>,
    /// Of every pair of these, in file order.
    pub differences: Vec<Difference>,
    /// The best, and all that tie with it.
    pub best: Vec<String>,
}

/// A mean over replications.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeanOfRuns {
    /// Replications that have the figure.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation over replications; absent of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// 95 % confidence interval of the mean; absent of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// How far it may be off.
    #[serde(flatten)]
    pub band: Band,
}

/// A figure of a placement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Its name.
    pub placement: String,
    /// The mean.
    #[serde(flatten)]
    pub mean: MeanOfRuns,
}

/// The second placement's figure less the first's, replication by replication.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Their names, in file order.
    pub placements: [String; 2],
    /// The mean.
    #[serde(flatten)]
    pub mean: MeanOfRuns,
    /// The mean over the first placement's [fraction]; absent if that is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// What the second placement is next to the first: better, worse, or too near to tell.
    pub verdict: Verdict,
    /// Why it is too near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tie_by: Option<TieBy>,
}

/// What one placement is next to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better, by more than either error accounts for.
    Better,
    /// Worse, by more than either error accounts for.
    Worse,
    /// Not told apart.
    Tie,
}

impl Verdict {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Tie => "tie",
        }
    }

    /// Seen from the other placement.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Better => Self::Worse,
            Self::Worse => Self::Better,
            Self::Tie => Self::Tie,
        }
    }
}

impl MeanOfRuns {
    fn new(estimate: &Estimate, band: Band) -> Self {
        Self { n: estimate.n, mean: estimate.mean, std: estimate.std, interval: estimate.interval(), band }
    }
}
