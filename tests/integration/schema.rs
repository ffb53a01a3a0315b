//! The JSON Schema describes what the parser takes.

use std::{fs, path::Path};

use serde_json::Value;

fn validator() -> jsonschema::Validator {
    let schema = serde_json::to_value(schemars::schema_for!(towtank::scenario::Scenario)).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn read(path: &Path) -> Option<Value> {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).ok()
}

#[test]
fn shipped_scenarios_are_valid() {
    let validator = validator();
    for path in super::shipped::scenarios() {
        let errors: Vec<_> =
            validator.iter_errors(&read(&path).unwrap()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
}

#[test]
fn files_of_the_wrong_shape_are_not() {
    let validator = validator();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad");
    for name in [
        "failures-a-number.yaml",
        "fault-a-duration.yaml",
        "fault-rate-without-unit.yaml",
        "fault-shape-zero.yaml",
        "json-type.json",
        "missing-field.yaml",
        "missing-unit.yaml",
        "negative-count.yaml",
        "negative-duration.yaml",
        "out-of-range.yaml",
        "slowed-gpu.yaml",
        "rate-as-number.yaml",
        "text-for-count.yaml",
        "unknown-failure-kind.yaml",
        "unknown-failure-source.yaml",
        "unknown-fault-source.yaml",
        "unknown-field-kubernetes.yaml",
        "unknown-field-near-miss.yaml",
        "unknown-field-top.yaml",
        "unknown-network.yaml",
        "unknown-policy.yaml",
        "unknown-process.yaml",
        "unknown-router.yaml",
        "version-unquoted.yaml",
        "wrong-unit.yaml",
        "zero-count.yaml",
    ] {
        assert!(!validator.is_valid(&read(&dir.join(name)).unwrap()), "{name}");
    }
}
