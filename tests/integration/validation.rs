//! How far predictions are from what others measured, held where it is: `results/validation`.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use serde_json::Value;
use towtank::{
    accuracy::Accuracy,
    catalog::Catalog,
    metrics::EngineAccuracy,
    study::{Monitor, Prediction, Row, Validation, validate},
};

static VALIDATION: LazyLock<Validation> = LazyLock::new(|| {
    let rows = Row::read_file(&results().join("measurements.csv")).unwrap();
    validate(&Catalog::builtin(), &rows, &Monitor::default()).unwrap()
});

fn results() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/results/validation"))
}

/// Errors of the predicted rows that `keep` keeps.
fn accuracy(keep: impl Fn(&Prediction) -> bool) -> Accuracy {
    let rows = VALIDATION.rows.iter().filter(|row| keep(row));
    Accuracy::of(&rows.filter_map(|row| row.error).collect::<Vec<_>>()).expect("a row")
}

fn is(row: &Prediction, kind: &str, quality: &str) -> bool {
    row.labels.kind.as_deref() == Some(kind) && row.labels.quality == quality
}

fn below_saturation(row: &Prediction) -> bool {
    row.labels.load == Some("below saturation")
}

#[track_caller]
fn within(accuracy: Accuracy, median: f64, p90: f64) {
    assert!(accuracy.median_abs <= median && accuracy.p90_abs <= p90, "{accuracy:?}");
    assert!(accuracy.bias.abs() <= 0.04, "{accuracy:?}");
}

#[test]
fn published_figures_are_predicted_as_well_as_ever() {
    within(accuracy(|row| is(row, "throughput", "A")), 0.055, 0.19);
    within(accuracy(|row| is(row, "throughput", "A") && row.labels.held_out), 0.07, 0.22);
    within(accuracy(|row| is(row, "ttft", "A") && below_saturation(row)), 0.06, 0.16);
    let tpot = |row: &Prediction| is(row, "tpot", "A");
    within(accuracy(tpot), 0.05, 0.24);
    // The tail over requests is another matter: LIMITATIONS.md.
    within(accuracy(|row| tpot(row) && !row.metric.starts_with("p99")), 0.045, 0.15);
    let v1 = |row: &Prediction| row.labels.engine.as_deref() == Some("vllm-v1");
    within(accuracy(|row| tpot(row) && v1(row)), 0.04, 0.08);
}

#[test]
fn a_model_that_outgrows_one_machine_is_predicted() {
    let big = |row: &Prediction, model: &str| {
        row.labels.model.as_deref().is_some_and(|name| name.contains(model))
            && row.labels.engine.as_deref().is_some_and(|engine| engine.starts_with("vllm"))
            && row.labels.kind.as_deref() == Some("throughput")
    };
    let fp8 = accuracy(|row| big(row, "405B-Instruct-FP8"));
    assert!(fp8.median_abs < 0.08, "{fp8:?}");
    // The only published figure of two machines in 16 bits: one point.
    let two = accuracy(|row| big(row, "405B") && row.labels.pp == Some(2));
    assert_eq!(two.n, 1);
    assert!(two.median_abs < 0.15, "{two:?}");
}

#[test]
fn configurations_are_ordered_as_they_were_measured() {
    let factors = VALIDATION.orderings.factors.values();
    let (pairs, right) = factors.fold((0, 0), |(pairs, right), of| (pairs + of.pairs, right + of.right));
    assert!(pairs > 400 && right as f64 >= 0.95 * pairs as f64, "{right} of {pairs}");
}

/// The committed outcome is what the committed rows give; `towtank validate results/validation/measurements.csv
/// --out results/validation` makes it anew.
#[test]
fn the_committed_outcome_is_up_to_date() {
    let text = fs::read_to_string(results().join("summary.json")).unwrap();
    let committed: Value = serde_json::from_str(&text).unwrap();
    let fresh = serde_json::to_value(&VALIDATION.groups).unwrap();
    let groups = committed["groups"].as_array().unwrap();
    assert_eq!(groups.len(), fresh.as_array().unwrap().len());
    for (committed, fresh) in groups.iter().zip(fresh.as_array().unwrap()) {
        assert_eq!((&committed["by"], &committed["n"]), (&fresh["by"], &fresh["n"]));
        for figure in ["median_abs", "mean_abs", "p90_abs", "bias"] {
            let (then, now) = (committed[figure].as_f64().unwrap(), fresh[figure].as_f64().unwrap());
            assert!((then - now).abs() < 1e-6, "{}: {figure} {then}, now {now}", fresh["by"]);
        }
    }
}

/// Every report states its model error from the catalogue's `accuracy`: that is what the validation says.
#[test]
fn the_catalogues_accuracy_is_what_the_validation_found() {
    let catalog = Catalog::builtin();
    for engine in ["vllm-v1", "vllm-v0", "tensorrt-llm"] {
        let stated: EngineAccuracy = catalog.entry("accuracy", engine).unwrap();
        let found = |kind: &str| {
            accuracy(|row| {
                let counts = kind != "ttft" || row.labels.load != Some("saturated");
                row.labels.engine.as_deref() == Some(engine) && is(row, kind, "A") && counts
            })
        };
        let kinds = [("tpot", stated.tpot), ("ttft", stated.ttft), ("throughput", stated.throughput)];
        for (kind, stated) in kinds.into_iter().filter_map(|(kind, fact)| Some((kind, fact?.value))) {
            let found = found(kind);
            assert_eq!(stated.n as usize, found.n, "{engine} {kind}");
            for (stated, found) in [
                (stated.median_abs, found.median_abs),
                (stated.p90_abs, found.p90_abs),
                (stated.bias, found.bias),
            ] {
                assert!((stated - found).abs() < 6e-4, "{engine} {kind}: {stated} stated, {found} found");
            }
        }
    }
}

/// A row is left out for how it was measured, and says so; whatever else there is, is predicted.
#[test]
fn rows_are_left_out_by_rule() {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &VALIDATION.rows {
        if let Some(reason) = &row.reason {
            *reasons.entry(reason.split([':', '(']).next().unwrap()).or_default() += 1;
        }
    }
    let known = [("max_num_batched_tokens ", 42), ("the server held its tokens back ", 37)];
    assert_eq!(reasons, BTreeMap::from(known));
}

/// Two placements tie when they are no further apart than the errors of both allow, taken as independent (`report::Band`). Of measured
/// pairs that differ in one factor, nine of ten differ in their errors by about as much: root two times one error. Were most of an
/// error common to both, it would be far less, and the rule too careful; were they opposed, more, and the rule careless.
#[test]
fn errors_of_two_placements_have_little_in_common() {
    let mut reader = csv::Reader::from_path(results().join("measurements.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|known| known == name).unwrap();
    let factors =
        [["gpu"; 2], ["weight_dtype", "kv_dtype"], ["TP"; 2], ["PP"; 2]].map(|pair| pair.map(column));
    let asides = ["id", "value", "notes", "gpus_per_node", "held_out"].map(column);
    let errors: BTreeMap<&str, f64> = VALIDATION
        .rows
        .iter()
        .filter(|row| row.labels.quality == "A")
        .filter_map(|row| Some((row.id.as_str(), row.error?)))
        .collect();
    let mut alike: BTreeMap<Vec<String>, Vec<(Vec<String>, f64)>> = BTreeMap::new();
    for record in reader.records().map(Result::unwrap) {
        let Some(error) = errors.get(&record[0]) else { continue };
        let factor = factors.iter().map(|pair| pair.map(|place| &record[place]).join(" ")).collect();
        let apart = |place: &usize| !factors.as_flattened().contains(place) && !asides.contains(place);
        let rest = (0..record.len()).filter(apart).map(|place| record[place].to_owned()).collect();
        alike.entry(rest).or_default().push((factor, *error));
    }
    let (mut one, mut differences) = (Vec::new(), Vec::new());
    for rows in alike.values() {
        for (place, (mine, error)) in rows.iter().enumerate() {
            for (theirs, other) in &rows[place + 1..] {
                if mine.iter().zip(theirs).filter(|(mine, theirs)| mine != theirs).count() == 1 {
                    differences.push(error - other);
                    one.extend([*error, *other]);
                }
            }
        }
    }
    let p90 = |errors: &[f64]| Accuracy::of(errors).unwrap().p90_abs;
    let ratio = p90(&differences) / (p90(&one) * 2.0_f64.sqrt());
    assert!(differences.len() > 300 && (0.8..1.1).contains(&ratio), "{} pairs: {ratio}", differences.len());
}
