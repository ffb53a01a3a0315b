//! A part of an object, out of which fields are taken.

use std::collections::BTreeMap;

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::document::{
    Document, FileError,
    path::{field, item},
};

/// Fields at one place of an object. What is read is taken out.
pub(super) struct Part<'a> {
    document: &'a Document,
    value: &'a mut Value,
    /// Where it stands, such as `spec.leaderWorkerTemplate`.
    pub(super) at: String,
}

impl<'a> Part<'a> {
    /// The whole of an object.
    pub(super) fn whole(document: &'a Document, value: &'a mut Value) -> Self {
        Self { document, value, at: String::new() }
    }

    /// An error about field `name`; about the part itself if it is empty.
    pub(super) fn error(&self, name: &str, message: impl Into<String>) -> FileError {
        let at = if name.is_empty() { self.at.clone() } else { field(&self.at, name) };
        self.document.error(&at, message)
    }

    fn expected(&self, name: &str, what: &str, found: &Value) -> FileError {
        let found = match found {
            Value::Null => "nothing".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "fields".to_owned(),
            Value::String(text) => format!("text \"{text}\""),
            other => other.to_string(),
        };
        self.error(name, format!("expected {what}, found {found}"))
    }

    /// The fields of field `name`; a field without a value is as if it were not there.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Part<'_>>, FileError> {
        match self.value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(_)) => {
                let at = field(&self.at, name);
                Ok(self.value.get_mut(name).map(|value| Part { document: self.document, value, at }))
            }
            Some(other) => Err(self.expected(name, "fields", other)),
        }
    }

    /// The same for a field that must be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<Part<'_>, FileError> {
        let missing = self.error("", format!("`{name}` is missing"));
        self.part(name)?.ok_or(missing)
    }

    /// The items of list `name`, each of them fields.
    pub(super) fn items(&mut self, name: &str) -> Result<Vec<Part<'_>>, FileError> {
        match self.value.get(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => {
                if let Some(index) = items.iter().position(|value| !value.is_object()) {
                    return Err(self.expected(&item(name, index), "fields", &items[index]));
                }
            }
            Some(other) => return Err(self.expected(name, "a list", other)),
        }
        let list = field(&self.at, name);
        let document = self.document;
        let items = self.value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten();
        Ok(items.enumerate().map(|(i, value)| Part { document, value, at: item(&list, i) }).collect())
    }

    /// A text that is left where it is; `None` for anything else.
    pub(super) fn look(&self, name: &str) -> Option<&str> {
        self.value.get(name).and_then(Value::as_str)
    }

    /// Texts of a list that is left where it is; `None` if there is no such list.
    pub(super) fn words(&self, name: &str) -> Option<Vec<&str>> {
        self.value.get(name)?.as_array()?.iter().map(Value::as_str).collect()
    }

    /// Takes a field.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.value.as_object_mut()?.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Takes everything.
    pub(super) fn take_all(&mut self) {
        *self.value = Value::Object(Map::new());
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, FileError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.expected(name, "text", &other)),
        }
    }

    /// Takes a text that must be there.
    pub(super) fn needed_text(&mut self, name: &str) -> Result<String, FileError> {
        let missing = self.error("", format!("`{name}` is missing"));
        self.text(name)?.filter(|text| !text.is_empty()).ok_or(missing)
    }

    /// Takes a list of texts.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, FileError> {
        let items = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.expected(name, "a list of texts", &other)),
        };
        let text = |(index, value)| match value {
            Value::String(text) => Ok(text),
            other => Err(self.expected(&item(name, index), "text", &other)),
        };
        items.into_iter().enumerate().map(text).collect()
    }

    /// Takes fields that are all texts, such as labels; those whose name is `wanted`.
    pub(super) fn text_map(
        &mut self,
        name: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, String>, FileError> {
        let Some(mut part) = self.part(name)? else { return Ok(BTreeMap::new()) };
        let names: Vec<String> = part.names().filter(|name| wanted(name)).map(str::to_owned).collect();
        let mut texts = BTreeMap::new();
        for name in names {
            if let Some(text) = part.text(&name)? {
                texts.insert(name, text);
            }
        }
        Ok(texts)
    }

    /// Names of the fields that are left.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.value.as_object().into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Whether field `name` is left.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value.get(name).is_some_and(|value| !value.is_null())
    }

    /// Takes the fields `names`, and reads them as a `T`.
    pub(super) fn pick<T>(&mut self, names: &[&str]) -> Result<T, FileError>
    where
        T: DeserializeOwned + Validate<Context = ()>,
    {
        let picked = names.iter().filter_map(|name| Some(((*name).to_owned(), self.take(name)?)));
        let picked = Value::Object(picked.collect());
        self.document.typed_at(&self.at, &picked)
    }
}
