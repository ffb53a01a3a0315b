//! The autoscaler against Kubernetes' rules (`replica_calculator.go`, `horizontal.go`).

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use towtank::{
    catalog::Catalog,
    kubernetes::{Hpa, HpaArgs, HpaObservation, HpaPod, HpaSpec, PodMetrics, VllmMetric},
    units::{SimDuration, SimTime},
};

/// Parsed once: property tests make many autoscalers.
static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

fn metric(kind: &str, target: &Value) -> Value {
    let source = json!({"metric": {"name": "vllm:num_requests_waiting"}, "target": target});
    json!({"type": kind, kind.to_lowercase(): source})
}

fn average(kind: &str, value: f64) -> Value {
    metric(kind, &json!({"type": "AverageValue", "averageValue": value}))
}

fn total(kind: &str, value: f64) -> Value {
    metric(kind, &json!({"type": "Value", "value": value}))
}

/// An autoscaler from 1 to 100 groups, `more` laid over it.
fn args(metrics: &Value, more: &Value) -> HpaArgs {
    let mut spec = json!({"minReplicas": 1, "maxReplicas": 100, "metrics": metrics});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

fn hpa(metrics: &Value, more: &Value) -> Hpa {
    Hpa::new(HpaSpec::resolve(&args(metrics, more), &CATALOG).unwrap())
}

/// A `behavior` that lets everything through, so that the replica calculator is seen alone.
fn free() -> Value {
    let rules = json!({"stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 1000, "periodSeconds": 1}]});
    json!({"behavior": {"scaleUp": rules, "scaleDown": rules}})
}

fn waiting(waiting: f64) -> PodMetrics {
    PodMetrics { waiting, ..PodMetrics::default() }
}

fn ready(values: &[f64]) -> Vec<HpaPod> {
    values.iter().map(|v| HpaPod { pending: false, ready: true, values: Some(waiting(*v)) }).collect()
}

fn missing(count: usize) -> Vec<HpaPod> {
    vec![HpaPod::default(); count]
}

fn pending(count: usize) -> Vec<HpaPod> {
    vec![HpaPod { pending: true, ..HpaPod::default() }; count]
}

fn seen(replicas: u32, pods: &[HpaPod]) -> HpaObservation<'_> {
    HpaObservation { spec_replicas: replicas, status_replicas: replicas, pods, unrouted: 0.0 }
}

fn at(seconds: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(seconds)
}

/// Replicas after one pass that nothing holds back.
fn asked(metric: &Value, replicas: u32, pods: &[HpaPod]) -> u32 {
    hpa(&json!([metric]), &free()).sync(at(0), &seen(replicas, pods)).unwrap_or(replicas)
}

#[test]
fn a_metric_of_each_pod_asks_for_mean_over_target_times_measured_pods() {
    let running_unready = HpaPod { pending: false, ready: false, values: Some(waiting(30.0)) };
    let cases: [(&str, u32, Vec<HpaPod>, f64, u32); 19] = [
        ("up", 3, ready(&[20.0, 10.0, 30.0]), 15.0, 4),
        ("down", 5, ready(&[12.0; 5]), 20.0, 3),
        ("within the tolerance", 3, ready(&[20.0, 21.0, 21.0]), 20.0, 3),
        ("at its upper edge", 10, ready(&[11.0; 10]), 10.0, 10),
        ("just past it", 10, ready(&[11.01; 10]), 10.0, 12),
        ("at its lower edge", 10, ready(&[9.0; 10]), 10.0, 10),
        ("just below it", 10, ready(&[8.9; 10]), 10.0, 9),
        // 49 / 3 * 3 in floating point is a little above 49.
        ("means are whole thousandths", 3, ready(&[17.0, 16.0, 16.0]), 1.0, 49),
        (
            "readiness does not matter, running does",
            3,
            [ready(&[50.0, 10.0]), vec![running_unready]].concat(),
            15.0,
            6,
        ),
        ("pending pods count 0 upwards", 4, [ready(&[40.0, 40.0]), pending(2)].concat(), 15.0, 6),
        ("pending pods do not count downwards", 4, [ready(&[5.0, 5.0]), pending(2)].concat(), 10.0, 1),
        ("pending pods never turn it round", 5, [ready(&[20.0]), pending(4)].concat(), 10.0, 5),
        ("nor within the tolerance", 4, [ready(&[9.5, 9.5]), pending(2)].concat(), 10.0, 4),
        ("pending pods can bring it within", 4, [ready(&[21.0, 21.0]), pending(2)].concat(), 10.0, 4),
        (
            "fewer pods than spec.replicas do not turn it",
            7,
            [ready(&[30.0, 30.0]), pending(1)].concat(),
            10.0,
            7,
        ),
        ("missing pods count 0 upwards", 4, [ready(&[40.0, 40.0]), missing(2)].concat(), 15.0, 6),
        ("missing pods count as the target downwards", 4, [ready(&[4.0, 4.0]), missing(2)].concat(), 10.0, 3),
        ("and can bring it within the tolerance", 10, [ready(&[8.0]), missing(9)].concat(), 10.0, 10),
        (
            "more pods than spec.replicas do not turn it",
            2,
            [ready(&[5.0, 5.0]), missing(3)].concat(),
            10.0,
            2,
        ),
    ];
    for (name, replicas, pods, target, expected) in cases {
        assert_eq!(asked(&average("Pods", target), replicas, &pods), expected, "{name}");
    }
}

#[test]
fn nobody_to_measure_changes_nothing() {
    for pods in [missing(3), pending(3), Vec::new()] {
        assert_eq!(asked(&average("Pods", 1.0), 3, &pods), 3);
    }
    assert_eq!(asked(&total("Object", 1.0), 3, &[]), 3, "no pods returned by selector");
}

#[test]
fn queries_sum_over_the_deployment() {
    for kind in ["Object", "External"] {
        // Value: usage over target times ready pods.
        assert_eq!(asked(&total(kind, 15.0), 3, &ready(&[10.0, 5.0, 5.0])), 4);
        assert_eq!(asked(&total(kind, 15.0), 3, &ready(&[10.0, 3.0, 3.0])), 3, "within the tolerance");
        let half_ready = [ready(&[40.0, 20.0]), missing(2)].concat();
        assert_eq!(asked(&total(kind, 15.0), 4, &half_ready), 8, "2 ready pods");
        // AverageValue: usage over target, whatever the pods are.
        assert_eq!(asked(&average(kind, 10.0), 3, &ready(&[40.0, 0.0, 0.0])), 4);
        assert_eq!(asked(&average(kind, 2.867), 5, &ready(&[8.6, 0.0, 0.0, 0.0, 0.0])), 3);
        assert_eq!(asked(&average(kind, 10.0), 3, &[ready(&[40.0]), missing(2)].concat()), 4);
        assert_eq!(asked(&average(kind, 10.0), 3, &ready(&[32.0, 0.0, 0.0])), 3, "within the tolerance");
    }
}

#[test]
fn a_query_a_pod_answers_with_status_replicas_so_surge_can_ratchet() {
    let pods = ready(&[10.0; 5]);
    let surged = HpaObservation { status_replicas: 5, ..seen(4, &pods) };
    assert_eq!(hpa(&json!([average("External", 10.0)]), &free()).sync(at(0), &surged), Some(5));
    assert_eq!(hpa(&json!([average("Pods", 10.0)]), &free()).sync(at(0), &surged), None);
}

#[test]
fn of_several_metrics_the_highest_counts_and_an_unreadable_one_only_lets_up() {
    let both = json!([average("Pods", 10.0), total("External", 20.0)]);
    let sync = |replicas, pods: &[HpaPod]| hpa(&both, &free()).sync(at(0), &seen(replicas, pods));
    assert_eq!(sync(2, &ready(&[20.0, 20.0])), Some(4), "Pods: 4, External: 4");
    assert_eq!(sync(2, &ready(&[15.0, 15.0])), Some(3), "Pods: 3, External: 3");
    assert_eq!(sync(4, &ready(&[5.0; 4])), None, "Pods: 2, External: 4");
    // No pod has a metric: Pods is unreadable; the query sees the requests that wait at no group.
    let lost = |unrouted: f64, replicas: u32| {
        let pods = [pending(1), vec![HpaPod { ready: true, ..HpaPod::default() }; 3]].concat();
        hpa(&both, &free()).sync(at(0), &HpaObservation { unrouted, ..seen(replicas, &pods) })
    };
    assert_eq!(lost(60.0, 4), Some(9), "60 over 20, times 3 ready pods");
    assert_eq!(lost(5.0, 4), None, "down would need all metrics");
}

#[test]
fn bounds_and_zero() {
    let pods = ready(&[10.0; 3]);
    let bounds = json!({"minReplicas": 2, "maxReplicas": 5});
    let sync =
        |replicas: u32| hpa(&json!([average("Pods", 10.0)]), &bounds).sync(at(0), &seen(replicas, &pods));
    assert_eq!(sync(9), Some(5), "above the most, at once");
    assert_eq!(sync(1), Some(2), "below the fewest, at once");
    assert_eq!(sync(3), None);
    assert_eq!(sync(0), None, "zero switches it off");
    let full = ready(&[1000.0; 3]);
    assert_eq!(hpa(&json!([average("Pods", 10.0)]), &bounds).sync(at(0), &seen(3, &full)), Some(5));

    let mut to_zero = free();
    to_zero["minReplicas"] = json!(0);
    for (metric, from_zero) in [(total("External", 4.0), 2), (average("Object", 4.0), 2)] {
        let mut hpa = hpa(&json!([metric]), &to_zero);
        assert_eq!(hpa.sync(at(0), &seen(1, &ready(&[0.0]))), Some(0));
        assert_eq!(hpa.sync(at(15), &seen(0, &[])), None);
        let asked = HpaObservation { unrouted: 5.0, ..seen(0, &[]) };
        assert_eq!(hpa.sync(at(30), &asked), Some(from_zero), "5 requests wait at no group");
    }
}

#[test]
fn without_behavior_a_pass_doubles_or_makes_four() {
    let up = |from: u32| {
        let pods = ready(&vec![1000.0; from as usize]);
        hpa(&json!([average("Pods", 1.0)]), &json!({})).sync(at(0), &seen(from, &pods))
    };
    assert_eq!([1, 2, 3, 10, 60].map(up), [Some(4), Some(4), Some(6), Some(20), Some(100)]);
}

#[test]
fn without_behavior_it_goes_down_after_five_minutes() {
    let mut hpa = hpa(&json!([average("Pods", 10.0)]), &json!({}));
    let (busy, idle) = (ready(&[10.0; 8]), ready(&[1.0; 8]));
    assert_eq!(hpa.sync(at(0), &seen(8, &busy)), None);
    // A busy pass in between starts the five minutes anew.
    assert_eq!(hpa.sync(at(15), &seen(8, &idle)), None);
    assert_eq!(hpa.sync(at(30), &seen(8, &busy)), None);
    for pass in 3..=22 {
        assert_eq!(hpa.sync(at(pass * 15), &seen(8, &idle)), None, "{} s", pass * 15);
    }
    assert_eq!(hpa.sync(at(345), &seen(8, &idle)), Some(1));
}

/// Replicas after each pass of 15 s under a load for ever far too high or low.
fn passes(behavior: &Value, from: u32, load: f64, count: u64) -> Vec<u32> {
    let mut hpa = hpa(&json!([average("External", 10.0)]), &json!({"behavior": behavior}));
    let mut replicas = from;
    let mut pass = |pass: u64| {
        let loaded = HpaObservation { unrouted: load, ..seen(replicas, &[]) };
        replicas = hpa.sync(at(pass * 15), &loaded).unwrap_or(replicas);
        replicas
    };
    (0..count).map(&mut pass).collect()
}

#[test]
fn policies_limit_what_a_period_changes() {
    let up =
        |policies: Value, select: &str| json!({"scaleUp": {"policies": policies, "selectPolicy": select}});
    let down = |policies: Value, select: &str| json!({"scaleDown": {"stabilizationWindowSeconds": 0, "policies": policies, "selectPolicy": select}});
    let pods = |value: u32, period: u32| json!({"type": "Pods", "value": value, "periodSeconds": period});
    let percent =
        |value: u32, period: u32| json!({"type": "Percent", "value": value, "periodSeconds": period});
    let both = || json!([pods(4, 15), percent(10, 15)]);
    let cases = [
        ("the defaults: 4 pods or 100 %", json!({}), 1, 1e4, vec![5, 10, 20, 40]),
        ("one pod a minute", up(json!([pods(1, 60)]), "Max"), 1, 1e4, vec![2, 2, 2, 2, 3, 3, 3, 3, 4]),
        ("percents round up", up(json!([percent(5, 15)]), "Max"), 10, 1e4, vec![11, 12, 13]),
        (
            "a percentage of the period's start",
            up(json!([percent(50, 30)]), "Max"),
            4,
            1e4,
            vec![6, 6, 9, 9, 14],
        ),
        ("the larger of two", up(both(), "Max"), 10, 1e4, vec![14, 18, 22]),
        ("the smaller of two", up(both(), "Min"), 10, 1e4, vec![11, 13, 15]),
        // Steps of one are remembered for the longest period.
        (
            "three a minute",
            up(json!([pods(1, 15), pods(3, 60)]), "Min"),
            10,
            1e4,
            vec![11, 12, 13, 13, 14, 15, 16, 16],
        ),
        ("never", up(both(), "Disabled"), 10, 1e4, vec![10, 10]),
        ("down to the bound", down(json!([percent(100, 15)]), "Max"), 10, 0.0, vec![1, 1]),
        ("two pods in half a minute", down(json!([pods(2, 30)]), "Max"), 10, 0.0, vec![8, 8, 6, 6, 4]),
        // What is left is cut to whole pods, 9 of 9.5, 8 of 8.55: a pod goes at least.
        ("percents of what is left", down(json!([percent(5, 15)]), "Max"), 10, 0.0, vec![9, 8, 7]),
        ("the larger of two down", down(both(), "Max"), 60, 0.0, vec![54, 48, 43, 38, 34, 30]),
        ("the smaller of two down", down(both(), "Min"), 30, 0.0, vec![27, 24, 21, 18, 16, 14]),
        ("never down", down(both(), "Disabled"), 10, 0.0, vec![10, 10]),
    ];
    for (name, behavior, from, load, expected) in cases {
        assert_eq!(passes(&behavior, from, load, expected.len() as u64), expected, "{name}");
    }
}

#[test]
fn what_came_in_a_period_may_go_in_it() {
    let behavior = json!({"scaleDown": {"stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}});
    let mut hpa = hpa(&json!([average("External", 10.0)]), &json!({"behavior": behavior}));
    let loaded = |replicas: u32, load: f64| HpaObservation { unrouted: load, ..seen(replicas, &[]) };
    assert_eq!(hpa.sync(at(0), &loaded(6, 100.0)), Some(10));
    // 6 at the start of the minute, one fewer allowed.
    assert_eq!(hpa.sync(at(15), &loaded(10, 0.0)), Some(5));
}

#[test]
fn a_jump_to_a_bound_counts_and_no_limit_turns_it_round() {
    let rules = json!({"stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]});
    let more =
        json!({"minReplicas": 5, "maxReplicas": 10, "behavior": {"scaleUp": rules, "scaleDown": rules}});
    for (outside, bound, load) in [(1, 5, 100.0), (20, 10, 0.0)] {
        let mut hpa = hpa(&json!([average("External", 10.0)]), &more);
        assert_eq!(hpa.sync(at(0), &seen(outside, &[])), Some(bound));
        let loaded = HpaObservation { unrouted: load, ..seen(bound, &[]) };
        assert_eq!(hpa.sync(at(15), &loaded), None, "4 or 10 were changed, 1 is allowed");
    }
}

#[test]
fn windows_keep_the_least_upwards_and_the_most_downwards() {
    let mut behavior = free();
    behavior["behavior"]["scaleUp"]["stabilizationWindowSeconds"] = json!(60);
    behavior["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = json!(30);
    let mut hpa = hpa(&json!([average("External", 10.0)]), &behavior);
    let mut replicas = 4;
    let mut after = Vec::new();
    for (pass, load) in [40.0, 90.0, 80.0, 70.0, 60.0, 50.0, 10.0, 20.0, 10.0].into_iter().enumerate() {
        let loaded = HpaObservation { unrouted: load, ..seen(replicas, &[]) };
        replicas = hpa.sync(at(pass as u64 * 15), &loaded).unwrap_or(replicas);
        after.push(replicas);
    }
    // Up: the least of 60 s, once 4 from the first pass is out. Down: the most of 30 s.
    assert_eq!(after, [4, 4, 4, 4, 6, 6, 5, 2, 2]);
}

#[test]
fn a_window_remembers_all_of_itself() {
    let mut behavior = free();
    behavior["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = json!(60);
    let mut hpa = hpa(&json!([average("External", 10.0)]), &behavior);
    let mut pass =
        |seconds: u64, load: f64| hpa.sync(at(seconds), &HpaObservation { unrouted: load, ..seen(10, &[]) });
    for (seconds, load) in [(0, 100.0), (15, 10.0), (30, 100.0), (45, 10.0), (60, 10.0), (75, 10.0)] {
        assert_eq!(pass(seconds, load), None, "{seconds} s");
    }
    assert_eq!(pass(90, 10.0), Some(1), "60 s after 10 were asked for");
}

#[test]
fn behavior_without_a_window_downwards_waits_the_controllers_five_minutes() {
    let after = passes(&json!({}), 10, 0.0, 22);
    assert_eq!(after[..20], [10; 20]);
    assert_eq!(after[20], 1, "at 300 s: this window ends just before its length");
}

#[test]
fn defaults_come_from_the_catalogue() {
    let spec = |catalog: &Catalog| {
        let args: HpaArgs =
            serde_json::from_value(json!({"maxReplicas": 3, "metrics": [average("Pods", 5.0)]})).unwrap();
        HpaSpec::resolve(&args, catalog).unwrap()
    };
    let mut catalog = Catalog::builtin();
    let builtin = spec(&catalog);
    assert_eq!((builtin.min_replicas, builtin.sync_period), (1, SimDuration::from_secs(15)));
    assert!((builtin.tolerance - 0.1).abs() < 1e-12);
    let fact = json!({"value": 0.2, "unit": "fraction", "source": "me", "date": "2026"});
    let mine = json!({"kubernetes": {"horizontal-pod-autoscaler": {"tolerance": fact}}});
    catalog.extend("mine.json", &mine.to_string()).unwrap();
    assert!((spec(&catalog).tolerance - 0.2).abs() < 1e-12);
}

#[test]
fn metrics_go_by_vllms_names() {
    let running = Ok(VllmMetric::NumRequestsRunning);
    let waiting = Ok(VllmMetric::NumRequestsWaiting);
    let usage = Ok(VllmMetric::KvCacheUsagePerc);
    for (name, expected) in [
        ("vllm:num_requests_running", running.clone()),
        ("vllm_num_requests_waiting", waiting.clone()),
        ("prometheus.googleapis.com|vllm:num_requests_waiting|gauge", waiting),
        ("prometheus.googleapis.com|vllm_num_requests_running|gauge", running),
        ("vllm:kv_cache_usage_perc", usage.clone()),
        ("vllm:gpu_cache_usage_perc", usage),
        ("num_requests_waiting", Err("; did you mean `vllm:num_requests_waiting`?".to_owned())),
        ("vllm:num_request_waitin", Err("; did you mean `vllm:num_requests_waiting`?".to_owned())),
        ("DCGM_FI_DEV_GPU_UTIL", Err(String::new())),
    ] {
        assert_eq!(VllmMetric::parse(name), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_an_autoscaler_says_which_field() {
    let source = |name: &str| json!({"metric": {"name": name}, "target": {"type": "Value", "value": 1}});
    let one = average("Pods", 5.0);
    let both = json!({"type": "Value", "value": 1, "averageValue": 1});
    let cases = [
        (
            json!([one, {"type": "Object", "object": source("vllm:num_request_waiting")}]),
            json!({}),
            "metrics[1].object.metric.name",
            "metrics[1].object.metric.name: no vLLM metric named `vllm:num_request_waiting`; \
             did you mean `vllm:num_requests_waiting`?",
        ),
        (
            json!([{"type": "Pods"}]),
            json!({}),
            "metrics[0].pods",
            "metrics[0].pods: is missing, its `type` asks for it",
        ),
        (
            json!([{"type": "External", "external": source("vllm:num_requests_waiting"),
                "object": source("vllm:num_requests_waiting")}]),
            json!({}),
            "metrics[0].object",
            "metrics[0].object: contradicts its `type`",
        ),
        (
            json!([total("Pods", 5.0)]),
            json!({}),
            "metrics[0].pods.target.type",
            "metrics[0].pods.target.type: a metric of type Pods takes AverageValue only",
        ),
        (
            json!([metric("Pods", &json!({"type": "AverageValue"}))]),
            json!({}),
            "metrics[0].pods.target.averageValue",
            "metrics[0].pods.target.averageValue: is missing, its `type` asks for it",
        ),
        (
            json!([metric("External", &both)]),
            json!({}),
            "metrics[0].external.target.averageValue",
            "metrics[0].external.target.averageValue: contradicts its `type`",
        ),
        (
            json!([one]),
            json!({"minReplicas": 0}),
            "minReplicas",
            "minReplicas: 0 takes a metric of type Object or External, which is there without any pod",
        ),
        (json!([one]), json!({"minReplicas": 101}), "minReplicas", "minReplicas: is larger than maxReplicas"),
        (
            json!([one]),
            json!({"behavior": {"scaleDown": {"policies": []}}}),
            "behavior.scaleDown.policies",
            "behavior.scaleDown.policies: states no policy; `selectPolicy: Disabled` forbids a direction",
        ),
    ];
    for (metrics, more, field, message) in cases {
        let error = HpaSpec::resolve(&args(&metrics, &more), &CATALOG).unwrap_err();
        assert_eq!(error.field(), Some(field));
        assert_eq!(error.to_string(), message);
    }
}

prop_compose! {
    /// A pod in any state.
    fn any_pod()(state in 0..4_u32, load in 0.0..200.0_f64) -> HpaPod {
        match state {
            0 => HpaPod { pending: true, ..HpaPod::default() },
            1 => HpaPod::default(),
            state => HpaPod { pending: false, ready: state == 2, values: Some(waiting(load)) },
        }
    }
}

proptest! {
    #[test]
    fn it_never_leaves_its_bounds(
        (min, max) in (1..10_u32, 10..30_u32),
        kind in prop::sample::select(vec!["Pods", "External"]),
        limited in any::<bool>(),
        passes in prop::collection::vec((prop::collection::vec(any_pod(), 0..30), 0.0..500.0_f64), 1..40),
    ) {
        let mut more = if limited { json!({"behavior": {}}) } else { json!({}) };
        more["minReplicas"] = json!(min);
        more["maxReplicas"] = json!(max);
        let mut hpa = hpa(&json!([average(kind, 10.0)]), &more);
        let mut replicas = min;
        for (pass, (pods, unrouted)) in passes.iter().enumerate() {
            let seen = HpaObservation { unrouted: *unrouted, ..seen(replicas, pods) };
            if let Some(next) = hpa.sync(at(pass as u64 * 15), &seen) {
                prop_assert!(next != replicas && (min..=max).contains(&next));
                prop_assert!(limited || next <= (2 * replicas).max(4));
                replicas = next;
            }
        }
    }

    #[test]
    fn it_rests_within_the_tolerance(loads in prop::collection::vec(9.01..10.99_f64, 1..50), by_pod in any::<bool>()) {
        let metric = average(if by_pod { "Pods" } else { "External" }, 10.0);
        let mut hpa = hpa(&json!([metric]), &free());
        let pods = ready(&loads);
        prop_assert_eq!(hpa.sync(at(0), &seen(pods.len() as u32, &pods)), None);
    }

    #[test]
    fn a_policy_holds_over_every_period(
        (up, down, period) in (1..5_u32, 1..5_u32, 1..100_u32),
        passes in prop::collection::vec((1..40_u64, 0.0..1000.0_f64), 1..100),
    ) {
        let rules = |value: u32| json!({"stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": value, "periodSeconds": period}]});
        let behavior = json!({"behavior": {"scaleUp": rules(up), "scaleDown": rules(down)}});
        let mut hpa = hpa(&json!([average("External", 10.0)]), &behavior);
        let (mut now, mut replicas) = (0, 50);
        let mut history = vec![(0, replicas)];
        for (gap, unrouted) in passes {
            now += gap;
            let seen = HpaObservation { unrouted, ..seen(replicas, &[]) };
            let Some(next) = hpa.sync(at(now), &seen) else { continue };
            let old = history.iter().rev().find(|(at, _)| at + u64::from(period) <= now);
            let start = old.unwrap_or(&history[0]).1;
            let kept = if next > replicas { next <= start + up } else { start <= next + down };
            prop_assert!(kept, "{start} a period ago, now {replicas}, became {next}");
            replicas = next;
            history.push((now, next));
        }
    }
}
