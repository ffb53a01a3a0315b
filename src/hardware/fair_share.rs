//! How long transfers take that share links: max-min fair rates, advanced in time by whoever owns the clock.
//!
//! [`FairShare`] never asks the time. Its owner asks [`FairShare::next_finish`], lets that much time pass with
//! [`FairShare::advance`], and may start or cancel transfers in between; rates change only then. Rates are the max-min
//! fair ones: no transfer could be faster without a slower or equally slow one losing (progressive filling; Bertsekas
//! and Gallager, Data Networks, 6.5.2).

use std::collections::BTreeMap;

use crate::units::SimDuration;

/// Longer than this a transfer counts as stalled [s]: some 300 years, well inside the clock's range.
const STALLED: f64 = 1e10;

/// A transfer in a [`FairShare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(u64);

#[derive(Clone, Debug)]
struct Flow {
    /// Links it crosses, each once.
    links: Vec<usize>,
    /// Bytes still to move.
    remaining: f64,
    /// Present rate [B/s].
    rate: f64,
}

/// Transfers over links of known capacity.
#[derive(Clone, Debug)]
pub struct FairShare {
    capacities: Vec<f64>,
    flows: BTreeMap<FlowId, Flow>,
    started: u64,
}

impl FairShare {
    /// No transfer yet; `capacities` are those of the links [B/s].
    ///
    /// # Panics
    /// If a capacity is negative or not a number.
    pub fn new(capacities: Vec<f64>) -> Self {
        assert!(capacities.iter().all(|capacity| *capacity >= 0.0), "capacities are not negative");
        Self { capacities, flows: BTreeMap::new(), started: 0 }
    }

    /// Starts to move `bytes` over `links` (indices into the capacities, each at most once).
    ///
    /// # Panics
    /// If a link does not exist or `bytes` is negative or not finite.
    pub fn start(&mut self, links: &[usize], bytes: f64) -> FlowId {
        assert!(links.iter().all(|link| *link < self.capacities.len()), "a transfer uses links that exist");
        assert!(bytes.is_finite() && bytes >= 0.0, "{bytes} bytes cannot be moved");
        let id = FlowId(self.started);
        self.started += 1;
        self.flows.insert(id, Flow { links: links.to_vec(), remaining: bytes, rate: 0.0 });
        self.share();
        id
    }

    /// Ends a transfer early; its remaining bytes, if it was still going [B].
    pub fn cancel(&mut self, id: FlowId) -> Option<f64> {
        let flow = self.flows.remove(&id)?;
        self.share();
        Some(flow.remaining)
    }

    /// Changes the capacity of a link [B/s]: a link that is down has none.
    ///
    /// # Panics
    /// If there is no such link or the capacity is negative or not a number.
    pub fn set_capacity(&mut self, link: usize, capacity: f64) {
        assert!(capacity >= 0.0, "capacities are not negative");
        self.capacities[link] = capacity;
        self.share();
    }

    /// Present rate of a transfer [B/s].
    pub fn rate(&self, id: FlowId) -> Option<f64> {
        self.flows.get(&id).map(|flow| flow.rate)
    }

    /// Transfers under way.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Time until the next transfer ends if nothing changes, rounded up to a whole nanosecond; nothing if none will.
    pub fn next_finish(&self) -> Option<SimDuration> {
        let shortest = self.flows.values().map(Flow::seconds_left).fold(f64::INFINITY, f64::min);
        (shortest <= STALLED).then(|| SimDuration::from_nanos((shortest * 1e9).ceil() as u64))
    }

    /// Lets time pass at the present rates; the transfers that ended, in the order they were started. The owner must
    /// not step past [`FairShare::next_finish`], since rates change there.
    ///
    /// # Panics
    /// If `elapsed` goes past the next end.
    pub fn advance(&mut self, elapsed: SimDuration) -> Vec<FlowId> {
        let limit = self.next_finish();
        assert!(limit.is_none_or(|limit| elapsed <= limit), "time was advanced past the end of a transfer");
        let seconds = elapsed.as_secs_f64();
        for flow in self.flows.values_mut() {
            if flow.rate.is_finite() {
                flow.remaining = (flow.remaining - flow.rate * seconds).max(0.0);
            } else {
                flow.remaining = 0.0;
            }
        }
        // What would take less than a nanosecond is done: the clock cannot tell the difference.
        let done: Vec<FlowId> =
            self.flows.iter().filter(|(_, flow)| flow.seconds_left() < 1e-9).map(|(id, _)| *id).collect();
        for id in &done {
            self.flows.remove(id);
        }
        if !done.is_empty() {
            self.share();
        }
        done
    }

    /// Gives every transfer its fair rate.
    fn share(&mut self) {
        let links: Vec<&[usize]> = self.flows.values().map(|flow| flow.links.as_slice()).collect();
        let rates = max_min_rates(&self.capacities, &links);
        for (flow, rate) in self.flows.values_mut().zip(rates) {
            flow.rate = rate;
        }
    }
}

impl Flow {
    fn seconds_left(&self) -> f64 {
        if self.remaining == 0.0 { 0.0 } else { self.remaining / self.rate }
    }
}

/// Max-min fair rates [B/s] of flows that cross `links` (indices into `capacities`, each at most once a flow); a flow
/// without links is not limited.
///
/// # Panics
/// If a flow uses a link that does not exist.
pub fn max_min_rates(capacities: &[f64], flows: &[&[usize]]) -> Vec<f64> {
    let mut left = capacities.to_vec();
    let mut users = vec![0_u32; capacities.len()];
    for link in flows.iter().flat_map(|links| links.iter()) {
        users[*link] += 1;
    }
    let mut rates = vec![f64::INFINITY; flows.len()];
    let mut open: Vec<usize> = (0..flows.len()).filter(|flow| !flows[*flow].is_empty()).collect();
    while !open.is_empty() {
        // The link with the least for each of its open flows limits them all.
        let tightest = (0..left.len())
            .filter(|link| users[*link] > 0)
            .min_by(|a, b| (left[*a] / f64::from(users[*a])).total_cmp(&(left[*b] / f64::from(users[*b]))))
            .expect("an open flow uses a link");
        let rate = left[tightest] / f64::from(users[tightest]);
        open.retain(|flow| {
            if !flows[*flow].contains(&tightest) {
                return true;
            }
            rates[*flow] = rate;
            for link in flows[*flow] {
                left[*link] = (left[*link] - rate).max(0.0);
                users[*link] -= 1;
            }
            false
        });
    }
    rates
}
