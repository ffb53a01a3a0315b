//! Draws the report of a directory of results, from its files alone.

use std::{fs, io, io::Write, path::Path};

use thiserror::Error;

use super::page::{Page, standalone};
use super::recorded::Recorded;
use super::{WriteError, html, write_file};
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

/// Reads the results in `dir` and writes `report.html` and `plots/*.svg` there; plots of an earlier report go.
///
/// # Errors
/// If the files are not those of a run, or nothing can be written.
pub fn draw_report(dir: &Path) -> Result<(), ReportError> {
    if !dir.join("summary.json").is_file() {
        let name = dir.display().to_string();
        let why = if dir.is_dir() {
            "no results: it holds no summary.json; expected a directory that `towtank run` wrote"
        } else {
            "no such directory: expected one that `towtank run` wrote"
        };
        return Err(FileError::file(&name, why).into());
    }
    let page = html::run(&Recorded::read(dir)?).map_err(ReportError::Plot)?;
    write(dir, &page, "report.html")
}

fn write(dir: &Path, page: &Page, name: &str) -> Result<(), ReportError> {
    let plots = dir.join("plots");
    forget(&plots).map_err(|source| WriteError { path: plots.clone(), source })?;
    for figure in page.figures() {
        let path = plots.join(format!("{}.svg", figure.name));
        write_file(&path, |out| out.write_all(standalone(figure).as_bytes()))?;
    }
    Ok(write_file(&dir.join(name), |out| out.write_all(page.html().as_bytes()))?)
}

/// Removes the plots of an earlier report.
fn forget(plots: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(plots) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
