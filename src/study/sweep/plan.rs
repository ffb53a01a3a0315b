//! What is to be run: every point with its settings, its seed and its name. Once written, a plan does not change.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
    slice,
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Axis, SweepError};
use crate::catalog::Catalog;
use crate::random::derived;
use crate::report::{write_file, write_json};
use crate::scenario::{Resolved, ScenarioError, ScenarioFile};

/// Name of the plan's file.
const FILE: &str = "sweep.json";

/// What a sweep is planned from.
pub struct SweepInputs<'a> {
    /// The scenario's name in errors, and its text.
    pub file: (&'a str, &'a str),
    /// Directory that paths in it are relative to.
    pub base_dir: &'a Path,
    /// What is set everywhere, as `--set` has it.
    pub sets: &'a [String],
    /// What varies independently, the last one fastest.
    pub axes: Vec<Axis>,
    /// What varies together, faster than all others.
    pub zipped: Vec<Axis>,
    /// Runs of each point, each with a seed of its own.
    pub replications: u32,
    /// Seed of the first run, instead of the scenario's.
    pub seed: Option<u64>,
    /// The user's catalogue files: names and texts.
    pub catalog: Vec<(String, String)>,
}

/// A sweep, whole. Files are kept as text: a number that is read and written again may not be the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPlan {
    /// Version that planned it: another one's results would not be the same.
    towtank_version: String,
    /// Name of its scenario.
    name: String,
    /// Text of its scenario.
    scenario: String,
    /// What is set at every point, as `--set` has it.
    set: Vec<String>,
    /// Directory that paths in it are relative to, seen from the plan's.
    base_dir: PathBuf,
    /// What the user's catalogue files said, one over the other.
    catalog: Vec<(String, String)>,
    /// Paths of what varies.
    pub(super) paths: Vec<String>,
    /// In the order of the grid.
    pub(super) points: Vec<Point>,
}

/// One run of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    /// Digits of a hash of everything that its result depends on.
    pub(super) name: String,
    /// A value a path.
    pub(super) values: Vec<String>,
    /// Which of the runs with these values.
    pub(super) replication: u32,
    /// Its seed.
    pub(super) seed: u64,
}

impl SweepPlan {
    /// Plans every point, and resolves each once: what is wrong with one shows before anything is written.
    ///
    /// # Errors
    /// If the axes make no grid, or a point is no scenario that can be run.
    pub fn new(inputs: &SweepInputs<'_>, dir: &Path) -> Result<Self, SweepError> {
        let (name, text) = inputs.file;
        let parse = |sets: &[String]| ScenarioFile::parse(name, text, inputs.base_dir, sets);
        let mut set = inputs.sets.to_vec();
        set.extend(inputs.seed.map(|seed| format!("seed={seed}")));
        let name = parse(&set)?.scenario.name;
        let axes: Vec<&Axis> = inputs.axes.iter().chain(&inputs.zipped).collect();
        let mut plan = Self {
            towtank_version: env!("CARGO_PKG_VERSION").to_owned(),
            name,
            scenario: text.to_owned(),
            set,
            base_dir: seen_from(dir, inputs.base_dir)?,
            catalog: inputs.catalog.clone(),
            paths: axes.iter().map(|axis| axis.path.clone()).collect(),
            points: Vec::new(),
        };
        plan.paths_differ()?;
        let catalog = plan.catalog()?;
        for values in grid(&inputs.axes, &inputs.zipped)? {
            let resolved = plan.resolve_with(&values, &catalog, parse)?;
            for replication in 0..inputs.replications {
                let seed = match replication {
                    0 => resolved.seed,
                    _ => derived(resolved.seed, "replication", replication),
                };
                let name = plan.name_of(&values, seed);
                plan.points.push(Point { name, values: values.clone(), replication, seed });
            }
        }
        plan.points_differ()?;
        Ok(plan)
    }

    fn paths_differ(&self) -> Result<(), SweepError> {
        if self.paths.iter().any(|path| path == "seed") {
            return Err(SweepError::Grid("seed: --replications varies it".to_owned()));
        }
        for (index, path) in self.paths.iter().enumerate() {
            if self.paths[..index].contains(path) {
                return Err(SweepError::Grid(format!("{path}: varied twice")));
            }
        }
        Ok(())
    }

    fn points_differ(&self) -> Result<(), SweepError> {
        let mut seen = BTreeMap::new();
        for (number, point) in self.points.iter().enumerate() {
            if let Some(before) = seen.insert(&point.name, number) {
                let settings = self.sets(&point.values).join(" ");
                let message = format!("points {before} and {number} are the same: {settings}");
                return Err(SweepError::Grid(message));
            }
        }
        Ok(())
    }

    /// The settings of a point, as `--set` has them.
    pub(super) fn sets(&self, values: &[String]) -> Vec<String> {
        self.paths.iter().zip(values).map(|(path, value)| format!("{path}={value}")).collect()
    }

    fn name_of(&self, values: &[String], seed: u64) -> String {
        let Self { towtank_version, scenario, set, catalog, .. } = self;
        let all = json!([towtank_version, scenario, set, catalog, self.sets(values), seed]);
        let digest = Sha256::digest(all.to_string());
        // Half of it is far more than there will ever be points.
        let half = digest.first_chunk().expect("a hash of 32 bytes");
        format!("{:032x}", u128::from_be_bytes(*half))
    }

    /// The built-in catalogue with the plan's files laid over it.
    pub(super) fn catalog(&self) -> Result<Catalog, SweepError> {
        let mut catalog = Catalog::builtin();
        for (name, content) in &self.catalog {
            catalog.extend(name, content)?;
        }
        Ok(catalog)
    }

    /// A point's scenario; `dir` is where the plan lies.
    pub(super) fn resolve(
        &self,
        dir: &Path,
        catalog: &Catalog,
        point: &Point,
    ) -> Result<Resolved, SweepError> {
        let base_dir = dir.join(&self.base_dir);
        let parse = |sets: &[String]| ScenarioFile::parse(&self.name, &self.scenario, &base_dir, sets);
        let mut resolved = self.resolve_with(&point.values, catalog, parse)?;
        resolved.seed = point.seed;
        Ok(resolved)
    }

    fn resolve_with(
        &self,
        values: &[String],
        catalog: &Catalog,
        parse: impl Fn(&[String]) -> Result<ScenarioFile, ScenarioError>,
    ) -> Result<Resolved, SweepError> {
        let own = self.sets(values);
        let resolve = |file: ScenarioFile| {
            file.supported()?;
            file.resolve(catalog)
        };
        parse(&[self.set.as_slice(), &own].concat())
            .and_then(resolve)
            .map_err(|source| SweepError::Point { settings: own.join(" "), source })
    }

    /// Points of the plan.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is none; a plan always has one.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Name of its scenario.
    pub fn scenario_name(&self) -> &str {
        &self.name
    }

    /// Writes the plan into `dir`, unless it is there already.
    ///
    /// # Errors
    /// If another plan lies there, or it cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), SweepError> {
        let path = dir.join(FILE);
        if path.exists() {
            if Self::read(dir)? == *self {
                return Ok(());
            }
            let reason = "another plan lies here: choose another --out, or remove it with its points";
            return Err(SweepError::Dir { path, reason: reason.to_owned() });
        }
        Ok(write_file(&path, |out| write_json(out, self))?)
    }

    /// Reads the plan that lies in `dir`.
    ///
    /// # Errors
    /// If there is none, or it is another version's.
    pub fn read(dir: &Path) -> Result<Self, SweepError> {
        let path = dir.join(FILE);
        let wrong = |reason: String| SweepError::Dir { path: path.clone(), reason };
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                wrong("there is no such plan: write one with `sweep plan`".to_owned())
            }
            _ => wrong(error.to_string()),
        })?;
        let plan: Self =
            serde_json::from_str(&text).map_err(|error| wrong(format!("not a plan: {error}")))?;
        let version = env!("CARGO_PKG_VERSION");
        if plan.towtank_version != version {
            let reason =
                format!("planned by version {}, this is {version}: plan it anew", plan.towtank_version);
            return Err(wrong(reason));
        }
        if let Some(point) =
            plan.points.iter().find(|point| point.name != plan.name_of(&point.values, point.seed))
        {
            return Err(wrong(format!("point {} was changed after it was planned", point.name)));
        }
        Ok(plan)
    }
}

/// Every combination of `axes`, the last one fastest, with every row of `zipped` in each.
fn grid(axes: &[Axis], zipped: &[Axis]) -> Result<Vec<Vec<String>>, SweepError> {
    let mut points = vec![Vec::new()];
    for axis in axes {
        points = points
            .iter()
            .flat_map(|point: &Vec<String>| {
                axis.values.iter().map(|value| [point.as_slice(), slice::from_ref(value)].concat())
            })
            .collect();
    }
    let [first, others @ ..] = zipped else { return Ok(points) };
    if let Some(other) = others.iter().find(|other| other.values.len() != first.values.len()) {
        return Err(SweepError::Grid(format!(
            "what is zipped has as many values: {} has {}, {} has {}",
            first.path,
            first.values.len(),
            other.path,
            other.values.len()
        )));
    }
    let rows = (0..first.values.len())
        .map(|row| zipped.iter().map(|axis| axis.values[row].clone()).collect::<Vec<String>>());
    let rows: Vec<_> = rows.collect();
    Ok(points.iter().flat_map(|point| rows.iter().map(|row| [point.as_slice(), row].concat())).collect())
}

/// The way from one directory to another; both may be moved together.
fn seen_from(from: &Path, to: &Path) -> Result<PathBuf, SweepError> {
    let absolute = |path: &Path| {
        let read = |source| SweepError::Read { path: path.to_owned(), source };
        let path = std::path::absolute(path).map_err(read)?;
        // `from` may not exist yet; the longest part of it that does may be a link.
        let there = path.ancestors().find_map(|part| Some((part.to_owned(), part.canonicalize().ok()?)));
        Ok::<PathBuf, SweepError>(match there {
            Some((part, real)) => match path.strip_prefix(&part) {
                Ok(rest) if rest.as_os_str().is_empty() => real,
                Ok(rest) => real.join(rest),
                Err(_) => real,
            },
            None => path,
        })
    };
    let (from, to) = (absolute(from)?, absolute(to)?);
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    Ok(up.chain(to.components().skip(common)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(text: &str) -> Axis {
        Axis::parse(text).unwrap()
    }

    #[test]
    fn grids_turn_their_last_axis_fastest_and_zip_inside() {
        let all = |axes: &[&str], zipped: &[&str]| -> String {
            let of = |texts: &[&str]| texts.iter().map(|text| axis(text)).collect::<Vec<_>>();
            match grid(&of(axes), &of(zipped)) {
                Ok(points) => points.iter().map(|point| point.concat()).collect::<Vec<_>>().join(" "),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(all(&["x=1,2", "y=a,b,c"], &[]), "1a 1b 1c 2a 2b 2c");
        assert_eq!(all(&["x=1,2"], &["y=a,b", "z=c,d"]), "1ac 1bd 2ac 2bd");
        assert_eq!(all(&[], &["y=a,b"]), "a b");
        let refused = "what is zipped has as many values: y has 2, z has 1";
        assert_eq!(all(&["x=1"], &["y=a,b", "z=c"]), refused);
    }

    #[test]
    fn the_way_to_a_directory_goes_up_and_down() {
        let way = |from: &str, to: &str| seen_from(Path::new(from), Path::new(to)).unwrap();
        assert_eq!(way("/nowhere/a/b", "/nowhere/c"), Path::new("../../c"));
        assert_eq!(way("/nowhere/a", "/nowhere/a"), Path::new(""));
        assert_eq!(way("/nowhere/a", "/nowhere/a/b"), Path::new("b"));
    }
}
