//! A calibration of the kernels: tables of measured times in, constants for the catalogue out.
//!
//! The rows of each kernel are divided by what they measured ([`split`]): 70 % are fitted, and how far off the formula is
//! stays with the rest. Parameters are held weakly towards what the catalogue has, so that one which the rows cannot tell
//! stays where it is.

mod calls;
mod cells;
mod date;
mod fit;
mod formula;
mod overlay;
mod split;
mod tables;

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use self::calls::Row;
use self::fit::Fitted;
use self::formula::Known;
use self::tables::Tables;
use crate::accuracy::Accuracy;
use crate::catalog::{Catalog, CatalogError};
use crate::hardware::{Gpu, Machine};

/// Why kernels cannot be calibrated.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The catalogue has no such GPU, or is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A file is no table of measured kernels.
    #[error("{file}: {reason}")]
    NotATable {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A cell of a table is wrong.
    #[error("{file}:{line}: column `{column}`: {reason}")]
    BadCell {
        /// The file.
        file: String,
        /// Line in it.
        line: u64,
        /// The column's name.
        column: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// There are too few rows of a kernel.
    #[error("{kernel}: {fitted} rows to fit and {held_out} to hold out, expected at least {needed} and 1")]
    TooFewRows {
        /// The kernel.
        kernel: String,
        /// Rows to fit.
        fitted: usize,
        /// Rows to hold out.
        held_out: usize,
        /// Rows that are needed to fit.
        needed: usize,
    },
    /// An all-reduce over peer memory, and GPUs that do not see each other.
    #[error("peer: GPUs of this kind do not see each other's memory, so nothing reduces over it")]
    NoPeers,
    /// Nobody knows what joins these GPUs.
    #[error("no machine of the catalogue has {gpu}: there is no link whose collectives these could be")]
    NoLink {
        /// The GPU.
        gpu: String,
    },
}

/// What is calibrated.
#[derive(Clone, Copy, Debug)]
pub struct KernelInputs<'a> {
    /// The GPU that was measured, by its name in the catalogue.
    pub gpu: &'a str,
    /// Tables of measured times.
    pub files: &'a [&'a Path],
    /// Where the tables come from, in words; their names stand beside it.
    pub source: Option<&'a str>,
    /// When they were measured; left out, the day the newest file was changed.
    pub date: Option<&'a str>,
}

/// One kernel before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelReport {
    /// The kernel, by its name in the catalogue.
    pub kernel: &'static str,
    /// Rows of it.
    pub rows: usize,
    /// Rows that were fitted.
    pub fitted: usize,
    /// Errors with the catalogue's constants, on the rows that were held out.
    pub before: Accuracy,
    /// Errors with the new constants, on the same rows.
    pub after: Accuracy,
}

/// What tables say about the kernels of a GPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelCalibration {
    /// Kernel by kernel.
    pub kernels: Vec<KernelReport>,
    /// What to know, in sentences.
    pub remarks: Vec<String>,
    /// What to lay over the catalogue.
    #[serde(skip)]
    pub overlay: Value,
}

/// Calibrates kernels.
///
/// # Errors
/// If a table cannot be understood, or says too little about a kernel.
pub fn calibrate_kernels(
    catalog: &Catalog,
    inputs: &KernelInputs<'_>,
) -> Result<KernelCalibration, KernelError> {
    let gpu = Gpu::read(catalog, inputs.gpu)?;
    let link = link_of(catalog, &gpu)?;
    let tables = Tables::read(inputs.files, &gpu)?;
    let mut kernels: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in tables.rows {
        kernels.entry(row.kernel).or_default().push(row);
    }
    let known = Known::new(catalog, &gpu, link.as_deref())?;
    let mut fitted = Vec::new();
    for (kernel, rows) in kernels {
        if kernel.is_collective() && link.is_none() {
            return Err(KernelError::NoLink { gpu: gpu.name });
        }
        fitted.push(Fitted::of(kernel, &rows, &known)?);
    }
    let overlay = overlay::overlay(&fitted, inputs, link.as_deref());
    Ok(KernelCalibration {
        kernels: fitted.into_iter().map(|fitted| fitted.report).collect(),
        remarks: tables.remarks,
        overlay,
    })
}

/// What joins the GPUs of this kind in the machines that have them; all such machines have the same.
fn link_of(catalog: &Catalog, gpu: &Gpu) -> Result<Option<String>, CatalogError> {
    for name in catalog.section("machines")?.keys() {
        let machine = Machine::read(catalog, name)?;
        if machine.gpu == gpu.name {
            return Ok(Some(machine.intra_node_link));
        }
    }
    Ok(None)
}
