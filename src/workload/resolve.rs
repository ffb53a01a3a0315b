//! From the words of a scenario file to a class of traffic.

mod lengths;

use std::{fs::File, io::BufReader, path::Path, sync::Arc};

use garde::Validate;

use super::{
    args::{ArrivalArgs, LengthArgs, Process, RequestArgs, Stop, TraceArgs, TraceFormat, WorkloadArgs},
    arrivals::{Arrivals, Gaps, Renewal},
    class::{Class, Demand, Generated, Listed, ListedName, ListedRow, Turns},
    curve::RateCurve,
    error::WorkloadError,
    length::{Length, Side},
    think::Think,
    trace::{Reading, Trace, TraceNote},
};
use crate::catalog::{Catalog, CatalogError};
use crate::units::{SimDuration, SimTime};

/// Phases shorter than this are no phases but a way never to finish.
const SHORTEST_PHASE: SimDuration = SimDuration::from_millis(1);

impl Class {
    /// Works out what a validated description means.
    ///
    /// `ordinal` is its place in the scenario, `folder` where the scenario file lies: paths are relative to it.
    ///
    /// # Errors
    /// If fields are missing, contradict each other or would have no effect, if a preset or curve is unknown, or if a trace
    /// cannot be read.
    pub fn resolve<S: Validate<Context = ()>>(
        args: &WorkloadArgs<S>,
        ordinal: u16,
        folder: &Path,
        catalog: &Catalog,
    ) -> Result<Self, WorkloadError> {
        Resolver { args, ordinal, folder, catalog }.class()
    }
}

struct Resolver<'a, S: Validate<Context = ()>> {
    args: &'a WorkloadArgs<S>,
    ordinal: u16,
    folder: &'a Path,
    catalog: &'a Catalog,
}

impl<S: Validate<Context = ()>> Resolver<'_, S> {
    fn class(&self) -> Result<Class, WorkloadError> {
        let args = self.args;
        let found = [args.arrivals.is_some(), args.trace.is_some(), args.requests.is_some()];
        let mut notes = Vec::new();
        let demand = match (&args.arrivals, &args.trace, &args.requests) {
            (Some(arrivals), None, None) => {
                let (generated, dataset_notes) = self.generated(arrivals)?;
                notes = dataset_notes;
                Demand::Generated(Box::new(generated))
            }
            (None, Some(trace), None) => {
                self.refuse_drawn("a trace")?;
                let (list, trace_notes) = self.trace(trace)?;
                notes = trace_notes;
                Demand::Listed(list)
            }
            (None, None, Some(requests)) => {
                self.refuse_drawn("a list of requests")?;
                Demand::Listed(self.requests(requests)?)
            }
            _ => {
                let found = found.iter().filter(|given| **given).count();
                return Err(WorkloadError::Demand { workload: args.name.clone(), found });
            }
        };
        Ok(Class {
            name: args.name.as_str().into(),
            ordinal: self.ordinal,
            client: args.client.into(),
            num_prompts: self.num_prompts()?,
            demand,
            notes,
        })
    }

    fn missing(&self, field: &'static str, because: &str) -> WorkloadError {
        WorkloadError::Missing { workload: self.args.name.clone(), field, because: because.to_owned() }
    }

    fn pointless(&self, field: &'static str, with: &str) -> WorkloadError {
        WorkloadError::Pointless { workload: self.args.name.clone(), field, with: with.to_owned() }
    }

    fn value(&self, field: &'static str, reason: impl Into<String>) -> WorkloadError {
        WorkloadError::Value { workload: self.args.name.clone(), field, reason: reason.into() }
    }

    fn unknown(&self, field: &'static str) -> impl Fn(CatalogError) -> WorkloadError {
        let workload = self.args.name.clone();
        move |source| WorkloadError::Catalog { workload: workload.clone(), field, source }
    }

    /// Refuses what describes drawn requests.
    fn refuse_drawn(&self, with: &str) -> Result<(), WorkloadError> {
        if self.args.lengths.is_some() {
            return Err(self.pointless("lengths", with));
        }
        if self.args.prefixes.is_some() {
            return Err(self.pointless("prefixes", with));
        }
        Ok(())
    }

    fn num_prompts(&self) -> Result<Option<u32>, WorkloadError> {
        let inner = self.args.arrivals.as_ref().and_then(|arrivals| arrivals.num_prompts);
        match (self.args.num_prompts, inner) {
            (Some(_), Some(_)) => {
                Err(self.value("arrivals.num_prompts", "is given a second time next to `num_prompts`"))
            }
            (outer, inner) => Ok(outer.or(inner)),
        }
    }

    fn length(
        &self,
        args: &LengthArgs,
        side: Side,
        scale: f64,
        field: &'static str,
    ) -> Result<Length, WorkloadError> {
        Length::resolve(args, side, scale, self.catalog).map_err(self.unknown(field))
    }

    fn generated(&self, arrivals: &ArrivalArgs) -> Result<(Generated, Vec<TraceNote>), WorkloadError> {
        let lengths = self.args.lengths.as_ref().ok_or_else(|| self.missing("lengths", "`arrivals`"))?;
        let lengths = self.lengths(lengths)?;
        let scale = self.args.token_scale.input;
        let prefixes = self.args.prefixes.as_ref();
        let turns = prefixes.and_then(|prefixes| prefixes.turns.as_ref()).map(|turns| {
            let new = turns.input.as_ref();
            Ok(Turns {
                count: self.length(&turns.count, Side::Input, 1.0, "prefixes.turns.count")?,
                think: Think::resolve(turns.think_time.as_ref()),
                input: new
                    .map(|new| self.length(new, Side::Input, scale, "prefixes.turns.input"))
                    .transpose()?,
                max_context: turns.max_context,
            })
        });
        let generated = Generated {
            arrivals: self.arrivals(arrivals)?,
            input: lengths.input,
            output: lengths.output,
            paired: lengths.paired,
            stop: lengths.stop,
            priority: self.args.priority,
            shared_tokens: prefixes.map_or(0, |prefixes| prefixes.shared_tokens),
            groups: prefixes.map_or(1, |prefixes| prefixes.groups),
            turns: turns.transpose()?,
        };
        Ok((generated, lengths.notes))
    }

    fn arrivals(&self, args: &ArrivalArgs) -> Result<Arrivals, WorkloadError> {
        let rated = !matches!(args.process, Process::AllAtOnce | Process::ClosedLoop);
        let bursty = matches!(args.process, Process::Gamma | Process::OnOff);
        let (phased, closed) = (args.process == Process::OnOff, args.process == Process::ClosedLoop);
        let name = format!("`process: {}`", process_name(args.process));
        for (field, given, meant) in [
            ("arrivals.rate", args.rate.is_some(), rated),
            ("arrivals.rate_from", args.rate_from.is_some(), rated),
            ("arrivals.rate_curve", args.rate_curve.is_some(), rated),
            ("arrivals.rate_curve_start", args.rate_curve_start.is_some(), args.rate_curve.is_some()),
            ("arrivals.burstiness", args.burstiness.is_some(), bursty),
            ("arrivals.mean_on", args.mean_on.is_some(), phased),
            ("arrivals.mean_off", args.mean_off.is_some(), phased),
            ("arrivals.concurrency", args.concurrency.is_some(), closed),
            ("arrivals.think_time", args.think_time.is_some(), closed),
        ] {
            if given && !meant {
                let no_curve = field == "arrivals.rate_curve_start" && rated;
                return Err(self.pointless(field, if no_curve { "no `rate_curve`" } else { &name }));
            }
        }
        match args.process {
            Process::AllAtOnce if self.num_prompts()?.is_none() => Err(self.missing("num_prompts", &name)),
            Process::AllAtOnce => Ok(Arrivals::AllAtOnce),
            Process::ClosedLoop => Ok(Arrivals::ClosedLoop {
                users: args.concurrency.ok_or_else(|| self.missing("arrivals.concurrency", &name))?,
                think: Think::resolve(args.think_time.as_ref()),
            }),
            process => self.renewal(process, args, &name).map(Arrivals::Renewal),
        }
    }

    fn renewal(&self, process: Process, args: &ArrivalArgs, name: &str) -> Result<Renewal, WorkloadError> {
        let (field, rate) = match (args.rate, &args.rate_from) {
            (Some(_), Some(_)) => return Err(self.pointless("arrivals.rate_from", "a stated `rate`")),
            (Some(rate), None) => ("arrivals.rate", rate),
            (None, Some(from)) => ("arrivals.rate_from", self.counted_rate(from)?),
            (None, None) => return Err(self.missing("arrivals.rate", name)),
        };
        if !(1e-9..=1e9).contains(&rate.as_per_s()) {
            return Err(self.value(field, format!("is {rate}: expected a rate above 0, up to 1e9/s")));
        }
        let phase = |length: Option<SimDuration>, field| match length {
            None => Err(self.missing(field, name)),
            Some(length) if length < SHORTEST_PHASE => {
                Err(self.value(field, format!("is {length}: expected at least {SHORTEST_PHASE}")))
            }
            Some(length) => Ok(length.as_secs_f64()),
        };
        let phases = if process == Process::OnOff {
            Some((phase(args.mean_on, "arrivals.mean_on")?, phase(args.mean_off, "arrivals.mean_off")?))
        } else {
            None
        };
        let gaps = match (process, args.burstiness) {
            (Process::Constant, _) => Gaps::Constant,
            (_, Some(shape)) if shape.to_bits() != 1f64.to_bits() => Gaps::Gamma(shape),
            _ => Gaps::Exponential,
        };
        let start = args.rate_curve_start.unwrap_or_default();
        let curve = args.rate_curve.as_ref().map(|curve| RateCurve::resolve(curve, start, self.catalog));
        let curve = curve.transpose().map_err(self.unknown("arrivals.rate_curve"))?;
        Ok(Renewal { rate_per_s: rate.as_per_s(), gaps, phases, curve })
    }

    fn trace(&self, args: &TraceArgs) -> Result<(Listed, Vec<TraceNote>), WorkloadError> {
        let hashed = matches!(args.format, TraceFormat::Mooncake | TraceFormat::VllmTimed);
        if args.block_size.is_some() && !hashed {
            return Err(self.pointless("trace.block_size", "a format without hash ids"));
        }
        let path = self.folder.join(&args.file);
        let shown = path.display().to_string();
        let file = File::open(&path).map_err(|error| WorkloadError::File {
            workload: self.args.name.clone(),
            file: path.clone(),
            reason: error.to_string(),
        })?;
        let reading = Reading {
            file: &shown,
            format: args.format,
            limit: args.limit,
            block_size: args.block_size,
            input_scale: self.args.token_scale.input,
            output_scale: self.args.token_scale.output,
        };
        let trace = Trace::read(BufReader::new(file), &reading)
            .map_err(|source| WorkloadError::Trace { workload: self.args.name.clone(), source })?;
        let single = trace.rows.last().is_none_or(|row| row.at == SimTime::ZERO);
        if args.repeat && single && args.jitter == SimDuration::ZERO {
            return Err(
                self.value("trace.loop", "would send everything at once for ever: all rows have one stamp")
            );
        }
        let streams = trace.rows.iter().flat_map(|row| row.shared.iter()).map(|s| s.stream.0 + 1).max();
        let rows = trace.rows.into_iter().map(|row| ListedRow {
            name: ListedName::Row(row.row),
            at: row.at,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            stop: args.stop.unwrap_or(Stop::Eos),
            priority: self.args.priority,
            shared: row.shared,
        });
        let list = Listed {
            rows: rows.collect(),
            speed: args.speed,
            repeat: args.repeat,
            jitter: args.jitter,
            row_numbers: trace.rows_read,
            streams: streams.unwrap_or(0),
        };
        Ok((list, trace.notes))
    }

    fn requests(&self, requests: &[RequestArgs]) -> Result<Listed, WorkloadError> {
        if requests.is_empty() {
            return Err(self.value("requests", "is empty"));
        }
        let scale = self.args.token_scale;
        let scaled = |tokens: u32, factor: f64| ((f64::from(tokens) * factor).round() as u32).max(1);
        let nothing = Arc::default();
        let mut rows: Vec<ListedRow> = (0..)
            .zip(requests)
            .map(|(row, request)| ListedRow {
                name: request.id.as_deref().map_or(ListedName::Row(row), |id| ListedName::Given(id.into())),
                at: SimTime::ZERO + request.arrival,
                input_tokens: scaled(request.input_tokens, scale.input),
                output_tokens: scaled(request.output_tokens, scale.output),
                stop: request.stop.unwrap_or_default(),
                priority: request.priority.unwrap_or(self.args.priority),
                shared: Arc::clone(&nothing),
            })
            .collect();
        let mut names: Vec<_> =
            rows.iter().map(|row| row.name.resolve(&self.args.name.as_str().into(), 0)).collect();
        names.sort();
        if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
            return Err(self.value("requests", format!("has two requests named `{twice}`")));
        }
        rows.sort_by_key(|row| row.at);
        Ok(Listed {
            row_numbers: rows.len() as u32,
            rows: rows.into(),
            speed: 1.0,
            repeat: false,
            jitter: SimDuration::ZERO,
            streams: 0,
        })
    }
}

fn process_name(process: Process) -> &'static str {
    match process {
        Process::Constant => "constant",
        Process::Poisson => "poisson",
        Process::Gamma => "gamma",
        Process::OnOff => "on-off",
        Process::AllAtOnce => "all-at-once",
        Process::ClosedLoop => "closed-loop",
    }
}
