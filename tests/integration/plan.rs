//! The search for the cheapest placement, held against trying everything.

use std::{fs, path::Path, process::Command, sync::LazyLock, sync::atomic::Ordering};

use towtank::{
    catalog::Catalog,
    metrics::WarningKind,
    report::plan::{Candidate, Plan, Verdict},
    report::{Summary, SummaryHead},
    scenario::ScenarioFile,
    study::{Monitor, Planned, RunOptions, plan, plan_candidates, plan_scenario, run},
};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

/// A small scenario: traffic, slo and search space vary.
fn scenario(rate: &str, slo: &str, plan: &str) -> ScenarioFile {
    let text = format!(
        "name: small\nseed: 3\nduration: 90s\nwarmup: 10s\nslo: {slo}\n\
         workloads:\n  - name: chat\n    arrivals: {{process: poisson, rate: {rate}}}\n    \
         lengths: {{input: {{p50: 400, p90: 1200, max: 3000}}, output: {{p50: 60, p90: 200, max: 400}}}}\n\
         plan: {plan}\n"
    );
    ScenarioFile::parse("small.yaml", &text, Path::new(""), &[])
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn planned(file: &ScenarioFile) -> Planned {
    plan(file, &CATALOG, &Monitor::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The only placement of a scenario's text, as `summary.json` has it.
fn summary(text: &str) -> serde_json::Value {
    let file = ScenarioFile::parse("winner.yaml", text, Path::new(""), &[]).unwrap();
    let resolved = file.resolve(&CATALOG).unwrap();
    let result = run(&resolved, &RunOptions::default(), &Monitor::default());
    let head = SummaryHead { scenario: "x", seed: resolved.seed, calibrated_on: None, has_slo: true };
    serde_json::to_value(&Summary::new(&head, &result.placements).placements[0]).unwrap()
}

/// Whether so many groups of a candidate serve the planned demand within the slo, by a plain run.
fn serves(file: &ScenarioFile, name: &str, groups: u32) -> bool {
    let text = plan_scenario(file, &CATALOG, name, groups).unwrap();
    let file = ScenarioFile::parse("candidate.yaml", &text, Path::new(""), &[]).unwrap();
    let Ok(resolved) = file.resolve(&CATALOG) else { return false };
    let result = run(&resolved, &RunOptions::default(), &Monitor::default());
    let head = SummaryHead { scenario: "x", seed: 0, calibrated_on: None, has_slo: true };
    let summary = Summary::new(&head, &result.placements);
    let placement = &summary.placements[0];
    let overloaded = placement.warnings.iter().any(|warning| warning.kind == WarningKind::Overload);
    placement.slo_met == Some(true) && !overloaded
}

/// Price of the fewest groups of a candidate that serve, one after the other from one on.
fn brute_force(file: &ScenarioFile, candidate: &Candidate, most: u32) -> Option<(u32, f64)> {
    let groups = (1..=most).find(|groups| serves(file, &candidate.name, *groups))?;
    let nodes = (groups * candidate.nodes_per_group).div_ceil(candidate.groups_per_node);
    Some((groups, f64::from(nodes) * candidate.usd_per_node_hour * 730.0))
}

const MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const MODEL_FP8: &str = "neuralmagic/Meta-Llama-3.1-8B-Instruct-FP8";

#[test]
fn the_winner_is_what_trying_everything_finds() {
    let common = "engine: {version: '0.33', max_model_len: 8192}, max_groups: 6, months: 1, headroom: 0";
    let slo = "{ttft_p95: 500ms, tpot_p95: 15ms}";
    let spaces = [
        (
            "8/s",
            slo,
            format!(
                "models: [{MODEL}], machines: [a3-highgpu-1g, a3-highgpu-2g], tensor_parallel_size: [1, 2], pipeline_parallel_size: [1]"
            ),
        ),
        (
            "20/s",
            slo,
            format!(
                "models: [{MODEL}, {MODEL_FP8}], machines: [a3-highgpu-1g], tensor_parallel_size: [1], pipeline_parallel_size: [1]"
            ),
        ),
        (
            "20/s",
            "{ttft_p95: 200ms, tpot_p95: 8ms}",
            format!(
                "models: [{MODEL}, {MODEL_FP8}], machines: [a3-highgpu-1g, a3-highgpu-2g], tensor_parallel_size: [1, 2], pipeline_parallel_size: [1]"
            ),
        ),
        (
            "3/s",
            "{ttft_p95: 2s, tpot_p95: 60ms}",
            format!(
                "models: [{MODEL}], machines: [a2-highgpu-1g, a3-highgpu-1g, g2-standard-48], tensor_parallel_size: [1, 2, 4], pipeline_parallel_size: [1]"
            ),
        ),
        (
            "12/s",
            slo,
            format!(
                "models: [{MODEL}], machines: [a3-highgpu-1g], tensor_parallel_size: [1], pipeline_parallel_size: [1], max_num_seqs: [8, 32, 128]"
            ),
        ),
        (
            "12/s",
            "{ttft_p95: 300ms, tpot_p90: 12ms}",
            format!(
                "models: [{MODEL}], machines: [a3-highgpu-1g], tensor_parallel_size: [1], pipeline_parallel_size: [1], max_num_batched_tokens: [512, 2048, 8192]"
            ),
        ),
        (
            "6/s",
            "{e2e_p95: 6s}",
            format!(
                "models: [{MODEL}], machines: [a2-highgpu-2g, a3-highgpu-2g], tensor_parallel_size: [1, 2], pipeline_parallel_size: [1, 2]"
            ),
        ),
        (
            "30/s",
            "{tpot_mean: 20ms}",
            format!(
                "models: [{MODEL_FP8}], machines: [a3-highgpu-1g, a3-highgpu-4g], tensor_parallel_size: [1, 4], pipeline_parallel_size: [1]"
            ),
        ),
        (
            "5/s",
            "{ttft_p50: 100ms}",
            format!(
                "models: [{MODEL}], machines: [a2-highgpu-1g, a3-highgpu-1g], tensor_parallel_size: [1], pipeline_parallel_size: [1]"
            ),
        ),
        (
            "10/s",
            "{itl_p99: 40ms, ttft_p95: 1s}",
            format!(
                "models: [{MODEL}, {MODEL_FP8}], machines: [a2-highgpu-1g, a3-highgpu-1g], tensor_parallel_size: [1], pipeline_parallel_size: [1]"
            ),
        ),
    ];
    let mut winners = Vec::new();
    for (rate, slo, space) in &spaces {
        let file = scenario(rate, slo, &format!("{{{space}, {common}}}"));
        let plan = planned(&file).plan;
        let fits = plan.candidates.iter().filter(|candidate| candidate.verdict != Verdict::DoesNotFit);
        let tried: Vec<_> =
            fits.filter_map(|candidate| Some((candidate, brute_force(&file, candidate, 6)?))).collect();
        let cheapest = tried.iter().map(|(_, (_, usd))| *usd).fold(f64::INFINITY, f64::min);
        for (candidate, (groups, _)) in &tried {
            let floor =
                candidate.floor.unwrap_or_else(|| panic!("{} serves and has no floor", candidate.name));
            assert!(floor.groups <= *groups, "{}: floor {} above {groups}", candidate.name, floor.groups);
            if let Some(figures) = candidate.figures {
                assert_eq!(figures.groups, *groups, "{}", candidate.name);
            }
        }
        match plan.winner {
            Some(winner) => {
                let figures = plan.candidates[0].figures.unwrap();
                assert!((figures.usd_per_month - cheapest).abs() < 1e-6, "{}: {cheapest}", winner.name);
                winners.push(winner.name);
            }
            None => assert!(tried.is_empty(), "{space}: {:?}", tried.first()),
        }
    }
    assert!(winners.len() >= 8, "most of the spaces hold something: {winners:?}");
    winners.sort();
    winners.dedup();
    assert!(winners.len() >= 4, "not always the same: {winners:?}");
}

/// A plan with a bit of everything, and small.
fn whole() -> (ScenarioFile, Planned) {
    let text = format!(
        "name: whole\nseed: 1\nduration: 3m\nwarmup: 30s\nslo: {{ttft_p95: 1s, tpot_p95: 20ms, availability: 0.999}}\n\
         workloads:\n  - name: chat\n    arrivals: {{process: poisson, rate: 6/s, rate_curve: azure-2024-chat}}\n    \
         lengths: {{input: 500, output: 100}}\n    client: {{timeout: 2m, retries: 2}}\n\
         failures: catalogue\n\
         plan: {{models: [{MODEL}], machines: [a3-highgpu-1g, a2-highgpu-1g], tensor_parallel_size: [1], \
         pipeline_parallel_size: [1], engine: {{version: '0.33', max_model_len: 8192}}, growth_percent_per_month: 10, \
         months: 6, headroom: 0.1, managed_api_usd_per_million_tokens: 0.5}}\n"
    );
    let file = ScenarioFile::parse("whole.yaml", &text, Path::new(""), &[]).unwrap();
    let planned = planned(&file);
    (file, planned)
}

static WHOLE: LazyLock<(ScenarioFile, Planned)> = LazyLock::new(whole);

#[test]
fn the_emitted_scenario_gives_the_same_figures() {
    let planned = &WHOLE.1;
    let winner = planned.plan.winner.as_ref().unwrap();
    assert_eq!(summary(planned.scenario.as_ref().unwrap()), winner.summary);
}

#[test]
fn a_plan_reads_back_as_it_was_written() {
    let text = serde_json::to_string(&WHOLE.1.plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), WHOLE.1.plan);
}

#[test]
fn the_same_plan_on_any_number_of_threads() {
    let file = scenario(
        "8/s",
        "{ttft_p95: 500ms}",
        &format!("{{models: [{MODEL}], machines: [a3-highgpu-1g, a2-highgpu-1g], max_groups: 4}}"),
    );
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        serde_json::to_string(&pool.install(|| planned(&file)).plan).unwrap()
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn the_demand_is_the_peak_of_the_last_month() {
    let demand = &WHOLE.1.plan.demand;
    // The mean of the curve over a week is 1, and its peak is that of its highest hour.
    assert!((demand.mean_requests_per_s - 6.0).abs() < 1e-3, "{demand:?}");
    let factors: Vec<f64> = {
        let curve: serde_json::Value = CATALOG.entry("rate_curves", "azure-2024-chat").unwrap();
        serde_json::from_value(curve["factors"]["value"].clone()).unwrap()
    };
    let peak = factors.iter().copied().fold(0.0, f64::max);
    let expected = 6.0 * peak * 1.1_f64.powi(6) * 1.1;
    assert!((demand.planned_requests_per_s / expected - 1.0).abs() < 1e-12, "{expected}: {demand:?}");
    let months = &WHOLE.1.plan.winner.as_ref().unwrap().months;
    assert_eq!(months.len(), 6);
    assert!((months[5].requests_per_s / expected - 1.0).abs() < 1e-12);
    assert!((months[4].requests_per_s * 1.1 / expected - 1.0).abs() < 1e-12);
    assert!(months.is_sorted_by_key(|month| month.groups.base));
    for month in months {
        assert!(month.groups.low <= month.groups.base && month.groups.base <= month.groups.high);
    }
}

#[test]
fn commitments_cost_what_a_sum_over_hours_says() {
    let plan = &WHOLE.1.plan;
    let winner = plan.winner.as_ref().unwrap();
    let candidate = &plan.candidates[0];
    assert!(!winner.commitments.is_empty(), "both machines have commitment prices");
    for commitment in &winner.commitments {
        let hours: f64 = commitment.load_duration.iter().map(|entry| entry.hours).sum();
        assert!((hours - 730.0).abs() < 1e-6, "{hours}");
        let option = winner.prices.iter().find(|price| price.terms == commitment.terms).unwrap();
        let cost = |committed: u32| -> f64 {
            let of = |entry: &towtank::report::plan::LoadHours| {
                let extra = f64::from(entry.nodes.saturating_sub(committed)) * candidate.usd_per_node_hour;
                (f64::from(committed) * option.usd_per_node_hour + extra) * entry.hours
            };
            commitment.load_duration.iter().map(of).sum()
        };
        let most = commitment.load_duration[0].nodes;
        let best = (0..=most).map(cost).fold(f64::INFINITY, f64::min);
        assert!((commitment.usd_per_month / best - 1.0).abs() < 1e-9, "{commitment:?}: {best}");
        assert!((cost(commitment.committed_nodes) / best - 1.0).abs() < 1e-9);
        for swing in &commitment.regret {
            assert!(swing.regret_usd_per_month >= -1e-6, "{swing:?}");
        }
        let as_planned = commitment.regret.iter().find(|swing| swing.demand.total_cmp(&1.0).is_eq()).unwrap();
        assert!(as_planned.regret_usd_per_month.abs() < 1e-6);
    }
    let money = winner.money;
    let split = money.committed + money.on_demand + money.idle + money.spare;
    let cheapest = winner.commitments.iter().map(|c| c.usd_per_month).fold(f64::INFINITY, f64::min);
    assert!((split / cheapest - 1.0).abs() < 1e-9, "{split} {cheapest}");
}

#[test]
fn spare_groups_follow_from_what_failures_do() {
    let plan = &WHOLE.1.plan;
    let winner = plan.winner.as_ref().unwrap();
    let ready: Vec<f64> = winner.redundancy.iter().map(|level| level.availability.unwrap()).collect();
    assert!(ready.is_sorted(), "{ready:?}");
    let needed = ready.iter().position(|ready| *ready >= 0.999);
    assert_eq!(needed, Some(winner.spare_groups as usize), "{ready:?}");
    // N+1 with one down is N: it meets the slo, and N with one down does not, or fewer groups would have done.
    let down: Vec<Option<bool>> =
        winner.redundancy.iter().map(|level| level.one_down.map(|down| down.slo_met)).collect();
    assert_ne!(down[0], Some(true));
    assert_eq!(down[1], Some(true));
    let incident = winner.incident.as_ref().unwrap();
    let share: f64 = incident.causes.iter().map(|cause| cause.share).sum();
    assert!((share - 1.0).abs() < 1e-9);
    let stages: f64 = incident.stages.iter().map(|stage| stage.mean_s).sum();
    assert!((stages / incident.mean_time_to_recover_s.unwrap() - 1.0).abs() < 0.01, "{incident:?}");
}

#[test]
fn the_knee_lies_where_the_slo_breaks() {
    let knee = &WHOLE.1.plan.winner.as_ref().unwrap().knee;
    for point in &knee.points {
        let below = point.requests_per_s <= knee.max_requests_per_s_at_slo * (1.0 + 1e-9);
        // The edge is known to 2 %.
        if point.requests_per_s < knee.max_requests_per_s_at_slo * 0.99
            || point.requests_per_s > knee.max_requests_per_s_at_slo * 1.03
        {
            assert_eq!(point.slo_met, below, "{point:?} {}", knee.max_requests_per_s_at_slo);
        }
    }
    assert!((0.0..=1.0).contains(&knee.page_kv_cache_usage_perc));
}

#[test]
fn every_candidate_is_accounted_for() {
    let (file, planned) = &*WHOLE;
    let counts = planned.plan.counts;
    assert_eq!(counts.candidates as usize, plan_candidates(file, &CATALOG).unwrap().len());
    for candidate in &planned.plan.candidates {
        assert_eq!(candidate.reason.is_none(), candidate.verdict == Verdict::MeetsSlo, "{candidate:?}");
    }
    let winner = planned.plan.winner.as_ref().unwrap();
    for fact in &winner.facts {
        assert!(!fact.source.is_empty(), "{fact:?}");
    }
    assert!(winner.facts.iter().any(|fact| fact.kind == "prices" && fact.fact == "us-central1.standard"));
}

#[test]
fn who_does_not_answer_does_not_serve() {
    let space = |engine: &str| {
        format!(
            "{{models: [{MODEL}], machines: [a3-highgpu-1g], tensor_parallel_size: [1], pipeline_parallel_size: [1], engine: {engine}}}"
        )
    };
    let of = |engine: &str| planned(&scenario("8/s", "{ttft_p95: 500ms}", &space(engine))).plan;
    // Every tenth prompt is longer than 1,200 tokens.
    let short = of("{version: '0.33', max_model_len: 1200}");
    assert!(short.winner.is_none());
    assert!(
        short.candidates[0].reason.as_ref().unwrap().contains("not answered"),
        "{:?}",
        short.candidates[0]
    );
    assert!(of("{version: '0.33', max_model_len: 8192}").winner.is_some());
}

#[test]
fn shrinking_demand_is_planned_for_its_first_month() {
    let space = format!(
        "{{models: [{MODEL}], machines: [a3-highgpu-1g], growth_percent_per_month: -20, months: 3, headroom: 0}}"
    );
    let plan = planned(&scenario("8/s", "{ttft_p95: 500ms}", &space)).plan;
    assert!((plan.demand.planned_requests_per_s - 8.0 * 0.8).abs() < 1e-9, "{:?}", plan.demand);
    let months = plan.winner.unwrap().months;
    assert!((months[2].requests_per_s - 8.0 * 0.8_f64.powi(3)).abs() < 1e-9);
    assert_eq!(months[0].groups.base, plan.candidates[0].figures.unwrap().groups);
}

#[test]
fn candidates_are_ready_when_the_peak_begins() {
    let space = format!("{{models: [{MODEL}], machines: [a3-highgpu-1g]}}");
    let warm = scenario("8/s", "{ttft_p95: 500ms}", &space);
    let mut cold = warm.clone();
    cold.scenario.start = towtank::scenario::StartArg::Cold;
    assert_eq!(planned(&cold).scenario, planned(&warm).scenario);
}

#[test]
fn an_interrupted_search_keeps_what_it_has() {
    let (file, _) = &*WHOLE;
    let monitor = Monitor::default();
    monitor.interrupted.store(true, Ordering::Relaxed);
    let planned = plan(file, &CATALOG, &monitor).unwrap();
    assert!(planned.plan.interrupted && planned.plan.winner.is_none());
    assert!(planned.plan.candidates.iter().all(|candidate| candidate.verdict == Verdict::NotReached));
}

fn towtank(args: &[&str], dir: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_towtank")).args(args).current_dir(dir).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_command_writes_a_scenario_that_runs_and_manifests_that_import() {
    let dir = std::env::temp_dir().join(format!("towtank-plan-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let text = format!(
        "name: cli\nduration: 1m\nslo: {{ttft_p95: 1s}}\nworkloads:\n  - name: chat\n    \
         arrivals: {{process: poisson, rate: 2/s}}\n    lengths: {{input: 500, output: 50}}\n\
         plan: {{models: [{MODEL}], machines: [a3-highgpu-1g], engine: {{version: '0.33', max_model_len: 8192}}}}\n"
    );
    fs::write(dir.join("cli.yaml"), &text).unwrap();
    let (status, errors) = towtank(&["plan", "cli.yaml", "--out", "out"], &dir);
    assert_eq!(status, Some(0), "{errors}");
    assert!(errors.contains("default: months: 3"), "what nobody stated is announced: {errors}");
    assert_eq!(towtank(&["run", "out/winner.yaml", "--out", "run"], &dir).0, Some(0));
    assert_eq!(towtank(&["import", "out/manifests.yaml"], &dir).0, Some(0));
    let none = text.replace("ttft_p95: 1s", "ttft_p95: 1ms");
    fs::write(dir.join("none.yaml"), none).unwrap();
    let (status, errors) = towtank(&["plan", "none.yaml", "--out", "none"], &dir);
    assert_eq!(status, Some(3), "{errors}");
    assert!(dir.join("none/plan.json").exists() && !dir.join("none/winner.yaml").exists());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_cannot_be_planned_is_said() {
    let plan = |set: &str| {
        let base = scenario(
            "8/s",
            "{ttft_p95: 500ms}",
            &format!("{{models: [{MODEL}], machines: [a3-highgpu-1g]}}"),
        );
        let text = serde_saphyr::to_string(&base.scenario).unwrap();
        ScenarioFile::parse("small.yaml", &text, Path::new(""), &[set.to_owned()])
            .and_then(|file| super::plan::plan(&file, &CATALOG, &Monitor::default()))
            .map(|_| ())
            .unwrap_err()
            .problem()
            .message
            .clone()
    };
    insta::assert_snapshot!(plan("plan.machines=[a3-highgpu-9g]"), @"no machines named `a3-highgpu-9g` in the catalogue; did you mean `a3-highgpu-1g`?");
    insta::assert_snapshot!(plan("plan.models=[meta-llama/Llama-3.1-9B]"), @"no models named `meta-llama/Llama-3.1-9B` in the catalogue; did you mean `meta-llama/Llama-3.1-8B`?");
    insta::assert_snapshot!(plan("plan.region=us-centrall1"), @"the catalogue has no price of `a3-highgpu-1g` in `us-centrall1`; did you mean `us-central1`?");
    insta::assert_snapshot!(plan("plan.engine.max_num_seqs=4"), @"this is searched: state `plan.max_num_seqs: [...]` instead");
    insta::assert_snapshot!(plan("plan.tensor_parallel_size=[0]"), @"0 is lower than 1");
    insta::assert_snapshot!(plan("plan.max_num_seqs=[8,16,8]"), @"8 is there twice");
    insta::assert_snapshot!(plan("workloads[0].arrivals={process: closed-loop, concurrency: 4}"), @"a plan scales the demand, and `chat` has no arrival rate: give it `arrivals` with a rate, or a trace");
}
