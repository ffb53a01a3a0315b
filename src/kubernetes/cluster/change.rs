//! What a cluster tells those who watch it.

use serde_json::{Map, Value};

use crate::units::SimTime;

/// Something others must act on, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Worth a line of `events.jsonl`.
    Event(ClusterEvent),
    /// The engine of a group takes requests from now on. Groups are numbered over all deployments, in file order.
    EngineUp {
        /// The group.
        slot: usize,
        /// Node of each pod, leader first.
        nodes: Vec<usize>,
        /// What is left of the bandwidth between its nodes [fraction].
        network: f64,
    },
    /// The engine makes no progress any more; nobody has noticed.
    EngineFrozen {
        /// The group.
        slot: usize,
    },
    /// It goes on.
    EngineThawed {
        /// The group.
        slot: usize,
    },
    /// Its processes are gone, and what they held with them.
    EngineDown {
        /// The group.
        slot: usize,
    },
    /// The leader enters or leaves the endpoints of its Service.
    Endpoint {
        /// The group.
        slot: usize,
        /// Whether requests may be sent there.
        ready: bool,
    },
    /// The engine ends as soon as its last request has: the cluster wants to be told.
    EngineDraining {
        /// The group.
        slot: usize,
    },
    /// The network between its nodes changed.
    Network {
        /// The group.
        slot: usize,
        /// What is left of the bandwidth [fraction].
        left: f64,
    },
}

/// A line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterEvent {
    /// When.
    pub at: SimTime,
    /// `pod_ready`, `node_not_ready` and the like.
    pub kind: &'static str,
    /// Name of what changed.
    pub object: String,
    /// What else there is to say, in this order.
    pub fields: Map<String, Value>,
}
