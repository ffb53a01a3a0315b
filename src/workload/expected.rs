//! What a class asks for on average.

use super::{
    arrivals::Arrivals,
    class::{Class, Demand, Generated, Listed},
    source::{Ended, Source, SourceOptions},
};
use crate::units::{SimDuration, SimTime};

/// Conversations that are drawn for their mean; their standard error is below a hundredth of a standard deviation.
const CONVERSATIONS: u32 = 20_000;

/// Means over the requests of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Mean prompt length [tokens].
    pub input_tokens: f64,
    /// Mean answer length [tokens].
    pub output_tokens: f64,
    /// Requests a second, later turns included, over the run; `None` where the answers set the pace or all come at once
    /// [1/s].
    pub requests_per_s: Option<f64>,
}

impl Class {
    /// What it asks for on average, before any engine's limit, in a run of `duration` (for ever if there is none).
    pub fn expected(&self, duration: Option<SimDuration>) -> Expected {
        match &self.demand {
            Demand::Listed(list) => listed(list),
            Demand::Generated(generated) => self.generated(generated, duration),
        }
    }

    fn generated(&self, generated: &Generated, duration: Option<SimDuration>) -> Expected {
        let (input_tokens, output_tokens, turns) = if generated.turns.is_some() {
            self.conversations(generated)
        } else if generated.shared_tokens > 0 {
            let (input_tokens, ..) = self.conversations(generated);
            (input_tokens, generated.output.mean(), 1.0)
        } else {
            (generated.input.mean(), generated.output.mean(), 1.0)
        };
        let requests_per_s = match &generated.arrivals {
            Arrivals::Renewal(process) => {
                let factor = process.curve.as_ref().map_or(1.0, |curve| curve.mean(duration));
                Some(process.rate_per_s * factor * turns)
            }
            Arrivals::AllAtOnce | Arrivals::ClosedLoop { .. } => None,
        };
        Expected { input_tokens, output_tokens, requests_per_s }
    }

    /// Mean prompt, mean answer and mean number of turns, of conversations drawn and answered at once.
    fn conversations(&self, generated: &Generated) -> (f64, f64, f64) {
        let sample = Self {
            num_prompts: None,
            demand: Demand::Generated(Box::new(Generated {
                arrivals: Arrivals::AllAtOnce,
                ..generated.clone()
            })),
            ..self.clone()
        };
        let mut source = Source::new(&sample, SourceOptions { seed: 0, rate_factor: 1.0, end: None });
        let (mut inputs, mut outputs, mut requests) = (0u64, 0u64, 0u64);
        for _ in 0..CONVERSATIONS {
            let mut next = source.next();
            while let Some(arrival) = next {
                inputs += u64::from(arrival.input_tokens);
                outputs += u64::from(arrival.output_tokens);
                requests += 1;
                next = arrival.thread.and_then(|thread| {
                    let output_tokens = arrival.output_tokens;
                    source.completed(thread, SimTime::ZERO, Ended::Answered { output_tokens })
                });
            }
        }
        let per_request = |sum: u64| sum as f64 / requests as f64;
        (per_request(inputs), per_request(outputs), requests as f64 / f64::from(CONVERSATIONS))
    }
}

fn listed(list: &Listed) -> Expected {
    let rows = list.rows.len() as f64;
    let mean = |tokens: fn(&super::class::ListedRow) -> u32| {
        list.rows.iter().map(|row| u64::from(tokens(row))).sum::<u64>() as f64 / rows
    };
    let span_s = list.rows.last().map_or(0.0, |row| row.at.as_secs_f64())
        - list.rows.first().map_or(0.0, |row| row.at.as_secs_f64());
    Expected {
        input_tokens: mean(|row| row.input_tokens),
        output_tokens: mean(|row| row.output_tokens),
        requests_per_s: (span_s > 0.0).then(|| (rows - 1.0) / span_s * list.speed),
    }
}
