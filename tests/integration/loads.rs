//! Pods reading their weights at once: who has them when.

use proptest::prelude::*;
use towtank::{
    hardware::{Storage, StorageKind, max_min_rates},
    kubernetes::Loads,
    units::{SimDuration, SimTime},
};

const MIB: f64 = (1_u64 << 20) as f64;
/// What a node reads of Llama 3.1 405B in BF16 under TP8 x PP2 [B].
const HALF_405B: f64 = 405e9;

fn volume(mib_per_s: f64) -> Storage {
    Storage {
        kind: StorageKind::HyperdiskMl,
        volume: Some(mib_per_s * MIB),
        per_node: 2400.0 * MIB,
        cached_per_node: 7.3e9,
        cache: true,
        latency: SimDuration::ZERO,
    }
}

fn at(s: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs_f64(s)
}

/// Ends of all loads [s], by pod, walked from instant to instant.
fn walk(loads: &mut Loads) -> Vec<(u64, f64)> {
    let mut ends = Vec::new();
    while let Some(now) = loads.next() {
        ends.extend(loads.advance(now).into_iter().map(|pod| (pod, now.as_secs_f64())));
    }
    ends.sort_by_key(|(pod, _)| *pod);
    ends
}

/// When the last of `nodes` nodes has read its half [s].
fn last_of(nodes: u32, storage: &Storage) -> f64 {
    let mut loads = Loads::new(&[(storage, nodes)]);
    for node in 0..nodes {
        loads.start(SimTime::ZERO, u64::from(node), 0, node, HALF_405B, false);
    }
    walk(&mut loads).into_iter().map(|(_, end)| end).fold(0.0, f64::max)
}

#[test]
fn two_nodes_share_a_volume_up_to_what_one_can_take() {
    let alone = last_of(1, &volume(2400.0));
    assert!((alone - HALF_405B / (2400.0 * MIB)).abs() < 1e-6, "{alone}");
    let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
    assert!(close(last_of(2, &volume(2400.0)), 2.0 * alone));
    // Enough for both is enough: past the limit of a node a larger volume changes nothing.
    assert!(close(last_of(2, &volume(4800.0)), alone));
    assert!(close(last_of(2, &volume(9600.0)), alone));
    assert!(close(last_of(8, &volume(9600.0)), 2.0 * alone));
    assert!(close(last_of(8, &Storage { volume: None, ..volume(1.0) }), alone));
}

#[test]
fn whoever_ends_first_leaves_its_share_to_the_others() {
    let mut loads = Loads::new(&[(&volume(2400.0), 2)]);
    let second = 2400.0 * MIB;
    loads.start(SimTime::ZERO, 7, 0, 0, 10.0 * second, false);
    loads.start(at(4.0), 8, 0, 1, 2.0 * second, false);
    // 6 are left of the first; both get half, so the second ends at 8, with 4 left of the first.
    assert_eq!(walk(&mut loads), [(7, 12.0), (8, 8.0)]);
}

#[test]
fn a_node_that_has_the_files_needs_no_volume() {
    let storage = Storage { latency: SimDuration::from_secs(5), ..volume(2400.0) };
    let mut loads = Loads::new(&[(&storage, 2)]);
    loads.start(SimTime::ZERO, 1, 0, 0, 24e9, false);
    loads.start(SimTime::ZERO, 2, 0, 0, 73e9, true);
    let ends = walk(&mut loads);
    // The first byte of the volume comes late; the cache has no such wait, and neither slows the other.
    assert!((ends[0].1 - (5.0 + 24e9 / (2400.0 * MIB))).abs() < 1e-6 && (ends[1].1 - 10.0).abs() < 1e-6);
}

#[test]
fn pods_of_one_node_share_its_link_and_pools_do_not_share() {
    let storage = volume(24_000.0);
    let mut loads = Loads::new(&[(&storage, 1), (&storage, 1)]);
    for (pod, pool) in [(1, 0), (2, 0), (3, 1)] {
        loads.start(SimTime::ZERO, pod, pool, 0, 2400.0 * MIB, false);
    }
    assert_eq!(walk(&mut loads), [(1, 2.0), (2, 2.0), (3, 1.0)]);
}

#[test]
fn a_pod_that_goes_frees_what_it_took() {
    let mut loads = Loads::new(&[(&Storage { latency: SimDuration::SECOND, ..volume(2400.0) }, 3)]);
    for pod in 0..3 {
        loads.start(SimTime::ZERO, pod, 0, pod as u32, 10.0 * 2400.0 * MIB, false);
    }
    loads.cancel(at(0.5), 0); // before its first byte
    loads.cancel(at(5.0), 1); // both have 2 of 10 by now
    loads.cancel(at(5.0), 99);
    assert_eq!(walk(&mut loads), [(2, 13.0)]);
}

#[test]
fn what_ended_unseen_is_handed_out_once_and_not_if_the_pod_is_gone() {
    let mut loads = Loads::new(&[(&volume(2400.0), 2)]);
    let second = 2400.0 * MIB;
    loads.start(SimTime::ZERO, 1, 0, 0, second, false);
    loads.start(at(3.0), 2, 0, 1, 0.0, false); // the first ended at 1, nothing is to be read here
    assert_eq!(loads.next(), Some(at(3.0)));
    loads.cancel(at(3.0), 2);
    assert_eq!(loads.advance(at(4.0)), [1]);
    assert_eq!((loads.next(), loads.advance(at(5.0))), (None, Vec::new()));
    loads.start(at(6.0), 1, 0, 0, second, false); // a later life of the same pod
    assert_eq!(walk(&mut loads), [(1, 7.0)]);
}

#[test]
#[should_panic(expected = "pod 1 loads twice at once")]
fn a_pod_loads_once_at_a_time() {
    let mut loads = Loads::new(&[(&volume(2400.0), 1)]);
    loads.start(SimTime::ZERO, 1, 0, 0, 1.0, false);
    loads.start(SimTime::ZERO, 1, 0, 0, 1.0, false);
}

/// One load of the property test.
#[derive(Clone, Debug)]
struct Load {
    begin_ms: u64,
    node: u32,
    mb: u32,
    cached: bool,
    /// When it is cancelled, if it is still going.
    gone_ms: Option<u64>,
}

const NODES: u32 = 3;
const LATENCY_MS: u64 = 40;
/// Small enough for the rates to be all but right, large enough to be walked [ms].
const STEP_MS: u64 = 1;

fn some_loads() -> impl Strategy<Value = Vec<Load>> {
    let load = (0_u64..3000, 0..NODES, 0_u32..4000, any::<bool>(), prop::option::of(0_u64..6000));
    let load =
        load.prop_map(|(begin_ms, node, mb, cached, gone_ms)| Load { begin_ms, node, mb, cached, gone_ms });
    prop::collection::vec(load, 1..8)
}

/// Ends by walking in small steps, each at the rates of its begin [ms]; `None` for what was cancelled.
fn oracle(storage: &Storage, loads: &[Load]) -> Vec<Option<u64>> {
    let mut left: Vec<f64> = loads.iter().map(|load| f64::from(load.mb) * 1e6).collect();
    let mut ends = vec![None; loads.len()];
    let capacities: Vec<f64> = std::iter::once(storage.volume.unwrap())
        .chain((0..NODES).flat_map(|_| [storage.per_node, storage.cached_per_node]))
        .collect();
    for now in (0..60_000).step_by(STEP_MS as usize) {
        let going = |load: &Load| {
            let latency = if load.cached { 0 } else { LATENCY_MS };
            load.begin_ms + latency <= now && load.gone_ms.is_none_or(|gone| gone.max(load.begin_ms) > now)
        };
        let active: Vec<usize> =
            (0..loads.len()).filter(|load| ends[*load].is_none() && going(&loads[*load])).collect();
        let paths: Vec<Vec<usize>> = active
            .iter()
            .map(|load| {
                let own = 1 + 2 * loads[*load].node as usize;
                if loads[*load].cached { vec![own + 1] } else { vec![0, own] }
            })
            .collect();
        let rates = max_min_rates(&capacities, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (load, rate) in active.into_iter().zip(rates) {
            left[load] -= rate * STEP_MS as f64 / 1e3;
            if left[load] <= 0.0 {
                ends[load] = Some(now);
            }
        }
    }
    ends
}

/// The same by [`Loads`]; `look` asks it at further instants, which must change nothing.
fn fast(storage: &Storage, list: &[Load], look: &[u64]) -> Vec<Option<f64>> {
    let ms = |ms: u64| SimTime::ZERO + SimDuration::from_millis(ms);
    let mut inputs: Vec<(SimTime, Option<(usize, bool)>)> = look.iter().map(|at| (ms(*at), None)).collect();
    for (pod, load) in list.iter().enumerate() {
        inputs.push((ms(load.begin_ms), Some((pod, true))));
        if let Some(gone) = load.gone_ms {
            inputs.push((ms(gone.max(load.begin_ms)), Some((pod, false))));
        }
    }
    inputs.sort_by_key(|(at, what)| (*at, what.map(|(pod, begins)| (!begins, pod))));
    let mut ends = vec![None; list.len()];
    let mut loads = Loads::new(&[(storage, NODES)]);
    let mut take = |loads: &mut Loads, now: SimTime| {
        for pod in loads.advance(now) {
            ends[pod as usize] = Some(now.as_secs_f64() * 1e3);
        }
    };
    inputs.push((SimTime::MAX, None));
    for (at, what) in inputs {
        while let Some(now) = loads.next().filter(|now| *now < at) {
            take(&mut loads, now);
        }
        match what {
            None => take(&mut loads, at),
            Some((pod, true)) => {
                let load = &list[pod];
                loads.start(at, pod as u64, 0, load.node, f64::from(load.mb) * 1e6, load.cached);
            }
            Some((pod, false)) => loads.cancel(at, pod as u64),
        }
    }
    ends
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ends_are_those_of_a_slow_walk(list in some_loads(), look in prop::collection::vec(0_u64..9000, 0..5)) {
        let latency = SimDuration::from_millis(LATENCY_MS);
        let storage = Storage { volume: Some(3e9), per_node: 2e9, cached_per_node: 5e9, latency, ..volume(1.0) };
        // A step late at each change of the rates, at most.
        let off = (2 * list.len() as u64 + 2) as f64 * STEP_MS as f64;
        let (slow, quick) = (oracle(&storage, &list), fast(&storage, &list, &[]));
        for (a, b) in quick.iter().zip(fast(&storage, &list, &look)) {
            prop_assert!(a.is_some() == b.is_some() && (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-3);
        }
        for (pod, (slow, quick)) in slow.iter().zip(&quick).enumerate() {
            match (slow, quick) {
                (Some(slow), Some(quick)) => prop_assert!((*slow as f64 - quick).abs() <= off, "pod {pod}: {slow}, {quick}"),
                // Cancelled within a step of its end, or never to end.
                (None, None) => {}
                (slow, quick) => {
                    let end = slow.map_or_else(|| quick.unwrap(), |slow| slow as f64);
                    let gone = list[pod].gone_ms.unwrap().max(list[pod].begin_ms) as f64;
                    prop_assert!((end - gone).abs() <= off, "pod {pod}: {slow:?}, {quick:?}, gone at {gone}");
                }
            }
        }
    }
}
