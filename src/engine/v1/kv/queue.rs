//! The free queue as a linked list of intervals.
//!
//! vLLM's queue holds block after block (`v1/core/kv_cache_utils.py` `FreeKVCacheBlockQueue`). Blocks freed together by one
//! request stand in it one behind the other, its last block first, so the same order is kept by intervals: taking from
//! the front lowers the end of the first interval, a prefix hit raises the start of one anywhere.

/// Interval in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    /// Whose cached blocks these are; `None` if nobody can find them.
    pub(super) layer: Option<u32>,
    /// First block index.
    pub(super) lo: u32,
    /// One past the last, which stands nearest to the front.
    pub(super) hi: u32,
    previous: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// Doubly linked intervals in a slab.
#[derive(Clone, Debug)]
pub(super) struct FreeQueue {
    slots: Vec<Interval>,
    unused: Vec<u32>,
    front: u32,
    back: u32,
}

impl FreeQueue {
    /// `blocks` blocks nobody has used yet.
    pub(super) fn new(blocks: u32) -> Self {
        let mut queue = Self { slots: Vec::new(), unused: Vec::new(), front: NONE, back: NONE };
        queue.push_back(None, 0, blocks);
        queue
    }

    pub(super) fn front(&self) -> Option<u32> {
        (self.front != NONE).then_some(self.front)
    }

    pub(super) fn get(&self, at: u32) -> Interval {
        self.slots[at as usize]
    }

    pub(super) fn lower_hi(&mut self, at: u32, hi: u32) {
        self.slots[at as usize].hi = hi;
    }

    pub(super) fn raise_lo(&mut self, at: u32, lo: u32) {
        self.slots[at as usize].lo = lo;
    }

    /// Hands an interval over to another owner.
    pub(super) fn assign(&mut self, at: u32, layer: u32) {
        self.slots[at as usize].layer = Some(layer);
    }

    /// Splits off the blocks from `at_block` up, which stay in front of the rest; returns the new interval.
    pub(super) fn split(&mut self, at: u32, at_block: u32) -> u32 {
        let whole = self.slots[at as usize];
        self.slots[at as usize].hi = at_block;
        let new = self.slot(Interval { lo: at_block, previous: whole.previous, next: at, ..whole });
        self.link(whole.previous, new);
        self.link(new, at);
        new
    }

    pub(super) fn push_back(&mut self, layer: Option<u32>, lo: u32, hi: u32) -> u32 {
        // Anonymous neighbours are one interval: nobody can tell their blocks apart.
        if layer.is_none() && self.back != NONE && self.slots[self.back as usize].layer.is_none() {
            self.slots[self.back as usize].hi += hi - lo;
            return self.back;
        }
        let new = self.slot(Interval { layer, lo, hi, previous: self.back, next: NONE });
        let back = self.back;
        self.link(back, new);
        self.back = new;
        new
    }

    pub(super) fn push_front_anonymous(&mut self, blocks: u32) {
        if self.front != NONE && self.slots[self.front as usize].layer.is_none() {
            self.slots[self.front as usize].hi += blocks;
            return;
        }
        let front = self.front;
        let new = self.slot(Interval { layer: None, lo: 0, hi: blocks, previous: NONE, next: front });
        self.front = new;
        if front == NONE {
            self.back = new;
        } else {
            self.slots[front as usize].previous = new;
        }
    }

    pub(super) fn remove(&mut self, at: u32) {
        let Interval { previous, next, .. } = self.slots[at as usize];
        if next == NONE {
            self.back = previous;
        } else {
            self.slots[next as usize].previous = previous;
        }
        if previous == NONE {
            self.front = next;
        } else {
            self.slots[previous as usize].next = next;
        }
        self.unused.push(at);
    }

    fn slot(&mut self, interval: Interval) -> u32 {
        if let Some(at) = self.unused.pop() {
            self.slots[at as usize] = interval;
            return at;
        }
        self.slots.push(interval);
        self.slots.len() as u32 - 1
    }

    fn link(&mut self, previous: u32, next: u32) {
        if previous == NONE {
            self.front = next;
        } else {
            self.slots[previous as usize].next = next;
        }
        self.slots[next as usize].previous = previous;
    }
}
