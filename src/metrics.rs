//! Accumulators of what a run produced.
//!
//! Latencies are defined as `vllm bench serve` defines them. Everything is summed in integers and in constant time per
//! record, so neither the order of the records nor the number of threads can change a byte of a result.

mod args;
mod availability;
mod class;
mod cost;
mod distribution;
mod latency;
mod lines;
mod model_error;
mod placement;
mod rare_events;
mod record;
mod result;
mod seconds;
mod server;
mod slo;
mod warning;

pub use args::{GoodputArgs, LatencyMetric, SloArgs, Statistic, Threshold};
pub use availability::{Availability, CauseFigures, Spread, StartFigures};
pub use class::{ClassMetrics, RequestCounts, TokenCounts};
pub use cost::{CostInputs, NodeTime, Served, UnitCost};
pub use distribution::{Distribution, Percentiles};
pub use latency::{LatencyFigures, LatencySet};
pub use lines::{Event, StepLine, TimelineRow};
pub use model_error::{EngineAccuracy, Ground, MetricAccuracy, ModelError, Position, Standing};
pub use placement::{KeepRows, MetricsSetup, PlacementMetrics, WorkloadSetup};
pub use rare_events::{HourOfWeek, Loss, RareEvents};
pub use record::{Outcome, RequestRecord};
pub use result::{
    BenchInputs, Capacity, DeploymentResult, EngineFigures, MemoryFigures, PlacementResult, PlacementStatus,
    Simulated, Trial,
};
pub use seconds::{Half, Seconds};
pub use server::{
    FinishReason, Histogram, ServerBuckets, ServerHistogram, ServerLog, ServerReading, ServerSetup,
    ServerState,
};
pub use slo::{SloCheck, check_slo};
pub use warning::{Warning, WarningKind, warnings};
