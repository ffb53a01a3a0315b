//! A Kubernetes `ClusterIP` Service: kube-proxy draws an endpoint at random for each connection (kubernetes.io, Virtual IPs and
//! Service Proxies: iptables mode, "chooses a backend at random"). A connection here carries one request.

use rand::RngExt;

use crate::random::RandomStream;

/// The policy's state.
#[derive(Clone, Debug)]
pub(super) struct Service {
    draws: RandomStream,
}

impl Service {
    pub(super) fn new(seed: u64) -> Self {
        Self { draws: RandomStream::new(seed, "routing/service", 0) }
    }

    pub(super) fn pick(&mut self, ready: &[usize]) -> usize {
        // One draw a request even when there is no choice: the number of groups moves nobody else's numbers.
        let draw: f64 = self.draws.random();
        ready[((draw * ready.len() as f64) as usize).min(ready.len() - 1)]
    }
}
