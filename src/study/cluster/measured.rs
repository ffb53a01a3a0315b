//! A result file of `vllm bench serve --save-result`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::ClusterError;

/// What is compared, by vLLM's keys: three latencies and one throughput, the other throughputs being the same but for lengths.
pub(super) const METRICS: [&str; 4] = ["mean_ttft_ms", "mean_tpot_ms", "mean_itl_ms", "output_throughput"];

/// One run of `vllm bench serve`.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// When it ran, `YYYY-MM-DD`.
    pub(super) date: String,
    /// The model it asked for.
    pub(super) model: String,
    /// Mean prompt and mean answer of the requests that succeeded [tokens].
    pub(super) mean_tokens: [f64; 2],
    /// What it measured of each of [`METRICS`] [ms or 1/s]; `None` where there was nothing to measure.
    pub(super) values: [Option<f64>; 4],
    /// How the requests were sent.
    pub(super) traffic: Traffic,
}

/// How the requests were sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Traffic {
    num_prompts: u64,
    /// `None` for all at once [1/s].
    request_rate: Option<f64>,
    burstiness: f64,
    max_concurrency: Option<u64>,
}

/// The keys that are read; vLLM writes many more.
#[derive(Deserialize)]
struct Keys {
    date: String,
    model_id: String,
    num_prompts: u64,
    request_rate: Value,
    burstiness: Option<f64>,
    max_concurrency: Option<u64>,
    completed: u64,
    total_input_tokens: u64,
    total_output_tokens: u64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Measured {
    /// Reads a result; `file` is its name in errors.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, ClusterError> {
        let wrong = |reason: String| ClusterError::NotAResult { file: file.to_owned(), reason };
        let keys: Keys = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if keys.completed == 0 || keys.num_prompts == 0 {
            return Err(wrong("no request was completed".to_owned()));
        }
        let request_rate = match &keys.request_rate {
            Value::String(text) if text == "inf" => None,
            rate => Some(rate.as_f64().filter(|rate| *rate > 0.0).ok_or_else(|| {
                wrong(format!("`request_rate` is {rate}: expected requests a second, or \"inf\""))
            })?),
        };
        let values =
            METRICS.map(|name| keys.rest.get(name).and_then(Value::as_f64).filter(|value| *value > 0.0));
        if values.iter().all(Option::is_none) {
            return Err(wrong(format!("none of {} is there", METRICS.join(", "))));
        }
        let mean = |tokens: u64| tokens as f64 / keys.completed as f64;
        Ok(Self {
            date: date(&keys.date).ok_or_else(|| {
                wrong(format!("`date` is `{}`: expected vLLM's form, 20261124-171500", keys.date))
            })?,
            model: keys.model_id,
            mean_tokens: [mean(keys.total_input_tokens), mean(keys.total_output_tokens)],
            values,
            traffic: Traffic {
                num_prompts: keys.num_prompts,
                request_rate,
                burstiness: keys.burstiness.unwrap_or(1.0),
                max_concurrency: keys.max_concurrency,
            },
        })
    }
}

/// `YYYY-MM-DD` of vLLM's `YYYYMMDD-HHMMSS`.
fn date(text: &str) -> Option<String> {
    let day = text.get(..8).filter(|day| day.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]))
}

impl Traffic {
    /// What makes a scenario send as this run did: `--set` assignments.
    pub(super) fn sets(&self) -> Vec<String> {
        let arrivals = match self.request_rate {
            None => "{process: all-at-once}".to_owned(),
            Some(rate) => {
                format!("{{process: gamma, rate: {rate}/s, burstiness: {}}}", self.burstiness)
            }
        };
        let limit = self.max_concurrency.map_or_else(|| "null".to_owned(), |limit| limit.to_string());
        vec![
            format!("workloads[0].arrivals={arrivals}"),
            format!("workloads[0].num_prompts={}", self.num_prompts),
            format!("workloads[0].client.max_concurrency={limit}"),
            "duration=null".to_owned(),
            "warmup=0s".to_owned(),
            "drain=true".to_owned(),
            "find_rate=false".to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Measured, String> {
        Measured::parse("run.json", text).map_err(|error| error.to_string())
    }

    const RUN: &str = r#"{"date": "20261120-101500", "model_id": "m", "num_prompts": 100, "request_rate": "inf",
        "burstiness": 1.0, "max_concurrency": 8, "completed": 50, "total_input_tokens": 5000,
        "total_output_tokens": 1000, "mean_ttft_ms": 50.0, "mean_tpot_ms": 0.0, "other": [1, 2]}"#;

    #[test]
    fn a_result_says_what_was_sent_and_measured() {
        let run = parse(RUN).unwrap();
        assert_eq!(run.date, "2026-11-20");
        assert_eq!(run.mean_tokens.map(f64::to_bits), [100.0, 20.0].map(f64::to_bits));
        // vLLM writes 0 where there is nothing to average.
        assert_eq!(run.values, [Some(50.0), None, None, None]);
        assert_eq!(
            run.traffic.sets()[..3],
            [
                "workloads[0].arrivals={process: all-at-once}",
                "workloads[0].num_prompts=100",
                "workloads[0].client.max_concurrency=8"
            ]
        );
        let open = parse(&RUN.replace("\"inf\"", "2.5").replace("\"max_concurrency\": 8,", "")).unwrap();
        assert_eq!(
            open.traffic.sets()[0],
            "workloads[0].arrivals={process: gamma, rate: 2.5/s, burstiness: 1}"
        );
        assert_eq!(open.traffic.sets()[2], "workloads[0].client.max_concurrency=null");
    }

    #[test]
    fn what_is_no_result_is_refused() {
        for (text, expected) in [
            ("{}".to_owned(), "missing field `date`"),
            (RUN.replace("\"inf\"", "\"fast\""), "`request_rate` is \"fast\": expected requests a second"),
            (RUN.replace("20261120", "yesterday"), "`date` is `yesterday-101500`"),
            (RUN.replace("\"completed\": 50", "\"completed\": 0"), "no request was completed"),
            (RUN.replace("mean_ttft_ms", "median_ttft_ms"), "none of mean_ttft_ms, mean_tpot_ms"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.starts_with("run.json: ") && error.contains(expected), "{error}");
        }
    }
}
