//! A YAML or JSON file as a tree that knows its lines, and the one error that a bad one is answered with.
//!
//! A file is parsed to plain values first ([`Document`]), so that what is wrong later, a type, a range, a name, can still be
//! shown where it stands. Scenarios and Kubernetes manifests are read through it.

mod error;
mod line;
pub mod path;
mod read;
mod strict;
mod tree;
mod typed;

pub use error::{FileError, Problem};
pub use line::json_line;
pub use read::read;
pub use tree::Document;
