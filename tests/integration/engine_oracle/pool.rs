//! `BlockPool` and `SingleTypeKVCacheManager`, block by block.

use std::collections::{HashMap, VecDeque};

use towtank::{
    engine::{EngineConfig, FreeOrder},
    request::{Content, StreamId},
};

/// What vLLM hashes: all tokens up to the end of the block.
type Hash = Vec<(StreamId, u32)>;

#[derive(Clone, Debug)]
pub(super) struct Pool {
    block_size: u32,
    caching: bool,
    order: FreeOrder,
    queue: VecDeque<usize>,
    references: Vec<u32>,
    hashes: Vec<Option<Hash>>,
    cached: HashMap<Hash, Vec<usize>>,
}

fn hash(content: &Content, mut tokens: u32) -> Hash {
    let mut hash = Vec::new();
    for segment in content.segments.iter() {
        let part = segment.tokens.min(tokens);
        if part > 0 {
            hash.push((segment.stream, part));
        }
        tokens -= part;
    }
    if tokens > 0 {
        hash.push((content.tail, tokens));
    }
    hash
}

impl Pool {
    pub(super) fn new(config: &EngineConfig, order: FreeOrder) -> Self {
        let blocks = config.num_gpu_blocks as usize;
        Self {
            block_size: config.block_size,
            caching: config.enable_prefix_caching,
            order,
            queue: (1..blocks).collect(),
            references: vec![0; blocks],
            hashes: vec![None; blocks],
            cached: HashMap::new(),
        }
    }

    pub(super) fn free_blocks(&self) -> u32 {
        self.queue.len() as u32
    }

    pub(super) fn is_free(&self, block: usize) -> bool {
        self.references[block] == 0
    }

    /// A block from the front of the queue; whoever could have hit it cannot any more.
    pub(super) fn take(&mut self) -> usize {
        let block = self.queue.pop_front().expect("the caller made sure of it");
        if let Some(hash) = self.hashes[block].take() {
            let copies = self.cached.get_mut(&hash).unwrap();
            copies.retain(|other| *other != block);
            if copies.is_empty() {
                self.cached.remove(&hash);
            }
        }
        self.references[block] = 1;
        block
    }

    /// A hit.
    pub(super) fn touch(&mut self, block: usize) {
        if self.references[block] == 0 {
            self.queue.retain(|other| *other != block);
        }
        self.references[block] += 1;
    }

    /// The cached beginning of a request; at least one of its tokens is left over.
    pub(super) fn lookup(&self, content: &Content, tokens: u32) -> Vec<usize> {
        if !self.caching {
            return Vec::new();
        }
        let limit = (tokens - 1) / self.block_size;
        (1..=limit)
            .map_while(|index| {
                self.cached.get(&hash(content, index * self.block_size)).map(|copies| copies[0])
            })
            .collect()
    }

    /// Gives the full blocks among the first `upto` tokens their hashes.
    pub(super) fn cache(&mut self, content: &Content, blocks: &[usize], hashed: &mut usize, upto: u32) {
        let full = (upto / self.block_size) as usize;
        if !self.caching {
            return;
        }
        for (index, block) in blocks.iter().enumerate().take(full).skip(*hashed) {
            let hash = hash(content, (index as u32 + 1) * self.block_size);
            self.hashes[*block] = Some(hash.clone());
            self.cached.entry(hash).or_default().push(*block);
        }
        *hashed = full.max(*hashed);
    }

    pub(super) fn free(&mut self, blocks: Vec<usize>) {
        let mut hashed = Vec::new();
        for block in blocks.into_iter().rev() {
            self.references[block] -= 1;
            if self.references[block] > 0 {
                continue;
            }
            match self.order {
                FreeOrder::UnhashedFirst if self.hashes[block].is_none() => self.queue.push_front(block),
                FreeOrder::UnhashedFirst => hashed.push(block),
                FreeOrder::Append => self.queue.push_back(block),
            }
        }
        self.queue.extend(hashed);
    }
}
