//! The words of a scenario file about traffic: every form is read, written back the same, and refused when it is wrong.

use towtank::{
    routing::RouterArgs,
    workload::{LengthArgs, LengthsArgs, WorkloadArgs},
};

#[derive(
    Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, garde::Validate, schemars::JsonSchema,
)]
struct NoSlo {}

type Args = WorkloadArgs<NoSlo>;

fn read<T: serde::de::DeserializeOwned + garde::Validate<Context = ()>>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str_valid::<T>(text).map_err(|error| error.to_string())
}

#[test]
fn every_form_is_read_and_written_back() {
    for text in [
        "{name: a, arrivals: {process: poisson, rate: 1.5/s}, lengths: chat}",
        "{name: a, arrivals: {process: gamma, rate: 90/min, burstiness: 0.5}, lengths: {input: 512, output: 128}, num_prompts: 7}",
        "{name: a, arrivals: {process: on-off, rate: 2/s, mean_on: 17s, mean_off: 43s}, lengths: {input: rag, output: {preset: rag, stop: eos}}}",
        "{name: a, arrivals: {process: all-at-once, num_prompts: 9}, lengths: {input: {uniform: [100, 200]}, output: {fixed: 9}}}",
        "{name: a, arrivals: {process: closed-loop, concurrency: 8, think_time: 3s}, lengths: {input: {p50: 1020, p90: 2734, p99: 4142, max: 14050}, output: {p50: 129, sigma: 0.9, max: 1000, stop: eos}}}",
        "{name: a, arrivals: {process: constant, rate: 2/s, rate_curve: [[0h, 0.4], [9h, 2.1]], rate_curve_start: 8h}, lengths: {input: {lognormal: {p50: 100, sigma: 1.0}}, output: {histogram: {'16': 5, '64': 20, '+Inf': 21}}}}",
        "{name: a, arrivals: {process: constant, rate: 2/s, rate_curve: azure-2024-chat}, lengths: {input: 9, output: 9}, prefixes: {shared_tokens: 512, groups: 20, turns: {count: {uniform: [1, 5]}, think_time: {p50: 40s, sigma: 1.15, max: 1h}, input: 50, max_context: 8000}}}",
        "{name: a, trace: {file: conv.csv, format: vllm-timed, speed: 2.0, loop: true, limit: 1000, jitter: 3s, block_size: 512, stop: length}, token_scale: {input: 1.1}}",
        "{name: a, requests: [{id: A, arrival: 0s, input_tokens: 10, output_tokens: 12, priority: 0}, {input_tokens: 1, output_tokens: 2, stop: eos}], priority: -3, client: {timeout: 10m, retries: 2, backoff: 1s, max_concurrency: 5}, slo: {}}",
    ] {
        let args: Args = read(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        let json = serde_json::to_string(&args).unwrap();
        assert_eq!(read::<Args>(&json).unwrap_or_else(|error| panic!("{json}\n{error}")), args);
    }
    for text in [
        "service",
        "{policy: inference-gateway, scrape_interval: 50ms}",
        "{policy: prefix-affinity, load_bound: 1.5}",
    ] {
        let args: RouterArgs = read(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(read::<RouterArgs>(&serde_json::to_string(&args).unwrap()).unwrap(), args);
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (text, expected) in [
        ("{input: {uniform: [200, 100]}, output: 1}", "the first number is above the second"),
        ("{input: {p50: 100, p90: 50, max: 200}, output: 1}", "quantiles must not fall"),
        ("{input: {p90: 50}, output: 1}", "at least `p50` and `max`"),
        ("{input: {fixed: 3, uniform: [1, 2]}, output: 1}", "expected one of fixed"),
        ("{input: {}, output: 1}", "expected one of fixed"),
        ("{input: 0, output: 1}", "at least 1"),
        ("{input: -4, output: 1}", "below 1"),
        ("{input: 1.5, output: 1}", "a whole number"),
        ("{input: {p50: 100, sigma: .nan}, output: 1}", "sigma"),
        ("{input: {fixed: 3, stop: eos}, output: 1}", "belongs to the output"),
        ("{input: {fixd: 3}, output: 1}", "fixd"),
        ("{input: {histogram: {'16': 5, '64': 4}}, output: 1}", "cumulative"),
        ("{input: {histogram: {'sixteen': 5}}, output: 1}", "upper bound of a bucket"),
        ("{input: 7}", "output"),
        ("{output: 7}", "input"),
        (
            "{input: 7, output: 7, dataset: a.jsonl}",
            "expected `input` and `output`, `prometheus`, or `dataset`",
        ),
        ("{prometheus: m.txt, custom_output_len: 3}", "expected `input` and `output`"),
        ("{dataset: a.jsonl, custom_output_len: 0}", "at least 1"),
        ("{promtheus: m.txt}", "promtheus"),
    ] {
        let error = read::<LengthsArgs>(text).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
    for (text, expected) in [
        ("{name: a, arrivals: {process: poison, rate: 1/s}}", "poison"),
        ("{name: a, arrivals: {process: poisson, rate: 2}}", "rate"),
        ("{name: a, arrivals: {process: poisson, rate_curve: [[1h, 2]]}}", "must be at 0h"),
        ("{name: a, arrivals: {process: poisson, rate_curve: [[0h, 0]]}}", "at least one factor"),
        ("{name: a, arrivals: {process: closed-loop, concurrency: 0}}", "concurrency"),
        ("{name: a, arrivals: {process: closed-loop, think_time: {mean: 4s, p50: 3s}}}", "a think time is"),
        ("{name: a, arrivals: {process: poisson, rate_from: {prometheus: m.txt, over: 0s}}}", "above 0s"),
        ("{name: a, arrivals: {process: poisson, rate_from: {prometheus: m.txt}}}", "over"),
        ("{name: '', lengths: chat}", "name"),
        ("{name: a, trace: {file: x, format: azur}}", "azur"),
        ("{name: a, trace: {file: x, format: azure, speed: 0}}", "speed"),
        ("{name: a, requests: [{input_tokens: 0, output_tokens: 2}]}", "input_tokens"),
        ("{name: a, client: {retries: 2, backof: 1s}}", "backof"),
    ] {
        let error = read::<Args>(text).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
    for (text, expected) in [("robin", "robin"), ("{policy: service, scrape_interval: 1s}", "scrape metrics")]
    {
        let error = read::<RouterArgs>(text).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn the_schema_accepts_what_the_reader_does() {
    let schema = serde_json::to_value(schemars::schema_for!(Args)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let instance = serde_json::json!({
        "name": "a", "lengths": {"input": 512, "output": {"p50": 1, "max": 2, "stop": "eos"}},
        "arrivals": {"process": "on-off", "rate_curve": [["0h", 0.5]], "think_time": {"mean": "4s"}},
    });
    assert!(
        validator.is_valid(&instance),
        "{:?}",
        validator.iter_errors(&instance).next().unwrap().to_string()
    );
    assert!(!validator.is_valid(&serde_json::json!({"name": "a", "lenghts": "chat"})));
    assert!(matches!(read::<LengthArgs>("512"), Ok(LengthArgs::Fixed(512))));
}
