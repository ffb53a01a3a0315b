//! Generated requests: what is drawn has the distribution that was asked for, and nothing else moves when it changes.

use towtank::{
    catalog::Catalog,
    request::Content,
    units::{SimDuration, SimTime},
    workload::{Arrival, Class, Ended, Source, SourceOptions, WorkloadArgs, WorkloadError},
};

#[derive(
    Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, garde::Validate, schemars::JsonSchema,
)]
struct NoSlo {}

pub(crate) fn resolve(text: &str) -> Result<Class, WorkloadError> {
    let args: WorkloadArgs<NoSlo> =
        serde_saphyr::from_str_valid(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/traces");
    Class::resolve(&args, 0, fixtures.as_ref(), &Catalog::builtin())
}

pub(crate) fn class(text: &str) -> Class {
    resolve(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

pub(crate) fn source(text: &str, seed: u64) -> Source {
    Source::new(&class(text), SourceOptions { seed, rate_factor: 1.0, end: None })
}

fn first(text: &str, count: usize) -> Vec<Arrival> {
    source(text, 1).take(count).collect()
}

fn seconds(arrivals: &[Arrival]) -> Vec<f64> {
    arrivals.iter().map(|arrival| arrival.at.as_secs_f64()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn gaps(arrivals: &[Arrival]) -> Vec<f64> {
    let times = seconds(arrivals);
    std::iter::once(times[0]).chain(times.windows(2).map(|pair| pair[1] - pair[0])).collect()
}

/// Coefficient of variation.
fn cv(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt() / mean
}

fn near(value: f64, expected: f64, tolerance: f64) {
    assert!((value / expected - 1.0).abs() <= tolerance, "{value} is not within {tolerance} of {expected}");
}

fn arriving(arrivals: &str) -> String {
    format!("{{name: a, arrivals: {arrivals}, lengths: {{input: 100, output: 10}}}}")
}

fn with_lengths(lengths: &str) -> String {
    format!("{{name: a, arrivals: {{process: poisson, rate: 2/s}}, lengths: {lengths}}}")
}

/// The value below which a share of the values lies.
fn quantile(values: &[u32], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    f64::from(sorted[(share * (sorted.len() - 1) as f64) as usize])
}

#[test]
fn gaps_have_the_mean_and_the_burstiness_that_was_asked_for() {
    for (process, expected_cv) in [
        ("{process: poisson, rate: 4/s}", 1.0),
        ("{process: gamma, rate: 4/s, burstiness: 4}", 0.5),
        ("{process: gamma, rate: 4/s, burstiness: 0.25}", 2.0),
        ("{process: gamma, rate: 4/s}", 1.0),
    ] {
        let gaps = gaps(&first(&arriving(process), 100_000));
        near(mean(&gaps), 0.25, 0.02);
        near(cv(&gaps), expected_cv, 0.03);
    }
    let constant = seconds(&first(&arriving("{process: constant, rate: 3/s}"), 9));
    assert!(constant.iter().zip(1..).all(|(at, index)| (at - f64::from(index) / 3.0).abs() < 1e-9));
}

#[test]
fn on_off_keeps_the_mean_rate_and_bunches() {
    let text = arriving("{process: on-off, rate: 2.5/s, mean_on: 17s, mean_off: 43s}");
    let (mut last_s, mut silent, count) = (0.0, 0.0, 4_000_000);
    for arrival in source(&text, 1).take(count) {
        let at_s = arrival.at.as_secs_f64();
        if at_s - last_s >= 5.0 {
            silent += at_s - last_s;
        }
        last_s = at_s;
    }
    near(count as f64 / last_s, 2.5, 0.02);
    // A Poisson process of 2.5/s has one silence of 5 s in 270,000 gaps; this one spends most of its time in them.
    let share = silent / last_s;
    assert!((0.60..0.72).contains(&share), "{share}");
}

#[test]
fn a_curve_puts_each_hour_its_share() {
    let text = arriving("{process: poisson, rate: 10/s, rate_curve: [[0h, 0.5], [1h, 0], [2h, 2], [3h, 1]]}");
    let mut hours = [0u32; 4];
    for arrival in
        source(&text, 3).take_while(|arrival| arrival.at < SimTime::ZERO + SimDuration::from_secs(14_400))
    {
        hours[(arrival.at.as_secs_f64() / 3600.0) as usize] += 1;
    }
    assert_eq!(hours[1], 0);
    for (count, expected) in [(hours[0], 18_000.0), (hours[2], 72_000.0), (hours[3], 36_000.0)] {
        near(f64::from(count), expected, 4.0 / f64::from(count).sqrt());
    }
    near(
        class(&text).expected(Some(SimDuration::from_secs(14_400))).requests_per_s.unwrap(),
        10.0 * 3.5 / 4.0,
        1e-9,
    );
}

#[test]
fn a_weekly_curve_repeats_and_starts_where_it_is_told() {
    let week = SimDuration::from_secs(7 * 86_400);
    for (curve, peak_hour) in [("azure-2024-chat", 1.6701), ("azure-2024-code", 2.9975)] {
        let plain = arriving(&format!("{{process: constant, rate: 60/h, rate_curve: {curve}}}"));
        let class = class(&plain);
        near(class.expected(Some(week)).requests_per_s.unwrap(), 1.0 / 60.0, 1e-3);
        let mut hours = vec![0u32; 2 * 168];
        let options = SourceOptions { seed: 1, rate_factor: 10.0, end: Some(SimTime::ZERO + week + week) };
        for arrival in Source::new(&class, options) {
            hours[(arrival.at.as_secs_f64() / 3600.0) as usize] += 1;
        }
        let peak = *hours.iter().max().unwrap();
        near(f64::from(peak), 600.0 * peak_hour, 0.003);
        assert!(hours[..168].iter().zip(&hours[168..]).all(|(a, b)| a.abs_diff(*b) <= 1));
        let later = arriving(&format!(
            "{{process: constant, rate: 600/h, rate_curve: {curve}, rate_curve_start: 200h}}"
        ));
        let in_first = source(&later, 1).take_while(|a| a.at.as_secs_f64() < 3600.0).count();
        assert!(in_first.abs_diff(hours[32] as usize) <= 1, "{in_first} against {}", hours[32]);
    }
}

#[test]
fn ending_by_count_puts_the_last_arrival_at_its_expected_time() {
    for process in ["poisson, rate: 2/s", "gamma, burstiness: 0.3, rate: 2/s", "constant, rate: 2/s"] {
        let text = format!("{{name: a, num_prompts: 500, arrivals: {{process: {process}}}, lengths: chat}}");
        // The duration does not end what ends by count.
        let options = SourceOptions { seed: 5, rate_factor: 1.0, end: Some(SimTime::from_nanos(1)) };
        let arrivals: Vec<_> = Source::new(&class(&text), options).collect();
        assert_eq!(arrivals.len(), 500);
        assert!((arrivals[499].at.as_secs_f64() - 250.0).abs() < 1e-8, "{process}");
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
    }
    let burst: Vec<_> = source(&arriving("{process: all-at-once, num_prompts: 5}"), 1).collect();
    assert!(burst.len() == 5 && burst.iter().all(|arrival| arrival.at == SimTime::ZERO));
}

#[test]
fn the_duration_ends_arrivals() {
    let end = SimTime::ZERO + SimDuration::from_secs(100);
    let class = class(&arriving("{process: constant, rate: 1/s}"));
    let mut source = Source::new(&class, SourceOptions { seed: 1, rate_factor: 1.0, end: Some(end) });
    assert_eq!(source.by_ref().count(), 99);
    assert!(source.next().is_none(), "the end is final");
}

#[test]
fn another_rate_has_the_same_requests_at_scaled_times() {
    for process in [
        "{process: poisson, rate: 2/s}",
        "{process: gamma, burstiness: 0.3, rate: 2/s}",
        "{process: gamma, burstiness: 0.3, rate: 2/s, num_prompts: 5000}",
    ] {
        let text = format!("{{name: a, arrivals: {process}, lengths: chat}}");
        let at = |rate_factor| Source::new(&class(&text), SourceOptions { seed: 9, rate_factor, end: None });
        for (slow, fast) in at(1.0).zip(at(2.5)).take(5_000) {
            assert!((slow.at.as_secs_f64() / 2.5 - fast.at.as_secs_f64()).abs() < 2e-9);
            assert_eq!(Arrival { at: fast.at, ..slow }, fast);
        }
    }
}

#[test]
fn attributes_and_classes_do_not_disturb_each_other() {
    let base = first(&with_lengths("chat"), 2_000);
    let other_lengths = first(&with_lengths("{input: {p50: 100, sigma: 1.0}, output: chat}"), 2_000);
    assert!(base.iter().zip(&other_lengths).all(|(a, b)| a.at == b.at && a.output_tokens == b.output_tokens));
    let other_process = "{name: a, arrivals: {process: gamma, burstiness: 0.1, rate: 9/s}, lengths: chat, prefixes: {shared_tokens: 1, groups: 9}}";
    let other_process = first(other_process, 2_000);
    assert!(
        base.iter()
            .zip(&other_process)
            .all(|(a, b)| { (a.input_tokens, a.output_tokens) == (b.input_tokens, b.output_tokens) })
    );
    let text = with_lengths("chat");
    let second = Class { ordinal: 1, ..class(&text) };
    let second: Vec<_> =
        Source::new(&second, SourceOptions { seed: 1, rate_factor: 1.0, end: None }).take(100).collect();
    assert!(second.iter().zip(&base).all(|(a, b)| a.at != b.at && a.content.tail != b.content.tail));
    assert_eq!(source(&text, 1).take(100).collect::<Vec<_>>(), base[..100]);
    assert_ne!(source(&text, 2).next().unwrap().at, base[0].at);
}

#[test]
fn lengths_have_the_quantiles_and_means_that_were_asked_for() {
    let text = with_lengths(
        "{input: {p50: 1020, p90: 2734, p99: 4142, max: 14050}, output: {p50: 129, p90: 424, p99: 601, max: 1000}}",
    );
    let arrivals = first(&text, 100_000);
    let inputs: Vec<u32> = arrivals.iter().map(|arrival| arrival.input_tokens).collect();
    let outputs: Vec<u32> = arrivals.iter().map(|arrival| arrival.output_tokens).collect();
    for (values, share, expected) in [
        (&inputs, 0.5, 1020.0),
        (&inputs, 0.9, 2734.0),
        (&inputs, 0.99, 4142.0),
        (&outputs, 0.5, 129.0),
        (&outputs, 0.9, 424.0),
        (&outputs, 0.99, 601.0),
    ] {
        near(quantile(values, share), expected, 0.03);
    }
    assert!(inputs.iter().all(|tokens| (1..=14_050).contains(tokens)));
    for lengths in [
        "{input: 512, output: {fixed: 7}}",
        "{input: {uniform: [100, 300]}, output: {uniform: [1, 2]}}",
        "{input: {lognormal: {p50: 700, sigma: 0.9}}, output: {p50: 150, sigma: 0.86, max: 1000}}",
        "{input: {histogram: {'100': 50, '200': 90, '+Inf': 100}, max: 1000}, output: {histogram: {'10': 5, '20': 5, '40': 10}}}",
        "chat",
        "code",
        "rag",
        "reasoning",
    ] {
        let text = with_lengths(lengths);
        let arrivals = first(&text, 200_000);
        let expected = class(&text).expected(None);
        let mean = |tokens: fn(&Arrival) -> u32| {
            mean(&arrivals.iter().map(|a| f64::from(tokens(a))).collect::<Vec<_>>())
        };
        near(mean(|a| a.input_tokens), expected.input_tokens, 0.015);
        near(mean(|a| a.output_tokens), expected.output_tokens, 0.015);
    }
}

/// Means and percentiles that are published for the traces the presets come from.
#[test]
fn presets_reproduce_their_traces() {
    for (preset, input, p90, output) in [
        ("chat", 1155.0, 2734.0, 211.0),
        ("code", 2048.0, 5188.0, 27.9),
        ("rag", 2944.0, 3958.0, 283.0),
        ("reasoning", 1268.0, 2092.0, 1527.0),
    ] {
        let text = with_lengths(preset);
        let expected = class(&text).expected(None);
        near(expected.input_tokens, input, 0.03);
        near(expected.output_tokens, output, 0.03);
        let inputs: Vec<u32> = first(&text, 50_000).iter().map(|arrival| arrival.input_tokens).collect();
        let below = inputs.iter().filter(|tokens| f64::from(**tokens) <= p90).count();
        near(below as f64 / 50_000.0, 0.9, 0.01);
    }
}

#[test]
fn token_scale_and_stop_reach_the_request() {
    let text = "{name: a, arrivals: {process: constant, rate: 1/s}, lengths: {input: 100, output: {fixed: 50, stop: eos}}, token_scale: {input: 1.115, output: 0.5}, priority: -2}";
    let arrival = &first(text, 1)[0];
    assert_eq!(
        (arrival.input_tokens, arrival.output_tokens, arrival.max_tokens, arrival.priority),
        (112, 25, None, -2)
    );
    assert_eq!(first(&with_lengths("{input: 1, output: 50}"), 1)[0].max_tokens, Some(50));
}

/// How many leading tokens two prompts of these lengths have in common.
pub(crate) fn common(a: (&Content, u32), b: (&Content, u32)) -> u32 {
    let stretch = |(content, length): (&Content, u32)| {
        let mut pieces: Vec<(u64, u32)> = Vec::new();
        let mut rest = length;
        for segment in content.segments.iter() {
            pieces.push((segment.stream.0, segment.tokens.min(rest)));
            rest -= segment.tokens.min(rest);
        }
        pieces.push((content.tail.0, rest));
        pieces.retain(|piece| piece.1 > 0);
        pieces
    };
    let mut common = 0;
    for (x, y) in stretch(a).into_iter().zip(stretch(b)) {
        if x.0 != y.0 {
            break;
        }
        common += x.1.min(y.1);
        if x.1 != y.1 {
            break;
        }
    }
    common
}

#[test]
fn groups_share_their_prefix_and_nothing_more() {
    let text = "{name: a, arrivals: {process: constant, rate: 1/s}, lengths: {input: {uniform: [100, 900]}, output: 9}, prefixes: {shared_tokens: 256, groups: 4}}";
    let arrivals = first(text, 400);
    let mut groups = std::collections::BTreeMap::<u64, u32>::new();
    for arrival in &arrivals {
        assert!(arrival.input_tokens >= 256);
        *groups.entry(arrival.content.segments[0].stream.0).or_default() += 1;
    }
    assert!(groups.len() == 4 && groups.values().all(|count| (70..130).contains(count)), "{groups:?}");
    for pair in arrivals.windows(2) {
        let same = pair[0].content.segments == pair[1].content.segments;
        let shared =
            common((&pair[0].content, pair[0].input_tokens), (&pair[1].content, pair[1].input_tokens));
        assert_eq!(shared, if same { 256 } else { 0 });
    }
}

#[test]
fn a_later_turn_begins_with_exactly_what_was_said_before() {
    let text = "{name: a, arrivals: {process: constant, rate: 1/s}, lengths: {input: {uniform: [300, 500]}, output: {uniform: [10, 90]}}, prefixes: {shared_tokens: 256, groups: 2, turns: {count: 3, think_time: 45s, input: 20}}}";
    let mut source = source(text, 1);
    let (first, other) = (source.next().unwrap(), source.next().unwrap());
    let now = SimTime::ZERO + SimDuration::from_secs(7);
    // The engine cut the answer short: the next turn re-reads what was really said.
    let second = source.completed(first.thread.unwrap(), now, Ended::Answered { output_tokens: 5 }).unwrap();
    assert_eq!(second.at, now + SimDuration::from_secs(45));
    assert_eq!(second.input_tokens, first.input_tokens + 5 + 20);
    let said = first.input_tokens + 5;
    assert_eq!(common((&first.content, said), (&second.content, second.input_tokens)), said);
    assert!(common((&other.content, 1_000), (&second.content, 1_000)) <= 256);
    let answered = Ended::Answered { output_tokens: second.output_tokens };
    let third = source.completed(second.thread.unwrap(), now, answered).unwrap();
    assert_eq!(third.input_tokens, second.input_tokens + second.output_tokens + 20);
    let answered = Ended::Answered { output_tokens: third.output_tokens };
    assert!(source.completed(third.thread.unwrap(), now, answered).is_none(), "three turns");
    assert!(source.completed(other.thread.unwrap(), now, Ended::Failed).is_none(), "a failure ends it");
    let expected = class(text).expected(None);
    near(expected.input_tokens, 400.0 + 70.0, 0.01);
    near(expected.requests_per_s.unwrap(), 3.0, 1e-9);
}

#[test]
fn what_conversations_draw_does_not_depend_on_who_answers_first() {
    let text = "{name: a, arrivals: {process: constant, rate: 1/s}, lengths: chat, prefixes: {turns: {count: {uniform: [1, 4]}, think_time: {p50: 40s, sigma: 1.15}}}}";
    let run = |backwards: bool| {
        let mut source = source(text, 1);
        let mut open: Vec<_> = (0..50).map(|_| source.next().unwrap()).collect();
        let mut seen = Vec::new();
        while !open.is_empty() {
            let arrival = if backwards { open.pop().unwrap() } else { open.remove(0) };
            let ended = Ended::Answered { output_tokens: arrival.output_tokens };
            open.extend(source.completed(arrival.thread.unwrap(), SimTime::ZERO, ended));
            seen.push((arrival.content.tail, arrival.input_tokens, arrival.output_tokens));
        }
        seen.sort_unstable();
        seen
    };
    assert_eq!(run(true), run(false));
    assert!(run(true).len() > 75);
}

#[test]
fn a_closed_loop_keeps_its_users_busy() {
    let text = arriving("{process: closed-loop, concurrency: 4, think_time: 3s, num_prompts: 10}");
    let mut source = source(&text, 1);
    let mut open: Vec<_> = source.by_ref().collect();
    assert!(open.len() == 4 && open.iter().all(|arrival| arrival.at == SimTime::ZERO) && source.follows_up());
    let mut names = Vec::new();
    while let Some(arrival) = open.pop() {
        let ended = if names.len() % 2 == 0 { Ended::Failed } else { Ended::Answered { output_tokens: 1 } };
        let next = source.completed(arrival.thread.unwrap(), arrival.at + SimDuration::SECOND, ended);
        if let Some(next) = next {
            assert_eq!(next.at, arrival.at + SimDuration::from_secs(4));
            assert_eq!(common((&next.content, 100), (&arrival.content, 100)), 0);
            open.push(next);
        }
        names.push(arrival.name.to_string());
    }
    names.sort();
    assert_eq!(names, (0..10).map(|row| format!("a-{row}")).collect::<Vec<_>>());
}

#[test]
fn a_copied_source_goes_on_alike() {
    let text = "{name: a, arrivals: {process: on-off, rate: 9/s, mean_on: 1s, mean_off: 2s, rate_curve: azure-2024-code}, lengths: chat, prefixes: {shared_tokens: 9, groups: 5}}";
    let mut source = source(text, 1);
    for _ in 0..20 {
        let copy = source.clone();
        assert!(source.by_ref().take(37).eq(copy.take(37)));
    }
}

#[test]
fn contradictions_are_named() {
    for (text, expected) in [
        ("{name: a}", "workload `a`: expected exactly one of `arrivals`, `trace` and `requests`, found 0"),
        (
            "{name: a, arrivals: {process: poisson, rate: 1/s}}",
            "workload `a`: `lengths` is missing, which `arrivals` needs",
        ),
        (
            "{name: a, arrivals: {process: poisson}, lengths: chat}",
            "`arrivals.rate` is missing, which `process: poisson` needs",
        ),
        (
            "{name: a, arrivals: {process: poisson, rate: 0/s}, lengths: chat}",
            "`arrivals.rate` is 0/s: expected a rate above 0",
        ),
        (
            "{name: a, arrivals: {process: poisson, rate: 1/s, burstiness: 2}, lengths: chat}",
            "`arrivals.burstiness` means nothing with `process: poisson`",
        ),
        (
            "{name: a, arrivals: {process: on-off, rate: 1/s, mean_on: 0s, mean_off: 1s}, lengths: chat}",
            "`arrivals.mean_on` is 0s: expected at least 1ms",
        ),
        (
            "{name: a, arrivals: {process: all-at-once}, lengths: chat}",
            "`num_prompts` is missing, which `process: all-at-once` needs",
        ),
        (
            "{name: a, arrivals: {process: closed-loop, concurrency: 2, rate: 1/s}, lengths: chat}",
            "`arrivals.rate` means nothing with `process: closed-loop`",
        ),
        (
            "{name: a, arrivals: {process: constant, rate: 1/s, rate_curve_start: 1h}, lengths: chat}",
            "`arrivals.rate_curve_start` means nothing with no `rate_curve`",
        ),
        (
            "{name: a, arrivals: {process: constant, rate: 1/s, rate_curve: azure-2024-chatt}, lengths: chat}",
            "did you mean `azure-2024-chat`?",
        ),
        (
            "{name: a, arrivals: {process: constant, rate: 1/s}, lengths: chatt}",
            "no presets named `chatt` in the catalogue; did you mean `chat`?",
        ),
        (
            "{name: a, arrivals: {process: constant, rate: 1/s, num_prompts: 2}, num_prompts: 2, lengths: chat}",
            "a second time",
        ),
        (
            "{name: a, requests: [{id: x, input_tokens: 1, output_tokens: 1}, {id: x, input_tokens: 1, output_tokens: 1}]}",
            "two requests named `x`",
        ),
        (
            "{name: a, requests: [{input_tokens: 1, output_tokens: 1}], lengths: chat}",
            "`lengths` means nothing with a list of requests",
        ),
        ("{name: a, trace: {file: nowhere.csv, format: azure}}", "nowhere.csv"),
        (
            "{name: a, trace: {file: azure_2023.csv, format: azure, block_size: 16}}",
            "`trace.block_size` means nothing with a format without hash ids",
        ),
    ] {
        let error = resolve(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}\n{error}");
    }
}
