//! How often enough groups are ready, where groups share nodes.
//!
//! A node takes all of its groups with it, so groups on one node do not fail apart from each other, and their number is not
//! binomial. What fails apart are nodes, and on a node that is up what only one group dies of. Of this the sum is exact; of a
//! fleet it is a bound: its nodes are taken to be as full as they can be, and no group moves to another node meanwhile.

use super::{candidates::Spec, incident::YEAR};
use crate::metrics::Availability;
use crate::scenario::{Component, FaultKind};

/// Parts of the time that causes of each reach leave a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Uptime {
    /// Free of what takes all nodes at once.
    pub(super) fleet: f64,
    /// Free of what takes a node, or the nodes of a group that spans several, while the fleet is.
    pub(super) node: f64,
    /// Ready while its node is up.
    pub(super) own: f64,
}

impl Uptime {
    /// As years of `groups` groups on full nodes say. What no recovery accounts for counts both as the node's and as the group's.
    pub(super) fn of(spec: &Spec, groups: u32, years: &Availability) -> Self {
        let ready = years.capacity_fraction;
        let lost = |per: fn(Component) -> bool| {
            let ours = years.by_cause.iter().filter(|(name, _)| per(reach(name)));
            let lost_s: f64 = ours.map(|(_, figures)| figures.group_seconds_lost()).sum();
            (lost_s / (f64::from(groups) * YEAR.as_secs_f64())).min(1.0 - ready)
        };
        let of_all = lost(|reach| reach == Component::Block);
        let fleet = 1.0 - of_all;
        if fleet <= 0.0 {
            return Self { fleet: 0.0, node: 0.0, own: 0.0 };
        }
        if spec.candidate.groups_per_node == 1 {
            return Self { fleet, node: (ready / fleet).min(1.0), own: 1.0 };
        }
        let of_group = lost(|reach| matches!(reach, Component::Group | Component::Gpu));
        let of_node = lost(|reach| reach == Component::Node);
        let not_of_group = 1.0 - (1.0 - ready - of_all - of_group).max(0.0) / fleet;
        let not_of_node = 1.0 - of_node / fleet;
        let own = if not_of_node > 0.0 { (ready / fleet / not_of_node).min(1.0) } else { 0.0 };
        Self { fleet, node: not_of_group.max(0.0), own }
    }

    /// With `factor` times as much time lost to every cause.
    pub(super) fn with_losses(self, factor: f64) -> Self {
        let scaled = |up: f64| (1.0 - (1.0 - up) * factor).max(0.0);
        Self { fleet: scaled(self.fleet), node: scaled(self.node), own: scaled(self.own) }
    }

    /// Part of the time that a node is up: no fleet on one node is ready more often.
    pub(super) fn of_one_node(self) -> f64 {
        self.fleet * self.node
    }

    /// Part of the time that at least `needed` of `all` groups are ready, `most` of them on a node at most. Of the two ways to
    /// lay them on as few nodes as hold them, node after node and evenly, the one that is ready less often counts.
    pub(super) fn ready(self, needed: u32, all: u32, most: u32) -> f64 {
        let nodes = all.div_ceil(most);
        let packed = (0..nodes).map(|node| most.min(all - node * most));
        let even = (0..nodes).map(|node| all / nodes + u32::from(node < all % nodes));
        self.at_least(needed, packed).min(self.at_least(needed, even))
    }

    /// Part of the time that at least `needed` groups are ready; `nodes` is the number of groups on each node.
    fn at_least(self, needed: u32, nodes: impl Iterator<Item = u32>) -> f64 {
        // Chances of each number of groups ready, a node after the other.
        let mut chances = vec![1.0];
        for groups in nodes {
            let on_node = binomial(groups, self.own);
            let mut next = vec![0.0; chances.len() + groups as usize];
            for (before, chance) in chances.iter().enumerate() {
                next[before] += chance * (1.0 - self.node);
                for (ready, also) in on_node.iter().enumerate() {
                    next[before + ready] += chance * self.node * also;
                }
            }
            chances = next;
        }
        // The rare case is summed, where rounding does not hide it.
        let too_few: f64 = chances.iter().take(needed as usize).sum();
        self.fleet * (1.0 - too_few).clamp(0.0, 1.0)
    }
}

/// Chances of 0, 1, .. of `n` things that each hold with chance `p`, apart from each other.
fn binomial(n: u32, p: f64) -> Vec<f64> {
    let mut chances = vec![1.0];
    for _ in 0..n {
        let mut next = vec![0.0; chances.len() + 1];
        for (held, chance) in chances.iter().enumerate() {
            next[held] += chance * (1.0 - p);
            next[held + 1] += chance * p;
        }
        chances = next;
    }
    chances
}

/// What a cause of lost time happens to; what is no random failure is taken to be of a node.
fn reach(cause: &str) -> Component {
    FaultKind::ALL.into_iter().find(|kind| kind.name() == cause).map_or(Component::Node, FaultKind::per)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPTIME: Uptime = Uptime { fleet: 0.99, node: 0.9, own: 0.8 };

    /// The same by going through every state of every node and of every group on it.
    fn enumerated(uptime: Uptime, needed: u32, nodes: &[u32]) -> f64 {
        let groups: u32 = nodes.iter().sum();
        let bits = nodes.len() as u32 + groups;
        let mut sum = 0.0;
        for state in 0_u32..1 << bits {
            let is_up = |bit: usize| state >> bit & 1 == 1;
            let (mut chance, mut ready, mut group) = (1.0, 0, nodes.len());
            for (node, on_it) in nodes.iter().enumerate() {
                chance *= if is_up(node) { uptime.node } else { 1.0 - uptime.node };
                for _ in 0..*on_it {
                    chance *= if is_up(group) { uptime.own } else { 1.0 - uptime.own };
                    ready += u32::from(is_up(node) && is_up(group));
                    group += 1;
                }
            }
            sum += if ready >= needed { chance } else { 0.0 };
        }
        uptime.fleet * sum
    }

    #[test]
    fn ready_enough_is_what_every_state_of_every_node_sums_up_to() {
        for nodes in [&[1][..], &[3], &[1, 1, 1], &[2, 2], &[3, 1], &[4, 4, 2], &[3, 3, 2]] {
            for needed in 1..=nodes.iter().sum() {
                let ready = UPTIME.at_least(needed, nodes.iter().copied());
                let expected = enumerated(UPTIME, needed, nodes);
                assert!((ready - expected).abs() < 1e-12, "{needed} of {nodes:?}: {ready}, {expected}");
            }
        }
        // Ten groups, eight to a node: 8 + 2 or 5 + 5, whichever is worse.
        for needed in [2, 5, 6, 9] {
            let [packed, even] = [[8, 2], [5, 5]].map(|nodes| enumerated(UPTIME, needed, &nodes));
            assert!((UPTIME.ready(needed, 10, 8) - packed.min(even)).abs() < 1e-12, "{needed}");
        }
    }

    #[test]
    fn groups_with_a_node_each_fail_apart_from_each_other() {
        let alone = Uptime { fleet: 1.0, node: 0.9, own: 1.0 };
        assert!((alone.ready(2, 2, 1) - 0.81).abs() < 1e-12);
        assert!((alone.ready(2, 3, 1) - (0.729 + 3.0 * 0.81 * 0.1)).abs() < 1e-12);
    }

    #[test]
    fn no_number_of_groups_on_one_node_is_ready_more_often_than_the_node() {
        for all in 1..=8 {
            for needed in 1..=all {
                assert!(UPTIME.ready(needed, all, 8) <= UPTIME.of_one_node() + 1e-15, "{needed} of {all}");
            }
        }
        // A second node lifts that, once what one node holds may be away.
        assert!(UPTIME.ready(1, 9, 8) > UPTIME.of_one_node());
        assert!(UPTIME.ready(2, 9, 8) < UPTIME.ready(2, 10, 8));
        // What takes all nodes at once stays.
        assert!(UPTIME.ready(1, 64, 8) <= UPTIME.fleet);
    }
}
