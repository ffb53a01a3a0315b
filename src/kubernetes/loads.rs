//! Weights that pods are reading, sharing volumes and the links of nodes max-min fairly.
//!
//! The owner of the clock starts and cancels loads, asks for the [`Loads::next`] instant at which something changes, and
//! takes from [`Loads::advance`] the pods whose weights are there. It may call at any instant, late ones included: what
//! changed in between has changed at its own time.

use std::collections::BTreeMap;

use crate::hardware::{FairShare, FlowId, Storage};
use crate::units::{SimDuration, SimTime};

/// Where the links of a pool stand among all links.
#[derive(Clone, Copy, Debug)]
struct PoolLinks {
    /// The source, where it has a limit for all its readers.
    volume: Option<usize>,
    /// Two links a node, from here on: to the source, and to what the node keeps.
    first: usize,
    nodes: u32,
    latency: SimDuration,
}

/// A transfer that has not begun.
#[derive(Clone, Debug)]
struct Asked {
    links: Vec<usize>,
    bytes: f64,
}

/// All weights being read.
#[derive(Clone, Debug)]
pub struct Loads {
    pools: Vec<PoolLinks>,
    share: FairShare,
    /// When rates last changed: up to then transfers were followed.
    now: SimTime,
    /// Those whose first byte is not there, by the instant it will be and the pod.
    asked: BTreeMap<(SimTime, u64), Asked>,
    /// Pods by their transfer.
    moving: BTreeMap<FlowId, u64>,
    /// Pods whose transfer ended, not yet handed out.
    ended: Vec<u64>,
}

impl Loads {
    /// Nothing is read yet; pools are known by their index from now on.
    pub fn new(pools: &[(&Storage, u32)]) -> Self {
        let mut capacities = Vec::new();
        let mut links = Vec::with_capacity(pools.len());
        for (storage, nodes) in pools {
            let volume = storage.volume.map(|_| capacities.len());
            capacities.extend(storage.volume);
            links.push(PoolLinks {
                volume,
                first: capacities.len(),
                nodes: *nodes,
                latency: storage.latency,
            });
            for _ in 0..*nodes {
                capacities.extend([storage.per_node, storage.cached_per_node]);
            }
        }
        Self {
            pools: links,
            share: FairShare::new(capacities),
            now: SimTime::ZERO,
            asked: BTreeMap::new(),
            moving: BTreeMap::new(),
            ended: Vec::new(),
        }
    }

    /// A pod begins to read `bytes` on a node of a pool; `cached`: the node has them already, so that neither the source
    /// nor its latency matters.
    ///
    /// # Panics
    /// If there is no such pool or node, the pod is loading already, or time goes back.
    pub fn start(&mut self, now: SimTime, pod: u64, pool: usize, node: u32, bytes: f64, cached: bool) {
        self.follow(now);
        self.pass(now);
        assert!(!self.is_loading(pod), "pod {pod} loads twice at once");
        let pool = self.pools[pool];
        assert!(node < pool.nodes, "a pool of {} nodes has no node {node}", pool.nodes);
        let own = pool.first + 2 * node as usize;
        let (links, latency) = if cached {
            (vec![own + 1], SimDuration::ZERO)
        } else {
            (pool.volume.into_iter().chain([own]).collect(), pool.latency)
        };
        self.asked.insert((now + latency, pod), Asked { links, bytes });
        self.follow(now);
    }

    /// A pod is gone; nothing happens if it was not loading.
    ///
    /// # Panics
    /// If time goes back.
    pub fn cancel(&mut self, now: SimTime, pod: u64) {
        self.follow(now);
        self.ended.retain(|ended| *ended != pod);
        self.asked.retain(|(_, asked), _| *asked != pod);
        let flow = self.moving.iter().find(|(_, moving)| **moving == pod).map(|(flow, _)| *flow);
        if let Some(flow) = flow {
            self.pass(now);
            self.moving.remove(&flow);
            self.share.cancel(flow);
        }
    }

    /// The next instant at which to call [`Loads::advance`], if nothing is started or cancelled before; it need not end a
    /// load.
    pub fn next(&self) -> Option<SimTime> {
        if self.ended.is_empty() { self.next_change() } else { Some(self.now) }
    }

    /// Lets time pass; the pods whose weights are there, in the order in which they came to be.
    ///
    /// # Panics
    /// If time goes back.
    pub fn advance(&mut self, now: SimTime) -> Vec<u64> {
        self.follow(now);
        std::mem::take(&mut self.ended)
    }

    fn is_loading(&self, pod: u64) -> bool {
        let asked = self.asked.keys().any(|(_, asked)| *asked == pod);
        asked || self.ended.contains(&pod) || self.moving.values().any(|moving| *moving == pod)
    }

    /// When rates change next: a transfer begins or ends.
    fn next_change(&self) -> Option<SimTime> {
        let begins = self.asked.keys().next().map(|(at, _)| *at);
        let ends = self.share.next_finish().map(|left| self.now.saturating_add(left));
        begins.into_iter().chain(ends).min()
    }

    /// Goes from change to change, since no transfer may be stepped past another's end, and no further: what is left of a
    /// transfer is a float, and being asked in between must not move its end by a rounding.
    fn follow(&mut self, now: SimTime) {
        while let Some(at) = self.next_change().filter(|at| *at <= now) {
            self.pass(at);
            while let Some(first) = self.asked.first_entry().filter(|first| first.key().0 <= at) {
                let ((_, pod), asked) = first.remove_entry();
                self.moving.insert(self.share.start(&asked.links, asked.bytes), pod);
            }
        }
        assert!(now >= self.now, "time goes back");
    }

    /// Goes to `to`, before which nothing changes.
    fn pass(&mut self, to: SimTime) {
        for flow in self.share.advance(to.since(self.now)) {
            self.ended.push(self.moving.remove(&flow).expect("a transfer has its pod"));
        }
        self.now = to;
    }
}
