//! One pass of the controller (`pkg/controller/podautoscaler/horizontal.go`).

use super::{HpaObservation, HpaSpec, rate::ScaleEvents, replicas, stabilization::Recommendations};
use crate::units::SimTime;

/// An autoscaler: its spec and what it remembers between passes.
#[derive(Clone, Debug)]
pub struct Hpa {
    spec: HpaSpec,
    recommendations: Recommendations,
    events: ScaleEvents,
}

impl Hpa {
    /// An autoscaler that has not seen anything.
    pub fn new(spec: HpaSpec) -> Self {
        Self { spec, recommendations: Recommendations::default(), events: ScaleEvents::default() }
    }

    /// One pass (`reconcileAutoscaler`): the new `spec.replicas`, if it is to change.
    pub fn sync(&mut self, now: SimTime, observation: &HpaObservation) -> Option<u32> {
        let current = observation.spec_replicas;
        self.recommendations.start(now, current);
        let desired = if current == 0 && self.spec.min_replicas != 0 {
            // Zero replicas switch an autoscaler off that could not have chosen them.
            return None;
        } else if current > self.spec.max_replicas {
            self.spec.max_replicas
        } else if current < self.spec.min_replicas {
            self.spec.min_replicas
        } else {
            let wanted = replicas::wanted(&self.spec, observation)?;
            self.allowed(now, current, wanted)
        };
        if desired == current {
            return None;
        }
        if let Some(behavior) = &self.spec.behavior {
            self.events.record(now, behavior, current, desired);
        }
        Some(desired)
    }

    /// What is left of `wanted` after stabilisation, rate and bounds (`normalizeDesiredReplicas` and
    /// `normalizeDesiredReplicasWithBehaviors`).
    fn allowed(&mut self, now: SimTime, current: u32, wanted: u32) -> u32 {
        let HpaSpec { min_replicas, max_replicas, .. } = self.spec;
        let Some(behavior) = &self.spec.behavior else {
            let stable = self.recommendations.highest(now, self.spec.downscale_stabilization, wanted);
            return stable.min(max_replicas.min(self.spec.scale_up_limit.of(current))).max(min_replicas);
        };
        let windows = (behavior.scale_up.stabilization, behavior.scale_down.stabilization);
        let stable = self.recommendations.between(now, current, wanted, windows);
        if stable > current {
            stable.min(max_replicas.min(self.events.up_limit(now, &behavior.scale_up, current)))
        } else {
            stable.max(min_replicas.max(self.events.down_limit(now, &behavior.scale_down, current)))
        }
    }
}
