//! The group with the smallest share of its KV cache in use when it was last scraped; ties go round. Until the next scrape
//! everything goes there: what stale metrics cost is part of what is simulated.

use super::view::{GroupView, least};

/// The policy's state.
#[derive(Clone, Debug, Default)]
pub(super) struct LeastKv {
    from: usize,
}

impl LeastKv {
    pub(super) fn pick(&mut self, ready: &[usize], views: &[GroupView]) -> usize {
        let group = least(ready, views, self.from, |view| view.scraped.kv_cache_usage);
        self.from = group + 1;
        group
    }
}
