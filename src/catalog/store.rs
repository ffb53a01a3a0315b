//! The compiled-in data files and what a user adds to them.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CatalogError, suggestion};

/// The built-in files, one a kind.
const FILES: &[(&str, &str)] = &[
    ("gpus.json", include_str!("data/gpus.json")),
    ("machines.json", include_str!("data/machines.json")),
    ("links.json", include_str!("data/links.json")),
    ("networks.json", include_str!("data/networks.json")),
    ("prices.json", include_str!("data/prices.json")),
    ("models.json", include_str!("data/models.json")),
    ("memory.json", include_str!("data/memory.json")),
    ("startup.json", include_str!("data/startup.json")),
    ("storage.json", include_str!("data/storage.json")),
    ("failures.json", include_str!("data/failures.json")),
    ("kubernetes.json", include_str!("data/kubernetes.json")),
    ("control_plane.json", include_str!("data/control_plane.json")),
    ("calibration.json", include_str!("data/calibration.json")),
    ("overheads.json", include_str!("data/overheads.json")),
    ("multipliers.json", include_str!("data/multipliers.json")),
    ("accuracy.json", include_str!("data/accuracy.json")),
    ("presets.json", include_str!("data/presets.json")),
    ("curves.json", include_str!("data/curves.json")),
    ("routers.json", include_str!("data/routers.json")),
    ("server_metrics.json", include_str!("data/server_metrics.json")),
];

/// Every entry by kind and name, in the order of their names.
#[derive(Clone, Debug)]
pub struct Catalog {
    kinds: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Catalog {
    /// The catalogue that comes with the program.
    ///
    /// # Panics
    /// If a compiled-in file is not a catalogue, which the tests exclude.
    pub fn builtin() -> Self {
        let mut catalog = Self { kinds: BTreeMap::new() };
        for (file, text) in FILES {
            catalog.extend(file, text).expect("built-in catalogue files parse");
        }
        catalog
    }

    /// Adds the entries of a user's file; an entry that exists already is overridden field by field.
    ///
    /// # Errors
    /// If `text` is not JSON of the catalogue's layout.
    pub fn extend(&mut self, file: &str, text: &str) -> Result<(), CatalogError> {
        let bad = |reason: String| CatalogError::BadFile { file: file.to_owned(), reason };
        let kinds: BTreeMap<String, BTreeMap<String, Value>> =
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        for (kind, entries) in kinds {
            let section = self.kinds.entry(kind).or_default();
            for (name, entry) in entries {
                merge(section.entry(name).or_insert(Value::Null), entry);
            }
        }
        Ok(())
    }

    /// The kinds of entries there are.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// All entries of a kind, by name.
    ///
    /// # Errors
    /// If there is no such kind.
    pub fn section(&self, kind: &str) -> Result<&BTreeMap<String, Value>, CatalogError> {
        self.kinds.get(kind).ok_or_else(|| CatalogError::UnknownKind {
            kind: kind.to_owned(),
            suggestion: suggestion(kind, self.kinds()),
        })
    }

    /// One entry as its file has it.
    pub(super) fn raw(&self, kind: &str, name: &str) -> Result<&Value, CatalogError> {
        let section = self.section(kind)?;
        section.get(name).ok_or_else(|| CatalogError::UnknownName {
            kind: kind.to_owned(),
            name: name.to_owned(),
            suggestion: suggestion(name, section.keys().map(String::as_str)),
        })
    }

    /// One entry, parsed as the room that asks understands it.
    ///
    /// # Errors
    /// If there is no such entry, or it does not hold what `T` needs.
    pub fn entry<T: DeserializeOwned>(&self, kind: &str, name: &str) -> Result<T, CatalogError> {
        T::deserialize(self.raw(kind, name)?).map_err(|error| CatalogError::BadEntry {
            kind: kind.to_owned(),
            name: name.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// Lays `over` on `under`: objects field by field, everything else whole.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
