//! How results are shown and written.

mod band;
mod bench;
mod comparison;
mod decimal;
mod files;
mod groups;
mod lines;
mod metric;
mod parity;
pub mod plan;
mod rows;
mod summary;
mod table;

pub use band::{Band, TieBy};
pub use bench::vllm_bench;
pub use comparison::{
    ComparedMetric, ComparedPlacement, Comparison, ComparisonHead, CountedWarning, Difference, FixedFigures,
    MeanOfRuns, Measured, PrecisionReached, Replication, Verdict, Widest, comparison_csv, comparison_svg,
    comparison_table, write_replications,
};
pub use files::{FileOptions, WriteError, write_file, write_json, write_run};
pub use lines::{write_events, write_steps};
pub use metric::{Better, Metric};
pub use parity::{ParityPoint, parity_svg};
pub use plan::{plan_csv, plan_table};
pub use rows::{write_requests, write_timeline};
pub use summary::{
    CapacitySummary, CostSummary, DeploymentSummary, EngineSummary, Figures, Goodput, Headline, Hours,
    Latency, MeanMax, PlacementSummary, Status, Summary, SummaryHead, Throughput, Tie, Tokens,
    TrafficSummary, Window, WorkloadSummary,
};
pub use table::{summary_csv, summary_table};
