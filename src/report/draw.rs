//! Draws the report of a directory of results, from its files alone.

use std::{fs, io, io::Write, path::Path};

use thiserror::Error;

use super::page::standalone;
use super::recorded::{Recorded, read_plan};
use super::{WriteError, capacity, html, write_file};
use crate::document::FileError;

/// Why a report could not be drawn.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The directory holds no results, or a file of them is wrong.
    #[error(transparent)]
    Results(#[from] FileError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The plotting library refused.
    #[error("cannot draw: {0}")]
    Plot(String),
}

/// Reads the results in `dir` and draws what they are of: `report.html` of a run, `capacity_report.html` of a plan, and
/// `plots/*.svg`. Plots of an earlier report go.
///
/// # Errors
/// If the files are not those of a run or a plan, or nothing can be written.
pub fn draw_report(dir: &Path) -> Result<(), ReportError> {
    let mut pages = Vec::new();
    if dir.join("summary.json").is_file() {
        pages.push(("report.html", html::run(&Recorded::read(dir)?).map_err(ReportError::Plot)?));
    }
    let plan = dir.join("plan.json");
    if plan.is_file() {
        pages
            .push(("capacity_report.html", capacity::report(&read_plan(&plan)?).map_err(ReportError::Plot)?));
    }
    if pages.is_empty() {
        let why = if dir.is_dir() {
            "no results: expected a directory that `towtank run` or `towtank plan` wrote, with a summary.json or a plan.json"
        } else {
            "no such directory: expected one that `towtank run` or `towtank plan` wrote"
        };
        return Err(FileError::file(&dir.display().to_string(), why).into());
    }
    let plots = dir.join("plots");
    forget(&plots).map_err(|source| WriteError { path: plots.clone(), source })?;
    for (name, page) in &pages {
        for figure in page.figures() {
            let path = plots.join(format!("{}.svg", figure.name));
            write_file(&path, |out| out.write_all(standalone(figure).as_bytes()))?;
        }
        write_file(&dir.join(name), |out| out.write_all(page.html().as_bytes()))?;
    }
    Ok(())
}

/// Removes the plots of an earlier report.
fn forget(plots: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(plots) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        // `towtank compare` draws one of its own, into the same directory unless told otherwise.
        let ours =
            path.extension().is_some_and(|extension| extension == "svg") && !path.ends_with("compare.svg");
        if ours {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
