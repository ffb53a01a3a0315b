//! Blocks that one request computed on one stretch: `start..end` of a node's block indices.
//!
//! Whoever holds a block holds all blocks before it, so the holders of a layer hold a beginning of it, what is free is
//! its end, and what was freed last is what lies lowest. A layer is *open* while its maker still extends it.
//! Two layers of one node may overlap (vLLM does not deduplicate blocks); a lookup returns the one made first.

/// One layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) node: u32,
    pub(super) start: u32,
    /// One past the last block that can be found; of an open layer its maker knows better.
    pub(super) end: u32,
    /// The request that still extends it.
    pub(super) maker: Option<u32>,
    /// One past the last block of its maker's stretch.
    pub(super) limit: u32,
    /// (one past the last block, when they got their hashes), where it has a twin; empty where it was first.
    pub(super) hashed_at: Vec<(u32, u64)>,
    /// How deep others hold it: (one past the last block, how many), deepest last.
    holders: Vec<(u32, u32)>,
    /// Its intervals in the free queue, highest blocks first.
    pub(super) free: Vec<u32>,
    /// The layer that took over the blocks from `end` at the time of the split.
    pub(super) split: Option<(u32, u32)>,
}

impl Layer {
    pub(super) fn new(node: u32, start: u32, limit: u32, maker: u32) -> Self {
        Self {
            node,
            start,
            end: start,
            maker: Some(maker),
            limit,
            hashed_at: Vec::new(),
            holders: Vec::new(),
            free: Vec::new(),
            split: None,
        }
    }

    /// When block `index` got its hash, as far as that matters.
    pub(super) fn stamp(&self, index: u32) -> u64 {
        if self.hashed_at.is_empty() {
            return 0;
        }
        let place = self.hashed_at.partition_point(|(end, _)| *end <= index);
        self.hashed_at.get(place).map_or(u64::MAX, |(_, stamp)| *stamp)
    }

    /// Notes that blocks up to `end` have their hashes at `stamp`.
    pub(super) fn note(&mut self, end: u32, stamp: u64) {
        if self.hashed_at.last().is_none_or(|(known, _)| *known < end) {
            self.hashed_at.push((end, stamp));
        }
    }

    /// One past the last block in use, its maker left out.
    pub(super) fn held(&self) -> u32 {
        self.holders.last().map_or(self.start, |(depth, _)| *depth)
    }

    pub(super) fn hold(&mut self, depth: u32) {
        match self.holders.binary_search_by_key(&depth, |(depth, _)| *depth) {
            Ok(place) => self.holders[place].1 += 1,
            Err(place) => self.holders.insert(place, (depth, 1)),
        }
    }

    pub(super) fn let_go(&mut self, depth: u32) {
        let place = self.holders.binary_search_by_key(&depth, |(depth, _)| *depth);
        let place = place.expect("only a holder lets go");
        self.holders[place].1 -= 1;
        if self.holders[place].1 == 0 {
            self.holders.remove(place);
        }
    }

    /// Cuts everything from `at` off into a layer of its own. Holders of the far part hold both from now on, and so does a
    /// maker, who goes on extending the far part.
    pub(super) fn cut(&mut self, at: u32) -> Self {
        let far: Vec<_> = self.holders.iter().copied().filter(|(depth, _)| *depth > at).collect();
        let count: u32 = far.iter().map(|(_, count)| count).sum();
        self.holders.retain(|(depth, _)| *depth <= at);
        for _ in 0..count + u32::from(self.maker.is_some()) {
            self.hold(at);
        }
        let far = Self {
            node: self.node,
            start: at,
            end: self.end,
            maker: self.maker.take(),
            limit: self.limit,
            hashed_at: self.hashed_at.clone(),
            holders: far,
            free: Vec::new(),
            split: self.split,
        };
        self.end = at;
        far
    }

    pub(super) fn is_gone(&self) -> bool {
        self.maker.is_none() && self.holders.is_empty() && self.end <= self.start
    }
}
