//! Many runs and what they say together.
//!
//! [`run`] simulates every placement of a scenario, each alone and on the very same requests, and searches the highest rate
//! that meets the slo where the scenario asks for it. Placements run in parallel; nothing in a result depends on how
//! many at once. [`compare`] does so again and again with other random numbers, [`plan`] searches the cheapest placement, and
//! [`SweepPlan`] is a grid over the fields of one scenario, run in parts. [`validate`] holds published measurements against
//! predictions, and [`fit_rows`] fits constants to them; [`calibrate_cluster`] turns runs of the user's own cluster into
//! multipliers, [`calibrate_kernels`] tables of measured
//! kernels into the constants of their formulas.

mod bisection;
mod cluster;
mod compare;
mod find_rate;
mod kernels;
mod plan;
mod rare_events;
mod run;
mod sweep;
mod validate;
mod years;

pub use cluster::{
    ClusterCalibration, ClusterError, ClusterInputs, Comparison, Multiplier, calibrate_cluster,
};
pub use compare::{Compared, Replications, compare};
pub use find_rate::find_rate;
pub use kernels::{KernelCalibration, KernelError, KernelInputs, KernelReport, calibrate_kernels};
pub use plan::{Planned, plan, plan_candidates, plan_scenario};
pub use run::{Monitor, RunOptions, RunResult, run};
pub use sweep::{Axis, Shard, SweepError, SweepInputs, SweepPlan, merge as merge_sweep, run_shard};
pub use validate::{
    FitError, FitOptions, Fitted, Group, KindErrors, Labels, MeasurementsError, Ordering, Orderings,
    Parameter, Prediction, Row, Validation, fit_rows, validate,
};
