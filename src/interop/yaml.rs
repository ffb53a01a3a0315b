//! YAML as people write it: short things on one line, comments at the end of lines.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::document::path::{field, item};

/// Longest line before its comment [characters].
const WIDTH: usize = 100;

/// How much goes on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// What fits a line and holds no comment stands on one, in braces.
    Compact,
    /// Every field has a line of its own, as in Kubernetes manifests.
    Block,
}

/// A comment for each path that has one, such as `placements[0].name`.
pub(super) type Comments = BTreeMap<String, String>;

/// `value` as YAML. Fields of the first level never share a line.
pub(super) fn to_yaml(value: &Value, comments: &Comments, style: Style) -> String {
    let mut writer = Writer { out: String::new(), comments, style };
    match value {
        Value::Object(fields) => writer.fields(fields, "", 0),
        other => writer.out = scalar(other, false) + "\n",
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    comments: &'a Comments,
    style: Style,
}

impl Writer<'_> {
    /// Fields below each other; the cursor stands where the first name goes.
    fn fields(&mut self, fields: &Map<String, Value>, at: &str, indent: usize) {
        for (index, (name, value)) in fields.iter().enumerate() {
            if index > 0 {
                self.pad(indent);
            }
            let at = field(at, name);
            self.out.push_str(&text(name, false));
            self.out.push(':');
            self.value(value, &at, indent, indent + name.len() + 2);
        }
    }

    /// The value of a field, behind its colon.
    fn value(&mut self, value: &Value, at: &str, indent: usize, column: usize) {
        if let Some(line) = self.one_line(value, at, column) {
            self.out.push(' ');
            self.out.push_str(&line);
            self.end_line(at);
            return;
        }
        match value {
            Value::Object(fields) => {
                self.end_line(at);
                self.pad(indent + 2);
                self.fields(fields, at, indent + 2);
            }
            Value::Array(items) => {
                self.end_line(at);
                for (index, value) in items.iter().enumerate() {
                    self.pad(indent + 2);
                    self.out.push('-');
                    self.listed(value, &item(at, index), indent + 4);
                }
            }
            other => {
                self.out.push(' ');
                self.literal(other, indent + 2);
            }
        }
    }

    /// An item of a list, behind its dash.
    fn listed(&mut self, value: &Value, at: &str, indent: usize) {
        self.out.push(' ');
        if let Some(line) = self.one_line(value, at, indent) {
            self.out.push_str(&line);
            self.end_line(at);
        } else if let Value::Object(fields) = value {
            self.fields(fields, at, indent);
        } else {
            self.literal(value, indent);
        }
    }

    /// A text of several lines.
    fn literal(&mut self, value: &Value, indent: usize) {
        self.out.push_str("|\n");
        for line in value.as_str().unwrap_or_default().lines() {
            self.pad(indent);
            self.out.push_str(line);
            self.out.push('\n');
        }
    }

    fn pad(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn end_line(&mut self, at: &str) {
        if let Some(comment) = self.comments.get(at) {
            self.out.push_str(" # ");
            self.out.push_str(comment);
        }
        self.out.push('\n');
    }

    /// The value on one line, if that is how it is to be written.
    fn one_line(&self, value: &Value, at: &str, column: usize) -> Option<String> {
        match value {
            Value::String(text) if text.trim_end().contains('\n') => None,
            Value::Object(fields) if !fields.is_empty() => self.in_braces(value, at, column),
            Value::Array(items) if !items.is_empty() => {
                // A list of scalars is short in either style; others only where everything is.
                let plain = items.iter().all(|item| !item.is_array() && !item.is_object());
                if plain || self.style == Style::Compact { self.in_braces(value, at, column) } else { None }
            }
            other => Some(scalar(other, false)),
        }
    }

    fn in_braces(&self, value: &Value, at: &str, column: usize) -> Option<String> {
        if self.style == Style::Block && value.is_object() {
            return None;
        }
        // Placements, workloads and their parts are what a reader looks for: they get lines of their own.
        let deep = at.contains(['.', '[']) || depth(value) < 2;
        let commented = self
            .comments
            .keys()
            .any(|path| path.strip_prefix(at).is_some_and(|rest| rest.starts_with(['.', '['])));
        if !deep || commented {
            return None;
        }
        let line = flow(value)?;
        (column + line.chars().count() <= WIDTH).then_some(line)
    }
}

/// How far a value nests.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// `{a: 1, b: [2, 3]}`; `None` for texts of several lines.
fn flow(value: &Value) -> Option<String> {
    Some(match value {
        Value::Object(fields) => {
            let entry =
                |(name, value): (&String, &Value)| Some(format!("{}: {}", text(name, true), flow(value)?));
            format!("{{{}}}", fields.iter().map(entry).collect::<Option<Vec<_>>>()?.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Option<Vec<_>>>()?.join(", "))
        }
        Value::String(text) if text.contains('\n') => return None,
        other => scalar(other, true),
    })
}

fn scalar(value: &Value, in_braces: bool) -> String {
    match value {
        Value::String(string) => text(string, in_braces),
        // A number that happens to be whole is written as people write it.
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        other => other.to_string(),
    }
}

/// A text, in quotes where YAML would read something else.
fn text(text: &str, in_braces: bool) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", ""];
    let special = |c: char| "-?:,[]{}#&*!|>'\"%@`".contains(c) || c.is_whitespace();
    let bad_start =
        text.starts_with(special) && !(text.starts_with('-') && text.len() > 1 && !text.starts_with("- "));
    let bad_inside = text.contains(": ")
        || text.contains(" #")
        || text.ends_with(|c: char| c == ':' || c.is_whitespace())
        || text.chars().any(char::is_control)
        || (in_braces && text.contains([',', '[', ']', '{', '}', '"']));
    let number = text.parse::<f64>().is_ok() || text.starts_with("0x") || text.starts_with("0o");
    let plain = !(words.contains(&text.to_ascii_lowercase().as_str()) || bad_start || bad_inside || number);
    if plain {
        return text.to_owned();
    }
    // Double quotes inside of double quotes are hard to read.
    if text.contains('"') && !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_things_share_a_line_and_comments_break_it() {
        let value = json!({
            "name": "a", "slo": {"ttft_p95": "5s"}, "list": [{"name": "x", "version": "0.33"}],
            "deep": {"a": {"b": [1, 2], "c": "true"}},
        });
        let comments = Comments::from([("list[0].version".to_owned(), "CHECK: why".to_owned())]);
        let text = to_yaml(&value, &comments, Style::Compact);
        let expected = "name: a\nslo: {ttft_p95: 5s}\nlist:\n  - name: x\n    version: \"0.33\" # CHECK: why\n\
                        deep:\n  a: {b: [1, 2], c: \"true\"}\n";
        assert_eq!(text, expected);
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn manifests_have_a_line_a_field() {
        let value =
            json!({"command": ["sh", "-c", "a\nb\n"], "limits": {"nvidia.com/gpu": "8"}, "empty": {}});
        let text = to_yaml(&value, &Comments::new(), Style::Block);
        assert_eq!(
            text,
            "command:\n  - sh\n  - -c\n  - |\n    a\n    b\nlimits:\n  nvidia.com/gpu: \"8\"\nempty: {}\n"
        );
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), value);
    }
}
