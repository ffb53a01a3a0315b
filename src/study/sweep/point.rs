//! The result of one point, in a file of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SweepError, plan::Point};
use crate::report::{Summary, headline_row, write_file, write_json};

/// Where results lie.
const DIR: &str = "points";

/// What came of one point.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointResult {
    /// Name of the point.
    point: String,
    /// A row a placement, as text: a number that is read and written again may not be the same.
    pub(super) rows: Vec<Vec<String>>,
    /// Everything else there is to know.
    summary: Value,
}

impl PointResult {
    pub(super) fn new(point: &Point, summary: &Summary) -> Self {
        Self {
            point: point.name.clone(),
            rows: summary.placements.iter().map(headline_row).collect(),
            summary: serde_json::to_value(summary).expect("a summary is JSON"),
        }
    }

    /// Directory of all results of a plan in `dir`.
    pub(super) fn dir(dir: &Path) -> PathBuf {
        dir.join(DIR)
    }

    fn path(dir: &Path, point: &Point) -> PathBuf {
        Self::dir(dir).join(format!("{}.json", point.name))
    }

    pub(super) fn write(&self, dir: &Path, point: &Point) -> Result<(), SweepError> {
        Ok(write_file(&Self::path(dir, point), |out| write_json(out, self))?)
    }

    /// Reads the result of a point; `None` if there is none yet.
    pub(super) fn read(dir: &Path, point: &Point) -> Result<Option<Self>, SweepError> {
        let path = Self::path(dir, point);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SweepError::Read { path, source }),
        };
        let wrong = |reason: String| SweepError::Dir { path: path.clone(), reason };
        let result: Self =
            serde_json::from_str(&text).map_err(|error| wrong(format!("not a result: {error}")))?;
        if result.point != point.name {
            return Err(wrong(format!("the result of point {}", result.point)));
        }
        Ok(Some(result))
    }
}
