//! The requests a row was measured with.

use serde_json::{Value, json};

use super::{row::Row, words};

/// Requests sent one after another or together where the source does not say how many.
const UNSTATED_REQUESTS: u32 = 500;
/// Most requests of a run, and most at a time.
const MOST_REQUESTS: u32 = 1_000_000;
/// Most requests a second.
const MOST_RATE: f64 = 1e6;
/// Longest prompt or answer [tokens].
const MOST_TOKENS: f64 = 1e7;
/// Rounds of a closed loop where the source does not say how many requests.
const UNSTATED_ROUNDS: u32 = 10;

/// How requests were sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arrival {
    /// All at once.
    AllAtOnce,
    /// One lot of so many, all at once.
    Batch(u32),
    /// So many open at a time.
    Concurrency(u32),
    /// At random, so many a second.
    Rate(f64),
}

/// How long prompts or answers are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Length {
    Fixed(u32),
    Uniform(u32, u32),
    /// As in the preset `sharegpt`, with this mean.
    ShareGpt(f64),
}

/// The requests of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Traffic {
    arrival: Arrival,
    input: Length,
    output: Length,
    requests: u32,
}

impl Traffic {
    /// Reads the words of a row.
    ///
    /// # Errors
    /// If they do not say enough, in words.
    pub(super) fn of(row: &Row) -> Result<Self, String> {
        let arrival = arrival(&row.arrival)?;
        let requests = match (arrival, words::stated("num_requests", &row.num_requests, MOST_REQUESTS)?) {
            (Arrival::Batch(size), _) => size,
            (_, Some(stated)) => stated,
            (Arrival::Concurrency(open), None) => open.saturating_mul(UNSTATED_ROUNDS).min(MOST_REQUESTS),
            (_, None) => {
                whole(&row.arrival).filter(|_| row.arrival.contains("at once")).unwrap_or(UNSTATED_REQUESTS)
            }
        };
        Ok(Self {
            arrival,
            input: length(&row.length_dist, &row.input_tokens, "input_tokens")?,
            output: length(&row.length_dist, &row.output_tokens, "output_tokens")?,
            requests,
        })
    }

    /// Sequences of one lot.
    pub(super) fn batch(&self) -> Option<u32> {
        if let Arrival::Batch(size) = self.arrival { Some(size) } else { None }
    }

    /// Whether a client sends over a network; a lot or a whole data set is handed to the engine in its own process.
    pub(super) fn is_online(&self) -> bool {
        matches!(self.arrival, Arrival::Rate(_) | Arrival::Concurrency(_))
    }

    /// Tokens of the longest request.
    pub(super) fn longest(&self) -> u32 {
        self.input.most() + self.output.most()
    }

    /// Tokens of the longest prompt.
    pub(super) fn longest_prompt(&self) -> u32 {
        self.input.most()
    }

    /// The means that drawn lengths are to have [tokens].
    pub(super) fn means(&self) -> [Option<f64>; 2] {
        [self.input.mean(), self.output.mean()]
    }

    /// The scenario's workload, drawn lengths multiplied by `scale`.
    pub(super) fn workload(&self, scale: [f64; 2]) -> Value {
        let mut workload = json!({
            "name": "measured",
            "lengths": {"input": self.input.args(), "output": self.output.args()},
            "num_prompts": self.requests,
            "token_scale": {"input": scale[0], "output": scale[1]},
        });
        workload["arrivals"] = match self.arrival {
            Arrival::Rate(rate) => json!({"process": "poisson", "rate": format!("{rate}/s")}),
            _ => json!({"process": "all-at-once"}),
        };
        if let Arrival::Concurrency(open) = self.arrival {
            workload["client"] = json!({"max_concurrency": open});
        }
        workload
    }
}

impl Length {
    fn args(self) -> Value {
        match self {
            Self::Fixed(tokens) => json!(tokens),
            Self::Uniform(least, most) => json!({"uniform": [least, most]}),
            Self::ShareGpt(_) => json!("sharegpt"),
        }
    }

    /// Tokens of the longest.
    fn most(self) -> u32 {
        match self {
            Self::Fixed(most) | Self::Uniform(_, most) => most,
            // `benchmark_serving` keeps conversations of at most 1,024 tokens a side.
            Self::ShareGpt(_) => 1024,
        }
    }

    fn mean(self) -> Option<f64> {
        if let Self::ShareGpt(mean) = self { Some(mean) } else { None }
    }
}

/// The first number of a text, where it is a number of requests.
fn whole(text: &str) -> Option<u32> {
    let number = words::number(text)?;
    (number >= 1.0 && number <= f64::from(MOST_REQUESTS)).then_some(number as u32)
}

fn arrival(text: &str) -> Result<Arrival, String> {
    let lower = text.to_lowercase();
    let word = |wanted: &str| lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == wanted);
    let found = if word("concurrency") {
        whole(&lower).map(Arrival::Concurrency)
    } else if word("batch") {
        whole(&lower).map(Arrival::Batch)
    } else if lower.contains("single request") {
        Some(Arrival::Batch(1))
    } else if ["inf", "offline", "burst", "once", "saturated", "sustained"].iter().any(|end| word(end)) {
        Some(Arrival::AllAtOnce)
    } else if word("rate") || lower.contains("req/s") {
        words::number(&lower).filter(|rate| *rate > 0.0 && *rate <= MOST_RATE).map(Arrival::Rate)
    } else {
        None
    };
    found.ok_or_else(|| {
        format!(
            "arrival `{text}` is not understood: expected such as `Poisson rate 4 req/s`, `concurrency 8`, `static batch 16`, `offline`"
        )
    })
}

fn length(dist: &str, tokens: &str, column: &str) -> Result<Length, String> {
    let unclear = || format!("{column} `{tokens}` ({dist}) is not understood: expected a number of tokens");
    let mean = words::number(tokens).ok_or_else(unclear)?;
    if !(1.0..=MOST_TOKENS).contains(&mean) {
        return Err(format!("{column} is `{tokens}`: expected 1 to {MOST_TOKENS} tokens"));
    }
    let dist = dist.to_lowercase();
    let whole = mean.round() as u32;
    if dist.contains("sharegpt") {
        return Ok(Length::ShareGpt(mean));
    }
    if dist.contains("mlperf") || dist.contains("openorca") {
        return Err(format!("lengths of `{dist}` are not published"));
    }
    let spread = words::number(&dist);
    if dist.contains("range ratio") {
        // The client of that benchmark draws between this part of the nominal length and the whole of it.
        let part = spread.ok_or_else(unclear)?;
        return Ok(Length::Uniform(((mean * part) as u32).max(1), whole));
    }
    if dist.contains("uniform") {
        let part = spread.ok_or_else(unclear)? / 100.0;
        let (least, most) = (mean * (1.0 - part), mean * (1.0 + part));
        return Ok(Length::Uniform((least.round() as u32).max(1), most.round() as u32));
    }
    Ok(Length::Fixed(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_read() {
        for (text, expected) in [
            ("Poisson rate 16 req/s", Arrival::Rate(16.0)),
            ("closed loop concurrency 64", Arrival::Concurrency(64)),
            ("static batch 4, ignore_eos", Arrival::Batch(4)),
            ("rate inf (burst of 320)", Arrival::AllAtOnce),
            ("offline, 64 prompts at once", Arrival::AllAtOnce),
            ("single request", Arrival::Batch(1)),
        ] {
            assert_eq!(arrival(text), Ok(expected), "{text}");
        }
        assert!(arrival("every full moon").unwrap_err().contains("not understood"));
    }

    #[test]
    fn lengths_are_read() {
        for (dist, tokens, expected) in [
            ("fixed", "2048", Length::Fixed(2048)),
            ("random, range ratio 0.8", "1024 nominal", Length::Uniform(819, 1024)),
            ("uniform +-15%", "~20000 +-15%", Length::Uniform(17_000, 23_000)),
            ("sonnet averages", "467", Length::Fixed(467)),
            ("ShareGPT averages", "mean 202", Length::ShareGpt(202.0)),
        ] {
            assert_eq!(length(dist, tokens, "input_tokens"), Ok(expected), "{dist}");
        }
        assert!(length("fixed", "some", "input_tokens").is_err());
    }
}
