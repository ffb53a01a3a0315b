//! Accumulators of what a run produced.

mod args;

pub use args::{GoodputArgs, LatencyMetric, SloArgs, Statistic, Threshold};
