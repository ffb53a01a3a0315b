//! The fair-share solver against a slow oracle, and what max-min fairness means.

use proptest::prelude::*;
use towtank::{
    hardware::{FairShare, FlowId, max_min_rates},
    units::SimDuration,
};

/// Rates by raising all flows together until something breaks, found by bisection: obvious and slow.
fn oracle(capacities: &[f64], flows: &[Vec<usize>]) -> Vec<f64> {
    let mut rates: Vec<f64> =
        flows.iter().map(|links| if links.is_empty() { f64::INFINITY } else { 0.0 }).collect();
    let mut frozen: Vec<bool> = flows.iter().map(Vec::is_empty).collect();
    let load = |rates: &[f64], link: usize| -> f64 {
        flows.iter().zip(rates).filter(|(links, _)| links.contains(&link)).map(|(_, rate)| rate).sum()
    };
    while frozen.iter().any(|frozen| !frozen) {
        let raised = |level: f64| -> Vec<f64> {
            rates.iter().zip(&frozen).map(|(rate, frozen)| if *frozen { *rate } else { level }).collect()
        };
        let (mut low, mut high) = (0.0, capacities.iter().copied().fold(1.0, f64::max) * 2.0);
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            let rates = raised(middle);
            let fits =
                (0..capacities.len()).all(|link| load(&rates, link) <= capacities[link] * (1.0 + 1e-12));
            if fits { low = middle } else { high = middle }
        }
        rates = raised(low);
        // Whoever crosses a full link is done; the fullest counts as full, so that each round ends someone.
        let slack = |link: usize| capacities[link] - load(&rates, link);
        let used = |link: &usize| flows.iter().zip(&frozen).any(|(links, f)| !f && links.contains(link));
        let tightest =
            (0..capacities.len()).filter(used).min_by(|a, b| slack(*a).total_cmp(&slack(*b))).unwrap();
        for (links, frozen) in flows.iter().zip(&mut frozen) {
            let full = |link: &usize| *link == tightest || slack(*link) <= 1e-9 * capacities[*link];
            *frozen = *frozen || links.iter().any(full);
        }
    }
    rates
}

fn network() -> impl Strategy<Value = (Vec<f64>, Vec<Vec<usize>>)> {
    (1_usize..7).prop_flat_map(|links| {
        let capacities = prop::collection::vec((1_u32..1000).prop_map(f64::from), links);
        let flow = prop::collection::btree_set(0..links, 0..=links).prop_map(|set| set.into_iter().collect());
        (capacities, prop::collection::vec(flow, 0..9))
    })
}

fn borrowed(flows: &[Vec<usize>]) -> Vec<&[usize]> {
    flows.iter().map(Vec::as_slice).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rates_are_the_oracles((capacities, flows) in network()) {
        let rates = max_min_rates(&capacities, &borrowed(&flows));
        for (rate, expected) in rates.iter().zip(oracle(&capacities, &flows)) {
            prop_assert!(
                (rate.is_infinite() && expected.is_infinite()) || (rate - expected).abs() <= 1e-6 * expected,
                "{rates:?}, oracle {expected}"
            );
        }
    }

    /// Feasible, and every flow has a full link on which nobody is faster: the definition of max-min fairness.
    #[test]
    fn every_flow_has_a_bottleneck((capacities, flows) in network()) {
        let rates = max_min_rates(&capacities, &borrowed(&flows));
        let users = |link: usize| -> Vec<f64> {
            let on = flows.iter().zip(&rates).filter(|(links, _)| links.contains(&link));
            on.map(|(_, rate)| *rate).collect()
        };
        for (link, capacity) in capacities.iter().enumerate() {
            prop_assert!(users(link).iter().sum::<f64>() <= capacity * (1.0 + 1e-9));
        }
        for (links, rate) in flows.iter().zip(&rates).filter(|(links, _)| !links.is_empty()) {
            let bottleneck = links.iter().any(|link| {
                let on = users(*link);
                on.iter().sum::<f64>() >= capacities[*link] * (1.0 - 1e-9)
                    && on.iter().all(|other| *other <= rate * (1.0 + 1e-9))
            });
            prop_assert!(bottleneck, "flow over {links:?} at {rate}");
        }
    }

    /// Every transfer moves its bytes, whether time passes in one piece or in many.
    #[test]
    fn time_may_pass_in_any_pieces((capacities, flows) in network(), cut in 1_u64..7, bytes in 1_u32..5000) {
        let run = |cut: u64| -> Vec<(u64, FlowId)> {
            let mut share = FairShare::new(capacities.clone());
            for (index, links) in flows.iter().enumerate() {
                share.start(links, f64::from(bytes) * (index + 1) as f64);
            }
            let (mut now, mut ended) = (0, Vec::new());
            while let Some(finish) = share.next_finish() {
                let step = SimDuration::from_nanos(finish.as_nanos().div_ceil(cut));
                now += step.as_nanos();
                ended.extend(share.advance(step).into_iter().map(|id| (now, id)));
            }
            assert!(share.is_empty());
            ended
        };
        let (whole, pieces) = (run(1), run(cut));
        prop_assert_eq!(whole.len(), flows.len());
        let by_id = |mut ended: Vec<(u64, FlowId)>| { ended.sort_by_key(|(_, id)| *id); ended };
        for ((a, first), (b, second)) in by_id(whole).into_iter().zip(by_id(pieces)) {
            prop_assert_eq!(first, second);
            prop_assert!(a.abs_diff(b) <= 64, "{a} ns against {b} ns");
        }
    }
}

#[test]
fn a_worked_example() {
    // Two transfers share a link of 10 B/s, one of them also crosses a link of 4 B/s: 4 and 6 B/s.
    let mut share = FairShare::new(vec![10.0, 4.0]);
    let slow = share.start(&[0, 1], 8.0);
    let fast = share.start(&[0], 18.0);
    assert_eq!((share.rate(slow), share.rate(fast)), (Some(4.0), Some(6.0)));
    assert_eq!(share.next_finish(), Some(SimDuration::from_secs(2)));
    assert!(share.advance(SimDuration::from_secs(1)).is_empty());
    assert_eq!(share.advance(SimDuration::from_secs(1)), [slow]);
    // 6 bytes are left, alone at 10 B/s.
    assert_eq!(share.next_finish(), Some(SimDuration::from_millis(600)));
    share.set_capacity(0, 0.0);
    assert_eq!(share.next_finish(), None, "a link that is down stalls what crosses it");
    assert!(share.advance(SimDuration::from_secs(100)).is_empty());
    share.set_capacity(0, 6.0);
    assert_eq!(share.next_finish(), Some(SimDuration::SECOND));
    assert_eq!(share.cancel(fast), Some(6.0));
    assert_eq!((share.len(), share.cancel(fast)), (0, None));
}

#[test]
#[should_panic(expected = "time was advanced past the end of a transfer")]
fn time_does_not_jump_over_an_end() {
    let mut share = FairShare::new(vec![1.0]);
    share.start(&[0], 1.0);
    share.advance(SimDuration::from_secs(2));
}
