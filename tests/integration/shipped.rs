//! The scenarios that come with the program.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use towtank::{catalog::Catalog, scenario::ScenarioFile};

/// Every shipped scenario.
pub(crate) fn scenarios() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

/// The figures themselves are made anew by the whole check.
#[test]
fn every_shipped_scenario_has_its_reference_result() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference");
    let mut made = BTreeSet::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path().join("summary.json")).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(summary["towtank_version"], env!("CARGO_PKG_VERSION"));
        made.insert(summary["scenario"].as_str().unwrap().to_owned());
    }
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let shipped: BTreeSet<String> = scenarios().into_iter().map(name).collect();
    assert_eq!(
        made, shipped,
        "`towtank run scenarios/*.yaml --requests none --out results/reference` makes them"
    );
}

#[test]
fn shipped_scenarios_resolve_and_can_be_run() {
    let catalog = Catalog::builtin();
    let files = scenarios();
    assert!(files.len() >= 9, "{} scenarios", files.len());
    for path in files {
        let file = ScenarioFile::read(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
        file.supported().unwrap_or_else(|error| panic!("{error}"));
        let resolved = file.resolve(&catalog).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Some(resolved.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{}: says first what it is about", path.display());
    }
}
