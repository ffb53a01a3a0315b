//! Scenarios to be simulated, and where their results go.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{CliError, options::InputOptions, output};
use crate::catalog::Catalog;
use crate::scenario::{Resolved, ScenarioFile};

/// A scenario as it stands in its file, and ready to be simulated.
pub(super) struct Given {
    file: ScenarioFile,
    pub(super) resolved: Resolved,
}

impl Given {
    /// The same, put together.
    pub(super) const fn new(file: ScenarioFile, resolved: Resolved) -> Self {
        Self { file, resolved }
    }

    /// The scenario as it was understood.
    pub(super) fn shown(&self) -> io::Result<String> {
        output::shown(&self.file, &self.resolved)
    }
}

/// Reads scenarios; a seed goes before their own.
pub(super) fn read(
    paths: &[PathBuf],
    input: &InputOptions,
    seed: Option<u64>,
    catalog: &Catalog,
) -> Result<Vec<Given>, CliError> {
    let one = |path: &PathBuf| {
        let file: ScenarioFile = input.scenario(path)?;
        file.supported()?;
        let mut resolved = file.resolve(catalog)?;
        resolved.seed = seed.unwrap_or(resolved.seed);
        Ok(Given { file, resolved })
    };
    paths.iter().map(one).collect()
}

/// Refuses to fail on an slo that a scenario does not have.
pub(super) fn judged(fail_on_slo: bool, scenarios: &[Given]) -> Result<(), CliError> {
    let mut judged = scenarios.iter().map(|given| &given.resolved);
    match judged.find(|resolved| fail_on_slo && !resolved.has_slo()) {
        Some(without) => {
            Err(CliError::Usage(format!("--fail-on-slo: scenario `{}` has no slo", without.name)))
        }
        None => Ok(()),
    }
}

/// Where each scenario's results go; no two into one place.
pub(super) fn directories(out: Option<&Path>, scenarios: &[Given]) -> Result<Vec<PathBuf>, CliError> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    for Given { resolved, .. } in scenarios {
        let dir = match out {
            Some(dir) if scenarios.len() > 1 => dir.join(&resolved.name),
            Some(dir) => dir.to_owned(),
            None => Path::new("results").join(&resolved.name),
        };
        if dirs.contains(&dir) {
            return Err(CliError::Usage(format!(
                "two scenarios would write to {}: give one another name, or run them apart",
                dir.display()
            )));
        }
        dirs.push(dir);
    }
    Ok(dirs)
}
