//! Block ids and the order of the free queue, as vLLM's own tests of the KV cache manager know them.

use std::sync::Arc;

use towtank::{
    engine::{CaptureSizes, EngineConfig, Executor, Family, FreeOrder, SchedulingPolicy},
    request::{Content, Segment, StreamId},
};

use super::pool::Pool;

/// Ten usable blocks, freed in the order of 0.28 and later.
fn pool(block_size: u32) -> Pool {
    let config = EngineConfig {
        family: Family::V1,
        version: "0.33".parse().unwrap(),
        scheduling_policy: SchedulingPolicy::Fcfs,
        max_num_seqs: 16,
        max_num_batched_tokens: 1024,
        max_model_len: 4096,
        block_size,
        num_gpu_blocks: 11,
        enable_chunked_prefill: true,
        enable_prefix_caching: true,
        long_prefill_token_threshold: 0,
        watermark: 0.0,
        async_scheduling: Some(false),
        pipeline_parallel_size: 1,
        num_scheduler_steps: 1,
        executor: Executor::Mp,
        capture_sizes: CaptureSizes::up_to(16),
        max_seq_len_to_capture: 8192,
    };
    Pool::new(&config, FreeOrder::UnhashedFirst)
}

/// `shared` tokens that others have too, then private ones.
fn content(shared: u32, tail: u64) -> Content {
    let segments: Arc<[Segment]> = Arc::from([Segment { stream: StreamId(0), tokens: shared }]);
    Content { segments, tail: StreamId(tail) }
}

fn take(pool: &mut Pool, blocks: u32) -> Vec<usize> {
    (0..blocks).map(|_| pool.take()).collect()
}

/// A prompt of `tokens` comes in: blocks hit, new blocks.
fn admit(pool: &mut Pool, content: &Content, tokens: u32) -> (Vec<usize>, Vec<usize>) {
    let hits = pool.lookup(content, tokens);
    for block in &hits {
        pool.touch(*block);
    }
    let new = take(pool, tokens.div_ceil(16) - hits.len() as u32);
    let mut hashed = hits.len();
    pool.cache(content, &[hits.clone(), new.clone()].concat(), &mut hashed, tokens);
    (hits, new)
}

/// `test_prefill`, `tests/v1/core/test_prefix_caching.py` of 0.33.
#[test]
fn shared_blocks_leave_and_enter_the_free_queue_in_order() {
    let mut pool = pool(16);
    assert_eq!(admit(&mut pool, &content(48, 1), 55), (vec![], vec![1, 2, 3, 4]));
    assert_eq!(admit(&mut pool, &content(48, 2), 53), (vec![1, 2, 3], vec![5]));
    assert_eq!(pool.free_blocks(), 5);
    pool.free(vec![1, 2, 3, 4]);
    assert!((1..=3).all(|block| !pool.is_free(block)), "the other request holds them");
    pool.free(vec![1, 2, 3, 5]);
    let order = [5, 4, 6, 7, 8, 9, 10, 3, 2, 1];
    assert_eq!(take(&mut pool.clone(), 10), order);
    assert_eq!(admit(&mut pool, &content(48, 3), 54), (vec![1, 2, 3], vec![5]));
    assert_eq!(pool.free_blocks(), 6);
    pool.free(vec![1, 2, 3, 5]);
    assert_eq!(admit(&mut pool, &content(0, 4), 160), (vec![], order.to_vec()));
    assert_eq!(pool.free_blocks(), 0);
}

/// Blocks are not deduplicated: a prompt that is cached whole computes its last block again, and of two copies the one
/// hashed first is found (`v1/core/kv_cache_manager.py` `get_computed_blocks`, `v1/core/block_pool.py`).
#[test]
fn a_fully_cached_prompt_computes_its_last_block_again() {
    let mut pool = pool(16);
    let content = content(0, 1);
    assert_eq!(admit(&mut pool, &content, 32), (vec![], vec![1, 2]));
    assert_eq!(admit(&mut pool, &content, 32), (vec![1], vec![3]));
    assert_eq!(pool.lookup(&content, 33), [1, 2]);
    pool.free(vec![1, 2]);
    assert_eq!(pool.lookup(&content, 33), [1, 2], "free, but first");
}
