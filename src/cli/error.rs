//! How a command can end other than well.

use std::io;

use thiserror::Error;

use crate::catalog::CatalogError;
use crate::report::ReportError;
use crate::scenario::ScenarioError;
use crate::study::{ClusterError, FitError, KernelError, MeasurementsError, SweepError};

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
pub(super) enum CliError {
    /// The scenario file is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The catalogue has no such thing, or a catalogue file is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Runs do not calibrate a cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file holds no measurements.
    #[error(transparent)]
    Measurements(#[from] MeasurementsError),
    /// Measurements do not say enough about constants.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Tables do not calibrate kernels.
    #[error(transparent)]
    Kernels(#[from] KernelError),
    /// A report cannot be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A sweep is not planned, run or merged.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The command line asks for what there is not.
    #[error("{0}")]
    Usage(String),
    /// A placement misses the slo, and that was asked to be an error.
    #[error("the slo is not met by every placement")]
    SloMissed,
    /// A search found nothing.
    #[error("no candidate meets the slo")]
    NoneMeetsSlo,
    /// Somebody stopped the run.
    #[error("interrupted")]
    Interrupted,
    /// Something failed while running.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl CliError {
    /// The exit status.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Io(_)
            | Self::Report(ReportError::Write(_) | ReportError::Plot(_))
            | Self::Sweep(SweepError::Write(_) | SweepError::Read { .. }) => 1,
            Self::Cluster(ClusterError::Interrupted)
            | Self::Fit(FitError::Interrupted)
            | Self::Sweep(SweepError::Interrupted { .. })
            | Self::Interrupted => 130,
            Self::Scenario(_)
            | Self::Cluster(_)
            | Self::Kernels(_)
            | Self::Measurements(_)
            | Self::Fit(_)
            | Self::Sweep(_)
            | Self::Catalog(_)
            | Self::Report(ReportError::Results(_))
            | Self::Usage(_) => 2,
            Self::SloMissed | Self::NoneMeetsSlo => 3,
        }
    }
}
