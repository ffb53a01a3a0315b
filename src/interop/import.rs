//! From manifests to a scenario.
//!
//! Each file that holds LeaderWorkerSets becomes a placement, so that two files are two alternatives; what the other files
//! hold goes with all of them. What manifests do not say, traffic above all, gets a default and a comment that says `CHECK`.

mod model;
mod nodes;
mod placement;
mod pool;

use std::path::Path;

use serde_json::{Value, json};

use super::yaml::{Comments, Style, to_yaml};
use crate::catalog::Catalog;
use crate::document::path::{field, item};
use crate::kubernetes::read_manifests;
use crate::scenario::{ManifestDeployment, ScenarioError, ScenarioFile};
use placement::{Placement, placement};

/// A scenario, and what was left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The scenario as YAML.
    pub text: String,
    /// What keeps it from running as it is; a line each.
    pub warnings: Vec<String>,
    /// What was ignored, or taken for something else; a line each.
    pub remarks: Vec<String>,
}

/// Makes a scenario of manifests, given as name and text.
///
/// # Errors
/// If a file is not Kubernetes YAML, holds nothing that could be simulated, or says what no scenario can; the error says
/// where.
pub fn import(files: &[(String, String)], catalog: &Catalog) -> Result<Imported, ScenarioError> {
    let mut imported = Imported { text: String::new(), warnings: Vec::new(), remarks: Vec::new() };
    let mut placements: Vec<Placement> = Vec::new();
    for manifests in read_manifests(files)? {
        for remark in manifests.remarks {
            // Files that go with several placements would say everything several times.
            if !imported.remarks.contains(&remark) {
                imported.remarks.push(remark);
            }
        }
        let read: Result<Vec<_>, _> = manifests.sets.into_iter().map(ManifestDeployment::read).collect();
        placements.push(placement(read?, catalog)?);
    }
    name(&mut placements);
    let name = placements[0].deployments[0].manifest.name.clone();
    let (tree, comments) = scenario(&name, &placements);
    imported.text = heading(files) + &to_yaml(&tree, &comments, Style::Compact);
    for placement in &placements {
        imported.warnings.extend(placement.warnings.iter().cloned());
        imported.remarks.extend(placement.remarks.iter().cloned());
    }
    let runs = placements.iter().all(|placement| placement.runs);
    imported.warnings.extend(runnable(&imported.text, &placements, catalog, runs)?);
    Ok(imported)
}

/// What the scenario was made of, as a comment.
fn heading(files: &[(String, String)]) -> String {
    let names: Vec<&str> = files.iter().map(|(name, _)| if name == "-" { "stdin" } else { name }).collect();
    let of = match names.as_slice() {
        [only] => format!(" of {only}"),
        several => format!(" of:\n#   {}", several.join("\n#   ")),
    };
    format!("# What manifests do not say is marked CHECK. Made by `towtank import`{of}\n")
}

/// One placement is called what its LeaderWorkerSet is, several what their files are.
fn name(placements: &mut [Placement]) {
    if let [only] = placements {
        only.name.clone_from(&only.deployments[0].manifest.name);
        return;
    }
    for index in 0..placements.len() {
        let file = Path::new(placements[index].deployments[0].manifest.file());
        let stem = file.file_stem().map_or("stdin".into(), |stem| stem.to_string_lossy());
        let good = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let stem: String = stem.trim_start_matches(['-', '.', '_']).chars().map(good).collect();
        let stem = if stem.is_empty() { "stdin".to_owned() } else { stem };
        let taken = placements[..index].iter().any(|other| other.name == stem);
        placements[index].name = if taken { format!("{stem}-{}", index + 1) } else { stem };
    }
}

/// The tree of the scenario, and what to check in it.
fn scenario(name: &str, placements: &[Placement]) -> (Value, Comments) {
    let mut comments = Comments::new();
    let mut check = |at: &str, text: &str| comments.insert(at.to_owned(), format!("CHECK: {text}"));
    check("slo", "what is good enough");
    check("workloads[0].arrivals", "requests a second");
    check("workloads[0].lengths", "tokens of prompts and answers");
    let groups = placements.iter().map(|placement| placement.groups).max().unwrap_or(1);
    let mut list = Vec::new();
    for (index, placement) in placements.iter().enumerate() {
        let at = item("placements", index);
        for (path, text) in &placement.checks {
            check(&field(&at, path), text);
        }
        list.push(placement.tree());
    }
    let short_of_nodes = placements.iter().any(|placement| placement.short_of_nodes);
    let mut tree = json!({"name": name, "duration": "10m", "warmup": "1m"});
    if short_of_nodes {
        check("start", "there are too few nodes for all groups at once");
        tree["start"] = json!("cold");
    }
    tree["find_rate"] = json!(true);
    tree["slo"] = json!({"ttft_p95": "5s", "tpot_p95": "100ms"});
    tree["workloads"] = json!([{
        "name": "chat",
        "arrivals": {"process": "poisson", "rate": format!("{}/s", 0.5 * f64::from(groups.max(1)))},
        "lengths": "chat",
    }]);
    tree["placements"] = Value::Array(list);
    (tree, comments)
}

/// The scenario must be one that runs, but for a model that is not simulated; else the error is about the manifest. Returns
/// what does not fit its GPUs, which is an answer and no error.
fn runnable(
    text: &str,
    placements: &[Placement],
    catalog: &Catalog,
    models: bool,
) -> Result<Vec<String>, ScenarioError> {
    let file = ScenarioFile::parse("scenario", text, Path::new(""), &[]);
    let checked = file.and_then(|file| if models { file.resolve(catalog).map(Some) } else { Ok(None) });
    match checked {
        Ok(resolved) => {
            let resolved = resolved.map(|resolved| resolved.placements).unwrap_or_default();
            let pairs = resolved
                .iter()
                .zip(placements)
                .flat_map(|(resolved, found)| resolved.deployments.iter().zip(&found.deployments));
            let refused = pairs.filter_map(|(resolved, found)| {
                let refusal = resolved.memory.as_ref().err()?.to_string().replace('\n', " ");
                Some(
                    found.manifest.remark(&found.container.command_at(), &format!("does not fit: {refusal}")),
                )
            });
            Ok(refused.collect())
        }
        Err(error) => Err(in_manifest(&error, placements)),
    }
}

/// An error about a scenario as one about the manifest that it was made of.
fn in_manifest(error: &ScenarioError, placements: &[Placement]) -> ScenarioError {
    let problem = error.problem();
    let indices: Vec<usize> = problem.path.split(['[', ']']).filter_map(|part| part.parse().ok()).collect();
    let found = indices.first().and_then(|index| placements.get(*index)).unwrap_or(&placements[0]);
    let found =
        indices.get(1).and_then(|index| found.deployments.get(*index)).unwrap_or(&found.deployments[0]);
    let field_of = |name: &str| problem.path.split_once(name).map(|(_, rest)| rest.to_owned());
    let nodes = problem.path.ends_with("].nodes");
    let at = match (field_of(".leaderworkerset."), field_of(".engine.")) {
        (Some(rest), _) if rest.starts_with("annotations") => field("metadata", &rest),
        (Some(rest), _) => field("spec", &rest),
        (None, Some(_)) => found.container.command_at(),
        (None, None) if nodes => "spec.replicas".to_owned(),
        (None, None) => String::new(),
    };
    let what = if at.is_empty() {
        format!("{}: {}", problem.path, problem.message)
    } else {
        problem.message.clone()
    };
    found.manifest.error(&at, what)
}
