//! A file as a tree whose every value knows its line and column.
//!
//! The tree is plain JSON, so that `--set` can reach any field before types are known; places are kept beside it, by
//! path. Paths are compared without case, `_` and `-`, because a validator names a field as the program does
//! (`leader_worker_template`) and the file as Kubernetes does (`leaderWorkerTemplate`).

use std::{collections::BTreeMap, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

use super::{FileError, Problem, path};

/// Where something stands: line and column, counted from 1.
type Place = (u64, u64);

/// A file, or one of several documents in it, parsed but not yet understood.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file as the user named it.
    pub file: String,
    text: Arc<str>,
    /// Its contents, `--set` applied.
    pub tree: Value,
    places: BTreeMap<String, Place>,
    /// What `--set` put where: path and text.
    set: Vec<(String, String)>,
}

impl Document {
    /// Parses YAML or JSON, which is YAML too.
    ///
    /// # Errors
    /// If the text is neither; the error says where.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let mut document = Self::empty(file, &text.into());
        let node = serde_saphyr::from_str_with_options(text, options());
        let node = node.map_err(|error| document.unreadable(&error))?;
        document.tree = document.take(node, "")?;
        Ok(document)
    }

    /// Parses a file of several documents; those that hold nothing are left out.
    ///
    /// # Errors
    /// If the text is not YAML; the error says where.
    pub fn parse_all(file: &str, text: &str) -> Result<Vec<Self>, FileError> {
        let empty = Self::empty(file, &text.into());
        let nodes = serde_saphyr::from_multiple_with_options::<Spanned<Node>>(text, options());
        let nodes = nodes.map_err(|error| empty.unreadable(&error))?;
        let read = nodes.into_iter().map(|node| {
            let mut document = empty.clone();
            document.tree = document.take(node, "")?;
            Ok(document)
        });
        read.collect()
    }

    /// The items of the list `name` as documents of their own, each in its place of the file.
    pub fn items(&self, name: &str) -> Vec<Self> {
        let items = self.tree.get(name).and_then(Value::as_array).into_iter().flatten().enumerate();
        let document = |(index, tree): (usize, &Value)| {
            let at = path::key(&path::item(name, index));
            let own = |(key, place): (&String, &Place)| {
                let rest = key.strip_prefix(&at)?;
                Some((rest.strip_prefix('.').unwrap_or(rest).to_owned(), *place))
            };
            let places = self.places.iter().filter_map(own).collect();
            Self { tree: tree.clone(), places, ..Self::empty(&self.file, &self.text) }
        };
        items.map(document).collect()
    }

    fn empty(file: &str, text: &Arc<str>) -> Self {
        Self {
            file: file.to_owned(),
            text: Arc::clone(text),
            tree: Value::Null,
            places: BTreeMap::new(),
            set: Vec::new(),
        }
    }

    fn unreadable(&self, error: &serde_saphyr::Error) -> FileError {
        let place = error.location().map(place);
        let message = plain(&error.without_snippet().to_string());
        FileError::from(self.problem(place, String::new(), message))
    }

    /// Turns located nodes into plain values, remembering the places.
    fn take(&mut self, node: Spanned<Node>, at: &str) -> Result<Value, FileError> {
        self.places.insert(path::key(at), place(node.referenced));
        Ok(match node.value {
            Node::Scalar(value) => value,
            Node::List(nodes) => {
                let values = nodes.into_iter().enumerate();
                Value::Array(
                    values.map(|(i, node)| self.take(node, &path::item(at, i))).collect::<Result<_, _>>()?,
                )
            }
            Node::Map(entries) => {
                let mut map = Map::new();
                for (key, node) in entries {
                    let field = path::field(at, &key.value);
                    self.places.insert(format!("{}#", path::key(&field)), place(key.referenced));
                    let value = self.take(node, &field)?;
                    map.insert(key.value, value);
                }
                Value::Object(map)
            }
        })
    }

    /// Applies `PATH=VALUE`; the value is read as YAML, and as text if it is not.
    ///
    /// # Errors
    /// If the path leads nowhere.
    pub fn set(&mut self, assignment: &str) -> Result<(), FileError> {
        let usage = |message: String| FileError::file(&self.file, format!("--set {assignment}: {message}"));
        let (at, value) = path::split_assignment(assignment).map_err(usage)?;
        let options = serde_saphyr::options! { strict_booleans: true };
        let parsed = serde_saphyr::from_str_with_options::<Value>(value, options);
        let tree = parsed.unwrap_or_else(|_| Value::String(value.to_owned()));
        let full = path::assign(&mut self.tree, &at, tree).map_err(usage)?;
        self.set.push((full, value.to_owned()));
        Ok(())
    }

    /// Turns a number that `--set` put exactly at `at` back into the text it was; false if there is none.
    pub(super) fn requote(&mut self, at: &str) -> bool {
        let Some((_, text)) = self.set.iter().rev().find(|(set, _)| set == at) else { return false };
        let text = text.clone();
        match self.tree.pointer_mut(&path::pointer(at)) {
            Some(value @ Value::Number(_)) => {
                *value = Value::String(text);
                true
            }
            _ => false,
        }
    }

    /// The value at `at`, if it is there under exactly that name.
    pub(super) fn at(&self, at: &str) -> Option<&Value> {
        self.tree.pointer(&path::pointer(at))
    }

    /// Line and column of the value at `at`, or of the closest thing around it that the file has.
    fn place_of(&self, at: &str, key: bool) -> Option<Place> {
        let mut at = path::key(at);
        if key && let Some(place) = self.places.get(&format!("{at}#")) {
            return Some(*place);
        }
        loop {
            if let Some(place) = self.places.get(&at) {
                return Some(*place);
            }
            at.truncate(at.rfind(['.', '[']).unwrap_or(0));
        }
    }

    /// The text of the file from a value's place to the end of its line.
    pub(super) fn raw(&self, at: &str) -> Option<&str> {
        let (line, column) = self.place_of(at, false)?;
        let line = self.text.lines().nth(line as usize - 1)?;
        let start = line.char_indices().nth(column as usize - 1)?.0;
        line.get(start..)
    }

    /// An error about the value at `at`.
    pub fn error(&self, at: &str, message: impl Into<String>) -> FileError {
        self.error_about(at, false, message.into())
    }

    /// An error about the field name at `at`, as unknown fields have it.
    pub(super) fn key_error(&self, at: &str, message: impl Into<String>) -> FileError {
        self.error_about(at, true, message.into())
    }

    /// File and line of what stands at `at`, or of the closest thing around it.
    pub fn whereabouts(&self, at: &str) -> String {
        self.place_of(at, false).map_or(self.file.clone(), |(line, _)| format!("{}:{line}", self.file))
    }

    fn error_about(&self, at: &str, key: bool, message: String) -> FileError {
        let wanted = path::key(at);
        let from_set = self.set.iter().map(|(set, _)| path::key(set)).any(|set| wanted.starts_with(&set));
        let place = if from_set { None } else { self.place_of(at, key) };
        FileError::from(Problem { from_set, ..self.problem(place, at.to_owned(), message) })
    }

    fn problem(&self, place: Option<Place>, path: String, message: String) -> Problem {
        let line = place.and_then(|(line, _)| self.text.lines().nth(line as usize - 1));
        Problem {
            file: self.file.clone(),
            at: place,
            path,
            message,
            line: line.map(str::to_owned),
            from_set: false,
        }
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    }
}

/// The YAML library's message without its advice to programmers and the place, which stands in front.
fn plain(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = message.split(", set DuplicateKeyPolicy").next().unwrap_or_default();
    message.replace(" rejected by the configured policy", ": expected a finite number")
}

fn place(location: Location) -> Place {
    (location.line().max(1), location.column().max(1))
}

/// One value of the file.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;
        impl<'de> Visitor<'de> for NodeVisitor {
            type Value = Node;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("YAML or JSON")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Scalar(Value::Bool(value)))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
                Err(E::custom(format!("{value} is larger than any number here can be")))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
                let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
                Ok(Node::Scalar(Value::Number(number)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Scalar(Value::Null))
            }
            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Scalar(Value::Null))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = seq.next_element()? {
                    nodes.push(node);
                }
                Ok(Node::List(nodes))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Map(entries))
            }
        }
        deserializer.deserialize_any(NodeVisitor)
    }
}
