//! Changes out of `events.jsonl`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use serde::Deserialize;

use super::{json_error, placement};
use crate::document::FileError;
use crate::report::Summary;

/// One change, as far as a report goes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(in crate::report) struct EventLine {
    /// When.
    pub(in crate::report) t_s: f64,
    /// Which placement it is about.
    pub(in crate::report) placement: String,
    /// What kind of change.
    pub(in crate::report) kind: String,
    /// Of what.
    pub(in crate::report) object: String,
    /// Why something failed.
    pub(in crate::report) cause: Option<String>,
    /// Which condition changed.
    #[serde(rename = "type")]
    pub(in crate::report) condition: Option<String>,
    /// What it changed to.
    pub(in crate::report) status: Option<String>,
}

/// Reads them, placement by placement; those of requests are left out.
pub(super) fn read(path: &Path, summary: &Summary) -> Result<Vec<Vec<EventLine>>, FileError> {
    let file = path.display().to_string();
    let open = File::open(path).map_err(|error| FileError::unreadable(&file, &error))?;
    let mut all: Vec<Vec<EventLine>> = summary.placements.iter().map(|_| Vec::new()).collect();
    for (index, line) in BufReader::new(open).lines().enumerate() {
        let line = line.map_err(|error| FileError::unreadable(&file, &error))?;
        let number = index as u64 + 1;
        let event: EventLine = serde_json::from_str(&line).map_err(|error| {
            let problem = json_error(&file, &line, &error).problem().clone();
            let column = problem.at.map_or(1, |(_, column)| column);
            FileError::at(&file, (number, column), &line, problem.message)
        })?;
        let whose = placement(summary, &event.placement)
            .map_err(|why| FileError::at(&file, (number, 1), &line, why))?;
        if !event.kind.starts_with("request_") {
            all[whose].push(event);
        }
    }
    Ok(all)
}
