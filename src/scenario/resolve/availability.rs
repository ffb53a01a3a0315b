//! Whether a run can say anything about the availability that is asked for.

use crate::scenario::{Component, FailureProcess, ResolvedPlacement, ScenarioError, ScenarioFile};
use crate::units::SimDuration;

/// Failures a run must have seen before the share of time it was down in says something.
const FAILURES: f64 = 10.0;

/// Most failures one run can hold.
const MOST_FAILURES: f64 = 1e6;

impl ScenarioFile {
    /// Refuses failures that come so often that no run would end.
    pub(super) fn failures_can_be_held(&self, placements: &[ResolvedPlacement]) -> Result<(), ScenarioError> {
        let Some(span) = self.scenario.duration else { return Ok(()) };
        for placement in placements {
            let expected = placement.expected_failures(span);
            if expected > MOST_FAILURES {
                let message = format!(
                    "about {expected:.1e} failures in {span} in placement `{}`: a run holds at most {MOST_FAILURES:e}",
                    placement.name
                );
                return Err(self.error("failures", message));
            }
        }
        Ok(())
    }

    /// Refuses an slo of availability that no run of this length could judge.
    pub(super) fn availability_can_be_judged(
        &self,
        placements: &[ResolvedPlacement],
    ) -> Result<(), ScenarioError> {
        let scenario = &self.scenario;
        let own = scenario.slo.is_some_and(|slo| slo.availability.is_some());
        let stated = if own {
            Some("slo.availability".to_owned())
        } else {
            let of_class =
                |slo: Option<crate::metrics::SloArgs>| slo.is_some_and(|slo| slo.availability.is_some());
            let class = scenario.workloads.iter().position(|workload| of_class(workload.slo));
            class.map(|index| format!("workloads[{index}].slo.availability"))
        };
        let (Some(at), Some(span)) = (stated, scenario.duration) else { return Ok(()) };
        for placement in placements {
            let runs = if scenario.workloads.is_empty() { self.replications() } else { 1 };
            let expected = placement.expected_failures(span) * f64::from(runs);
            if expected == 0.0 {
                let message = format!(
                    "nothing fails at random in placement `{}`, so its availability would be 1 whatever it is: state \
                     `failures` (`failures: catalogue`)",
                    placement.name
                );
                return Err(self.error(&at, message));
            }
            if expected < FAILURES {
                let advice = if scenario.workloads.is_empty() {
                    "state a longer `duration` or more `replications`"
                } else {
                    "simulate years without `workloads` (`duration: 3650d`)"
                };
                let message = format!(
                    "{span} is too short to say: about {expected:.2} failures are expected in placement `{}`, and {FAILURES} are \
                     the least that tell an availability; {advice}",
                    placement.name
                );
                return Err(self.error(&at, message));
            }
        }
        Ok(())
    }
}

impl ResolvedPlacement {
    /// Random failures to expect in `span`, over everything that can fail.
    pub fn expected_failures(&self, span: SimDuration) -> f64 {
        self.failures.iter().map(|process| process.expected(self.components(process), span)).sum()
    }

    /// How many things a process befalls at the size the placement has at the start.
    fn components(&self, process: &FailureProcess) -> u32 {
        let pools = self.cluster.pools.iter().enumerate();
        let pools =
            pools.filter(|(index, _)| process.pool.is_none_or(|only| only == *index)).map(|(_, pool)| pool);
        match process.per {
            Component::Node => pools.map(|pool| pool.min.max(1)).sum(),
            Component::Gpu => pools.map(|pool| pool.min.max(1) * pool.gpus).sum(),
            Component::Block => pools.map(|pool| pool.blocks).sum(),
            Component::Group => self.cluster.deployments.iter().map(|deployment| deployment.replicas).sum(),
        }
    }
}
