//! GPUs, machines, what they cost, and the fabric between them.
//!
//! [`Gpu`], [`Machine`], [`Link`] and [`Network`] are read from the catalogue, already in bytes, seconds and operations
//! a second. [`Fabric`] puts machines together as a graph and answers what lies between two GPUs; [`FairShare`] says
//! how long transfers take that share it. [`Storage`] is where weights come from. [`hourly_price`] looks up what a machine
//! costs.
//!
//! Limits: a fabric knows capacities and hops, not congestion inside the data-centre network above the host; the
//! capacities of the cross-node networks are what collectives achieve on them, not line rates.

mod args;
mod fabric;
mod fair_share;
mod gpu;
mod link;
mod machine;
mod network;
mod price;
mod storage;

pub use args::*;
pub use fabric::{Distance, Fabric, FabricError, FabricNode, HostPlace, Path, Position};
pub use fair_share::{FairShare, FlowId, max_min_rates};
pub use gpu::{Gpu, GpuArchitecture};
pub use link::{CollectiveCost, Link, LinkTechnology, RampedCost};
pub use machine::Machine;
pub use network::{FloorCost, Network, NetworkKind, PointToPoint};
pub use price::{
    Commitment, DEFAULT_REGION, HourlyPrice, PriceError, PriceQuery, Provisioning, hourly_price,
    stand_in_price,
};
pub use storage::{Storage, StorageKind};
