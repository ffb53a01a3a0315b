//! One object of a file.

use serde_json::Value;

use super::part::Part;
use crate::document::{
    Document, FileError,
    path::{field, item},
};
use crate::kubernetes::is_dns_label;

/// An object, what nobody has read of it yet, and what Kubernetes knows it by.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) document: Document,
    rest: Value,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// It went into a manifest.
    pub(super) read: bool,
}

impl Object {
    /// Reads what every object has.
    pub(super) fn new(document: Document) -> Result<Self, FileError> {
        if !document.tree.is_object() {
            return Err(document.error("", "expected a Kubernetes object: apiVersion, kind, metadata"));
        }
        let mut rest = document.tree.clone();
        let mut whole = Part::whole(&document, &mut rest);
        if !whole.has("apiVersion") && !whole.has("kind") {
            let message = "not a Kubernetes object: `apiVersion` and `kind` are missing";
            return Err(document.error("", message));
        }
        let api_version = whole.needed_text("apiVersion")?;
        let kind = whole.needed_text("kind")?;
        let mut metadata = whole.needed("metadata")?;
        let name = metadata.needed_text("name")?;
        // Several kinds allow more than this; none of those is named in a scenario.
        if kind == "LeaderWorkerSet" && !is_dns_label(&name) {
            let rule = "at most 51 lower-case letters, digits and `-`, starting with a letter";
            return Err(metadata.error("name", format!("`{name}` is not a name: expected {rule}")));
        }
        for namespace in ["namespace", "labels", "creationTimestamp"] {
            metadata.take(namespace);
        }
        whole.take("status");
        Ok(Self { document, rest, api_version, kind, name, read: false })
    }

    pub(super) fn is_set(&self) -> bool {
        self.kind == "LeaderWorkerSet"
    }

    /// What is left of it.
    pub(super) fn part(&mut self) -> Part<'_> {
        Part::whole(&self.document, &mut self.rest)
    }

    /// `kind/name`.
    pub(super) fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// A remark about all of it.
    pub(super) fn remark(&self, text: &str) -> String {
        remark(&self.document, &self.title(), "", text)
    }

    /// A remark for everything that was not read.
    pub(super) fn ignored(&self) -> Vec<String> {
        let mut left = Vec::new();
        leftovers(&self.rest, &self.document.tree, "", &mut left);
        let title = self.title();
        left.iter().map(|at| remark(&self.document, &title, at, "ignored")).collect()
    }
}

/// `file:line: object field: text`.
pub(super) fn remark(document: &Document, title: &str, at: &str, text: &str) -> String {
    let place = document.whereabouts(at);
    if at.is_empty() { format!("{place}: {title}: {text}") } else { format!("{place}: {title} {at}: {text}") }
}

/// The largest parts of `original` of which nothing was taken.
fn leftovers(rest: &Value, original: &Value, at: &str, left: &mut Vec<String>) {
    let empty = match rest {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if empty {
        return;
    }
    if rest == original {
        left.push(at.to_owned());
        return;
    }
    if let Value::Object(fields) = rest {
        for (name, value) in fields {
            leftovers(value, &original[name], &field(at, name), left);
        }
    }
    if let Value::Array(items) = rest {
        for (index, value) in items.iter().enumerate() {
            leftovers(value, &original[index], &item(at, index), left);
        }
    }
}
