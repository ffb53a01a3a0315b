//! What a plan says of availability where groups share nodes, held against states gone through one by one and simulated years.

use std::{path::Path, sync::LazyLock};

use towtank::{
    catalog::Catalog,
    report::plan::{Plan, Verdict},
    scenario::ScenarioFile,
    study::{Monitor, RunOptions, plan, plan_scenario, run},
    units::SimDuration,
};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

/// Groups of one GPU on nodes of two; `rest` is more of the plan.
fn scenario(rest: &str) -> ScenarioFile {
    let text = format!(
        "name: shared\nseed: 4\nduration: 60s\nwarmup: 10s\nslo: {{ttft_p95: 1s, tpot_p95: 40ms, availability: 0.9995}}\n\
         workloads: [{{name: chat, arrivals: {{process: poisson, rate: 6/s}}, lengths: {{input: 400, output: 60}}}}]\n\
         failures: catalogue\n\
         plan: {{models: [meta-llama/Llama-3.1-8B-Instruct], machines: [a3-highgpu-2g], tensor_parallel_size: [1], \
         pipeline_parallel_size: [1], months: 1, engine: {{version: '0.33', max_model_len: 8192}}{rest}}}\n"
    );
    ScenarioFile::parse("shared.yaml", &text, Path::new(""), &[])
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn planned(file: &ScenarioFile) -> Plan {
    plan(file, &CATALOG, &Monitor::default()).unwrap_or_else(|error| panic!("{error}")).plan
}

static SHARED: LazyLock<Plan> = LazyLock::new(|| planned(&scenario("")));

/// Part of the time with `needed` groups ready on nodes of two: every state of nodes and groups, up or down.
fn enumerated(node: f64, own: f64, needed: u32, groups: u32) -> f64 {
    let nodes = groups.div_ceil(2);
    (0_u32..1 << (nodes + groups))
        .map(|state| {
            let up = |bit: u32| state >> bit & 1 == 1;
            let chance = |bits: std::ops::Range<u32>, each: f64| -> f64 {
                bits.map(|bit| if up(bit) { each } else { 1.0 - each }).product()
            };
            let ready = (0..groups).filter(|group| up(group / 2) && up(nodes + group)).count();
            if ready < needed as usize {
                return 0.0;
            }
            chance(0..nodes, node) * chance(nodes..nodes + groups, own)
        })
        .sum()
}

#[test]
fn spare_groups_are_the_fewest_that_outlive_a_node() {
    let winner = SHARED.winner.as_ref().unwrap();
    let incident = winner.incident.as_ref().unwrap();
    let node = incident.node_availability;
    let own = incident.group_availability / node;
    assert!(node < 0.9995 && own > 0.999 && own <= 1.0, "{node} {own}");
    let needed = winner.groups.base;
    let ready = |spare: u32| enumerated(node, own, needed, needed + spare);
    for level in &winner.redundancy {
        let said = level.availability.unwrap();
        assert!((said - ready(level.spare_groups)).abs() < 1e-9, "{level:?}: {}", ready(level.spare_groups));
        assert_eq!(level.groups_lost_with_a_node, 2.min(level.groups));
        let left = level.groups - level.groups_lost_with_a_node;
        assert_eq!(level.one_down.is_some(), left > 0);
        if left >= needed {
            assert!(level.one_down.unwrap().slo_met, "{level:?}");
        }
    }
    assert_eq!((0..=4).find(|spare| ready(*spare) >= 0.9995), Some(winner.spare_groups));
    assert!(SHARED.candidates[0].figures.unwrap().nodes >= 2);
    let why = winner.spare_reason.as_ref().unwrap();
    assert!(why.contains("node") && why.contains("below 99.9500 %"), "{why}");
    assert!(SHARED.availability_note.as_ref().unwrap().contains("bound"));
}

#[test]
fn a_fleet_on_one_node_is_not_said_to_meet_more_than_that_node() {
    // One group is enough, and the only other one has to share its node.
    let file = scenario(", max_spare_groups: 1, max_groups: 1");
    let plan = planned(&file);
    assert!(plan.winner.is_none());
    let candidate = &plan.candidates[0];
    assert_eq!(candidate.verdict, Verdict::MissesSlo);
    let reason = candidate.reason.as_ref().unwrap();
    assert!(reason.contains("share one node") && reason.contains("below 99.9500 %"), "{reason}");
    let figures = candidate.figures.unwrap();
    assert_eq!(
        figures.usd_per_million_total_tokens_at_planned_rate, None,
        "a rate that is not met has no cost"
    );
    assert_eq!((figures.groups + figures.spare_groups, figures.nodes), (2, 1));

    // Years of just that fleet: how often at least one group is ready is how often its node is.
    let text = plan_scenario(&file, &CATALOG, &candidate.name, 2).unwrap();
    let fleet =
        ScenarioFile::parse("fleet.yaml", &text, Path::new(""), &["failures=catalogue".to_owned()]).unwrap();
    let mut years = fleet.resolve(&CATALOG).unwrap();
    (years.workloads, years.replications, years.warmup) = (Vec::new(), 20, SimDuration::ZERO);
    years.duration = Some(SimDuration::from_secs(365 * 86_400));
    let result = run(&years, &RunOptions::default(), &Monitor::default());
    let ready = result.placements[0].simulated().unwrap().availability.fraction;
    let said = figures.availability.unwrap();
    assert!(said <= ready + 2e-5, "{said}, {ready}");
    assert!(said > ready - 2e-4, "the bound is near: {said}, {ready}");
}
