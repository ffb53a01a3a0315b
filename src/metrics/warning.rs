//! What keeps a reader from a wrong conclusion.

use serde::{Deserialize, Serialize};

use crate::units::SimTime;

use super::{ClassMetrics, Half, PlacementMetrics, SloArgs};

/// Samples a percentile needs above it before it says something.
const SAMPLES_ABOVE: f64 = 10.0;

/// Part of the arrivals that may stay behind in the second half of the run.
const DEFICIT: f64 = 0.05;

/// Growth of the wait from one half to the other that is more than chance.
const TREND: f64 = 0.5;

/// Requests a half must hold before the halves are compared.
const PER_HALF: u64 = 50;

/// Time a half must last before it can be called steady or not: a shorter one is all filling up [s].
const STEADY_HALF_S: usize = 10;

/// Part of the requests that may fail before latencies of the rest mislead.
const FAILED: f64 = 0.01;

/// Part of the arrivals that may find the system emptier than usual.
const RAMP: f64 = 0.01;

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// More arrives than is served.
    Overload,
    /// A percentile of the slo rests on too few requests.
    TooFewSamples,
    /// The two halves of the run differ.
    NotSteady,
    /// The first requests counted met a system that was still filling.
    ShortWarmup,
    /// Failed requests have no latency, so the latencies flatter.
    FailedRequests,
    /// No measurement stands behind this corner of the model.
    OutsideValidatedGround,
}

/// A warning to a reader.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// What to know, in a sentence.
    pub text: String,
}

/// Every warning a run earns by its figures alone.
pub fn warnings(metrics: &PlacementMetrics) -> Vec<Warning> {
    let overall = metrics.overall();
    let mut found = Vec::new();
    let mut warn = |kind, text: Option<String>| found.extend(text.map(|text| Warning { kind, text }));
    let halves = metrics.seconds().halves(metrics.setup().warmup);
    let overload = halves.and_then(overload);
    let steady = if overload.is_some() { None } else { halves.and_then(not_steady) };
    warn(WarningKind::Overload, overload);
    warn(WarningKind::NotSteady, steady);
    warn(WarningKind::ShortWarmup, short_warmup(metrics, &overall));
    warn(WarningKind::FailedRequests, failed(&overall));
    if let Some(slo) = &metrics.setup().slo {
        warn(WarningKind::TooFewSamples, too_few(slo, &overall, None));
    }
    for (index, workload) in metrics.setup().workloads.iter().enumerate() {
        if let Some(slo) = &workload.slo {
            warn(WarningKind::TooFewSamples, too_few(slo, metrics.class(index), Some(&workload.name)));
        }
    }
    found
}

/// More than chance stays behind in the second half, and the wait for the first token grows (the two signs the BLIS
/// simulator goes by: rate deficit and latency trend).
///
/// In a run no longer than a few requests, both also show while the engine fills up. So the wait must grow as a backlog
/// makes it grow: what stays behind of a half's arrivals is that part of the half's length more to wait for.
fn overload([first, second]: [Half; 2]) -> Option<String> {
    let behind = second.arrived.saturating_sub(second.completed) as f64;
    let deficit = behind / second.arrived as f64;
    // Counts of arrivals scatter by their root.
    let by_chance = 3.0 * (second.arrived as f64).sqrt();
    let trend = trend(first, second)?;
    let growth_s = (second.mean_wait? - first.mean_wait?) / 1e9;
    let backlog = growth_s > DEFICIT / 2.0 * second.length_s as f64;
    (deficit > DEFICIT && behind > by_chance && trend > TREND && backlog).then(|| {
        format!(
            "load above capacity: in the second half of the run {} requests arrived and {} were completed, and the mean wait \
             for the first token went from {:.1} s to {:.1} s; latencies here grow with the length of the run",
            second.arrived,
            second.completed,
            first.mean_wait.unwrap_or_default() / 1e9,
            second.mean_wait.unwrap_or_default() / 1e9,
        )
    })
}

/// How much longer the second half waited, as a part of the first half's wait.
fn trend(first: Half, second: Half) -> Option<f64> {
    let (first, second) = (first.mean_wait?, second.mean_wait?);
    (first > 0.0).then(|| second / first - 1.0)
}

fn not_steady([first, second]: [Half; 2]) -> Option<String> {
    if first.arrived.min(second.arrived) < PER_HALF || first.length_s < STEADY_HALF_S {
        return None;
    }
    let change = trend(first, second)?;
    (!(-TREND / (1.0 + TREND)..=TREND).contains(&change)).then(|| {
        format!(
            "not steady: the mean wait for the first token was {:.0} ms in the first half of the arrivals and {:.0} ms in the \
             second; figures of the whole run describe neither",
            first.mean_wait.unwrap_or_default() / 1e6,
            second.mean_wait.unwrap_or_default() / 1e6,
        )
    })
}

/// Requests stay for the mean E2E latency, so it takes about that long until as many are inside as usual.
fn short_warmup(metrics: &PlacementMetrics, overall: &ClassMetrics) -> Option<String> {
    let (first, last) = metrics.arrivals()?;
    let stay = overall.latency.e2e.mean()? / 1e9;
    let warmup = (metrics.setup().warmup - SimTime::ZERO).as_secs_f64();
    let span = (last - first).as_secs_f64();
    // All at once, or in less time than one request takes: nothing steady is being measured.
    (span > stay && stay - warmup > RAMP * span).then(|| {
        format!(
            "warm-up too short: it is {warmup} s, and a request stays for {stay:.1} s on average; the first ones counted met an \
             emptier system"
        )
    })
}

fn failed(overall: &ClassMetrics) -> Option<String> {
    let counts = &overall.requests;
    let lost = counts.failed + counts.rejected;
    (lost as f64 > FAILED * counts.arrived as f64).then(|| {
        format!(
            "{} of {} requests failed and {} were rejected; latencies are those of the completed ones alone",
            counts.failed, counts.arrived, counts.rejected
        )
    })
}

/// The percentiles of an slo with fewer than ten samples above them.
fn too_few(slo: &SloArgs, class: &ClassMetrics, workload: Option<&str>) -> Option<String> {
    let short = slo.thresholds().into_iter().filter_map(|threshold| {
        let samples = class.latency.of(threshold.metric).count();
        let needed = (SAMPLES_ABOVE / (1.0 - threshold.statistic.quantile()?)).round() as u64;
        (samples < needed).then(|| format!("{} has {samples} and needs {needed}", threshold.name()))
    });
    let short: Vec<String> = short.collect();
    let whose = workload.map_or(String::new(), |name| format!(" of `{name}`"));
    (!short.is_empty())
        .then(|| format!("too few samples for a percentile of the slo{whose}: {}", short.join(", ")))
}
