//! The README says what happens: its commands are run, and what it shows is what they print.
//!
//! A fenced `console` block holds commands after `$ ` and, below each, what it prints; a line `...` ends what is shown. `TOWTANK_UPDATE_README=1` writes the real output into the file.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use towtank::{catalog::Catalog, scenario::ScenarioFile};

/// Marks the end of what is shown of a longer output.
const CUT: &str = "...";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the commands read, below the root.
const READ: [&str; 3] = ["scenarios", "tests/fixtures/kernels", "tests/fixtures/manifests"];

/// A directory with a copy of what the commands read, so that what they write is written there.
fn workplace(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("towtank-readme-{name}-{}", std::process::id()));
    for read in READ {
        copy(&root().join(read), &dir.join(read));
    }
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Arguments of a command line of the README that starts the program; `None` for cargo's own commands.
fn arguments(command: &str) -> Option<Vec<&str>> {
    let ours =
        command.strip_prefix("cargo run --release -- ").or_else(|| command.strip_prefix("towtank "))?;
    Some(ours.split_whitespace().collect())
}

/// What a terminal would show: both streams as they come.
fn output(arguments: &[&str], dir: &Path) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
    command.current_dir(dir).env("NO_COLOR", "1").args(arguments);
    let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    // It holds the writing ends, and the pipe would never end.
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}: {text}");
    text
}

/// What of `real` the README shows where it shows `shown`: all of it, or as many lines as stand above the cut.
fn excerpt(shown: &[&str], real: &str) -> Vec<String> {
    let real = real.lines().map(|line| line.trim_end().to_owned());
    match shown.iter().position(|line| *line == CUT) {
        Some(cut) => real.take(cut).chain([CUT.to_owned()]).collect(),
        None => real.collect(),
    }
}

/// The README with the real output of every command in it, and how many commands were run.
fn with_real_output(text: &str, dir: &Path) -> (String, usize) {
    let lines: Vec<&str> = text.lines().collect();
    let mut real = Vec::new();
    let (mut index, mut inside, mut run) = (0, false, 0);
    while let Some(line) = lines.get(index) {
        real.push((*line).to_owned());
        index += 1;
        if line.starts_with("```") {
            inside = *line == "```console";
        }
        let Some(command) = line.strip_prefix("$ ").filter(|_| inside) else { continue };
        let rest = &lines[index..];
        let shown =
            rest.iter().take_while(|line| !line.starts_with("```") && !line.starts_with("$ ")).count();
        match arguments(command) {
            Some(arguments) => {
                real.extend(excerpt(&rest[..shown], &output(&arguments, dir)));
                run += 1;
            }
            None => {
                assert!(
                    command.starts_with("cargo ") && shown == 0,
                    "`{command}` is not checked by anything"
                );
            }
        }
        index += shown;
    }
    (real.join("\n") + "\n", run)
}

#[test]
fn the_readme_shows_what_its_commands_print() {
    let file = root().join("README.md");
    let text = fs::read_to_string(&file).unwrap();
    let dir = workplace("commands");
    let (real, run) = with_real_output(&text, &dir);
    fs::remove_dir_all(&dir).unwrap();
    assert!(run >= 7, "{run} commands found");
    if std::env::var_os("TOWTANK_UPDATE_README").is_some() {
        fs::write(&file, real).unwrap();
        return;
    }
    for (number, (shown, real)) in text.lines().zip(real.lines()).enumerate() {
        assert_eq!(shown, real, "README.md:{}: run with TOWTANK_UPDATE_README=1 to update", number + 1);
    }
    assert_eq!(text.lines().count(), real.lines().count(), "README.md shows less than its commands print");
}

#[test]
fn the_readmes_scenario_runs() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let yaml = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let file = ScenarioFile::parse("README.md", yaml, root(), &[]).unwrap_or_else(|error| panic!("{error}"));
    file.resolve(&Catalog::builtin()).unwrap_or_else(|error| panic!("{error}"));
    let dir = workplace("scenario");
    fs::write(dir.join("mine.yaml"), yaml).unwrap();
    let printed = output(&["run", "mine.yaml", "--format", "csv", "--out", "mine"], &dir);
    assert_eq!(printed.lines().filter(|line| line.starts_with("one-gpu,yes,")).count(), 1, "{printed}");
    assert!(dir.join("mine/summary.json").is_file());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn files_the_readme_names_exist() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let links: Vec<&str> = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with('#'))
        .collect();
    assert!(links.len() >= 5, "{links:?}");
    for link in links {
        assert!(root().join(link).exists(), "README.md links to `{link}`, which does not exist");
    }
}
