//! Lengths and rates that a file states: what a server measured of its own requests, or a dataset.

use std::{fs, path::Path};

use garde::Validate;

use super::Resolver;
use crate::units::Rate;
use crate::workload::{
    LengthArgs, LengthForm, LengthsArgs, Stop, WorkloadError,
    args::RateFromArgs,
    dataset::Dataset,
    length::{Length, Side},
    prometheus::Metrics,
    trace::TraceNote,
};

/// Histograms of a vLLM server.
const PROMPTS: &str = "vllm:request_prompt_tokens";
const ANSWERS: &str = "vllm:request_generation_tokens";
/// Its counter of requests that ended well, then, where it is missing, the count of the prompts' histogram.
const REQUESTS: [&str; 2] = ["vllm:request_success_total", "vllm:request_prompt_tokens_count"];

/// Lengths of a class.
pub(super) struct Lengths {
    pub(super) input: Length,
    pub(super) output: Length,
    pub(super) stop: Stop,
    /// Prompt and answer of a request belong together.
    pub(super) paired: bool,
    pub(super) notes: Vec<TraceNote>,
}

impl<S: Validate<Context = ()>> Resolver<'_, S> {
    pub(super) fn lengths(&self, args: &LengthsArgs) -> Result<Lengths, WorkloadError> {
        match args {
            LengthsArgs::Each { input, output } => {
                let lengths = self.drawn(input, output)?;
                let long = [(input, false), (output, true)];
                let notes = long.into_iter().filter_map(|(side, answers)| {
                    let histogram = side.open_histogram()?;
                    Some(TraceNote::longer(answers, histogram.total(), &histogram.tail()?))
                });
                Ok(Lengths { notes: notes.collect(), ..lengths })
            }
            LengthsArgs::Preset(name) => {
                let preset = LengthArgs::Preset(name.clone());
                self.drawn(&preset, &preset)
            }
            LengthsArgs::Prometheus { prometheus } => {
                let metrics = self.metrics("lengths.prometheus", prometheus)?;
                let (input, long_prompts) = self.histogram(&metrics, prometheus, PROMPTS)?;
                let (output, long_answers) = self.histogram(&metrics, prometheus, ANSWERS)?;
                let lengths = self.drawn(&input, &output)?;
                Ok(Lengths { notes: long_prompts.into_iter().chain(long_answers).collect(), ..lengths })
            }
            LengthsArgs::Dataset { dataset, custom_output_len } => {
                let turns = self.args.prefixes.as_ref().is_some_and(|prefixes| prefixes.turns.is_some());
                if turns {
                    return Err(self.pointless("prefixes.turns", "a dataset, whose rows stand alone"));
                }
                let text = self.text("lengths.dataset", dataset)?;
                let shown = dataset.display().to_string();
                let rows = Dataset::parse(&shown, &text, *custom_output_len)
                    .map_err(|error| self.value("lengths.dataset", format!("is no dataset: {error}")))?;
                let scale = self.args.token_scale;
                Ok(Lengths {
                    input: Length::rows(rows.inputs.into(), scale.input),
                    output: Length::rows(rows.outputs.into(), scale.output),
                    stop: Stop::Length,
                    paired: true,
                    notes: rows.notes,
                })
            }
        }
    }

    fn drawn(&self, input: &LengthArgs, output: &LengthArgs) -> Result<Lengths, WorkloadError> {
        let scale = self.args.token_scale;
        Ok(Lengths {
            input: self.length(input, Side::Input, scale.input, "lengths.input")?,
            output: self.length(output, Side::Output, scale.output, "lengths.output")?,
            stop: output.stop().unwrap_or_default(),
            paired: false,
            notes: Vec::new(),
        })
    }

    /// Lengths as the histogram `name` has them, and what is known of the longest.
    fn histogram(
        &self,
        metrics: &Metrics,
        file: &Path,
        name: &'static str,
    ) -> Result<(LengthArgs, Option<TraceNote>), WorkloadError> {
        let wrong =
            |reason: String| self.value("lengths.prometheus", format!("is {}: {reason}", file.display()));
        let histogram = metrics.histogram(name).map_err(|reason| wrong(format!("`{name}`: {reason}")))?;
        let (histogram, tail) = histogram.ok_or_else(|| wrong(format!("no histogram `{name}` in it")))?;
        let form = LengthForm {
            histogram: Some(
                histogram.buckets.iter().map(|(bound, count)| (bound.to_string(), *count)).collect(),
            ),
            ..LengthForm::default()
        };
        form.check().map_err(|reason| wrong(format!("`{name}`: {reason}")))?;
        let note = tail.map(|tail| TraceNote::longer(name == ANSWERS, histogram.total(), &tail));
        Ok((LengthArgs::Drawn(Box::new(form)), note))
    }

    /// Requests a second that a server counted.
    pub(super) fn counted_rate(&self, from: &RateFromArgs) -> Result<Rate, WorkloadError> {
        let field = "arrivals.rate_from";
        let metrics = self.metrics(field, &from.prometheus)?;
        let shown = from.prometheus.display();
        let total = REQUESTS.iter().find_map(|name| metrics.total(name)).ok_or_else(|| {
            self.value(field, format!("is {shown}: neither `{}` nor `{}` in it", REQUESTS[0], REQUESTS[1]))
        })?;
        let rate = total / from.over.as_secs_f64();
        if rate.is_finite() && rate >= 0.0 {
            Ok(Rate::per_s(rate))
        } else {
            Err(self.value(field, format!("is {shown}: {total} requests in {} are no rate", from.over)))
        }
    }

    fn metrics(&self, field: &'static str, file: &Path) -> Result<Metrics, WorkloadError> {
        let text = self.text(field, file)?;
        Metrics::parse(&text).map_err(|error| {
            self.value(field, format!("is no metrics: {}:{}: {}", file.display(), error.line, error.reason))
        })
    }

    fn text(&self, field: &'static str, file: &Path) -> Result<String, WorkloadError> {
        fs::read_to_string(self.folder.join(file))
            .map(|text| text.trim_start_matches('\u{feff}').to_owned())
            .map_err(|error| self.value(field, format!("cannot be read: {}: {error}", file.display())))
    }
}
