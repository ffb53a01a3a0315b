//! What vLLM's `/metrics` would have answered over a run, as OpenMetrics text with simulated time for time stamps.
//!
//! Families stand one after the other, in each the servers, of each the readings in the order of time, as OpenMetrics
//! wants it and `promtool tsdb create-blocks-from openmetrics` reads it.

mod families;

use std::io::{self, Write};

use self::families::{FAMILIES, Family, Scale, Values};
use super::decimal::{exact_seconds, exact_seconds_sum};
use super::groups::Groups;
use super::rows::simulated;
use crate::kubernetes::pod_name;
use crate::metrics::{FinishReason, Histogram, PlacementResult, ServerLog, ServerReading, ServerSetup};

/// Writes every reading of every server.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_openmetrics(mut out: impl Write, results: &[PlacementResult]) -> io::Result<()> {
    let servers = servers(results);
    for family in FAMILIES {
        let mut own = servers.iter().filter(|server| family.is_of(server.setup.version)).peekable();
        if own.peek().is_some() {
            write_head(&mut out, family)?;
        }
        own.try_for_each(|server| server.write(&mut out, family))?;
    }
    writeln!(out, "# EOF")?;
    out.flush()
}

fn write_head(out: &mut impl Write, family: &Family) -> io::Result<()> {
    let Family { name, help, .. } = family;
    writeln!(out, "# TYPE {name} {}", family.values.kind())?;
    if let Some(unit) = family.unit() {
        writeln!(out, "# UNIT {name} {unit}")?;
    }
    writeln!(out, "# HELP {name} {help}")
}

/// One server that was read at least once.
struct Server<'a> {
    setup: &'a ServerSetup,
    /// Labels that all its samples have.
    labels: String,
    readings: &'a [ServerReading],
}

fn servers(results: &[PlacementResult]) -> Vec<Server<'_>> {
    let mut servers = Vec::new();
    for (placement, simulated) in simulated(results) {
        let groups = Groups::of(&simulated.deployments);
        let log = simulated.metrics.servers.iter().flat_map(ServerLog::servers);
        for (index, (setup, readings)) in log.enumerate().filter(|(_, (_, readings))| !readings.is_empty()) {
            let (deployment, group) = groups.name(index);
            let labels = format!(
                "model_name=\"{}\",engine=\"0\",placement=\"{}\",deployment=\"{}\",group=\"{group}\",pod=\"{}\"",
                escaped(&setup.model),
                escaped(placement),
                escaped(deployment),
                pod_name(deployment, group as u32, 0),
            );
            servers.push(Server { setup, labels, readings });
        }
    }
    servers
}

impl Server<'_> {
    fn write(&self, out: &mut impl Write, family: &Family) -> io::Result<()> {
        let Self { labels, readings, .. } = self;
        let name = family.name;
        match family.values {
            Values::Gauge(value) => readings.iter().try_for_each(|reading| {
                writeln!(out, "{name}{{{labels}}} {} {}", value(reading), exact_seconds(reading.at))
            }),
            Values::Counter(value) => readings.iter().try_for_each(|reading| {
                writeln!(out, "{name}_total{{{labels}}} {} {}", value(reading), exact_seconds(reading.at))
            }),
            Values::Finished => FinishReason::ALL.iter().try_for_each(|reason| {
                let labels = format!("{labels},finished_reason=\"{}\"", reason.name());
                readings.iter().try_for_each(|reading| {
                    let (value, at) = (reading.counters.finished(*reason), exact_seconds(reading.at));
                    writeln!(out, "{name}_total{{{labels}}} {value} {at}")
                })
            }),
            Values::Histogram(which, scale) => readings.iter().try_for_each(|reading| {
                let histogram = reading.counters.histogram(which);
                self.write_histogram(out, name, histogram, scale, &exact_seconds(reading.at))
            }),
        }
    }

    fn write_histogram(
        &self,
        out: &mut impl Write,
        name: &str,
        histogram: &Histogram,
        scale: Scale,
        at: &str,
    ) -> io::Result<()> {
        let labels = &self.labels;
        let mut count = 0;
        for (end, below) in histogram.cumulative() {
            let end = end.map_or_else(|| "+Inf".to_owned(), |end| scale.bound(end));
            writeln!(out, "{name}_bucket{{{labels},le=\"{end}\"}} {below} {at}")?;
            count = below;
        }
        writeln!(out, "{name}_count{{{labels}}} {count} {at}")?;
        writeln!(out, "{name}_sum{{{labels}}} {} {at}", scale.sum(histogram.sum()))
    }
}

impl Scale {
    /// Upper end of a bucket, as Python prints a float.
    fn bound(self, end: u64) -> String {
        match self {
            Self::Seconds => format!("{:?}", end as f64 / 1e9),
            Self::Tokens => format!("{end}.0"),
        }
    }

    fn sum(self, sum: u128) -> String {
        match self {
            Self::Seconds => exact_seconds_sum(sum),
            Self::Tokens => sum.to_string(),
        }
    }
}

/// A label's value between its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
