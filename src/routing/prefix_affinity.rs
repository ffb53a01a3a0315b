//! Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016) of the prompt's first shared piece.
//!
//! Each group has a rank for each key (rendezvous hashing, so that a new group takes only its share of the keys); the
//! first in rank order with room takes the request. A group has room while its requests in flight, this one included, are
//! at most `load_bound` times the mean, rounded up. A prompt without a shared piece is its own key.

use super::view::GroupView;
use crate::request::Content;

/// The policy's state.
#[derive(Clone, Debug)]
pub(super) struct PrefixAffinity {
    load_bound: f64,
}

impl PrefixAffinity {
    pub(super) fn new(load_bound: f64) -> Self {
        Self { load_bound }
    }

    pub(super) fn pick(&self, content: &Content, ready: &[usize], views: &[GroupView]) -> usize {
        let key = content.segments.first().map_or(content.tail, |segment| segment.stream).0;
        let total: u64 = ready.iter().map(|group| u64::from(views[*group].in_flight)).sum();
        let room = (self.load_bound * (total + 1) as f64 / ready.len() as f64).ceil();
        ready
            .iter()
            .copied()
            .filter(|group| f64::from(views[*group].in_flight) + 1.0 <= room)
            .max_by_key(|group| mix(key ^ mix(*group as u64 + 1)))
            // With a bound of at least 1 the least loaded group always has room.
            .expect("a load bound is at least 1")
    }
}

/// The finisher of splitmix64: every bit of the result depends on every bit of `x`.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
