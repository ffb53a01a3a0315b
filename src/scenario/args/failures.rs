//! What fails at random, and how it is repaired.

mod repair;
mod source;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::SimDuration;

pub use repair::{RepairArgs, RepairTimeArgs};
pub use source::{FailureSource, SourceOr, Stated};

/// `none`, `catalogue`, or each kind of fault with its own process; kinds left out do not fail.
pub type FailuresArgs = SourceOr<Box<FailureKindsArgs>>;

/// `none`, `catalogue`, or the process of one kind of fault.
pub type FaultArgs = SourceOr<FaultProcessArgs>;

/// `none`, `catalogue`, or the process of faults of network cards.
pub type NicFaultArgs = SourceOr<NicProcessArgs>;

impl Stated for Box<FailureKindsArgs> {
    const EXPECTED: &'static str = "none, catalogue, or kinds of faults such as {node: {mtbf: 264d}}";
}

impl Stated for FaultProcessArgs {
    const EXPECTED: &'static str = "none, catalogue, or a process such as {mtbf: 264d, repair: 2h}";
}

impl Stated for NicProcessArgs {
    const EXPECTED: &'static str =
        "none, catalogue, or a process such as {mtbf: 264d, repair: 2h, slowed: 0.25}";
}

/// Kinds of faults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FailureKindsArgs {
    /// A node is lost.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<FaultArgs>,
    /// A GPU is lost.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<FaultArgs>,
    /// The network of a node is lost, or slow.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<NicFaultArgs>,
    /// An engine process dies.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<FaultArgs>,
    /// An engine stops answering.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<FaultArgs>,
    /// A spot node is taken away.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot: Option<FaultArgs>,
    /// The host of a node is maintained: `mtbf` is the mean time between two maintenances, `repair` the time away. What a
    /// node pool says under `maintenance` goes before.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<FaultArgs>,
    /// A block of the topology loses power or network, all of its nodes at once. Nothing is known about how often, so
    /// `catalogue` has none.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<FaultArgs>,
}

/// How often one thing fails, and how long it takes to repair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultProcessArgs {
    /// Mean time between failures of one of them.
    #[garde(custom(above_zero))]
    pub mtbf: SimDuration,
    /// Time until it is repaired; the catalogue's fact when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairArgs>,
    /// Weibull shape of the time between failures, whose mean stays `mtbf`: below 1 failures come in clusters, above 1 at
    /// regular intervals. 1 (exponential, without memory) when left out.
    #[garde(range(min = SHAPES.0, max = SHAPES.1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<f64>,
}

/// Least and largest Weibull shape: far past any that was ever fitted to failures, and harmless to compute with.
pub(in crate::scenario) const SHAPES: (f64, f64) = (0.1, 20.0);

/// How often the network of a node fails, what is left of it then, and how long it takes to repair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NicProcessArgs {
    /// Mean time between failures of one node's network.
    #[garde(custom(above_zero))]
    pub mtbf: SimDuration,
    /// Time until it is repaired; the catalogue's fact when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairArgs>,
    /// Weibull shape of the time between failures, whose mean stays `mtbf`. 1 (exponential) when left out.
    #[garde(range(min = SHAPES.0, max = SHAPES.1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<f64>,
    /// What is left of the bandwidth, as a part of it; 0, the default, is none.
    #[garde(range(min = 0.0, max = 1.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowed: Option<f64>,
}

impl From<FaultProcessArgs> for NicProcessArgs {
    fn from(FaultProcessArgs { mtbf, repair, shape }: FaultProcessArgs) -> Self {
        Self { mtbf, repair, shape, slowed: None }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes references")]
fn above_zero(duration: &SimDuration, (): &()) -> garde::Result {
    if *duration == SimDuration::ZERO { Err(garde::Error::new("must be above 0s")) } else { Ok(()) }
}
