//! A scenario together with the file it came from.

use std::path::{Path, PathBuf};

use super::{Scenario, ScenarioError, check, manifest, unsupported};
use crate::document::{self, Document};

/// A scenario that is typed and consistent, and the file it was read from, which later errors point into.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// What the file says, `--set` applied and manifests that it names filled in.
    pub scenario: Scenario,
    /// Directory that paths in the file are relative to.
    pub base_dir: PathBuf,
    /// What manifests that it names say and was ignored, a line each.
    pub remarks: Vec<String>,
    pub(super) document: Document,
}

impl ScenarioFile {
    /// Reads `path` (`-` is stdin), applies `sets` (`PATH=VALUE`), and checks all that needs no catalogue.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a scenario; the error says where.
    pub fn read(path: &Path, sets: &[String]) -> Result<Self, ScenarioError> {
        let (name, text) = document::read(path)?;
        let base_dir = if name == "-" { None } else { path.parent() };
        Self::parse(&name, &text, base_dir.unwrap_or(Path::new("")), sets)
    }

    /// The same for a text already in memory; `file` is its name in errors.
    ///
    /// # Errors
    /// If the text is not a scenario; the error says where.
    pub fn parse(file: &str, text: &str, base_dir: &Path, sets: &[String]) -> Result<Self, ScenarioError> {
        let mut document = Document::parse(file, text)?;
        for assignment in sets {
            document.set(assignment)?;
        }
        if !document.tree.is_object() {
            let message = "expected a scenario: the fields name, workloads, placements and others";
            return Err(document.error("", message));
        }
        let mut scenario = document.typed()?;
        let remarks = manifest::fill(&document, &mut scenario, base_dir)?;
        check::consistent(&document, &scenario, base_dir)?;
        Ok(Self { scenario, base_dir: base_dir.to_owned(), remarks, document })
    }

    /// An error about the field at `path`, such as `placements[0].deployments[0].model`.
    pub fn error(&self, path: &str, message: impl Into<String>) -> ScenarioError {
        self.document.error(path, message)
    }

    /// Refuses what this version reads but does not simulate, and a scenario that leaves its placements to a search.
    ///
    /// # Errors
    /// If the scenario asks for any such thing; the error names the first.
    pub fn supported(&self) -> Result<(), ScenarioError> {
        if self.scenario.placements.is_empty() {
            return Err(self
                .document
                .error("plan", "this scenario has no placements of its own: `towtank plan` searches them"));
        }
        match unsupported::unsupported(&self.scenario).into_iter().next() {
            None => Ok(()),
            Some(missing) => Err(self.document.error(&missing.path, missing.reason)),
        }
    }
}
