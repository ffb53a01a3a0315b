//! A router and its view of the groups.

use super::config::RouterConfig;
use super::inference_gateway::InferenceGateway;
use super::least_kv::LeastKv;
use super::least_requests::LeastRequests;
use super::prefix_affinity::PrefixAffinity;
use super::round_robin::RoundRobin;
use super::service::Service;
use super::view::{GroupView, Scraped};
use crate::request::Content;

/// Picks a group for each request.
#[derive(Clone, Debug)]
pub struct Router {
    policy: Policy,
    views: Vec<GroupView>,
    /// Groups that requests may be sent to, in order.
    ready: Vec<usize>,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a run, and every request goes through it")]
enum Policy {
    Service(Service),
    RoundRobin(RoundRobin),
    LeastRequests(LeastRequests),
    LeastKv(LeastKv),
    PrefixAffinity(PrefixAffinity),
    InferenceGateway(Box<InferenceGateway>),
}

impl Router {
    /// A router in front of `groups` groups, numbered from 0; all of them are ready.
    ///
    /// # Panics
    /// If there is no group.
    pub fn new(config: &RouterConfig, groups: usize, seed: u64) -> Self {
        assert!(groups > 0, "a router needs a group to route to");
        let policy = match config {
            RouterConfig::Service => Policy::Service(Service::new(seed)),
            RouterConfig::RoundRobin => Policy::RoundRobin(RoundRobin::default()),
            RouterConfig::LeastRequests => Policy::LeastRequests(LeastRequests::default()),
            RouterConfig::LeastKv { .. } => Policy::LeastKv(LeastKv::default()),
            RouterConfig::PrefixAffinity { load_bound } => {
                Policy::PrefixAffinity(PrefixAffinity::new(*load_bound))
            }
            RouterConfig::InferenceGateway(config) => {
                Policy::InferenceGateway(Box::new(InferenceGateway::new(*config, groups, seed)))
            }
        };
        Self { policy, views: vec![GroupView::default(); groups], ready: (0..groups).collect() }
    }

    /// The group for a prompt of `prompt_tokens` [tokens]; none while no group is ready. It counts as sent there only with
    /// [`Router::dispatched`].
    pub fn pick(&mut self, content: &Content, prompt_tokens: u32) -> Option<usize> {
        let (ready, views) = (self.ready.as_slice(), &self.views);
        if ready.is_empty() {
            return None;
        }
        Some(match &mut self.policy {
            Policy::Service(service) => service.pick(ready),
            Policy::RoundRobin(round_robin) => round_robin.pick(ready),
            Policy::LeastRequests(least) => least.pick(ready, views),
            Policy::LeastKv(least) => least.pick(ready, views),
            Policy::PrefixAffinity(affinity) => affinity.pick(content, ready, views),
            Policy::InferenceGateway(gateway) => gateway.pick(content, prompt_tokens, ready, views),
        })
    }

    /// A group enters or leaves the endpoints. What it was sent before goes on.
    pub fn set_ready(&mut self, group: usize, ready: bool) {
        let place = self.ready.binary_search(&group);
        match (place, ready) {
            (Err(place), true) => self.ready.insert(place, group),
            (Ok(place), false) => {
                self.ready.remove(place);
            }
            _ => {}
        }
    }

    /// Whether requests may be sent to a group.
    pub fn is_ready(&self, group: usize) -> bool {
        self.ready.binary_search(&group).is_ok()
    }

    /// The engine of a group was replaced: what it held, and what was known of it, is gone.
    pub fn reset(&mut self, group: usize) {
        self.views[group] = GroupView::default();
        if let Policy::InferenceGateway(gateway) = &mut self.policy {
            gateway.forget(group);
        }
    }

    /// Whether picks depend on what became of earlier requests: on ends, or on scraped metrics.
    pub const fn looks_at_state(&self) -> bool {
        !matches!(self.policy, Policy::Service(_) | Policy::RoundRobin(_))
    }

    /// A request was sent to a group.
    pub fn dispatched(&mut self, group: usize) {
        self.views[group].in_flight += 1;
    }

    /// A request that was sent to a group ended there, in whatever way.
    ///
    /// # Panics
    /// If none was in flight.
    pub fn ended(&mut self, group: usize) {
        let in_flight = &mut self.views[group].in_flight;
        *in_flight = in_flight.checked_sub(1).expect("only what was dispatched can end");
    }

    /// A group's metrics were read; see [`RouterConfig::scrape_interval`].
    pub fn scraped(&mut self, group: usize, metrics: Scraped) {
        self.views[group].scraped = metrics;
    }

    /// The groups as the router sees them.
    pub fn views(&self) -> &[GroupView] {
        &self.views
    }
}
