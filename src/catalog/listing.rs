//! The facts of an entry one by one, for whoever shows them.

use serde_json::Value;

use super::{Catalog, CatalogError, Fact};

/// A fact and where it stands in its entry.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedFact {
    /// Keys from the entry down, joined by dots: `all_reduce_nccl.8.alpha`.
    pub path: String,
    /// The fact.
    pub fact: Fact<Value>,
}

impl Catalog {
    /// Every fact of an entry, in the order of its file.
    ///
    /// # Errors
    /// If there is no such entry, or something in it has a `value` and is not a fact.
    pub fn facts(&self, kind: &str, name: &str) -> Result<Vec<ListedFact>, CatalogError> {
        let entry = self.raw(kind, name)?;
        let mut found = Vec::new();
        collect(entry, &mut String::new(), &mut found).map_err(|reason| CatalogError::BadEntry {
            kind: kind.to_owned(),
            name: name.to_owned(),
            reason,
        })?;
        Ok(found)
    }
}

/// Appends the facts below `value`; `path` is where it stands.
fn collect(value: &Value, path: &mut String, found: &mut Vec<ListedFact>) -> Result<(), String> {
    let Value::Object(fields) = value else { return Ok(()) };
    if fields.contains_key("value") && fields.contains_key("unit") {
        let fact = serde_json::from_value(value.clone()).map_err(|error| format!("{path}: {error}"))?;
        found.push(ListedFact { path: path.clone(), fact });
        return Ok(());
    }
    for (key, below) in fields {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key);
        collect(below, path, found)?;
        path.truncate(length);
    }
    Ok(())
}
