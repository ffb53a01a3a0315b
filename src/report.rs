//! How results are shown and written.

mod bench;
mod decimal;
mod files;
mod groups;
mod headline;
mod lines;
mod openmetrics;
mod parity;
mod rows;
mod summary;
mod table;
mod trace;

pub use bench::vllm_bench;
pub use files::{FileOptions, WriteError, write_file, write_json, write_run};
pub use headline::{headline_columns, headline_row};
pub use lines::{write_events, write_steps};
pub use openmetrics::write_openmetrics;
pub use parity::{ParityPoint, parity_svg};
pub use rows::{write_requests, write_timeline};
pub use summary::{
    CapacitySummary, CostSummary, DeploymentSummary, EngineSummary, Figures, Goodput, Headline, Hours,
    Latency, MeanMax, PlacementSummary, Status, Summary, SummaryHead, Throughput, Tie, Tokens,
    TrafficSummary, Window, WorkloadSummary,
};
pub use table::{summary_csv, summary_table};
pub use trace::{TraceWindow, write_trace};
