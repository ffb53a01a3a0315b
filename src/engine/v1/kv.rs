//! The KV cache: how many blocks are free, and which freed blocks could still be found again.
//!
//! vLLM keeps a table of blocks; here a block is known only by what it holds. The prompt and answer of a request are a
//! [`Path`] through a tree of token streams; the blocks that one request computed on one stretch of it are a
//! [`layer`](layers), which others may hit and which, once freed, lies in the free queue as an interval. Taking a block
//! from the queue, finding a prefix and freeing a request therefore cost as much as they have pieces, not blocks.

mod layers;
mod path;
mod pool;
mod queue;

pub(super) use path::Path;
pub(super) use pool::{Hit, Holding, KvPool};
