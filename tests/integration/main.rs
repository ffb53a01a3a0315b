//! One binary, a file a behaviour.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod bad_input;
mod calibrate_cluster;
mod calibration;
mod catalog_facts;
mod cli;
mod clients;
mod conservation;
mod cuts;
mod determinism;
mod engine_lockstep;
mod engine_oracle;
mod engine_traces;
mod groups;
mod hardware_fabric;
mod hardware_fair_share;
mod hardware_prices;
mod memory;
mod metrics;
mod model_config;
mod model_error;
mod model_weights;
mod queueing;
mod readme;
mod report;
mod routing;
mod runs;
mod scenario;
mod schema;
mod shipped;
mod tidy;
mod timing;
mod timing_kernels;
mod traces;
mod workload;
mod workload_args;
