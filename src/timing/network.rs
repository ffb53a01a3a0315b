//! What crosses from one machine to another.
//!
//! Collectives between machines were measured over two machines of eight GPUs; other shapes follow from the bus
//! bandwidth of a machine and a tree over the machines.

use std::collections::BTreeMap;

use crate::hardware::{FloorCost, Network};

/// GPUs a machine had in the measurements.
const MEASURED_GPUS: f64 = 8.0;
/// Ranks in the measurements.
const MEASURED_RANKS: f64 = 16.0;

/// How the ranks of a collective spread over machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    /// Ranks that take part.
    pub(super) ranks: u32,
    /// Machines they are on.
    pub(super) nodes: u32,
    /// Most ranks on one machine.
    pub(super) per_node: u32,
}

impl Spread {
    /// The spread of ranks given the machine of each.
    pub(super) fn of(nodes: &[u32]) -> Self {
        let mut counts = BTreeMap::new();
        for node in nodes {
            *counts.entry(*node).or_insert(0) += 1;
        }
        let per_node = counts.values().copied().max().unwrap_or(0);
        Self { ranks: nodes.len() as u32, nodes: counts.len() as u32, per_node }
    }
}

/// A network between machines, as the pods really use it.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkSpec {
    /// Start of a transfer between two GPUs [ns].
    pub send_alpha: f64,
    /// Bandwidth of one pair of GPUs [B/ns].
    pub per_gpu: f64,
    /// Bandwidth of all pairs of two machines together [B/ns].
    pub per_node: f64,
    /// All-gather between machines.
    pub all_gather: Crossing,
    /// All-reduce between machines.
    pub all_reduce: Crossing,
}

/// A collective between machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Least time [ns].
    pub floor: f64,
    /// Start for two machines [ns].
    pub alpha: f64,
    /// Bus bandwidth of a machine with eight GPUs [B/ns].
    pub bus: f64,
}

/// Part of a tensor that an all-gather moves over each link.
fn gather_share(ranks: f64) -> f64 {
    (ranks - 1.0) / ranks
}

impl NetworkSpec {
    /// A network between machines whose cards carry no more than `line` [B/s].
    pub fn new(network: &Network, line: f64) -> Self {
        let line = line / 1e9;
        let share = gather_share(MEASURED_RANKS);
        let crossing = |cost: &FloorCost, share: f64| Crossing {
            floor: cost.floor.unwrap_or(0.0) * 1e9,
            alpha: cost.alpha * 1e9,
            bus: (cost.bandwidth / 1e9 * share).min(line),
        };
        Self {
            send_alpha: network.p2p.alpha * 1e9,
            per_gpu: (network.p2p.bandwidth_per_gpu / 1e9).min(line),
            per_node: (network.bandwidth_per_node / 1e9).min(line),
            all_gather: crossing(&network.all_gather, share),
            all_reduce: crossing(&network.all_reduce, 2.0 * share),
        }
    }

    /// The same network with a part of its bandwidth left; starting a transfer takes as long as before.
    #[must_use]
    pub fn slowed(&self, left: f64) -> Self {
        let crossing = |whole: &Crossing| Crossing { bus: whole.bus * left, ..whole.clone() };
        Self {
            send_alpha: self.send_alpha,
            per_gpu: self.per_gpu * left,
            per_node: self.per_node * left,
            all_gather: crossing(&self.all_gather),
            all_reduce: crossing(&self.all_reduce),
        }
    }

    /// Time until `ranks` GPUs of one machine have each sent `bytes` to a GPU of another [ns].
    pub(super) fn send_time(&self, bytes: f64, ranks: u32) -> f64 {
        self.send_alpha + (bytes / self.per_gpu).max(bytes * f64::from(ranks) / self.per_node)
    }

    /// Time of an all-reduce of `bytes` [ns].
    pub(super) fn all_reduce_time(&self, bytes: f64, spread: Spread) -> f64 {
        let share = 2.0 * gather_share(f64::from(spread.ranks));
        self.crossing_time(&self.all_reduce, bytes * share, spread)
    }

    /// Time of an all-gather that leaves `bytes` on each rank [ns].
    pub(super) fn all_gather_time(&self, bytes: f64, spread: Spread) -> f64 {
        let share = gather_share(f64::from(spread.ranks));
        self.crossing_time(&self.all_gather, bytes * share, spread)
    }

    fn crossing_time(&self, crossing: &Crossing, moved: f64, spread: Spread) -> f64 {
        // Fewer GPUs a machine drive fewer cards.
        let per_gpu = self.per_gpu.max(crossing.bus / MEASURED_GPUS);
        let bus = crossing.bus.min(per_gpu * f64::from(spread.per_node));
        let depth = f64::from(spread.nodes).log2();
        crossing.floor.max(crossing.alpha * depth + moved / bus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::hardware::NetworkKind;

    const MEASURED: Spread = Spread { ranks: 16, nodes: 2, per_node: 8 };

    fn read(kind: NetworkKind) -> Network {
        Network::read(&Catalog::builtin(), kind).unwrap()
    }

    #[test]
    fn the_measured_shape_gives_back_the_catalogues_curve() {
        for kind in NetworkKind::ALL {
            let network = read(kind);
            let spec = NetworkSpec::new(&network, f64::INFINITY);
            for bytes in [1e4, 1e6, 1e8] {
                let pairs = [
                    (spec.all_gather_time(bytes, MEASURED), network.all_gather.seconds(bytes)),
                    (spec.all_reduce_time(bytes, MEASURED), network.all_reduce.seconds(bytes)),
                ];
                for (ns, seconds) in pairs {
                    assert!((ns / 1e9 / seconds - 1.0).abs() < 1e-9, "{kind} {bytes}: {ns} ns, {seconds} s");
                }
            }
        }
    }

    #[test]
    fn more_machines_fewer_cards_and_slower_cards_all_cost() {
        let network = read(NetworkKind::GpudirectTcpxo);
        let spec = NetworkSpec::new(&network, f64::INFINITY);
        let at = |ranks, nodes, per_node| spec.all_reduce_time(1e8, Spread { ranks, nodes, per_node });
        assert!(at(32, 4, 8) > at(16, 2, 8));
        assert!(at(2, 2, 1) > 2.0 * at(16, 2, 8), "one GPU a machine drives one card of eight");
        let slow = NetworkSpec::new(&network, 1.25e9);
        // Eight ranks send 1 MB each through a card of 10 Gbit/s.
        assert!((slow.send_time(1e6, 8) - slow.send_alpha - 6.4e6).abs() < 1.0);
    }

    #[test]
    fn ranks_are_counted_by_machine() {
        assert_eq!(Spread::of(&[3, 3, 3, 7]), Spread { ranks: 4, nodes: 2, per_node: 3 });
    }
}
