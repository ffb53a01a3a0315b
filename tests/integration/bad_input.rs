//! Every bad scenario file gets one clear error, exit status 2, and leaves nothing behind.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn fixtures() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn towtank(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_towtank")).current_dir(dir).args(args).output().unwrap()
}

#[test]
fn a_bad_file_gets_one_error_and_exit_2() {
    let files = fixtures();
    assert!(files.len() >= 30, "{} bad files", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let output = towtank(file.parent().unwrap(), &["check", name]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
        assert!(output.stdout.is_empty(), "{name}");
        assert_eq!(stderr.matches("error:").count(), 1, "{name}: {stderr}");
        insta::assert_snapshot!(name, stderr);
    }
}

#[test]
fn nothing_is_written_about_a_bad_file() {
    let dir = std::env::temp_dir().join(format!("towtank-bad-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    for file in fixtures() {
        towtank(&dir, &["check", "--show", file.to_str().unwrap()]);
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    fs::remove_dir(&dir).unwrap();
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_named() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = [("no-such.yaml", "no such file"), ("src", "a directory, not a file")];
    for (file, reason) in cases {
        let output = towtank(dir, &["check", file]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("error: {file}: {reason}\n"));
    }
}

#[test]
fn a_bad_set_names_the_path() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = "scenarios/llama-3.1-405b-bf16-vs-fp8.yaml";
    let engine = "placements[fp8-1xa3].deployments[llama].engine";
    let cases = [
        (format!("{engine}.max_num_seq=4"), "placements[2].deployments[0].engine.max_num_seq: unknown field"),
        (
            format!("{engine}.max_num_seqs=many"),
            "placements[2].deployments[0].engine.max_num_seqs: expected a whole",
        ),
        ("placements[fp8].name=x".to_owned(), "`placements` has no item named `fp8`"),
        ("placements[9].name=x".to_owned(), "`placements` has only 3 items"),
        ("seed".to_owned(), "expected PATH=VALUE"),
    ];
    for (set, message) in cases {
        let output = towtank(dir, &["check", file, "--set", &set]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{set}");
        assert!(stderr.contains(message), "{set}: {stderr}");
    }
}
