//! The group with the fewest requests in flight, as nginx's `least_conn` or Envoy's `LEAST_REQUEST` over all hosts; ties go round.

use super::view::{GroupView, least};

/// The policy's state.
#[derive(Clone, Debug, Default)]
pub(super) struct LeastRequests {
    from: usize,
}

impl LeastRequests {
    pub(super) fn pick(&mut self, ready: &[usize], views: &[GroupView]) -> usize {
        let group = least(ready, views, self.from, |view| view.in_flight);
        self.from = group + 1;
        group
    }
}
