//! Routers: each policy does with its own, possibly stale, view what its model does.

use std::sync::Arc;

use towtank::{
    catalog::Catalog,
    request::{Content, Segment, StreamId},
    routing::{Router, RouterArgs, RouterConfig, Scraped},
    units::SimDuration,
};

/// Where a request goes; some group is always ready.
fn pick(router: &mut Router, content: &Content, prompt_tokens: u32) -> usize {
    router.pick(content, prompt_tokens).unwrap()
}

fn config(text: &str) -> RouterConfig {
    let args: RouterArgs = serde_saphyr::from_str_valid(text).unwrap();
    RouterConfig::resolve(&args, &Catalog::builtin()).unwrap()
}

fn router(text: &str, groups: usize) -> Router {
    Router::new(&config(text), groups, 1)
}

fn private(stream: u64) -> Content {
    Content { segments: Arc::default(), tail: StreamId(stream) }
}

fn shared(group: u64, tokens: u32, tail: u64) -> Content {
    Content {
        segments: [Segment { stream: StreamId(group), tokens }].into(),
        tail: StreamId(1_000_000 + tail),
    }
}

/// Picks for requests that never end; how many went to each group.
fn spread(router: &mut Router, groups: usize, contents: impl Iterator<Item = Content>) -> Vec<u32> {
    let mut counts = vec![0; groups];
    for content in contents {
        let group = pick(router, &content, 1_000);
        router.dispatched(group);
        counts[group] += 1;
    }
    counts
}

#[test]
fn a_service_draws_every_group_alike_and_without_a_pattern() {
    let mut router = router("service", 4);
    assert!(!router.looks_at_state());
    let picks: Vec<usize> = (0..40_000).map(|stream| pick(&mut router, &private(stream), 100)).collect();
    for group in 0..4 {
        let count = picks.iter().filter(|pick| **pick == group).count();
        assert!((9_700..10_300).contains(&count), "{count}");
    }
    let repeats = picks.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!((9_700..10_300).contains(&repeats), "{repeats}");
}

#[test]
fn round_robin_takes_each_in_turn() {
    let mut router = router("round-robin", 3);
    let picks: Vec<usize> = (0..7).map(|stream| pick(&mut router, &private(stream), 100)).collect();
    assert_eq!(picks, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn least_requests_fills_the_emptiest_and_lets_ties_go_round() {
    let mut router = router("least-requests", 3);
    assert_eq!(spread(&mut router, 3, (0..30).map(private)), [10, 10, 10]);
    router.ended(1);
    router.ended(1);
    router.ended(2);
    let picks: Vec<usize> = (0..3)
        .map(|stream| {
            let group = pick(&mut router, &private(stream), 100);
            router.dispatched(group);
            group
        })
        .collect();
    assert_eq!(picks[0], 1);
    assert_eq!(picks[1..].iter().sum::<usize>(), 3, "one each for groups 1 and 2");
    assert!(router.looks_at_state() && router.views().iter().all(|view| view.in_flight == 10));
}

#[test]
fn least_kv_follows_the_metrics_until_the_next_scrape() {
    let mut router = router("{policy: least-kv, scrape_interval: 5s}", 2);
    assert_eq!(
        config("{policy: least-kv, scrape_interval: 5s}").scrape_interval(),
        Some(SimDuration::from_secs(5))
    );
    router.scraped(0, Scraped { running: 1, waiting: 0, kv_cache_usage: 0.4 });
    router.scraped(1, Scraped { running: 9, waiting: 9, kv_cache_usage: 0.3 });
    assert_eq!(spread(&mut router, 2, (0..50).map(private)), [0, 50]);
    router.scraped(1, Scraped { running: 59, waiting: 9, kv_cache_usage: 0.9 });
    assert_eq!(spread(&mut router, 2, (0..50).map(private)), [50, 0]);
}

#[test]
fn prefix_affinity_keeps_a_prefix_together_until_the_group_is_too_full() {
    let groups = 4;
    let mut picker = router("prefix-affinity", groups);
    let home: Vec<usize> = (0..200).map(|prefix| pick(&mut picker, &shared(prefix, 64, 0), 100)).collect();
    for (prefix, group) in home.iter().enumerate() {
        assert_eq!(pick(&mut picker, &shared(prefix as u64, 64, 7), 100), *group);
    }
    for group in 0..groups {
        assert!((30..70).contains(&home.iter().filter(|home| **home == group).count()));
    }
    // One group more takes only its own share of the keys, and from everybody.
    let mut larger = router("prefix-affinity", groups + 1);
    let moved: Vec<usize> = (0..200).map(|prefix| pick(&mut larger, &shared(prefix, 64, 0), 100)).collect();
    assert!(home.iter().zip(&moved).all(|(old, new)| old == new || *new == groups));
    assert!((20..60).contains(&moved.iter().filter(|group| **group == groups).count()));
    // Everybody asks for the same prefix: 1.25 times the mean is as much as its home takes.
    let counts = spread(&mut picker, groups, (0..400).map(|tail| shared(3, 64, tail)));
    assert_eq!(counts[home[3]], 125, "{counts:?}");
    assert!(counts.iter().all(|count| *count <= 125));
}

#[test]
fn the_gateway_weighs_queue_cache_and_prefix() {
    let mut router = router("inference-gateway", 3);
    let metrics = |waiting, kv_cache_usage| Scraped { running: 8, waiting, kv_cache_usage };
    router.scraped(0, metrics(4, 0.5));
    router.scraped(1, metrics(0, 0.5));
    router.scraped(2, metrics(2, 0.2));
    // Scores: 2 x 0 + 2 x 0.5, 2 x 1 + 2 x 0.5, 2 x 0.5 + 2 x 0.8.
    assert_eq!(pick(&mut router, &shared(1, 800, 1), 1_000), 1);
    // The prefix weighs 3 x 800/1000: it outweighs a queue that has grown since.
    router.scraped(1, metrics(4, 0.5));
    router.scraped(0, metrics(0, 0.5));
    assert_eq!(pick(&mut router, &shared(1, 800, 2), 1_000), 1);
    assert_eq!(pick(&mut router, &shared(2, 800, 3), 1_000), 0);
    // Blocks of 16 tokens: 15 shared ones are none.
    assert_eq!(pick(&mut router, &shared(1, 15, 4), 1_000), 0);
}

#[test]
fn the_gateway_draws_ties() {
    let mut router = router("inference-gateway", 4);
    let counts = spread(&mut router, 4, (0..4_000).map(private));
    assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
}
