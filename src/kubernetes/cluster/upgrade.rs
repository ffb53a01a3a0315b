//! The upgrade of a pool: surge, or blue and green.

use std::collections::VecDeque;

use super::{
    Cause, Cluster,
    node::NodeState,
    spec::{UpgradeSpec, UpgradeStrategy},
    timer::Timer,
};

/// Where one of the lanes of an upgrade is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// It takes the next node.
    Idle,
    /// It waits for a new node to be ready before it drains an old one.
    New { node: usize, old: usize },
    /// It drains an old node; `again` makes that one anew.
    Draining { old: usize, again: bool },
    /// It waits for a node that was made anew.
    Again { node: usize },
    /// It lets a new node prove itself.
    Soaking,
    /// There are no nodes left.
    Done,
}

/// An upgrade under way.
#[derive(Clone, Debug)]
pub(super) struct Upgrade {
    spec: UpgradeSpec,
    /// Nodes still to be replaced.
    old: VecDeque<usize>,
    lanes: Vec<Lane>,
    /// Blue-green: the new nodes, and whether all of them were ready.
    green: Vec<usize>,
    blue: Vec<usize>,
    drained: bool,
}

impl Cluster {
    pub(super) fn begin_upgrade(&mut self, pool: usize, spec: UpgradeSpec) {
        if self.upgrades[pool].is_some() {
            return;
        }
        let (old, absent): (Vec<usize>, Vec<usize>) =
            self.of_pool(pool).partition(|node| self.nodes[*node].state != NodeState::Absent);
        self.tell("upgrade_started", self.spec.pools[pool].name.clone(), &[("nodes", old.len().into())]);
        let mut upgrade = Upgrade {
            spec,
            old: old.iter().copied().collect(),
            lanes: Vec::new(),
            green: Vec::new(),
            blue: Vec::new(),
            drained: false,
        };
        match spec.strategy {
            UpgradeStrategy::Surge => {
                upgrade.lanes = vec![Lane::Idle; (spec.max_surge + spec.max_unavailable) as usize];
            }
            UpgradeStrategy::BlueGreen => {
                upgrade.green = absent.into_iter().take(old.len()).collect();
                upgrade.blue = old;
                for node in upgrade.green.clone() {
                    self.provision(node);
                }
            }
        }
        self.upgrades[pool] = Some(upgrade);
        self.dirty = true;
    }

    pub(super) fn go_on_with_upgrades(&mut self) {
        for pool in 0..self.upgrades.len() {
            let Some(mut upgrade) = self.upgrades[pool].take() else { continue };
            let over = match upgrade.spec.strategy {
                UpgradeStrategy::Surge => self.go_on_with_surge(pool, &mut upgrade),
                UpgradeStrategy::BlueGreen => self.go_on_with_blue_green(pool, &mut upgrade),
            };
            if over {
                self.tell("upgrade_finished", self.spec.pools[pool].name.clone(), &[]);
            } else {
                self.upgrades[pool] = Some(upgrade);
            }
        }
    }

    /// Moves every lane as far as it goes; returns whether all nodes are new.
    fn go_on_with_surge(&mut self, pool: usize, upgrade: &mut Upgrade) -> bool {
        let surge = upgrade.spec.max_surge as usize;
        for index in 0..upgrade.lanes.len() {
            let lane = upgrade.lanes[index];
            upgrade.lanes[index] = match lane {
                Lane::Idle => self.next_lane(pool, upgrade, index < surge),
                Lane::New { node, old } if self.nodes[node].state == NodeState::Ready => {
                    self.nodes[node].upgraded = true;
                    self.drain_node(old, Cause::Upgrade);
                    Lane::Draining { old, again: false }
                }
                Lane::Draining { old, again } if self.is_drained(old) => {
                    self.remove_node(old, Cause::Upgrade);
                    if again {
                        self.provision(old);
                        Lane::Again { node: old }
                    } else {
                        self.soak(pool, index, upgrade.spec)
                    }
                }
                Lane::Again { node } if self.nodes[node].state == NodeState::Ready => {
                    self.nodes[node].upgraded = true;
                    self.soak(pool, index, upgrade.spec)
                }
                waiting => waiting,
            };
        }
        upgrade.lanes.iter().all(|lane| *lane == Lane::Done)
    }

    /// A lane takes the next old node: with a new one first, once there is a place for it, or by making the old one anew.
    fn next_lane(&mut self, pool: usize, upgrade: &mut Upgrade, with_surge: bool) -> Lane {
        let Some(old) = upgrade.old.front().copied() else { return Lane::Done };
        let mut absent = self.of_pool(pool).filter(|node| self.nodes[*node].state == NodeState::Absent);
        let absent = absent.next();
        if with_surge && absent.is_none() {
            return Lane::Idle;
        }
        upgrade.old.pop_front();
        self.dirty = true;
        if let Some(node) = absent.filter(|_| with_surge) {
            self.provision(node);
            return Lane::New { node, old };
        }
        self.drain_node(old, Cause::Upgrade);
        Lane::Draining { old, again: true }
    }

    fn soak(&mut self, pool: usize, lane: usize, spec: UpgradeSpec) -> Lane {
        self.timers.set(self.now + spec.soak, Timer::Soaked(pool, lane));
        Lane::Soaking
    }

    pub(super) fn soaked(&mut self, pool: usize, lane: usize) {
        let Some(upgrade) = &mut self.upgrades[pool] else { return };
        self.dirty = true;
        match upgrade.spec.strategy {
            UpgradeStrategy::Surge => upgrade.lanes[lane] = Lane::Idle,
            UpgradeStrategy::BlueGreen => upgrade.lanes = vec![Lane::Done],
        }
    }

    /// All new nodes first; then the old ones are cordoned and drained one after the other; they go after the soak.
    fn go_on_with_blue_green(&mut self, pool: usize, upgrade: &mut Upgrade) -> bool {
        if upgrade.lanes == [Lane::Done] {
            for node in upgrade.blue.clone() {
                self.remove_node(node, Cause::Upgrade);
            }
            return true;
        }
        if upgrade.drained || upgrade.green.iter().any(|node| self.nodes[*node].state != NodeState::Ready) {
            return false;
        }
        for node in upgrade.blue.clone() {
            self.nodes[node].cordoned = true;
        }
        while let Some(old) = upgrade.old.front().copied() {
            if self.nodes[old].draining.is_none() {
                self.drain_node(old, Cause::Upgrade);
            }
            if !self.is_drained(old) {
                return false;
            }
            upgrade.old.pop_front();
        }
        upgrade.drained = true;
        self.timers.set(self.now + upgrade.spec.soak, Timer::Soaked(pool, 0));
        false
    }

    fn is_drained(&self, node: usize) -> bool {
        self.nodes[node].state == NodeState::Absent || self.pods_on(node).is_empty()
    }
}
