//! Autoscalers at their sync: what they get to see of the engines, and what they make of it.

use std::collections::VecDeque;

use super::{calls::Phase, world::World};
use crate::kubernetes::{Hpa, HpaObservation, HpaPod, HpaSpec, PodMetrics};
use crate::units::{SimDuration, SimTime};

/// The autoscaler of one deployment and the metrics that are on their way to it.
#[derive(Clone, Debug)]
pub(super) struct Autoscaler {
    deployment: usize,
    hpa: Hpa,
    /// Between two syncs.
    pub(super) sync_period: SimDuration,
    /// Age of what it sees.
    lag: SimDuration,
    /// Metrics by slot of the deployment, the oldest first; the first one is what it sees now.
    history: VecDeque<(SimTime, Vec<Option<PodMetrics>>)>,
}

impl Autoscaler {
    pub(super) fn new(deployment: usize, spec: &HpaSpec) -> Self {
        let (sync_period, lag) = (spec.sync_period, spec.metric_lag);
        Self { deployment, hpa: Hpa::new(spec.clone()), sync_period, lag, history: VecDeque::new() }
    }

    /// Takes in metrics of `now` and returns those it sees: the latest that are old enough, none at first.
    fn seen(&mut self, now: SimTime, metrics: Vec<Option<PodMetrics>>) -> Vec<Option<PodMetrics>> {
        let none = vec![None; metrics.len()];
        self.history.push_back((now, metrics));
        let old_enough = |at: SimTime| at.saturating_add(self.lag) <= now;
        while self.history.get(1).is_some_and(|(at, _)| old_enough(*at)) {
            self.history.pop_front();
        }
        self.history.front().filter(|(at, _)| old_enough(*at)).map_or(none, |(_, metrics)| metrics.clone())
    }
}

impl World<'_> {
    pub(super) fn autoscale(&mut self) {
        let now = self.now;
        let waits = |id| {
            let call = self.calls.get(id);
            call.phase == Phase::Held && call.attempts > 0
        };
        let unrouted = self.calls.live().filter(|id| waits(*id)).count() as f64;
        let mut autoscalers = std::mem::take(&mut self.autoscalers);
        for autoscaler in &mut autoscalers {
            let deployment = autoscaler.deployment;
            let slots: Vec<usize> =
                (0..self.slots.len()).filter(|slot| self.deployments[*slot] == deployment).collect();
            let metrics = slots.iter().map(|slot| {
                self.slots[*slot].state().map(|state| PodMetrics {
                    running: f64::from(state.running),
                    waiting: f64::from(state.waiting),
                    kv_cache_usage: state.kv_cache_usage(),
                })
            });
            let seen = autoscaler.seen(now, metrics.collect());
            let cluster = &self.fleet.cluster;
            let pods = slots.iter().zip(seen).filter_map(|(slot, values)| {
                let leader = cluster.leader(*slot)?;
                Some(HpaPod { ready: leader.ready, pending: leader.pending, values })
            });
            let pods: Vec<HpaPod> = pods.collect();
            let observation = HpaObservation {
                spec_replicas: cluster.replicas(deployment),
                status_replicas: slots.iter().filter(|slot| cluster.exists(**slot)).count() as u32,
                pods: &pods,
                unrouted,
            };
            if let Some(replicas) = autoscaler.hpa.sync(now, &observation) {
                let changes = self.fleet.autoscale(now, deployment, replicas);
                self.take_in(changes);
            }
        }
        self.autoscalers = autoscalers;
    }
}
