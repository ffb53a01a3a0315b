//! Lengths and rates that files state: what a server measured, and datasets.

use std::collections::BTreeSet;

use towtank::workload::{Class, Source, SourceOptions, TraceNote};

use crate::workload::{class, resolve};

fn with(arrivals: &str, lengths: &str) -> String {
    format!("{{name: a, arrivals: {{{arrivals}}}, lengths: {{{lengths}}}}}")
}

/// (prompt, answer) of the first requests.
fn pairs(class: &Class, count: usize) -> Vec<(u32, u32)> {
    let source = Source::new(class, SourceOptions { seed: 3, rate_factor: 1.0, end: None });
    source.take(count).map(|arrival| (arrival.input_tokens, arrival.output_tokens)).collect()
}

#[test]
fn a_servers_histograms_are_drawn_from() {
    let class = class(&with("process: poisson, rate: 1/s", "prometheus: metrics.txt"));
    let drawn = pairs(&class, 4000);
    let part =
        |from, to| drawn.iter().filter(|(input, _)| (from..to).contains(input)).count() as f64 / 4000.0;
    // Of 2400 prompts on both engines, 1200 have 100 to 200 tokens and 1200 have 200 to 400.
    assert!((part(100, 200) - 0.5).abs() < 0.03 && (part(200, 401) - 0.5).abs() < 0.03);
    assert!(drawn.iter().all(|(_, output)| (1..=10).contains(output)));
    let expected = class.expected(None);
    assert!((expected.input_tokens - 225.0).abs() < 1e-9 && (expected.output_tokens - 5.5).abs() < 1e-9);
}

#[test]
fn a_servers_counters_are_a_rate() {
    let rate = |from: &str| {
        let class = class(&with(&format!("process: poisson, rate_from: {from}"), "input: 1, output: 1"));
        class.expected(None).requests_per_s.unwrap()
    };
    assert!((rate("{prometheus: metrics.txt, over: 20m}") - 2.0).abs() < 1e-12);
    let curve = "{prometheus: metrics.txt, over: 40m}, rate_curve: [[0h, 3]]";
    assert!((rate(curve) - 3.0).abs() < 1e-12, "a curve multiplies it as it does a stated rate");
}

/// A class whose lengths are those of a server's metrics.
fn measured(name: &str, prompts: &str) -> Class {
    let answers =
        "vllm:request_generation_tokens_bucket{le=\"10\"} 5\nvllm:request_generation_tokens_count 5\n";
    let path = std::env::temp_dir().join(format!("towtank-{}-{name}.txt", std::process::id()));
    let prompts = prompts.replace("h_", "vllm:request_prompt_tokens_");
    std::fs::write(&path, format!("\u{feff}{prompts}{answers}")).unwrap();
    let class = class(&with("process: poisson, rate: 1/s", &format!("prometheus: {}", path.display())));
    std::fs::remove_file(&path).unwrap();
    class
}

#[test]
fn servers_with_other_buckets_are_added_up_length_by_length() {
    // 100 prompts up to 100 tokens on one server, 100 from 100 to 200 on the other, which has coarser buckets.
    let prompts = "h_bucket{e=\"0\",le=\"50\"} 50\nh_bucket{e=\"0\",le=\"100\"} 100\nh_bucket{e=\"0\",le=\"+Inf\"} 100\n\
                   h_bucket{e=\"1\",le=\"100\"} 0\nh_bucket{e=\"1\",le=\"200\"} 100\nh_bucket{e=\"1\",le=\"+Inf\"} 100\n";
    let class = measured("mixed", prompts);
    assert!((class.expected(None).input_tokens - 100.25).abs() < 0.2, "{:?}", class.expected(None));
    let drawn = pairs(&class, 4000);
    let short = drawn.iter().filter(|(input, _)| *input <= 100).count() as f64 / 4000.0;
    assert!((short - 0.5).abs() < 0.03, "{short}");
    assert!(class.notes.is_empty(), "{:?}", class.notes);
}

#[test]
fn what_is_above_the_largest_bucket_is_spread_as_the_sum_says() {
    // 1 of 100 up to 100 tokens, the others 301 in the mean.
    let prompts = "h_bucket{le=\"101\"} 1\nh_bucket{le=\"+Inf\"} 100\nh_sum 29850\n";
    let class = measured("tail", prompts);
    assert!((class.expected(None).input_tokens - 298.5).abs() < 0.5, "{:?}", class.expected(None));
    assert_eq!(
        class.notes[0].to_string(),
        "99 of 100 prompts are longer than the largest bucket, 101 tokens: they are spread up to 501, as the sum of all \
         lengths says"
    );
    let unsaid = measured("no-sum", "h_bucket{le=\"101\"} 1\nh_bucket{le=\"+Inf\"} 100\n");
    assert!(
        unsaid.notes[0]
            .to_string()
            .ends_with("they count as hardly longer, since nothing says how long they are")
    );
    let counted = measured("no-inf", "h_bucket{le=\"101\"} 1\nh_count 100\n");
    assert_eq!(counted.notes, unsaid.notes);
    let stated = class_of("histogram: {\"101\": 1, +Inf: 100}");
    assert_eq!(stated.notes, unsaid.notes);
    assert!(class_of("histogram: {\"101\": 1, +Inf: 100}, max: 501").notes.is_empty());
}

fn class_of(input: &str) -> Class {
    class(&with("process: poisson, rate: 1/s", &format!("input: {{{input}}}, output: 1")))
}

#[test]
fn rows_of_a_dataset_keep_prompt_and_answer_together() {
    let rows = BTreeSet::from([(100, 10), (8, 20), (3000, 300), (50, 256)]);
    for arrivals in [
        "process: poisson, rate: 1/s",
        "process: all-at-once, num_prompts: 200",
        "process: closed-loop, concurrency: 200",
    ] {
        let class = class(&with(arrivals, "dataset: custom.jsonl"));
        assert_eq!(pairs(&class, 200).into_iter().collect::<BTreeSet<_>>(), rows, "{arrivals}");
        assert!((class.expected(None).output_tokens - 146.5).abs() < 1e-9);
        assert_eq!(
            class.notes,
            [
                TraceNote::Estimated { rows: 1, of: 4, characters: 4 },
                TraceNote::DefaultOutput { rows: 1, of: 4, tokens: 256 }
            ]
        );
    }
    let stated = class(&with("process: poisson, rate: 1/s", "dataset: custom.jsonl, custom_output_len: 7"));
    assert!(pairs(&stated, 100).contains(&(50, 7)));
    assert_eq!(stated.notes.len(), 1, "nothing was made up about answers");
    assert_eq!(
        stated.notes[0].to_string(),
        "the prompts of 1 of 4 rows were estimated at 4 characters a token"
    );
}

#[test]
fn files_that_state_nothing_are_refused() {
    let error = |text: &str| resolve(text).unwrap_err().to_string();
    let open = "process: poisson, rate: 1/s";
    for (arrivals, lengths, message) in [
        (open, "prometheus: nowhere.txt", "`lengths.prometheus` cannot be read: nowhere.txt: No such file"),
        (
            open,
            "prometheus: custom.jsonl",
            "`lengths.prometheus` is no metrics: custom.jsonl:1: `{\"prompt\"",
        ),
        (open, "dataset: metrics.txt", "`lengths.dataset` is no dataset: metrics.txt:1: expected value"),
        (
            open,
            "dataset: plain.csv",
            "is no dataset: plain.csv:1: expected value: expected a line such as {\"prompt\"",
        ),
        (
            "process: poisson, rate: 1/s, rate_from: {prometheus: metrics.txt, over: 1h}",
            "input: 1, output: 1",
            "`arrivals.rate_from` means nothing with a stated `rate`",
        ),
        (
            "process: closed-loop, concurrency: 1, rate_from: {prometheus: metrics.txt, over: 1h}",
            "input: 1, output: 1",
            "`arrivals.rate_from` means nothing with `process: closed-loop`",
        ),
    ] {
        let error = error(&with(arrivals, lengths));
        assert!(error.contains(message), "{lengths}: {error}");
    }
    let turns = "{name: a, arrivals: {process: poisson, rate: 1/s}, lengths: {dataset: custom.jsonl}, \
                 prefixes: {turns: {count: 2}}}";
    assert!(error(turns).contains("`prefixes.turns` means nothing with a dataset"));
    for (file, text, message) in [
        ("no-histogram.txt", "a 1\n", "no histogram `vllm:request_prompt_tokens` in it"),
        (
            "falls.txt",
            "vllm:request_prompt_tokens_bucket{le=\"1\"} 5\nvllm:request_prompt_tokens_bucket{le=\"2\"} 4\n",
            "counts are cumulative and must not fall",
        ),
        (
            "no-count.txt",
            "vllm:request_prompt_tokens_bucket{le=\"1\"} 5\n",
            "neither a bucket `+Inf` nor `_count` says how many",
        ),
        (
            "no-bound.txt",
            "vllm:request_prompt_tokens_bucket{le=\"few\"} 5\n",
            "`few` is not the upper bound of a bucket",
        ),
        (
            "no-counter.txt",
            "a 1\n",
            "neither `vllm:request_success_total` nor `vllm:request_prompt_tokens_count` in it",
        ),
        ("bad.jsonl", "{\"prompt_len\": 0}\n", "bad.jsonl:1: a prompt or an answer of no tokens"),
        ("none.jsonl", "{\"output_tokens\": 3}\n", "none.jsonl:1: neither `prompt` nor `prompt_len`"),
        ("list.jsonl", "[\"hello\", 3, 4]\n", "list.jsonl:1: expected fields, found a list"),
        (
            "text.jsonl",
            "{\"prompt_len\": \"three\"}\n",
            "text.jsonl:1: expected a whole number, 0 or more, found text \"three\"",
        ),
        ("empty.jsonl", "\n", "empty.jsonl: no row with input and output tokens"),
    ] {
        let path = std::env::temp_dir().join(format!("towtank-{}-{file}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let shown = path.display();
        let text = match file {
            "no-counter.txt" => with(
                &format!("process: poisson, rate_from: {{prometheus: {shown}, over: 1h}}"),
                "input: 1, output: 1",
            ),
            file if file.ends_with("jsonl") => with(open, &format!("dataset: {shown}")),
            _ => with(open, &format!("prometheus: {shown}")),
        };
        let error = error(&text);
        std::fs::remove_file(&path).unwrap();
        assert!(error.contains(message), "{file}: {error}");
    }
}
