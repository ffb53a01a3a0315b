//! The KV-cache manager and its block pool, block by block (`v1/core/kv_cache_manager.py`, `v1/core/block_pool.py`).

use std::collections::{BTreeMap, VecDeque};

use towtank::request::{Content, StreamId};

/// What a token is: whose, and which of that stream's.
pub(crate) type Token = (StreamId, u32);

/// The first `count` tokens of a request.
pub(crate) fn identities(content: &Content, count: u32) -> Vec<Token> {
    let mut tokens = Vec::new();
    for segment in content.segments.iter() {
        tokens.extend((0..segment.tokens).map(|offset| (segment.stream, offset)));
    }
    let behind = tokens.len() as u32;
    tokens.extend((0..count.saturating_sub(behind)).map(|offset| (content.tail, offset)));
    tokens.truncate(count as usize);
    tokens
}

#[derive(Clone, Debug, Default)]
struct Block {
    holders: u32,
    /// All tokens up to the end of this block: what the chained hash stands for.
    hash: Option<Vec<Token>>,
}

/// Blocks, free queue and hash table.
#[derive(Clone, Debug)]
pub(crate) struct Kv {
    block_size: usize,
    caching: bool,
    unhashed_first: bool,
    blocks: Vec<Block>,
    free: VecDeque<usize>,
    /// Copies of a hash in the order of their insertion.
    table: BTreeMap<Vec<Token>, Vec<usize>>,
}

impl Kv {
    /// A pool of `num_blocks`, block 0 being the null block.
    pub(crate) fn new(num_blocks: u32, block_size: u32, caching: bool, unhashed_first: bool) -> Self {
        Self {
            block_size: block_size as usize,
            caching,
            unhashed_first,
            blocks: vec![Block::default(); num_blocks as usize],
            free: (1..num_blocks as usize).collect(),
            table: BTreeMap::new(),
        }
    }

    pub(crate) fn free_blocks(&self) -> usize {
        self.free.len()
    }

    pub(crate) fn queue(&self) -> Vec<usize> {
        self.free.iter().copied().collect()
    }

    pub(crate) fn holders(&self, block: usize) -> u32 {
        self.blocks[block].holders
    }

    pub(crate) fn blocks_for(&self, tokens: u32) -> usize {
        (tokens as usize).div_ceil(self.block_size)
    }

    /// Cached blocks a request with these tokens begins with; one token is always computed.
    pub(crate) fn lookup(&self, tokens: &[Token]) -> Vec<usize> {
        let mut hits = Vec::new();
        if !self.caching || tokens.is_empty() {
            return hits;
        }
        for block in 0..(tokens.len() - 1) / self.block_size {
            match self.table.get(&tokens[..(block + 1) * self.block_size]) {
                Some(copies) => hits.push(copies[0]),
                None => break,
            }
        }
        hits
    }

    /// Of these blocks, how many stand in the free queue.
    pub(crate) fn evictable(&self, hits: &[usize]) -> usize {
        hits.iter().filter(|block| self.blocks[**block].holders == 0).count()
    }

    /// Takes hold of cached blocks.
    pub(crate) fn touch(&mut self, hits: &[usize]) {
        for hit in hits {
            if self.blocks[*hit].holders == 0 {
                self.free.retain(|block| block != hit);
            }
            self.blocks[*hit].holders += 1;
        }
    }

    /// Pops blocks from the front of the free queue; a hashed one loses its hash.
    pub(crate) fn take(&mut self, count: usize) -> Vec<usize> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let block = self.free.pop_front().unwrap();
            if let Some(hash) = self.blocks[block].hash.take() {
                let copies = self.table.get_mut(&hash).unwrap();
                copies.retain(|copy| *copy != block);
                if copies.is_empty() {
                    self.table.remove(&hash);
                }
            }
            assert_eq!(self.blocks[block].holders, 0);
            self.blocks[block].holders = 1;
            taken.push(block);
        }
        taken
    }

    /// Enters the full blocks among the first tokens of a request into the hash table.
    pub(crate) fn cache(&mut self, held: &[usize], tokens: &[Token]) {
        if !self.caching {
            return;
        }
        for (index, block) in held.iter().enumerate().take(tokens.len() / self.block_size) {
            if self.blocks[*block].hash.is_none() {
                let hash = tokens[..(index + 1) * self.block_size].to_vec();
                self.table.entry(hash.clone()).or_default().push(*block);
                self.blocks[*block].hash = Some(hash);
            }
        }
    }

    /// Lets go of a request's blocks, the last first.
    pub(crate) fn release(&mut self, held: &[usize]) {
        let mut unhashed = Vec::new();
        let mut hashed = Vec::new();
        for block in held.iter().rev() {
            self.blocks[*block].holders -= 1;
            if self.blocks[*block].holders == 0 {
                if self.unhashed_first && self.blocks[*block].hash.is_none() {
                    unhashed.push(*block);
                } else {
                    hashed.push(*block);
                }
            }
        }
        for block in unhashed.into_iter().rev() {
            self.free.push_front(block);
        }
        self.free.extend(hashed);
    }
}
