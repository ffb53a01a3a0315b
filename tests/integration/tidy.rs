//! The repository lints itself: floors, file and function length, words that stay out.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Rooms by floor, ground floor first (`DESIGN.md`). A room uses the floors below it, never its own or those above.
const FLOORS: [&[&str]; 9] = [
    &["units", "accuracy", "catalog", "confidence", "csv_error", "least_squares", "random"],
    &["document", "hardware", "model"],
    &["batch", "request"],
    &["engine", "kubernetes", "metrics", "routing", "timing", "workload"],
    &["scenario"],
    &["simulation"],
    &["interop", "report"],
    &["study"],
    &["cli"],
];

const LINES_PER_FILE: usize = 450;
const LINES_PER_FUNCTION: usize = 75;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![root().join(dir)];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The room a source file belongs to; `None` for `main.rs` and `lib.rs`.
fn room(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    let name = first.trim_end_matches(".rs");
    floor(name).map(|_| name.to_owned())
}

/// Code without line comments, so that prose may name any room.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap()
}

/// Every room named after `crate::` in a line, grouped imports included.
fn rooms_used(text: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for piece in code(line).split("crate::").skip(1) {
            let list = piece.strip_prefix('{').unwrap_or(piece);
            let end = list.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(list.len());
            assert!(!piece.starts_with('{'), "line {}: import each room on its own line", number + 1);
            used.push((number + 1, list[..end].to_owned()));
        }
    }
    used
}

#[test]
fn a_room_uses_only_the_floors_below_it() {
    let mut wrong = Vec::new();
    for path in files("src", "rs") {
        let Some(room) = room(&path) else { continue };
        for (line, other) in rooms_used(&fs::read_to_string(&path).unwrap()) {
            let Some(other_floor) = floor(&other) else { continue };
            if other != room && other_floor >= floor(&room).unwrap() {
                wrong.push(format!("{}:{line}: `{room}` uses `{other}`", path.display()));
            }
        }
    }
    // The two rooms of the ground floor lean on each other nowhere; `units` is the foundation.
    assert!(wrong.is_empty(), "arrows that do not point down:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_floor() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for line in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.split(';').next().unwrap();
        assert!(floor(module).is_some(), "`{module}` stands on no floor");
    }
}

#[test]
fn files_and_functions_stay_short() {
    let mut long = Vec::new();
    for path in files("src", "rs") {
        let text = fs::read_to_string(&path).unwrap();
        let count = text.lines().count();
        if count > LINES_PER_FILE {
            long.push(format!("{}: {count} lines", path.display()));
        }
        let mut start: Option<(usize, usize)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let opens =
                code(line).contains("fn ") && !line.trim_start().starts_with("//") && line.ends_with('{');
            if opens {
                start = Some((number, indent));
            } else if let Some((first, depth)) = start
                && line.trim_end() == format!("{}}}", " ".repeat(depth))
            {
                if number - first + 1 > LINES_PER_FUNCTION {
                    long.push(format!("{}:{}: {} lines", path.display(), first + 1, number - first + 1));
                }
                start = None;
            }
        }
    }
    assert!(long.is_empty(), "longer than one concept:\n{}", long.join("\n"));
}

#[test]
fn nothing_unfinished_is_left_behind() {
    // Written in two halves, so that this file does not find itself.
    let words = [("TO", "DO"), ("FIX", "ME"), ("todo", "!("), ("unimplemented", "!("), ("dbg", "!(")];
    let mut found = Vec::new();
    for path in ["src", "tests"].iter().flat_map(|dir| files(dir, "rs")) {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if words.iter().any(|(a, b)| line.contains(&format!("{a}{b}"))) {
                found.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
