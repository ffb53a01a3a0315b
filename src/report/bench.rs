//! `vllm_bench.json`: the result JSON of `vllm bench serve`, key for key.

use serde_json::{Map, Value, json};

use crate::metrics::{Distribution, LatencyFigures, Simulated};

/// There is no wall clock in a simulation, and vLLM's key wants a date.
const DATE: &str = "19700101-000000";

/// What `vllm bench serve --save-result --percentile-metrics ttft,tpot,itl,e2el` would have written (vLLM
/// `benchmarks/serve.py`), without arrays per request. Latencies start at the send, as there.
pub fn vllm_bench(simulated: &Simulated) -> Value {
    let metrics = &simulated.metrics;
    let overall = metrics.overall();
    let (requests, tokens, latency) = (overall.requests, overall.tokens, &overall.latency);
    let warmup = metrics.setup().warmup;
    let duration = (overall.last_end.max(warmup) - warmup).as_secs_f64();
    let rate = |count: u64| if duration > 0.0 { count as f64 / duration } else { 0.0 };
    let bench = &simulated.bench;
    let states_slo =
        metrics.setup().slo.is_some() || metrics.setup().workloads.iter().any(|w| w.slo.is_some());
    let value = json!({
        "date": DATE,
        "endpoint_type": "openai",
        "backend": "openai",
        "label": null,
        "model_id": bench.model_id,
        "tokenizer_id": bench.model_id,
        "num_prompts": requests.arrived,
        "request_rate": bench.request_rate.map_or_else(|| json!("inf"), |rate| json!(rate)),
        "burstiness": bench.burstiness,
        "max_concurrency": bench.max_concurrency,
        "duration": duration,
        "completed": requests.completed,
        "failed": requests.arrived - requests.completed,
        "total_input_tokens": tokens.input,
        "total_output_tokens": tokens.output,
        "request_throughput": rate(requests.completed),
        "request_goodput": states_slo.then(|| rate(overall.good)),
        "output_throughput": rate(tokens.output),
        "total_token_throughput": rate(tokens.input + tokens.output),
        "max_output_tokens_per_s": metrics.seconds().max_output_tokens_per_s(),
        "max_concurrent_requests": metrics.seconds().max_concurrent_requests(),
        "rtfx": 0.0,
    });
    let Value::Object(mut keys) = value else { unreachable!("the literal above is an object") };
    for (name, distribution) in [
        ("ttft", &latency.ttft_sent),
        ("tpot", &latency.tpot),
        ("itl", &latency.itl),
        ("e2el", &latency.e2e_sent),
    ] {
        insert_figures(&mut keys, name, distribution);
    }
    Value::Object(keys)
}

/// vLLM prints 0 where there is nothing to average.
fn insert_figures(keys: &mut Map<String, Value>, name: &str, distribution: &Distribution) {
    let figures = LatencyFigures::of(distribution);
    for (statistic, value) in [
        ("mean", figures.mean),
        ("median", figures.p50),
        ("std", figures.std),
        ("p50", figures.p50),
        ("p90", figures.p90),
        ("p95", figures.p95),
        ("p99", figures.p99),
    ] {
        keys.insert(format!("{statistic}_{name}_ms"), json!(value.unwrap_or(0.0)));
    }
}
