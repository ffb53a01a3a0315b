//! Where the tokens of a request stand in the tree of all prompts.
//!
//! vLLM identifies a full block by the hash of everything up to its end (`v1/core/kv_cache_utils.py`
//! `hash_block_tokens`). A node of the tree stands for the blocks whose last token lies in one stream, behind one
//! particular beginning; two requests with equal segments walk through the same nodes.

use std::collections::HashMap;

use crate::request::{Content, StreamId};

/// A stretch of blocks of one request in one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) node: u32,
    /// First block whose last token lies in the node's stream.
    pub(super) first: u32,
    /// One past the last such block of this request.
    pub(super) end: u32,
}

/// The stretches of one request, in order; the last one is open-ended, because an answer may go on.
#[derive(Clone, Debug, Default)]
pub(in crate::engine::v1) struct Path {
    pub(super) spans: Vec<Span>,
}

/// What tells a node from its siblings: its parent, where it begins [tokens], whose tokens follow.
type Key = (u32, u32, StreamId);

/// One stretch of the tree.
#[derive(Clone, Debug)]
struct Node {
    key: Key,
    /// Requests whose path leads through it.
    walkers: u32,
    /// Nodes right below it.
    children: u32,
    /// Its layers, in the order in which they came to exist.
    layers: Vec<u32>,
}

/// All stretches somebody walks through or has left blocks in.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    unused: Vec<u32>,
    /// Looked up by key only, never iterated.
    by_key: HashMap<Key, u32>,
}

const ROOT: u32 = u32::MAX;

impl Tree {
    /// The path of `content`, as a new walker on every node of it.
    pub(super) fn walk(&mut self, content: &Content, block_size: u32) -> Path {
        let mut spans = Vec::with_capacity(content.segments.len() + 1);
        let (mut parent, mut start) = (ROOT, 0);
        for segment in content.segments.iter() {
            let end = start + segment.tokens;
            let node = self.enter((parent, start, segment.stream));
            spans.push(Span { node, first: start / block_size, end: end / block_size });
            (parent, start) = (node, end);
        }
        let node = self.enter((parent, start, content.tail));
        spans.push(Span { node, first: start / block_size, end: u32::MAX });
        Path { spans }
    }

    /// The walker goes; nodes that nobody needs any more are forgotten.
    pub(super) fn leave(&mut self, path: &Path) {
        for span in path.spans.iter().rev() {
            self.nodes[span.node as usize].walkers -= 1;
            self.forget_if_bare(span.node);
        }
    }

    pub(super) fn layers(&self, node: u32) -> &[u32] {
        &self.nodes[node as usize].layers
    }

    pub(super) fn add_layer(&mut self, node: u32, layer: u32) {
        self.nodes[node as usize].layers.push(layer);
    }

    /// Puts `layer` right behind `sibling` in the order of their making.
    pub(super) fn add_layer_behind(&mut self, node: u32, sibling: u32, layer: u32) {
        let layers = &mut self.nodes[node as usize].layers;
        let place = layers.iter().position(|known| *known == sibling).expect("the sibling lies in its node");
        layers.insert(place + 1, layer);
    }

    pub(super) fn remove_layer(&mut self, node: u32, layer: u32) {
        self.nodes[node as usize].layers.retain(|known| *known != layer);
        self.forget_if_bare(node);
    }

    fn enter(&mut self, key: Key) -> u32 {
        if let Some(node) = self.by_key.get(&key) {
            self.nodes[*node as usize].walkers += 1;
            return *node;
        }
        if key.0 != ROOT {
            self.nodes[key.0 as usize].children += 1;
        }
        let node = Node { key, walkers: 1, children: 0, layers: Vec::new() };
        let at = if let Some(at) = self.unused.pop() {
            self.nodes[at as usize] = node;
            at
        } else {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        };
        self.by_key.insert(key, at);
        at
    }

    /// A child is known by its parent's number, so a parent outlives its children, also where it has no full block itself.
    fn forget_if_bare(&mut self, node: u32) {
        let mut node = node;
        while node != ROOT {
            let bare = &self.nodes[node as usize];
            if bare.walkers > 0 || bare.children > 0 || !bare.layers.is_empty() {
                return;
            }
            let parent = bare.key.0;
            self.by_key.remove(&bare.key);
            self.unused.push(node);
            if parent != ROOT {
                self.nodes[parent as usize].children -= 1;
            }
            node = parent;
        }
    }
}
