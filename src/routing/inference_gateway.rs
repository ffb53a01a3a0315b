//! The endpoint picker of the Gateway API Inference Extension: the highest weighted sum of scores wins, ties are drawn.
//!
//! Scores lie between 0 and 1 (kubernetes-sigs/gateway-api-inference-extension, scheduling plugins): queue-scorer
//! `(longest - waiting) / (longest - shortest)`, kv-cache-utilization-scorer `1 - usage`, both on metrics as last scraped;
//! prefix-cache-scorer the share of the prompt's blocks that the picker itself sent to that group before.

use rand::RngExt;

use super::config::GatewayConfig;
use super::prefix_index::{PrefixIndex, pieces};
use super::view::GroupView;
use crate::random::RandomStream;
use crate::request::Content;

/// The policy's state.
#[derive(Clone, Debug)]
pub(super) struct InferenceGateway {
    config: GatewayConfig,
    indices: Vec<PrefixIndex>,
    draws: RandomStream,
}

impl InferenceGateway {
    pub(super) fn new(config: GatewayConfig, groups: usize, seed: u64) -> Self {
        let index = PrefixIndex::new(config.prefix_block_tokens, config.prefix_blocks_per_group);
        Self {
            config,
            indices: vec![index; groups],
            draws: RandomStream::new(seed, "routing/inference-gateway", 0),
        }
    }

    pub(super) fn pick(
        &mut self,
        content: &Content,
        prompt_tokens: u32,
        ready: &[usize],
        views: &[GroupView],
    ) -> usize {
        let block = self.config.prefix_block_tokens;
        let blocks = (prompt_tokens / block).min(self.config.prefix_blocks_per_prompt);
        let looked_at = blocks * block;
        let waiting = || ready.iter().map(|group| views[*group].scraped.waiting);
        let longest = waiting().max().unwrap_or(0);
        let shortest = waiting().min().unwrap_or(0);
        let score = |group: usize| {
            let scraped = views[group].scraped;
            let queue = match longest - shortest {
                0 => 1.0,
                spread => f64::from(longest - scraped.waiting) / f64::from(spread),
            };
            let matched = self.indices[group].matched(pieces(content, looked_at)) / block;
            let prefix = if blocks == 0 { 0.0 } else { f64::from(matched) / f64::from(blocks) };
            self.config.queue_weight * queue
                + self.config.kv_cache_weight * (1.0 - scraped.kv_cache_usage)
                + self.config.prefix_weight * prefix
        };
        let (mut best, mut best_score, mut ties) = (ready[0], score(ready[0]), 1u32);
        let draw: f64 = self.draws.random();
        let mut share = draw;
        for &group in &ready[1..] {
            let score = score(group);
            if score > best_score {
                (best, best_score, ties, share) = (group, score, 1, draw);
            } else if score >= best_score {
                // Each of the tied groups is kept with the same chance; one draw serves for all of them, stretched each time.
                ties += 1;
                let keep = f64::from(ties - 1) / f64::from(ties);
                if share < keep {
                    share /= keep;
                } else {
                    share = (share - keep) / (1.0 - keep);
                    best = group;
                }
            }
        }
        self.indices[best].insert(pieces(content, looked_at));
        best
    }

    /// The group lost its prefix cache.
    pub(super) fn forget(&mut self, group: usize) {
        let config = &self.config;
        self.indices[group] = PrefixIndex::new(config.prefix_block_tokens, config.prefix_blocks_per_group);
    }
}
