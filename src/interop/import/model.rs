//! From what a manifest serves to a model of the catalogue.

use crate::catalog::{Catalog, CatalogError};
use crate::engine::ServeCommand;
use crate::model::Architecture;
use crate::scenario::is_model;

/// A model, and what to check about it.
pub(super) struct Model {
    /// Its name in the scenario.
    pub(super) name: String,
    /// Where the name was not the catalogue's own.
    pub(super) check: Option<String>,
    /// Why it cannot be simulated.
    pub(super) refused: Option<String>,
}

/// Families of models whose feed-forward layers are a mixture of experts, by a part of the name.
const EXPERTS: [&str; 10] = [
    "deepseek-r1",
    "deepseek-v",
    "mixtral",
    "kimi-k",
    "gpt-oss",
    "llama-4",
    "glm-4.5",
    "minimax",
    "grok",
    "qwen3-235b",
];

/// The catalogue's name of what the command serves: the same, or the model that a path ends in.
pub(super) fn model(catalog: &Catalog, command: &ServeCommand) -> Result<Model, CatalogError> {
    let known = catalog.section("models")?;
    let stated = &command.model;
    let candidates = [Some(stated), command.served_model_name.as_ref()].into_iter().flatten();
    for candidate in candidates {
        if known.contains_key(candidate) && candidate == stated {
            return Ok(supported(catalog, candidate, None));
        }
        let found = known
            .keys()
            .filter(|name| is_model(candidate, name))
            .max_by_key(|name| ends_with(candidate, name));
        if let Some(name) = found {
            return Ok(supported(catalog, name, Some(format!("the manifest serves `{stated}`"))));
        }
    }
    let lower = stated.to_lowercase();
    let refused = if EXPERTS.iter().any(|family| lower.contains(family)) {
        "a mixture of experts, which is not simulated"
    } else {
        "not in the catalogue: give the path of its config.json"
    };
    Ok(Model { name: stated.clone(), check: Some(refused.to_owned()), refused: Some(refused.to_owned()) })
}

fn supported(catalog: &Catalog, name: &str, check: Option<String>) -> Model {
    let refused = Architecture::read(catalog, name).err().map(|error| error.to_string());
    Model { name: name.to_owned(), check, refused }
}

/// How many of the parts of `name` the path ends in; later ones of a tie are taken.
fn ends_with(path: &str, name: &str) -> bool {
    path.to_lowercase().ends_with(&name.to_lowercase())
}
