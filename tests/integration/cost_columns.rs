//! What a token costs at the offered load, and at the highest rate within the slo: two figures that never stand for each other.

use std::{fs, process::Command};

use serde_json::{Value, json};
use towtank::{
    metrics::{PlacementResult, Warning, WarningKind},
    report::{
        FileOptions, Headline, Metric, Summary, SummaryHead, headline_columns, headline_row, summary_csv,
        summary_table, write_run,
    },
};

use super::report;

const AT_LOAD: &str = "usd_per_million_total_tokens_at_offered_load";
const AT_MAX: &str = "usd_per_million_total_tokens_at_capacity";

/// Two placements that ran alike, the second as `change` leaves it; without an slo, so that the load is met.
fn summary(change: impl FnOnce(&mut PlacementResult)) -> Summary {
    let mut results = report::results();
    results.truncate(1);
    results.push(results[0].clone());
    "second".clone_into(&mut results[1].name);
    change(&mut results[1]);
    Summary::new(&SummaryHead { scenario: "s", seed: 1, calibrated_on: None, has_slo: false }, &results)
}

/// Both costs of a placement, as the CSV of `run` and a row of `sweep` have them: the same, or both empty.
fn costs(summary: &Summary, placement: usize) -> [String; 2] {
    let csv = summary_csv(summary);
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let row = headline_row(&summary.placements[placement]);
    [AT_LOAD, AT_MAX].map(|key| {
        let column = lines[0].iter().position(|name| *name == key).unwrap();
        let swept = headline_columns().position(|name| name == key).unwrap();
        assert_eq!(lines[1 + placement][column], row[swept]);
        row[swept].clone()
    })
}

/// The same on the terminal: the two cells before the last.
fn shown(summary: &Summary, placement: &str) -> [String; 2] {
    let table = summary_table(summary);
    let line = table.lines().find(|line| line.trim().starts_with(placement)).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    [cells[cells.len() - 3], cells[cells.len() - 2]].map(str::to_owned)
}

#[test]
fn where_no_rate_is_within_the_slo_none_has_a_cost() {
    let at_load = (0.18 / 222.0 * 1e6_f64).to_string();
    for change in
        [(|second: &mut PlacementResult| second.capacity = None) as fn(&mut PlacementResult), |second| {
            second.capacity.as_mut().unwrap().max_requests_per_s_at_slo = 0.0;
        }]
    {
        let summary = summary(change);
        let [first, second] = [0, 1].map(|placement| costs(&summary, placement));
        assert_eq!([first[1].as_str(), second[1].as_str()], ["200", ""]);
        assert_eq!(first[0], second[0]);
        assert!((first[0].parse::<f64>().unwrap() / at_load.parse::<f64>().unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(shown(&summary, "two-nodes"), ["810.81", "200.00"]);
        assert_eq!(shown(&summary, "second"), ["810.81", "-"]);
        // Equal at the load; at the highest rate there is nothing to compare.
        assert!(summary.ties.iter().all(|tie| tie.metric != Headline::UsdPerMillionTotalTokens));
        let table = summary_table(&summary);
        assert!(table.contains("$/M tok at load") && !table.contains("$/M tok at max"), "{table}");
    }
}

#[test]
fn a_load_that_is_not_met_has_no_cost() {
    let mut summary = summary(|_| {});
    assert_eq!(shown(&summary, "second"), ["810.81", "200.00"]);
    let text = "load above capacity".to_owned();
    summary.placements[1].warnings.push(Warning { kind: WarningKind::Overload, text });
    assert_eq!(shown(&summary, "second"), ["-", "200.00"]);
    assert_eq!(costs(&summary, 1)[0], "");
    summary.placements[0].slo_met = Some(false);
    assert_eq!(shown(&summary, "two-nodes"), ["-", "200.00"]);
    assert_eq!(costs(&summary, 0)[0], "");
    summary.placements[0].slo_met = Some(true);
    assert_eq!(shown(&summary, "two-nodes"), ["810.81", "200.00"]);
    for metric in [Metric::UsdPerMillionTokensAtLoad, Metric::UsdPerMillionOutputTokensAtLoad] {
        assert_eq!(metric.value(&summary.placements[1]), None);
    }
    assert_eq!(Metric::UsdPerMillionTokensAtCapacity.value(&summary.placements[1]), Some(200.0));
    // What was paid and what was served stay in the file.
    let value = serde_json::to_value(&summary).unwrap();
    assert!(value["placements"][1]["cost"]["at_offered_load"]["usd_per_million_total_tokens"].is_number());
}

#[test]
fn the_cheapest_is_the_cheapest_at_one_rate() {
    let dir = std::env::temp_dir().join(format!("towtank-cheapest-{}", std::process::id()));
    let summary = summary(|_| {});
    write_run(&dir, "name: s\n", &summary, &report::results(), FileOptions::default()).unwrap();
    let page = |change: fn(&mut Value)| {
        let mut value = serde_json::to_value(&summary).unwrap();
        for placement in value["placements"].as_array_mut().unwrap() {
            placement["slo_met"] = json!(true);
        }
        change(&mut value["placements"]);
        fs::write(dir.join("summary.json"), value.to_string()).unwrap();
        let run = Command::new(env!("CARGO_BIN_EXE_towtank")).arg("report").arg(&dir).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        let page = fs::read_to_string(dir.join("report.html")).unwrap();
        page.split_once("<p class=\"verdict\">").unwrap().1.split_once("</p>").unwrap().0.to_owned()
    };
    // Next to nothing at the load, and not known at the highest rate: that rate is what was asked for.
    let known_at_one = page(|placements| {
        placements[1]["cost"]["at_offered_load"]["usd_per_million_total_tokens"] = json!(0.5);
        placements[1]["cost"].as_object_mut().unwrap().remove("at_capacity");
    });
    let said =
        "The cheapest that does at the highest rate within the slo is two-nodes: $200.00 per million tokens.";
    assert!(known_at_one.contains(said), "{known_at_one}");
    assert!(dir.join("plots/cost-at-load.svg").is_file() && dir.join("plots/cost-at-max.svg").is_file());
    // Nobody searched: the load is the one rate.
    let not_searched = page(|placements| {
        for placement in placements.as_array_mut().unwrap() {
            placement["cost"].as_object_mut().unwrap().remove("at_capacity");
            placement.as_object_mut().unwrap().remove("capacity");
        }
        placements[1]["cost"]["at_offered_load"]["usd_per_million_total_tokens"] = json!(0.5);
    });
    let said = "The cheapest that does at the offered load is second: $0.5";
    assert!(not_searched.contains(said), "{not_searched}");
    fs::remove_dir_all(&dir).unwrap();
}
