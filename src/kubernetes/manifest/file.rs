//! From files to LeaderWorkerSets.

use super::{Manifest, autoscaler, budget::Budget, leaderworkerset, object::Object, storage};
use crate::catalog::suggestion;
use crate::document::{Document, FileError};

/// What objects that are applied together say.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The LeaderWorkerSets, in order.
    pub sets: Vec<Manifest>,
    /// What else is there and was ignored, a line each.
    pub remarks: Vec<String>,
}

/// Kinds that say nothing about how fast a placement serves. A `Service` makes `router: service` of it, the default.
const NO_MATTER: [&str; 3] = ["Service", "ConfigMap", "StorageClass"];

/// Reads files, given as name and text. Files that hold LeaderWorkerSets are alternatives to each other, one [`Manifests`]
/// each; what the other files hold goes with every one of them.
///
/// # Errors
/// If a file is not Kubernetes YAML, none holds a LeaderWorkerSet or one two of a name, or a field is wrong; the error says
/// where.
pub fn read_manifests(files: &[(String, String)]) -> Result<Vec<Manifests>, FileError> {
    let (mut alternatives, mut beside) = (Vec::new(), Vec::new());
    for (file, text) in files {
        not_a_template(file, text)?;
        let documents = Document::parse_all(file, text)?;
        if documents.is_empty() {
            return Err(FileError::file(file, "expected Kubernetes objects, found nothing"));
        }
        let objects = documents.into_iter().flat_map(unlisted).map(Object::new);
        let objects = objects.collect::<Result<Vec<_>, _>>()?;
        if objects.iter().any(Object::is_set) {
            alternatives.push(objects);
        } else {
            beside.extend(objects);
        }
    }
    if alternatives.is_empty() {
        return Err(no_set(&beside));
    }
    alternatives
        .into_iter()
        .map(|objects| together(objects.into_iter().chain(beside.clone()).collect()))
        .collect()
}

/// The objects of a `List`, as `kubectl get` prints several.
fn unlisted(document: Document) -> Vec<Document> {
    if document.tree["kind"] == "List" && document.tree["items"].is_array() {
        document.items("items")
    } else {
        vec![document]
    }
}

/// Reads objects that are applied together.
fn together(mut objects: Vec<Object>) -> Result<Manifests, FileError> {
    let claims = storage::claims(&mut objects)?;
    let config_maps = leaderworkerset::config_maps(&mut objects);
    let (mut sets, mut others): (Vec<Object>, Vec<Object>) = objects.into_iter().partition(Object::is_set);
    let budgets = Budget::read(&mut others)?;
    let mut read = Manifests::default();
    for index in 0..sets.len() {
        let (earlier, object) = sets.split_at_mut(index);
        let object = &mut object[0];
        if earlier.iter().any(|other| other.name == object.name) {
            let message = format!("a second LeaderWorkerSet named `{}`; names must differ", object.name);
            return Err(object.document.error("metadata.name", message));
        }
        let (args, leader, worker, nodes) = leaderworkerset::read(object, &config_maps)?;
        let mut manifest = Manifest {
            name: object.name.clone(),
            leaderworkerset: args,
            leader,
            worker,
            hpa: None,
            pod_disruption_budget: None,
            nodes,
            claims: claims.clone(),
            remarks: object.ignored(),
            document: object.document.clone(),
        };
        scaled(&mut manifest, &mut others, &mut read.remarks)?;
        budgeted(&mut manifest, &budgets, &mut others, &mut read.remarks);
        read.sets.push(manifest);
    }
    for object in &others {
        if !NO_MATTER.contains(&object.kind.as_str()) && !object.read {
            read.remarks.push(object.remark("not part of a placement; ignored"));
        }
    }
    Ok(read)
}

/// Gives a LeaderWorkerSet the autoscaler that names it.
fn scaled(
    manifest: &mut Manifest,
    others: &mut [Object],
    remarks: &mut Vec<String>,
) -> Result<(), FileError> {
    let unread = |object: &&mut Object| object.kind == "HorizontalPodAutoscaler" && !object.read;
    for object in others.iter_mut().filter(unread) {
        if !autoscaler::scales(object, &manifest.name)? {
            continue;
        }
        object.read = true;
        let Some(hpa) = autoscaler::hpa(object, remarks)? else { continue };
        if manifest.hpa.replace(hpa).is_some() {
            let message = format!("a second autoscaler of `{}`", manifest.name);
            return Err(object.document.error("spec.scaleTargetRef", message));
        }
        remarks.extend(object.ignored());
    }
    Ok(())
}

/// Gives a LeaderWorkerSet the budget that selects its pods. One budget may select those of several sets, which then have it
/// each for itself; a set has one budget.
fn budgeted(manifest: &mut Manifest, budgets: &[Budget], others: &mut [Object], remarks: &mut Vec<String>) {
    for budget in
        budgets.iter().filter(|budget| budget.selects(&[&manifest.leader.labels, &manifest.worker.labels]))
    {
        let object = &mut others[budget.index];
        if manifest.pod_disruption_budget.is_some() {
            let what = format!(
                "a second budget of `{}`, whose pods nobody could evict then; ignored",
                manifest.name
            );
            remarks.push(object.remark(&what));
        } else {
            manifest.pod_disruption_budget = Some(budget.args);
            if object.read {
                let what = format!(
                    "counts for `{}` alone too, not for all pods that it selects together",
                    manifest.name
                );
                remarks.push(object.remark(&what));
            } else {
                remarks.extend(object.ignored());
            }
        }
        object.read = true;
    }
}

/// A chart's template is no YAML before it is rendered, and its parts would be nonsense after.
fn not_a_template(file: &str, text: &str) -> Result<(), FileError> {
    const WORDS: [&str; 9] =
        ["if ", "range ", "end", "include ", "define ", "else", "with ", "toYaml ", "template "];
    let is_action = |rest: &str| {
        let inside = rest.trim_start_matches('-').trim_start();
        inside.starts_with(['.', '$']) || WORDS.iter().any(|word| inside.starts_with(word))
    };
    let found = text.lines().enumerate().find_map(|(number, line)| {
        let (before, _) = line.split_once("{{").filter(|(_, rest)| is_action(rest))?;
        Some((number as u64 + 1, before.chars().count() as u64 + 1, line))
    });
    let Some((line, column, content)) = found else { return Ok(()) };
    let message = "a template of a Helm chart: expected plain YAML, as `helm template` prints it";
    Err(FileError::at(file, (line, column), content, message))
}

fn no_set(objects: &[Object]) -> FileError {
    let kinds: Vec<&str> = objects.iter().map(|object| object.kind.as_str()).collect();
    let near = objects.iter().find_map(|object| {
        let near = suggestion(&object.kind, ["LeaderWorkerSet"]);
        (!near.is_empty()).then_some((object, near))
    });
    if let Some((object, near)) = near {
        return object.document.error("kind", format!("unknown kind `{}`{near}", object.kind));
    }
    let message = format!("expected a LeaderWorkerSet, found only: {}", kinds.join(", "));
    objects[0].document.error("kind", message)
}
