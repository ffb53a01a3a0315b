//! What a node is at, for the books.

use super::{Cluster, account::NodeUse, node::NodeState, pod::Pod};

impl Cluster {
    /// What a node is at; nobody pays for one that is not there.
    pub(super) fn use_of(&self, node: usize) -> NodeUse {
        let this = &self.nodes[node];
        if !this.paid {
            return NodeUse::Unpaid;
        }
        match this.state {
            NodeState::Absent => NodeUse::Unpaid,
            NodeState::Provisioning => NodeUse::Starting,
            NodeState::Silent | NodeState::Stopped => NodeUse::Down,
            NodeState::Ready => self.use_of_pods(node),
        }
    }

    fn use_of_pods(&self, node: usize) -> NodeUse {
        let mut found = NodeUse::Spare;
        for uid in self.nodes[node].gpus.iter().filter_map(|gpu| gpu.pod) {
            let name = self.pods[&uid];
            let group = self.group(name.deployment, name.group);
            if group.engine.serves() {
                return NodeUse::Up;
            }
            let ends = group.leader().is_none_or(Pod::terminating);
            if group.engine.frozen().is_some() || (ends && group.outage.is_some()) {
                found = NodeUse::Down;
            } else if found == NodeUse::Spare {
                found = NodeUse::Starting;
            }
        }
        found
    }
}
