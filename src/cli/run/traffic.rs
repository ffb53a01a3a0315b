//! Traffic for a `vllm serve` command line, which has no scenario to say it.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::units::{Rate, SimDuration};

/// Part of the duration that goes by before anything is counted.
const WARMUP: u64 = 5;

/// What arrives.
#[derive(Args)]
pub(super) struct TrafficOptions {
    /// Requests that arrive, as a Poisson process, with `--machine`
    #[arg(long, value_name = "R", default_value = "1/s", requires = "machine")]
    rate: Rate,
    /// Their lengths, with `--machine`: a preset (`catalog presets`), or tokens of prompt and answer such as 1024:128
    #[arg(long, value_name = "PRESET|IN:OUT", default_value = "chat", requires = "machine", value_parser = lengths)]
    lengths: Value,
    /// How long they arrive, with `--machine`; the first fifth is warm-up
    #[arg(long, value_name = "D", default_value = "10m", requires = "machine")]
    duration: SimDuration,
}

fn lengths(text: &str) -> Result<Value, String> {
    let Some((input, output)) = text.split_once(':') else { return Ok(json!(text)) };
    let tokens = |text: &str| match text.parse::<u32>() {
        Ok(tokens) if tokens > 0 => Ok(tokens),
        _ => {
            Err(format!("`{text}` is not a number of tokens: expected a preset, or IN:OUT such as 1024:128"))
        }
    };
    Ok(json!({"input": tokens(input)?, "output": tokens(output)?}))
}

impl TrafficOptions {
    /// A scenario with this traffic and no placement.
    pub(super) fn scenario(&self) -> Map<String, Value> {
        let warmup = SimDuration::from_nanos(self.duration.as_nanos() / WARMUP);
        let workload = json!({
            "name": "requests",
            "arrivals": {"process": "poisson", "rate": self.rate.to_string()},
            "lengths": self.lengths,
        });
        Map::from_iter([
            ("name".to_owned(), json!("vllm-serve")),
            ("duration".to_owned(), json!(self.duration.to_string())),
            ("warmup".to_owned(), json!(warmup.to_string())),
            ("workloads".to_owned(), json!([workload])),
        ])
    }
}
