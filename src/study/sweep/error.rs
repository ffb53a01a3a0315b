//! What can be wrong with a sweep.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::catalog::CatalogError;
use crate::report::WriteError;
use crate::scenario::ScenarioError;

/// Why a sweep is not planned, run or merged.
#[derive(Debug, Error)]
pub enum SweepError {
    /// What varies is not said as it has to be.
    #[error("{text}: {reason}")]
    Axis {
        /// What was said.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The settings of the axes do not make a grid.
    #[error("{0}")]
    Grid(String),
    /// The scenario is wrong before anything is varied.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The scenario is wrong at one point.
    #[error("at {settings}: {source}")]
    Point {
        /// What is set there.
        settings: String,
        /// What is wrong.
        source: ScenarioError,
    },
    /// A directory holds no plan, or results that are not the plan's.
    #[error("{}: {reason}", path.display())]
    Dir {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A shard is not said as it has to be.
    #[error("{0}")]
    Shard(String),
    /// The catalogue of the plan is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Somebody stopped the run; finished points are kept.
    #[error("interrupted: {done} of {all} points are finished")]
    Interrupted {
        /// Points whose results are there.
        done: usize,
        /// Points of the shard.
        all: usize,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
