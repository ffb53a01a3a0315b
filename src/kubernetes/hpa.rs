//! The `HorizontalPodAutoscaler`: how many groups a deployment should have, from what its leaders say.
//!
//! [`HpaSpec::resolve`] turns a manifest's `spec` into one with every default filled in; [`Hpa::sync`] is one pass of the
//! controller, to be made every [`HpaSpec::sync_period`]. The target is the LeaderWorkerSet's scale endpoint, whose
//! selector finds leaders only (`status.hpaPodSelector`), so a pod here is a group. The rules are those of
//! `pkg/controller/podautoscaler` (Kubernetes 1.34): `replica_calculator.go` in `replicas`, `horizontal.go` in the
//! rest.
//!
//! Limits: metrics are vLLM's; a query (`Object` or `External`) is always the sum over the deployment; the tolerance is
//! the controller's, not one of a single autoscaler.

mod controller;
mod error;
mod metric;
mod observation;
mod rate;
mod replicas;
mod spec;
mod stabilization;

pub use controller::Hpa;
pub use error::HpaError;
pub use metric::VllmMetric;
pub use observation::{HpaObservation, HpaPod, PodMetrics};
pub use spec::{HpaBehavior, HpaMetric, HpaSpec, ScaleUpLimit, ScalingRules};
