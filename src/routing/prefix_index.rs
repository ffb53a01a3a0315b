//! What a gateway remembers of the prompts it sent to one group.
//!
//! The real index is a least-recently-used set of block hashes. Here a prompt is a few long pieces, so the index holds, by
//! what stands in front of it, how far each piece was sent, counted in blocks, and forgets whole pieces. Only prompts are
//! remembered: a gateway does not see which tokens an answer has.

use std::collections::{BTreeMap, HashMap};

use crate::request::{Content, StreamId};

/// The pieces of a prompt's first tokens: (stream, tokens).
pub(super) fn pieces(content: &Content, prompt_tokens: u32) -> impl Iterator<Item = (StreamId, u32)> {
    let mut left = prompt_tokens;
    let all = content.segments.iter().map(|segment| (segment.stream, segment.tokens));
    all.chain([(content.tail, u32::MAX)]).map_while(move |(stream, tokens)| {
        let tokens = tokens.min(left);
        left -= tokens;
        (tokens > 0).then_some((stream, tokens))
    })
}

/// A piece behind what is in front of it: a hash of the (stream, tokens) before it, and its stream.
type Place = (u64, StreamId);

/// The memory of one group.
#[derive(Clone, Debug)]
pub(super) struct PrefixIndex {
    known: HashMap<Place, Known>,
    /// Places by when they were last used.
    by_use: BTreeMap<u64, Place>,
    uses: u64,
    blocks: u64,
    block_tokens: u32,
    capacity_blocks: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    tokens: u32,
    used: u64,
}

/// Goes on with a hash over one more piece (FNV-1a over words).
fn behind(before: u64, stream: StreamId, tokens: u32) -> u64 {
    [stream.0, u64::from(tokens)]
        .iter()
        .fold(before, |hash, word| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29))
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

impl PrefixIndex {
    pub(super) fn new(block_tokens: u32, capacity_blocks: u32) -> Self {
        Self {
            known: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            blocks: 0,
            block_tokens,
            capacity_blocks: u64::from(capacity_blocks),
        }
    }

    /// How many of the first tokens of a prompt were sent here before [tokens].
    pub(super) fn matched(&self, prompt: impl Iterator<Item = (StreamId, u32)>) -> u32 {
        let (mut before, mut matched) = (START, 0);
        for (stream, tokens) in prompt {
            let known = self.known.get(&(before, stream)).map_or(0, |known| known.tokens.min(tokens));
            matched += known;
            if known < tokens {
                break;
            }
            before = behind(before, stream, tokens);
        }
        matched
    }

    /// Remembers a prompt that was sent here.
    pub(super) fn insert(&mut self, prompt: impl Iterator<Item = (StreamId, u32)>) {
        let mut before = START;
        for (stream, tokens) in prompt {
            let place = (before, stream);
            self.uses += 1;
            let known = self.known.entry(place).or_insert(Known { tokens: 0, used: 0 });
            self.by_use.remove(&known.used);
            let longer = known.tokens.max(tokens);
            self.blocks += blocks(longer, self.block_tokens) - blocks(known.tokens, self.block_tokens);
            *known = Known { tokens: longer, used: self.uses };
            self.by_use.insert(self.uses, place);
            before = behind(before, stream, tokens);
        }
        while self.blocks > self.capacity_blocks
            && let Some((_, place)) = self.by_use.pop_first()
        {
            let known = self.known.remove(&place).expect("both maps hold the same places");
            self.blocks -= blocks(known.tokens, self.block_tokens);
        }
    }
}

fn blocks(tokens: u32, block_tokens: u32) -> u64 {
    u64::from(tokens.div_ceil(block_tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(pieces: &[(u64, u32)]) -> impl Iterator<Item = (StreamId, u32)> {
        pieces.iter().map(|(stream, tokens)| (StreamId(*stream), *tokens))
    }

    #[test]
    fn a_prompt_matches_as_far_as_its_beginning_was_sent() {
        let mut index = PrefixIndex::new(16, 1_000);
        index.insert(prompt(&[(1, 100), (2, 50)]));
        for (pieces, matched) in [
            (&[(1, 100), (2, 80)][..], 150),
            (&[(1, 100), (2, 20)], 120),
            (&[(1, 60), (2, 50)], 60),
            (&[(1, 100), (3, 50)], 100),
            (&[(2, 50)], 0),
        ] {
            assert_eq!(index.matched(prompt(pieces)), matched, "{pieces:?}");
        }
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten() {
        let mut index = PrefixIndex::new(16, 20);
        index.insert(prompt(&[(1, 160)]));
        index.insert(prompt(&[(2, 150)]));
        index.insert(prompt(&[(1, 32)]));
        assert_eq!((index.matched(prompt(&[(1, 160)])), index.matched(prompt(&[(2, 150)]))), (160, 150));
        index.insert(prompt(&[(3, 1)]));
        let matched = [1, 2, 3].map(|stream| index.matched(prompt(&[(stream, 1_000)])));
        assert_eq!(matched, [160, 0, 1]);
    }
}
