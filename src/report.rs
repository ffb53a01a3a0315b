//! How results are shown and written.
//!
//! A run is written as files, and its report is drawn from those files alone, so that it can be drawn again at any time.

mod band;
mod bench;
mod capacity;
mod comparison;
mod decimal;
mod draw;
mod files;
mod groups;
mod headline;
mod html;
mod life;
mod lines;
mod metric;
mod model_error;
mod openmetrics;
mod page;
mod palette;
mod parity;
pub mod plan;
mod plot;
mod recorded;
mod remarks;
mod rows;
mod summary;
mod table;
mod trace;
mod words;

pub use band::{Band, TieBy};
pub use bench::vllm_bench;
pub use comparison::{
    ComparedMetric, ComparedPlacement, Comparison, ComparisonHead, CountedWarning, Difference, FixedFigures,
    MeanOfRuns, Measured, PrecisionReached, Replication, Verdict, Widest, comparison_csv, comparison_svg,
    comparison_table, write_replications,
};
pub use draw::{ReportError, draw_report};
pub use files::{FileOptions, WriteError, write_file, write_json, write_or_remove, write_run};
pub use headline::{headline_columns, headline_row};
pub use lines::{write_events, write_steps};
pub use metric::{Better, Metric};
pub use openmetrics::write_openmetrics;
pub use parity::{ParityPoint, parity_svg};
pub use plan::{plan_csv, plan_table};
pub use rows::{write_requests, write_timeline};
pub use summary::{
    CapacitySummary, CostSummary, DeploymentSummary, EngineSummary, Figures, Goodput, Headline, Hours,
    Latency, MeanMax, PlacementSummary, Status, Summary, SummaryHead, Throughput, Tie, Tokens,
    TrafficSummary, Window, WorkloadSummary,
};
pub use table::{summary_csv, summary_table};
pub use trace::{TraceWindow, write_trace};
