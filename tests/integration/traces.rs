//! Trace files: every layout with its pitfalls, and what is refused.

use towtank::{
    request::Content,
    units::{SimDuration, SimTime},
    workload::{Arrival, Class, Dropped, Reading, Source, SourceOptions, Trace, TraceFormat, TraceNote},
};

use crate::workload::{class, common, resolve};

fn trace(fields: &str) -> Class {
    class(&format!("{{name: t, trace: {{{fields}}}}}"))
}

fn arrivals(fields: &str) -> Vec<Arrival> {
    Source::new(&trace(fields), SourceOptions { seed: 1, rate_factor: 1.0, end: None }).collect()
}

/// (time [ms], input, output) of each request.
fn summary(fields: &str) -> Vec<(f64, u32, u32)> {
    arrivals(fields)
        .iter()
        .map(|arrival| (arrival.at.as_nanos() as f64 / 1e6, arrival.input_tokens, arrival.output_tokens))
        .collect()
}

fn read(format: TraceFormat, text: &str) -> Result<Trace, String> {
    let reading =
        Reading { file: "t", format, limit: None, block_size: None, input_scale: 1.0, output_scale: 1.0 };
    Trace::read(text.as_bytes(), &reading).map_err(|error| error.to_string())
}

#[test]
fn azure_stamps_of_both_years_are_read() {
    assert_eq!(
        summary("file: azure_2023.csv, format: azure"),
        [(0.0, 4808, 10), (52.0, 3180, 8), (98.2401, 110, 27), (56_020.04, 7433, 251)]
    );
    let class = trace("file: azure_2024.csv, format: azure");
    assert_eq!(class.notes, [TraceNote::Dropped { reason: Dropped::NoOutput, rows: 1, of: 5 }]);
    assert_eq!(
        summary("file: azure_2024.csv, format: azure"),
        [(0.0, 2399, 6), (9.93, 76, 15), (500.0, 100, 20), (2000.0, 50, 5)]
    );
}

#[test]
fn rows_out_of_order_are_sorted_stably_and_counted() {
    let text = "arrived_at,num_prefill_tokens,num_decode_tokens\n7,1,1\n3,2,1\n5,3,1\n3,4,1\n";
    let trace = read(TraceFormat::Csv, text).unwrap();
    assert_eq!(trace.notes, [TraceNote::Reordered { rows: 2 }]);
    let rows: Vec<_> = trace.rows.iter().map(|row| (row.row, row.at.as_secs_f64())).collect();
    assert_eq!(rows, [(1, 0.0), (3, 0.0), (2, 2.0), (0, 4.0)]);
}

#[test]
fn burstgpt_finds_its_columns_by_name_and_drops_failures() {
    let six = trace("file: burstgpt_6.csv, format: burstgpt");
    assert_eq!(
        summary("file: burstgpt_6.csv, format: burstgpt"),
        [(0.0, 472, 18), (40_000.0, 1087, 230), (209_000.0, 185, 215)]
    );
    assert_eq!(six.notes, [TraceNote::Dropped { reason: Dropped::NoOutput, rows: 2, of: 5 }]);
    let eight = arrivals("file: burstgpt_8.csv, format: burstgpt");
    let at: Vec<_> = eight.iter().map(|arrival| (arrival.at.as_secs_f64(), arrival.input_tokens)).collect();
    assert_eq!(at, [(0.0, 906), (51.0, 36), (51.5, 1779)]);
    // Names are rows of the file, dropped ones included, so that a result can be joined with it.
    assert_eq!(arrivals("file: burstgpt_6.csv, format: burstgpt")[2].name.to_string(), "t-4");
}

#[test]
fn plain_columns_may_stand_in_any_order() {
    assert_eq!(
        summary("file: plain.csv, format: csv"),
        [(0.0, 110, 27), (52.0, 3180, 8), (12_500.0, 4808, 10)]
    );
}

#[test]
fn limit_scale_stop_and_speed_apply() {
    let text = "{name: t, trace: {file: plain.csv, format: csv, limit: 2, speed: 4, stop: length}, token_scale: {input: 1.1, output: 0.25}}";
    let rows: Vec<_> =
        Source::new(&class(text), SourceOptions { seed: 1, rate_factor: 2.0, end: None }).collect();
    assert_eq!((rows.len(), rows[1].at.as_nanos()), (2, 52_000_000 / 8));
    assert_eq!((rows[0].input_tokens, rows[0].max_tokens), (121, Some(7)));
    assert_eq!(arrivals("file: plain.csv, format: csv")[0].max_tokens, None, "a trace ends by eos");
    let expected = class(text).expected(None);
    assert_eq!(expected.requests_per_s, Some(4.0 / 0.052));
}

fn shared(a: &Arrival, b: &Arrival) -> u32 {
    common((&a.content, a.input_tokens), (&b.content, b.input_tokens))
}

#[test]
fn hash_ids_decide_what_prompts_share() {
    let rows = arrivals("file: mooncake.jsonl, format: mooncake");
    assert_eq!(rows.len(), 6);
    for (a, b, tokens) in [
        (0, 1, 512),
        // The third block of row 0 is not full: 1100 tokens are all there are.
        (0, 2, 1100),
        (2, 3, 2048),
        (1, 4, 512),
        (4, 5, 512),
        (5, 5, 512),
    ] {
        assert_eq!(shared(&rows[a], &rows[b]), tokens, "rows {a} and {b}");
    }
    // Answers are never shared: beyond the prompts nothing agrees.
    assert_eq!(common((&rows[0].content, 1200), (&rows[2].content, 2100)), 1100);
    let small = arrivals("file: vllm_timed.jsonl, format: vllm-timed");
    assert_eq!((shared(&small[0], &small[1]), shared(&small[0], &small[2])), (32, 0));
    assert_eq!(small[1].at, SimTime::from_nanos(1_250_000_000));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_row_and_a_list_is_no_row() {
    let row = "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5}\n";
    assert_eq!(read(TraceFormat::VllmTimed, &format!("\u{feff}{row}")).unwrap().rows.len(), 1);
    let error = read(TraceFormat::VllmTimed, "[0, 5, 5, []]\n").unwrap_err();
    assert!(error.contains("expected fields, found a list"), "{error}");
}

#[test]
fn ticks_are_noticed_and_jitter_spreads_them() {
    let class = trace("file: mooncake.jsonl, format: mooncake");
    assert_eq!(class.notes, [TraceNote::Ticks { seconds: 3, rows: 6, stamps: 3 }]);
    assert_eq!(class.notes[0].to_string(), "6 rows share 3 stamps, 3 s apart: `jitter: 3s` spreads them");
    // Ticks of the real trace wander by a millisecond.
    let wandering = |at: [u64; 4]| {
        let line = |at| format!("{{\"timestamp\": {at}, \"input_length\": 5, \"output_length\": 5}}\n");
        read(TraceFormat::Mooncake, &at.map(line).concat()).unwrap().notes
    };
    assert_eq!(wandering([0, 0, 2999, 2999]), [TraceNote::Ticks { seconds: 3, rows: 4, stamps: 2 }]);
    assert_eq!(wandering([0, 0, 0, 250]), []);
    assert_eq!(wandering([0, 3000, 6000, 9000]), []);
    let spread = arrivals("file: mooncake.jsonl, format: mooncake, jitter: 3s");
    assert!(spread.is_sorted_by(|a, b| a.at < b.at));
    for arrival in &spread {
        let row: u64 = arrival.name.to_string().rsplit('-').next().unwrap().parse().unwrap();
        let tick = arrival.at.as_nanos() / 3_000_000_000;
        assert_eq!(tick, row / 2, "row {row} stays within its tick");
    }
    // Common random numbers: another speed moves every row alike.
    let fast = arrivals("file: mooncake.jsonl, format: mooncake, jitter: 3s, speed: 2");
    assert!(
        fast.iter()
            .zip(&spread)
            .all(|(f, s)| f.name == s.name && f.at.as_nanos().abs_diff(s.at.as_nanos() / 2) <= 1)
    );
}

#[test]
fn a_loop_goes_on_at_the_same_rate_with_fresh_prompts() {
    let class = trace("file: mooncake.jsonl, format: mooncake, loop: true");
    assert!(class.is_endless() && !trace("file: plain.csv, format: csv").is_endless());
    let end = Some(SimTime::ZERO + SimDuration::from_secs(8));
    let rows: Vec<_> = Source::new(&class, SourceOptions { seed: 1, rate_factor: 1.0, end }).collect();
    // Six rows in 6 s: the mean gap is 1.2 s, so the second pass starts at 7.2 s.
    assert_eq!(rows.len(), 8);
    assert_eq!(rows[6].at.as_nanos(), 7_200_000_000);
    assert_eq!(rows[6].name.to_string(), "t-6");
    assert_eq!((shared(&rows[0], &rows[6]), shared(&rows[6], &rows[7])), (0, 512));
}

#[test]
fn long_chains_share_exactly_what_their_ids_share() {
    // Random walks down a tree of ids, with some ids that stand in several places: what each pair of prompts shares must be
    // what comparing ids one by one says.
    let mut state = 12_345u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut prompts: Vec<(Vec<u64>, u32)> = Vec::new();
    for _ in 0..150 {
        let mut ids = Vec::new();
        let mut id = 1;
        for _ in 0..=random(6) {
            ids.push(if random(12) == 0 { 1_000_000 + random(3) } else { id });
            id = id * 3 + random(3);
        }
        let tokens = (ids.len() as u32 - 1) * 16 + 1 + random(16) as u32;
        prompts.push((ids, tokens));
    }
    let line = |(ids, tokens): &(Vec<u64>, u32)| {
        format!(
            "{{\"timestamp\": 0, \"input_length\": {tokens}, \"output_length\": 1, \"hash_ids\": {ids:?}}}\n"
        )
    };
    let lines = prompts.iter().map(line).collect::<Vec<_>>().concat();
    let trace = read(TraceFormat::VllmTimed, &lines).unwrap();
    let content = |row: usize| Content {
        segments: trace.rows[row].shared.clone(),
        tail: towtank::request::StreamId(1 << 40 | row as u64),
    };
    let mut shorter = 0;
    for a in 0..prompts.len() {
        shorter += usize::from(trace.rows[a].shared.len() < prompts[a].0.len());
        for b in 0..a {
            let ids = prompts[a].0.iter().zip(&prompts[b].0).take_while(|(x, y)| x == y).count() as u32;
            let expected = (ids * 16).min(prompts[a].1).min(prompts[b].1);
            let got = common((&content(a), prompts[a].1), (&content(b), prompts[b].1));
            assert_eq!(got, expected, "{:?} and {:?}", prompts[a], prompts[b]);
        }
    }
    assert!(shorter > 40, "chains are merged: {shorter}");
}

#[test]
fn bad_rows_are_refused_with_their_line() {
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
    let json = "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 5, \"hash_ids\": [1, 2]}\n";
    for (format, text, expected) in [
        (
            TraceFormat::Azure,
            format!("{azure}2023-11-16 18:17:03,5,x\n"),
            "t:2: `GeneratedTokens` is `x`: expected a whole number of tokens",
        ),
        (
            TraceFormat::Azure,
            format!("{azure}2023-11-16 18:17:03,5,1\n12.5,5,1\n"),
            "t:3: `TIMESTAMP` is `12.5`: expected a time such as 2023-11-16 18:17:03.9799600",
        ),
        (
            TraceFormat::Azure,
            format!("{azure}2023-11-16 18:17:03,5\n"),
            "t:2: 2 columns: expected 3 as in the header",
        ),
        (TraceFormat::Azure, format!("{azure}2023-11-16 18:17:03,-5,1\n"), "t:2: `ContextTokens` is `-5`"),
        (
            TraceFormat::Azure,
            format!("{azure}2023-11-16 18:17:03,5,0\n"),
            "t: no row with input and output tokens",
        ),
        (
            TraceFormat::Azure,
            "Timestamp,ContextTokens,GeneratedTokens\n".to_owned(),
            "t:1: no column `TIMESTAMP`: found `Timestamp`, `ContextTokens`, `GeneratedTokens`; did you mean `Timestamp`?",
        ),
        (TraceFormat::Azure, String::new(), "t:1: no column `TIMESTAMP`"),
        (
            TraceFormat::Csv,
            "arrived_at,num_prefill_tokens,num_decode_tokens\n-1,5,1\n".to_owned(),
            "t:2: `arrived_at` is `-1`",
        ),
        (
            TraceFormat::Csv,
            "arrived_at,num_prefill_tokens,num_decode_tokens\n1,5.5,1\n".to_owned(),
            "t:2: `num_prefill_tokens` is `5.5`",
        ),
        (
            TraceFormat::Mooncake,
            format!("\n{json}"),
            "t:2: 2 hash ids of 512 tokens for 6758 input tokens: expected 14; is `block_size` 4096?",
        ),
        (
            TraceFormat::Mooncake,
            "{\"timestamp\": 0, \"input_length\": 5}\n".to_owned(),
            "t:1: missing field `output_length`: expected a line such as",
        ),
        (
            TraceFormat::Mooncake,
            "{\"timestamp\": 0\n".to_owned(),
            "t:1: EOF while parsing an object: expected a line such as",
        ),
        (
            TraceFormat::Mooncake,
            "{\"timestamp\": -4, \"input_length\": 5, \"output_length\": 5}\n".to_owned(),
            "t:1: `timestamp` is -4: expected a number from 0",
        ),
    ] {
        let error = read(format, &text).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
    let wrong_block = resolve("{name: t, trace: {file: mooncake.jsonl, format: mooncake, block_size: 16}}");
    let error = wrong_block.unwrap_err().to_string();
    assert!(error.contains("mooncake.jsonl:1: 3 hash ids of 16 tokens for 1100 input tokens"), "{error}");
    let once = resolve("{name: t, trace: {file: azure_2023.csv, format: azure, limit: 1, loop: true}}");
    assert!(once.unwrap_err().to_string().contains("all rows have one stamp"));
}

#[test]
fn listed_requests_keep_their_names_order_and_limits() {
    let text = "{name: w, priority: 3, requests: [{id: B, arrival: 2s, input_tokens: 9, output_tokens: 4, stop: eos}, {id: A, input_tokens: 10, output_tokens: 12, priority: 0}, {arrival: 2s, input_tokens: 1, output_tokens: 1}]}";
    let rows: Vec<_> =
        Source::new(&class(text), SourceOptions { seed: 1, rate_factor: 1.0, end: None }).collect();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.name.to_string(), row.at.as_secs_f64(), row.max_tokens, row.priority))
        .collect();
    let expected = [("A", 0.0, Some(12), 0), ("B", 2.0, None, 3), ("w-2", 2.0, Some(1), 3)];
    assert_eq!(seen, expected.map(|(name, at, max, priority)| (name.to_owned(), at, max, priority)));
}
