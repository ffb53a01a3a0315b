//! One binary, a file a behaviour.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod tidy;
mod workload_args;
