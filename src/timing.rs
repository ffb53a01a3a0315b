//! How long a batch keeps each stage of a pipeline busy.
//!
//! A [`Timing`] belongs to one group: it is made once from a [`TimingInputs`], a plain value that says what the model,
//! its layout, the GPUs, their links and the engine are like, and then answers four questions about each
//! [`Batch`](crate::batch::Batch): the engine core's time ([`Timing::host`]), each stage's busy time
//! ([`Timing::stage`]), the transfer between two stages ([`Timing::transfer`]) and the way of the sampled tokens back
//! to the engine core ([`Timing::token_return`]). Whether these overlap is not decided here.
//!
//! Model, constants and calibration are kept apart: the formulas live in this room, their constants in the catalogue
//! (`calibration.json`, `overheads.json`), and what makes constants out of measured kernels is not part of a run.
//! Everything that depends on the number of tokens only is computed once per token count; a decode step then costs one
//! look-up and one attention formula, whatever its batch size.
//!
//! Limits: kernels were measured on one H100 and on one node; other GPUs scale by datasheet ratios, chunks on an
//! earlier prefix and everything that crosses nodes are extrapolated.
//!
//! Inside this room times are `f64` nanoseconds and bandwidths bytes per nanosecond, which is GB/s.

mod attention;
mod collective;
mod constants;
mod estimate;
mod gemm;
mod group;
mod inputs;
mod kernels;
mod links;
mod maximum;
mod multipliers;
mod network;
mod overheads;
mod stage;
mod sustained;

pub use attention::{Attention, AttentionShape, DecodeAttention, PrefillAttention};
pub use collective::{AllReduce, AllReduceLimits, AllReduceRules};
pub use constants::{
    BlasConstants, CutlassConstants, DecodeConstants, KernelConstants, MEASURED_GPU, PrefillConstants,
};
pub use estimate::Timing;
pub use gemm::{Gemm, Schedule};
pub use group::Group;
pub use inputs::{Dimensions, LayerGroup, StageInputs, TimingInputs};
pub use kernels::Kernels;
pub use links::{Curve, CurveConstants, Curves, LocalLinks};
pub use multipliers::Multipliers;
pub use network::{Crossing, NetworkSpec};
pub use overheads::{ExecutorKind, Overheads};
pub use sustained::Sustained;
