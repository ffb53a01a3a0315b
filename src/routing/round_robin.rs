//! Each group in turn.

/// The policy's state.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundRobin {
    next: usize,
}

impl RoundRobin {
    pub(super) fn pick(&mut self, groups: usize) -> usize {
        let group = self.next % groups;
        self.next = group + 1;
        group
    }
}
