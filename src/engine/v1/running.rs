//! The running list: requests in the order of their admission.

/// (place in the running order, slot), with gaps where requests left.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    list: Vec<(u64, u32)>,
    live: u32,
    next_seq: u64,
}

impl Running {
    pub(super) fn len(&self) -> u32 {
        self.live
    }

    /// Appends a request; returns its place in the order, which is never used again.
    pub(super) fn push(&mut self, slot: u32) -> u64 {
        self.next_seq += 1;
        self.list.push((self.next_seq, slot));
        self.live += 1;
        self.next_seq
    }

    /// Notes that one left. `runs` says of a place and slot whether the request still runs there.
    pub(super) fn left(&mut self, runs: impl Fn(u64, u32) -> bool) {
        self.live -= 1;
        while self.list.last().is_some_and(|(seq, slot)| !runs(*seq, *slot)) {
            self.list.pop();
        }
        if self.list.len() > 64 && self.list.len() > 2 * self.live as usize {
            self.list.retain(|(seq, slot)| runs(*seq, *slot));
        }
    }

    /// The last of the list.
    pub(super) fn last(&self) -> Option<u32> {
        self.list.last().map(|(_, slot)| *slot)
    }

    /// All of it, gaps included.
    pub(super) fn list(&self) -> &[(u64, u32)] {
        &self.list
    }
}
