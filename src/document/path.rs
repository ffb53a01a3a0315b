//! Paths into a file: `placements[bf16].deployments[0].engine.max_num_seqs`.

use serde_json::{Map, Value};

use crate::catalog::suggestion;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Item(String),
}

/// The form in which paths are compared: without case, `_` and `-`.
pub fn key(path: &str) -> String {
    path.chars().filter(|c| *c != '_' && *c != '-').map(|c| c.to_ascii_lowercase()).collect()
}

/// The path of field `name` of what is at `parent`.
pub fn field(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// The path of item `index` of the list at `parent`.
pub fn item(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}

/// A path as a JSON pointer.
pub fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty());
    let steps: Vec<String> = steps.map(|step| step.replace('~', "~0").replace('/', "~1")).collect();
    if steps.is_empty() { String::new() } else { format!("/{}", steps.join("/")) }
}

/// Splits `PATH=VALUE` at the first `=` that is not inside brackets.
pub fn halves(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '=' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

/// The steps of the path and the value of `PATH=VALUE`.
pub(super) fn split_assignment(text: &str) -> Result<(Vec<Step>, &str), String> {
    if let Some((path, value)) = halves(text) {
        return Ok((parse(path)?, value));
    }
    Err("expected PATH=VALUE, such as seed=7 or placements[0].node_pools[a3].nodes=2".to_owned())
}

/// Parses a path; list items in brackets, by index or by name.
fn parse(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let end = inside.find(']').ok_or_else(|| format!("`{path}` has no closing `]`"))?;
            steps.push(Step::Item(inside[..end].to_owned()));
            rest = inside[end + 1..].strip_prefix('.').unwrap_or(&inside[end + 1..]);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Field(rest[..end].to_owned()));
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        }
    }
    let whole = !steps.is_empty() && !steps.contains(&Step::Field(String::new()));
    if whole { Ok(steps) } else { Err(format!("`{path}` is not a path")) }
}

/// Puts `value` at `steps`, making objects on the way; returns the path with names turned into indices.
pub(super) fn assign(tree: &mut Value, steps: &[Step], value: Value) -> Result<String, String> {
    let mut at = String::new();
    let mut node = tree;
    for step in steps {
        match step {
            Step::Field(name) => {
                if node.is_null() {
                    *node = Value::Object(Map::new());
                }
                let map = node.as_object_mut().ok_or_else(|| format!("`{at}` has no fields"))?;
                at = field(&at, name);
                node = map.entry(name.clone()).or_insert(Value::Null);
            }
            Step::Item(item_name) => {
                let list = node.as_array_mut().ok_or_else(|| format!("`{at}` is not a list"))?;
                let index = index_of(list, item_name, &at)?;
                at = item(&at, index);
                node = &mut list[index];
            }
        }
    }
    *node = value;
    Ok(at)
}

/// An item's index, from the index itself or from the `name` (or `id`) of the item.
fn index_of(list: &[Value], wanted: &str, at: &str) -> Result<usize, String> {
    let names = || list.iter().filter_map(|item| item.get("name").or(item.get("id"))?.as_str());
    let named = list.iter().position(|item| {
        item.get("name").or(item.get("id")).and_then(Value::as_str).is_some_and(|name| name == wanted)
    });
    let index = named.or_else(|| wanted.parse().ok().filter(|index| *index < list.len()));
    index.ok_or_else(|| match wanted.parse::<usize>() {
        Ok(_) => match list.len() {
            1 => format!("`{at}` has only 1 item"),
            items => format!("`{at}` has only {items} items"),
        },
        Err(_) => format!("`{at}` has no item named `{wanted}`{}", suggestion(wanted, names())),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_found_by_index_and_by_name() {
        let mut tree = json!({"placements": [{"name": "a=b.c", "x": 1}, {"name": "d"}]});
        for (text, at) in [
            ("placements[a=b.c].x=2", "placements[0].x"),
            ("placements[1].engine.max_num_seqs=128", "placements[1].engine.max_num_seqs"),
        ] {
            let (steps, value) = split_assignment(text).unwrap();
            assert_eq!(assign(&mut tree, &steps, value.into()).unwrap(), at);
        }
        assert_eq!(
            tree,
            json!({"placements": [{"name": "a=b.c", "x": "2"}, {"name": "d", "engine": {"max_num_seqs": "128"}}]})
        );
        for text in
            ["placements[e].x=1", "placements[2].x=1", "placements.x=1", "=1", "a..b=1", "a[0=1", "seed"]
        {
            let done = split_assignment(text).and_then(|(steps, v)| assign(&mut tree, &steps, v.into()));
            assert!(done.is_err(), "{text}");
        }
    }
}
