//! The files of a run, each written aside and renamed, so that what is there is whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use thiserror::Error;

use super::rows::simulated;
use super::trace::{TraceWindow, write_trace};
use super::{Summary, vllm_bench, write_events, write_requests, write_steps, write_timeline};
use crate::metrics::PlacementResult;

/// A file that could not be written.
#[derive(Debug, Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// What is written besides the files every run has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// `requests.csv`.
    pub requests: bool,
    /// `steps.jsonl`.
    pub steps: bool,
    /// `trace.json`, of that part of the run.
    pub trace: Option<TraceWindow>,
}

/// Writes everything a run leaves behind into `dir`, which comes to exist. A file of an earlier run that this one does not
/// write is removed, so that what lies in `dir` belongs together. `scenario` is the scenario as it was understood.
///
/// # Errors
/// At the first file that cannot be written or removed; those before it stay.
pub fn write_run(
    dir: &Path,
    scenario: &str,
    summary: &Summary,
    results: &[PlacementResult],
    options: FileOptions,
) -> Result<(), WriteError> {
    write_or_remove(&dir.join("requests.csv"), options.requests, |out| write_requests(out, results))?;
    write_or_remove(&dir.join("steps.jsonl"), options.steps, |out| write_steps(out, results))?;
    write_or_remove(&dir.join("trace.json"), options.trace.is_some(), |out| {
        write_trace(out, results, options.trace.unwrap_or(TraceWindow::ALL))
    })?;
    write_file(&dir.join("scenario.yaml"), |out| out.write_all(scenario.as_bytes()))?;
    write_file(&dir.join("timeline.csv"), |out| write_timeline(out, results))?;
    write_file(&dir.join("events.jsonl"), |out| write_events(out, results))?;
    for (name, simulated) in simulated(results) {
        let path = dir.join(name).join("vllm_bench.json");
        write_file(&path, |out| write_json(out, &vllm_bench(simulated)))?;
    }
    write_file(&dir.join("summary.json"), |out| write_json(out, summary))
}

/// Writes one file like [`write_file`] if it is wanted, and otherwise removes what an earlier run left in its place.
///
/// # Errors
/// If it cannot be written, or not removed.
pub fn write_or_remove(
    path: &Path,
    wanted: bool,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    if wanted {
        return write_file(path, content);
    }
    match fs::remove_file(path) {
        Err(source) if !matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(WriteError { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Writes pretty JSON with a line end behind it.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_json(mut out: impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n")
}

/// Writes one file aside and renames it; its directory comes to exist.
///
/// # Errors
/// If the directory or the file cannot be written, or not renamed.
pub fn write_file(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    write_aside(path, content).map_err(|source| WriteError { path: path.to_owned(), source })
}

fn write_aside(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".partial");
    let mut out = BufWriter::new(File::create(&aside)?);
    let written = content(&mut out).and_then(|()| out.flush()).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // The first error is the one to report; what lies aside is worthless.
        let _ = fs::remove_file(&aside);
    }
    written
}
