//! Towtank runs the model of a multi-host LLM deployment before anyone rents the GPUs.
//!
//! The rooms of the house, ground floor first; a room uses the floors below it, never above, and neighbours on
//! one floor do not know each other (`DESIGN.md` has the picture, the tidy test holds every `use` against it).

pub mod accuracy;
pub mod catalog;
pub mod confidence;
pub mod csv_error;
pub mod least_squares;
pub mod random;
pub mod units; // floor 1

pub mod document; // floor 2
pub mod hardware;
pub mod model;

pub mod batch; // floor 3
pub mod request;

pub mod engine; // floor 4
pub mod kubernetes;
pub mod metrics;
pub mod routing;
pub mod timing;
pub mod workload;

pub mod cli;
pub mod interop;
pub mod report; // floor 7
pub mod scenario; // floor 5
pub mod simulation; // floor 6
pub mod study; // floor 8 // floor 9
