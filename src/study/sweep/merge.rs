//! All results of a plan in one table.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{SweepError, SweepPlan, plan::Point, point::PointResult};
use crate::report::{headline_columns, write_file};

/// Writes `results.csv` into `dir`: a row a point and placement, in the order of the plan. Returns where it is and how many
/// rows it has.
///
/// # Errors
/// If a point has no result, or a result no point; then nothing is written.
pub fn merge(plan: &SweepPlan, dir: &Path) -> Result<(PathBuf, usize), SweepError> {
    let mut results: Vec<(usize, &Point, PointResult)> = Vec::new();
    let mut missing = Vec::new();
    for (number, point) in plan.points.iter().enumerate() {
        match PointResult::read(dir, point)? {
            Some(result) => results.push((number, point, result)),
            None => missing.push((number, point)),
        }
    }
    if let Some((number, point)) = missing.first() {
        let reason = format!(
            "{} of {} points have no result yet, the first is {number} ({}): finish them with `sweep run`",
            missing.len(),
            plan.len(),
            plan.sets(&point.values).join(" ")
        );
        return Err(SweepError::Dir { path: dir.to_owned(), reason });
    }
    only_those_planned(plan, dir)?;
    let path = dir.join("results.csv");
    let rows = results.iter().map(|(_, _, result)| result.rows.len()).sum();
    write_file(&path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        let own = ["point", "replication", "seed"];
        let paths = plan.paths.iter().map(String::as_str);
        let headline = headline_columns().collect::<Vec<&str>>();
        csv.write_record(own.into_iter().chain(paths).chain(headline))?;
        for (number, point, result) in &results {
            let own = [number.to_string(), point.replication.to_string(), point.seed.to_string()];
            for row in &result.rows {
                csv.write_record(own.iter().chain(&point.values).chain(row))?;
            }
        }
        csv.flush()
    })?;
    Ok((path, rows))
}

/// What else lies among the results belongs to no point: somebody mixed two sweeps.
fn only_those_planned(plan: &SweepPlan, dir: &Path) -> Result<(), SweepError> {
    let planned: BTreeSet<String> = plan.points.iter().map(|point| format!("{}.json", point.name)).collect();
    let dir = PointResult::dir(dir);
    let unreadable = |source: io::Error| SweepError::Read { path: dir.clone(), source };
    for entry in fs::read_dir(&dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        // What a killed run left aside is no result.
        if !planned.contains(&name) && !name.ends_with(".partial") {
            let reason = "the result of no point of this plan".to_owned();
            return Err(SweepError::Dir { path: dir.join(name), reason });
        }
    }
    Ok(())
}
