//! Each group in turn.

/// The policy's state.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundRobin {
    next: usize,
}

impl RoundRobin {
    pub(super) fn pick(&mut self, ready: &[usize]) -> usize {
        let next = ready.partition_point(|group| *group < self.next);
        let group = ready[next % ready.len()];
        self.next = group + 1;
        group
    }
}
