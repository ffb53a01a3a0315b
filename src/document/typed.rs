//! From a tree to typed, range-checked fields, with errors in a user's words.

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Document, FileError,
    path::{self, field},
    strict::Strict,
};
use crate::catalog::nearest;

impl Document {
    /// The whole file as a `T`: types and ranges. Names and everything that needs more than one field are checked later.
    ///
    /// # Errors
    /// If a type or a range is wrong; the error says where.
    pub fn typed<T>(&mut self) -> Result<T, FileError>
    where
        T: DeserializeOwned + Validate<Context = ()>,
    {
        let value = match read(&self.tree) {
            Ok(value) => value,
            // A shell has no second pair of quotes for `--set version=0.20`: the text is taken if the number is refused.
            Err((at, _)) if self.requote(&at) => {
                read(&self.tree).map_err(|(at, message)| describe(self, &at, &message))?
            }
            Err((at, message)) => return Err(describe(self, &at, &message)),
        };
        self.in_range("", &self.tree, value)
    }

    /// The part `tree` of the file, which stands at `at`, as a `T`.
    ///
    /// # Errors
    /// If a type or a range is wrong; the error says where.
    pub fn typed_at<T>(&self, at: &str, tree: &Value) -> Result<T, FileError>
    where
        T: DeserializeOwned + Validate<Context = ()>,
    {
        let read = read(tree);
        let value = read.map_err(|(inside, message)| describe(self, &join(at, &inside), &message))?;
        self.in_range(at, tree, value)
    }

    fn in_range<T: Validate<Context = ()>>(&self, at: &str, tree: &Value, value: T) -> Result<T, FileError> {
        if let Err(report) = value.validate()
            && let Some((inside, error)) = report.iter().next()
        {
            let inside = inside.to_string();
            let at = join(at, &inside);
            // What was made of words of a command stands nowhere in the file.
            let made = || {
                let same = |(name, _): &(&String, &Value)| path::key(name) == path::key(&inside);
                tree.as_object()?.iter().find(same).map(|(_, value)| value)
            };
            let message = out_of_range(self.at(&at).or_else(made), &error.to_string());
            return Err(self.error(&at, message));
        }
        Ok(value)
    }
}

/// The path of what is at `inside` of what is at `at`.
fn join(at: &str, inside: &str) -> String {
    match inside {
        "" => at.to_owned(),
        list if list.starts_with('[') => format!("{at}{list}"),
        name => field(at, name),
    }
}

fn read<T: DeserializeOwned>(tree: &Value) -> Result<T, (String, String)> {
    let mut track = serde_path_to_error::Track::new();
    let read = T::deserialize(serde_path_to_error::Deserializer::new(Strict(tree), &mut track));
    read.map_err(|error| {
        let at = track.path().to_string();
        (if at == "." { String::new() } else { at }, error.to_string())
    })
}

/// Says what serde found in words that do not name Rust types.
fn describe(document: &Document, at: &str, message: &str) -> FileError {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (name, known) = split_known(rest);
        // The path ends at the unknown field itself, or at what holds it.
        let inside =
            path::key(at).ends_with(&format!(".{}", path::key(name))) || path::key(at) == path::key(name);
        let at = if inside { at.to_owned() } else { field(at, name) };
        return document
            .key_error(&at, format!("unknown field `{name}`{}", expected(name, &known, "known here")));
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        let (name, known) = split_known(rest);
        return document
            .error(at, format!("unknown value `{name}`{}", expected(name, &known, "expected one of")));
    }
    for prefix in ["invalid type: ", "invalid value: "] {
        if let Some((found, wanted)) =
            message.strip_prefix(prefix).and_then(|rest| rest.rsplit_once(", expected "))
        {
            return document.error(at, mismatch(document, at, found, wanted));
        }
    }
    document.error(at, message)
}

/// Splits serde's "`name`, expected one of `a`, `b`".
fn split_known(rest: &str) -> (&str, Vec<&str>) {
    let (name, tail) = rest.split_once('`').unwrap_or((rest, ""));
    (name, tail.split('`').skip(1).step_by(2).collect())
}

/// The nearest known name, and all of them where there are few.
fn expected(name: &str, known: &[&str], label: &str) -> String {
    let list = || format!(" {label}: {}", known.join(", "));
    match nearest(name, known.iter().copied()) {
        Some(near) if known.len() <= 8 => format!("; did you mean `{near}`?{}", list()),
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!(";{}", list()),
    }
}

/// Wrong type: what was expected, and what is there.
fn mismatch(document: &Document, at: &str, found: &str, wanted: &str) -> String {
    let is_number = found.starts_with("floating point") || found.starts_with("integer");
    if is_number && wanted.starts_with("a quoted version") {
        let raw = document.raw(at).unwrap_or_default();
        let end = raw.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(raw.len());
        let raw = &raw[..end];
        return format!("without quotes YAML reads {raw} as a number: expected \"{raw}\"");
    }
    in_words(found, wanted)
}

/// A wrong type in words that are not Rust's.
pub(super) fn in_words(found: &str, wanted: &str) -> String {
    let wanted = match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "text",
        "a sequence" => "a list",
        "a map" => "fields",
        other => other.strip_prefix("struct ").map_or(other, |_| "fields"),
    };
    let found = found
        .replace("floating point", "the number")
        .replace("integer", "the number")
        .replace("string", "text");
    let found = match found.as_str() {
        "null" | "unit value" => "nothing",
        "sequence" => "a list",
        "map" => "fields",
        other => other,
    };
    format!("expected {wanted}, found {found}")
}

/// garde says by how much a value is wrong, not which value.
fn out_of_range(value: Option<&Value>, message: &str) -> String {
    if message == "length is lower than 1" {
        return "must not be empty".to_owned();
    }
    match value {
        Some(Value::Number(number)) if message.contains("er than ") => format!("{number} is {message}"),
        _ => message.to_owned(),
    }
}
