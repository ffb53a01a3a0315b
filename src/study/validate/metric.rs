//! Which figure of a run a row speaks of.

use std::fmt;

use super::frontend::Frontend;
use crate::metrics::{Distribution, LatencyFigures, Simulated};

/// What kind of figure it is; errors are summed up by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Time to first token.
    Ttft,
    /// Time per output token, and gaps between tokens.
    Tpot,
    /// Requests or tokens a second, and how long a given lot takes.
    Throughput,
    /// A whole request.
    E2e,
    /// KV blocks.
    Memory,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::Throughput => "throughput",
            Self::E2e => "e2e",
            Self::Memory => "memory",
        })
    }
}

/// A statistic over requests or gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Mean,
    Percentile(u8),
}

/// The distribution a latency is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Latency {
    Ttft,
    Tpot,
    Itl,
    E2e,
}

/// A figure that a run can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    Latency(Latency, Statistic),
    OutputTokens,
    OutputTokensPerGpu,
    TotalTokens,
    Requests,
    /// From the first arrival to the last end.
    Elapsed,
    /// From the first arrival to the last first token.
    Prompts,
    Blocks,
}

/// A row's metric: the figure, and the factor from seconds to the row's unit where it is a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Metric {
    figure: Figure,
    /// How many of the row's units a second has; 1 for what is no time.
    per_second: f64,
}

impl Metric {
    /// Reads the words of a row.
    ///
    /// # Errors
    /// If the metric or its unit is not known, in words.
    pub(super) fn parse(metric: &str, unit: &str) -> Result<Self, String> {
        let figure = figure(metric).ok_or_else(|| {
            format!("metric `{metric}` is not known: expected such as mean_TTFT, p99_TPOT, median_ITL, output_throughput, elapsed_time")
        })?;
        let is_time = matches!(figure, Figure::Latency(..) | Figure::Elapsed | Figure::Prompts);
        let per_second = match unit {
            "ms" if is_time => 1e3,
            "us" if is_time => 1e6,
            "s" | "" if is_time => 1.0,
            _ if is_time => return Err(format!("unit `{unit}` is no time: expected s, ms or us")),
            "" | "blocks" => 1.0,
            rate if rate.split(' ').next().is_some_and(|rate| rate.contains("/s")) => 1.0,
            _ => return Err(format!("unit `{unit}` is no rate: expected such as tok/s or req/s")),
        };
        Ok(Self { figure, per_second })
    }

    /// Factor from the row's unit to milliseconds, for a time.
    pub(super) fn to_ms(self) -> f64 {
        1e3 / self.per_second
    }

    pub(super) fn kind(self) -> Kind {
        match self.figure {
            Figure::Latency(Latency::Ttft, _) | Figure::Prompts => Kind::Ttft,
            Figure::Latency(Latency::Tpot | Latency::Itl, _) => Kind::Tpot,
            Figure::Latency(Latency::E2e, _) => Kind::E2e,
            Figure::OutputTokens
            | Figure::OutputTokensPerGpu
            | Figure::TotalTokens
            | Figure::Requests
            | Figure::Elapsed => Kind::Throughput,
            Figure::Blocks => Kind::Memory,
        }
    }

    /// The figure of a run on so many GPUs behind a server; nothing where it has none, as no gap between tokens where every answer has one token.
    pub(super) fn of(self, run: &Simulated, gpus: u32, frontend: Frontend) -> Option<f64> {
        let overall = run.metrics.overall();
        let (first, _) = run.metrics.arrivals()?;
        let elapsed = (overall.last_end.max(first) - first).as_secs_f64();
        let (requests, tokens) = (overall.requests, overall.tokens);
        let per_elapsed = |count: u64| (elapsed > 0.0).then(|| count as f64 / elapsed);
        let value = match self.figure {
            Figure::Latency(latency, statistic) => {
                let set = &overall.latency;
                let distribution = match latency {
                    Latency::Ttft => &set.ttft_sent,
                    Latency::Tpot => &set.tpot,
                    Latency::Itl => &set.itl,
                    Latency::E2e => &set.e2e_sent,
                };
                let beside = match latency {
                    Latency::Ttft | Latency::E2e => frontend.request_s,
                    Latency::Tpot | Latency::Itl => 0.0,
                };
                (statistic.of(distribution)? / 1e3 + beside) * self.per_second
            }
            Figure::OutputTokens => per_elapsed(tokens.output)?,
            Figure::OutputTokensPerGpu => per_elapsed(tokens.output)? / f64::from(gpus),
            Figure::TotalTokens => per_elapsed(tokens.input + tokens.output)?,
            Figure::Requests => per_elapsed(requests.completed)?,
            Figure::Elapsed => elapsed * self.per_second,
            Figure::Prompts => overall.latency.ttft_sent.max()? as f64 / 1e9 * self.per_second,
            Figure::Blocks => f64::from(run.deployments.first()?.memory.num_gpu_blocks),
        };
        Some(value)
    }
}

impl Statistic {
    /// The statistic of a distribution [ms].
    fn of(self, distribution: &Distribution) -> Option<f64> {
        let figures = LatencyFigures::of(distribution);
        match self {
            Self::Mean => figures.mean,
            Self::Percentile(50) => figures.p50,
            Self::Percentile(90) => figures.p90,
            Self::Percentile(95) => figures.p95,
            Self::Percentile(_) => figures.p99,
        }
    }
}

/// Words in brackets and case are no part of a metric's name.
fn figure(metric: &str) -> Option<Figure> {
    let name = metric.split('(').next().unwrap_or_default().trim().to_lowercase();
    let bracket = metric.to_lowercase();
    Some(match name.as_str() {
        "output_throughput" => Figure::OutputTokens,
        "output_throughput_per_gpu" => Figure::OutputTokensPerGpu,
        "total_throughput" | "total_token_throughput" => Figure::TotalTokens,
        "request_throughput" => Figure::Requests,
        "elapsed_time" | "batch_latency" | "duration" | "max_latency" | "makespan" => Figure::Elapsed,
        "prompt_time" => Figure::Prompts,
        "num_gpu_blocks" => Figure::Blocks,
        name => {
            let (statistic, rest) = statistic(name, &bracket);
            Figure::Latency(latency(rest)?, statistic)
        }
    })
}

/// `mean_ttft` and the like; a bare name is a mean unless its bracket says median.
fn statistic<'a>(name: &'a str, bracket: &str) -> (Statistic, &'a str) {
    for (prefix, statistic) in [
        ("mean_", Statistic::Mean),
        ("median_", Statistic::Percentile(50)),
        ("p50_", Statistic::Percentile(50)),
        ("p90_", Statistic::Percentile(90)),
        ("p95_", Statistic::Percentile(95)),
        ("p99_", Statistic::Percentile(99)),
    ] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return (statistic, rest);
        }
    }
    let bare = if bracket.contains("(median") { Statistic::Percentile(50) } else { Statistic::Mean };
    (bare, name)
}

fn latency(name: &str) -> Option<Latency> {
    let name = name.strip_suffix("_ms").unwrap_or(name);
    Some(match name {
        "ttft" | "first_token_latency" | "time_to_first_token" => Latency::Ttft,
        "tpot" | "time_per_output_token" => Latency::Tpot,
        "itl" | "tbt" | "inter_token_latency" => Latency::Itl,
        "e2e" | "e2el" | "request_latency" | "latency" => Latency::E2e,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units_are_read() {
        let kind = |metric, unit| Metric::parse(metric, unit).map(Metric::kind);
        assert_eq!(kind("mean_TTFT", "ms"), Ok(Kind::Ttft));
        assert_eq!(kind("inter_token_latency (median, per report)", "ms"), Ok(Kind::Tpot));
        assert_eq!(kind("output_throughput", "tok/s (all GPUs)"), Ok(Kind::Throughput));
        assert_eq!(kind("elapsed_time", "s"), Ok(Kind::Throughput));
        assert_eq!(kind("num_gpu_blocks (16 tok)", "blocks"), Ok(Kind::Memory));
        assert!(kind("mean_TTFT", "tok/s").unwrap_err().contains("expected s, ms or us"));
        assert!(kind("mean_tfft", "ms").unwrap_err().contains("not known"));
        assert!(kind("request_throughput", "req/min").unwrap_err().contains("no rate"));
        assert_eq!(kind("output_throughput_per_gpu", "tok/s/GPU"), Ok(Kind::Throughput));
        let p99 = Metric::parse("p99_TPOT", "ms").unwrap();
        assert_eq!(p99.figure, Figure::Latency(Latency::Tpot, Statistic::Percentile(99)));
        let median = Metric::parse("inter_token_latency (median, per report)", "ms").unwrap();
        assert_eq!(median.figure, Figure::Latency(Latency::Itl, Statistic::Percentile(50)));
    }
}
