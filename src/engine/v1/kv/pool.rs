//! Free blocks, prefix hits, allocation and release.

use super::{
    layers::Layer,
    path::{Path, Tree},
    queue::FreeQueue,
};
use crate::engine::FreeOrder;
use crate::request::Content;

/// A beginning of a request found in the cache.
#[derive(Clone, Debug, Default)]
pub(in crate::engine::v1) struct Hit {
    /// Blocks found.
    pub(in crate::engine::v1) blocks: u32,
    /// Of those, blocks that lie in the free queue and leave it when hit.
    pub(in crate::engine::v1) evictable: u32,
    /// (layer, from, up to), in order of block index.
    pieces: Vec<(u32, u32, u32)>,
}

/// What one running request holds.
#[derive(Clone, Debug, Default)]
pub(in crate::engine::v1) struct Holding {
    /// Blocks of others: (layer, from, up to).
    hits: Vec<(u32, u32, u32)>,
    /// Layers it made, by span of its path.
    made: Vec<(u32, u32)>,
}

/// All KV blocks of one engine but the null block.
#[derive(Clone, Debug)]
pub(in crate::engine::v1) struct KvPool {
    block_size: u32,
    usable: u32,
    free: u32,
    order: FreeOrder,
    /// Nothing can be found again without prefix caching, so only the count of free blocks matters.
    cache: Option<Cache>,
}

#[derive(Clone, Debug)]
struct Cache {
    queue: FreeQueue,
    tree: Tree,
    layers: Vec<Layer>,
    unused: Vec<u32>,
    /// Open layers beside others in their node.
    twins: Vec<u32>,
    /// Counts notes of who hashed first.
    clock: u64,
}

impl KvPool {
    pub(in crate::engine::v1) fn new(usable: u32, block_size: u32, order: FreeOrder, caching: bool) -> Self {
        let cache = caching.then(|| Cache {
            queue: FreeQueue::new(usable),
            tree: Tree::default(),
            layers: Vec::new(),
            unused: Vec::new(),
            twins: Vec::new(),
            clock: 0,
        });
        Self { block_size, usable, free: usable, order, cache }
    }

    pub(in crate::engine::v1) fn free(&self) -> u32 {
        self.free
    }

    pub(in crate::engine::v1) fn usable(&self) -> u32 {
        self.usable
    }

    /// Tokens a block holds.
    pub(in crate::engine::v1) fn block_size(&self) -> u32 {
        self.block_size
    }

    /// Blocks that hold `tokens` tokens.
    pub(in crate::engine::v1) fn blocks(&self, tokens: u32) -> u32 {
        tokens.div_ceil(self.block_size)
    }

    /// The path of a request, to be given back with [`Self::forget`].
    pub(in crate::engine::v1) fn path(&mut self, content: &Content) -> Path {
        self.cache.as_mut().map_or_else(Path::default, |cache| cache.tree.walk(content, self.block_size))
    }

    pub(in crate::engine::v1) fn forget(&mut self, path: &Path) {
        if let Some(cache) = &mut self.cache {
            cache.tree.leave(path);
        }
    }

    /// The longest cached beginning; at least one of `tokens` is always left to compute
    /// (`v1/core/kv_cache_manager.py` `get_computed_blocks`). `hashed` tells how many blocks of a running request
    /// have their hash.
    pub(in crate::engine::v1) fn lookup(&self, path: &Path, tokens: u32, hashed: impl Fn(u32) -> u32) -> Hit {
        let mut hit = Hit::default();
        let Some(cache) = &self.cache else { return hit };
        let limit = tokens.saturating_sub(1) / self.block_size;
        for span in &path.spans {
            let end = span.end.min(limit);
            while hit.blocks < end {
                let Some((layer, run)) = cache.find(span.node, hit.blocks, &hashed) else { return hit };
                let to = run.min(end);
                let held = &cache.layers[layer as usize];
                if held.maker.is_none() {
                    hit.evictable += to - hit.blocks.max(held.held()).min(to);
                }
                match hit.pieces.last_mut() {
                    Some((last, _, end)) if *last == layer => *end = to,
                    _ => hit.pieces.push((layer, hit.blocks, to)),
                }
                hit.blocks = to;
            }
            if span.end > limit {
                break;
            }
        }
        hit
    }

    /// Takes `blocks` from the front of the free queue.
    pub(in crate::engine::v1) fn take(&mut self, blocks: u32) {
        debug_assert!(blocks <= self.free, "the caller made room");
        self.free -= blocks;
        if let Some(cache) = &mut self.cache {
            cache.evict(blocks);
        }
    }

    /// Takes hold of a hit and opens layers for what request `maker` will compute behind it.
    /// `known`: how many blocks have their hash in the layers of [`Self::open_beside`].
    pub(in crate::engine::v1) fn hold(
        &mut self,
        path: &Path,
        hit: Hit,
        maker: u32,
        known: Vec<(u32, u32)>,
    ) -> Holding {
        let Some(cache) = &mut self.cache else { return Holding::default() };
        self.free -= hit.evictable;
        for (layer, hashed) in known {
            cache.watch(layer, hashed, 0);
        }
        let mut hits = hit.pieces;
        for (layer, from, to) in &mut hits {
            *layer = cache.hold(*layer, *from, *to);
        }
        let mut made = Vec::with_capacity(1);
        for (index, span) in path.spans.iter().enumerate() {
            if span.end > hit.blocks && span.end > span.first {
                let layer = cache.add(Layer::new(span.node, span.first.max(hit.blocks), span.end, maker));
                made.push((index as u32, layer));
            }
        }
        Holding { hits, made }
    }

    /// Whether several requests compute blocks of one stretch at the same time.
    pub(in crate::engine::v1) fn has_twins(&self) -> bool {
        self.cache.as_ref().is_some_and(|cache| !cache.twins.is_empty())
    }

    /// Their layers and makers.
    pub(in crate::engine::v1) fn twins(&self) -> impl Iterator<Item = (u32, u32)> {
        self.cache.iter().flat_map(|cache| {
            let maker = |number: u32| cache.layers[number as usize].maker;
            cache.twins.iter().filter_map(move |number| maker(*number).map(|maker| (*number, maker)))
        })
    }

    /// Layers along a path that others still extend, and their makers, where nobody watches them yet.
    pub(in crate::engine::v1) fn open_beside(&self, path: &Path) -> Vec<(u32, u32)> {
        let Some(cache) = &self.cache else { return Vec::new() };
        let mut open = Vec::new();
        for span in &path.spans {
            for number in cache.tree.layers(span.node) {
                let layer = &cache.layers[*number as usize];
                if let (Some(maker), true) = (layer.maker, layer.hashed_at.is_empty()) {
                    open.push((*number, maker));
                }
            }
        }
        open
    }

    /// Whether somebody is still adding blocks along a path.
    pub(in crate::engine::v1) fn grows(&self, path: &Path, hashed: impl Fn(u32) -> u32) -> bool {
        self.cache.as_ref().is_some_and(|cache| {
            let layers = path.spans.iter().flat_map(|span| cache.tree.layers(span.node));
            let mut layers = layers.map(|number| &cache.layers[*number as usize]);
            layers.any(|layer| layer.maker.is_some_and(|maker| hashed(maker) < layer.limit))
        })
    }

    /// A watched layer has its hashes up to `hashed`.
    pub(in crate::engine::v1) fn note(&mut self, number: u32, hashed: u32) {
        let cache = self.cache.as_mut().expect("only a cache has twins");
        cache.clock += 1;
        let layer = &mut cache.layers[number as usize];
        layer.note(hashed.min(layer.limit), cache.clock);
    }

    /// Frees what a request holds: `blocks` in all, the first `hashed` of them with a hash.
    pub(in crate::engine::v1) fn release(&mut self, path: &Path, holding: Holding, blocks: u32, hashed: u32) {
        let Some(cache) = &mut self.cache else {
            self.free += blocks;
            return;
        };
        let unhashed = blocks - hashed;
        self.free += unhashed;
        if unhashed > 0 {
            match self.order {
                FreeOrder::UnhashedFirst => cache.queue.push_front_anonymous(unhashed),
                FreeOrder::Append => {
                    cache.queue.push_back(None, 0, unhashed);
                }
            }
        }
        for (span, layer) in holding.made.into_iter().rev() {
            self.free += cache.close(layer, path.spans[span as usize].end.min(hashed));
        }
        for (layer, _, to) in holding.hits.into_iter().rev() {
            self.free += cache.let_go(layer, to);
        }
    }
}

impl Cache {
    /// The layer a lookup of block `index` returns, and how far the same answer holds.
    fn find(&self, node: u32, index: u32, hashed: &impl Fn(u32) -> u32) -> Option<(u32, u32)> {
        let mut limit = u32::MAX;
        let mut found: Option<(u64, u32, u32)> = None;
        for number in self.tree.layers(node) {
            let layer = &self.layers[*number as usize];
            let end = layer.maker.map_or(layer.end, |maker| hashed(maker).min(layer.limit));
            if layer.start <= index && index < end {
                let stamp = layer.stamp(index);
                // Beside a twin the answer may be another for every block.
                found = match found {
                    None => Some((stamp, *number, end)),
                    Some((first, earlier, _)) if first <= stamp => Some((first, earlier, index + 1)),
                    Some(_) => Some((stamp, *number, index + 1)),
                };
            }
            if layer.start > index && layer.start < end {
                limit = limit.min(layer.start);
            }
        }
        found.map(|(_, number, end)| (number, end.min(limit)))
    }

    fn add(&mut self, layer: Layer) -> u32 {
        let (node, start) = (layer.node, layer.start);
        let alone = self.tree.layers(node).is_empty();
        let number = self.store(layer);
        self.tree.add_layer(node, number);
        if !alone {
            self.watch(number, start, 0);
        }
        number
    }

    /// From now on it matters when an open layer gets its hashes; it has them up to `hashed`.
    fn watch(&mut self, number: u32, hashed: u32, stamp: u64) {
        let layer = &mut self.layers[number as usize];
        layer.note(hashed.min(layer.limit), stamp);
        self.twins.push(number);
    }

    fn store(&mut self, layer: Layer) -> u32 {
        if let Some(number) = self.unused.pop() {
            self.layers[number as usize] = layer;
            return number;
        }
        self.layers.push(layer);
        self.layers.len() as u32 - 1
    }

    /// Blocks `from..to` of a layer are in use by one more request; returns the layer that has them.
    fn hold(&mut self, number: u32, from: u32, to: u32) -> u32 {
        let mut number = number;
        // An earlier piece of the same hit may have split it.
        while let Some((at, far)) = self.layers[number as usize].split
            && self.layers[number as usize].maker.is_none()
            && from >= at
        {
            number = far;
        }
        // A hit in the middle happens only beside a twin; from there on the layer lives a life of its own.
        if from > self.layers[number as usize].start {
            number = self.split(number, from);
        }
        if self.layers[number as usize].maker.is_none() {
            let held = self.layers[number as usize].held();
            if to > held {
                self.unqueue(number, to);
            }
        }
        self.layers[number as usize].hold(to);
        number
    }

    fn split(&mut self, number: u32, at: u32) -> u32 {
        let far = self.layers[number as usize].cut(at);
        let node = far.node;
        let new = self.store(far);
        self.tree.add_layer_behind(node, number, new);
        self.layers[number as usize].split = Some((at, new));
        if let Some(place) = self.twins.iter().position(|twin| *twin == number) {
            self.twins[place] = new;
        }
        let mut moved = Vec::new();
        let mut kept = Vec::new();
        for interval in std::mem::take(&mut self.layers[number as usize].free) {
            let range = self.queue.get(interval);
            if range.lo >= at {
                moved.push(interval);
            } else if range.hi <= at {
                kept.push(interval);
            } else {
                moved.push(self.queue.split(interval, at));
                kept.push(interval);
            }
        }
        for interval in &moved {
            self.queue.assign(*interval, new);
        }
        self.layers[number as usize].free = kept;
        self.layers[new as usize].free = moved;
        new
    }

    /// Takes the free blocks below `to` out of the queue.
    fn unqueue(&mut self, number: u32, to: u32) {
        let free = &mut self.layers[number as usize].free;
        while let Some(interval) = free.last().copied() {
            let range = self.queue.get(interval);
            if range.lo >= to {
                break;
            }
            if range.hi > to {
                self.queue.raise_lo(interval, to);
                break;
            }
            self.queue.remove(interval);
            free.pop();
        }
    }

    /// The maker stops extending its layer, which ends at `end`; returns how many of its blocks became free.
    fn close(&mut self, number: u32, end: u32) -> u32 {
        if let Some((at, far)) = self.layers[number as usize].split {
            let freed = self.close(far, end);
            return freed + self.let_go(number, at);
        }
        if let Some(place) = self.twins.iter().position(|twin| *twin == number) {
            self.twins.swap_remove(place);
            self.clock += 1;
            self.layers[number as usize].note(end, self.clock);
        }
        let layer = &mut self.layers[number as usize];
        layer.maker = None;
        layer.end = end.max(layer.start);
        let (from, to) = (layer.held(), layer.end);
        self.enqueue(number, from, to);
        self.bury_if_gone(number);
        to - from
    }

    /// A holder down to `depth` lets go; returns how many blocks became free.
    fn let_go(&mut self, number: u32, depth: u32) -> u32 {
        if let Some((at, far)) = self.layers[number as usize].split
            && depth > at
        {
            let freed = self.let_go(far, depth);
            return freed + self.let_go(number, at);
        }
        let layer = &mut self.layers[number as usize];
        let before = layer.held();
        layer.let_go(depth);
        let after = layer.held();
        if layer.maker.is_some() {
            return 0;
        }
        self.enqueue(number, after, before);
        self.bury_if_gone(number);
        before - after
    }

    fn enqueue(&mut self, number: u32, from: u32, to: u32) {
        if to > from {
            let interval = self.queue.push_back(Some(number), from, to);
            self.layers[number as usize].free.push(interval);
        }
    }

    fn evict(&mut self, mut blocks: u32) {
        while blocks > 0 {
            let front = self.queue.front().expect("free blocks are in the queue");
            let range = self.queue.get(front);
            let count = blocks.min(range.hi - range.lo);
            let hi = range.hi - count;
            blocks -= count;
            if let Some(number) = range.layer {
                let layer = &mut self.layers[number as usize];
                debug_assert_eq!(layer.end, range.hi, "the last block is evicted first");
                layer.end = hi;
            }
            if hi > range.lo {
                self.queue.lower_hi(front, hi);
                return;
            }
            self.queue.remove(front);
            if let Some(number) = range.layer {
                self.layers[number as usize].free.remove(0);
                self.bury_if_gone(number);
            }
        }
    }

    fn bury_if_gone(&mut self, number: u32) {
        let layer = &self.layers[number as usize];
        if layer.is_gone() {
            self.tree.remove_layer(layer.node, number);
            self.unused.push(number);
        }
    }
}
