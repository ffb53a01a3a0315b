//! The planned peak when something is missing, and what one group does as its rate rises.

use super::{
    candidates::Spec,
    figures::{p95s, served},
    fleet::{Ground, NoRun, with_timeline},
    incident::all_ready,
};
use crate::metrics::{Simulated, TimelineRow};
use crate::report::plan::{FaultAtPeak, Knee, KneePoint, OneDown, Redundancy};
use crate::scenario::{EventArgs, FailArgs};
use crate::simulation::Options;
use crate::study::bisection;
use crate::units::{SimDuration, SimTime};

/// Beyond the need.
const SPARES: [u32; 3] = [0, 1, 2];
/// Rates of the knee chart, over the highest within the slo.
const KNEE: [f64; 10] = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.05, 1.1, 1.2];
/// Traffic goes on for so long after a node has died.
const AFTER_FAULT: SimDuration = SimDuration::from_secs(3_600);

/// N, N+1 and N+2 groups, each with one of them away and with a node that dies.
pub(super) fn redundancy(
    ground: &Ground<'_>,
    spec: &Spec,
    groups: u32,
    group_availability: Option<f64>,
) -> Result<Vec<Redundancy>, NoRun> {
    let of = |spare: u32| {
        let all = groups + spare;
        let one_down = match all - 1 {
            0 => None,
            left => {
                let run = ground.run(spec, left, 1.0)?;
                let (ttft_p95_ms, tpot_p95_ms) = p95s(&run.simulated);
                Some(OneDown { slo_met: run.limited_by.is_none(), ttft_p95_ms, tpot_p95_ms })
            }
        };
        Ok(Redundancy {
            spare_groups: spare,
            groups: all,
            nodes: spec.nodes(all),
            usd_per_month: spec.usd_per_month(all),
            availability: group_availability.map(|each| all_ready(groups, spare, each)),
            one_down,
            fault: fault(ground, spec, all)?,
        })
    };
    SPARES.into_iter().map(of).collect()
}

/// The first node dies when the warm-up is over; none where arrivals end by themselves, since then nobody knows how long they last.
fn fault(ground: &Ground<'_>, spec: &Spec, groups: u32) -> Result<Option<FaultAtPeak>, NoRun> {
    let Some(duration) = ground.duration() else { return Ok(None) };
    let at =
        ground.warmup() + SimDuration::from_nanos((duration - ground.warmup().min(duration)).as_nanos() / 4);
    let fail = FailArgs { node: Some("nodes-0".to_owned()), ..FailArgs::default() };
    let event = EventArgs::failure(at, fail);
    let resolved = ground.struck(spec, groups, event, duration + AFTER_FAULT)?;
    let options = Options { live: true, ..Options::figures(1.0) };
    let simulated = ground.judge(&resolved, &options)?.simulated;
    let overall = simulated.metrics.overall();
    let arrived = overall.requests.arrived.max(1) as f64;
    Ok(Some(FaultAtPeak {
        requests_failed: overall.requests.failed,
        retry_amplification: 1.0 + overall.requests.retried as f64 / arrived,
        time_to_recover_s: simulated.availability.mean_time_to_recover_s,
        backlog_drain_s: simulated.availability.backlog_drain.map(|drain| drain.max_s),
        ttft_p95_ms: p95s(&simulated).0,
    }))
}

/// Latency over the rate of one group, and where to page.
pub(super) fn knee(ground: &Ground<'_>, spec: &Spec, planned: f64) -> Result<(Knee, Option<f64>), NoRun> {
    let floor = spec.candidate.floor.expect("what is simulated has a floor");
    // The analytic most is near; the search starts there.
    let start = floor.requests_per_s_per_group / planned;
    let resolved = ground.resolved(spec, 1)?;
    let mut lowest_failing: Option<(f64, String)> = None;
    let bracket = bisection::search(|multiple| {
        let factor = start * multiple;
        let limit = ground.judge(&resolved, &Options::figures(factor))?.limited_by;
        if let Some(limit) = limit.clone()
            && lowest_failing.as_ref().is_none_or(|(known, _)| factor < *known)
        {
            lowest_failing = Some((factor, limit));
        }
        Ok::<_, NoRun>(limit.is_none())
    })?;
    let capacity = start * bracket.meets.unwrap_or_default();
    let mut points = Vec::new();
    let mut pages = (0.0, 0.0);
    let mut usd_per_million = None;
    for part in KNEE.into_iter().filter(|_| capacity > 0.0) {
        let run = ground.judge(&resolved, &with_timeline(capacity * part))?;
        let (ttft_p95_ms, tpot_p95_ms) = p95s(&run.simulated);
        let rows = steady_rows(&run.simulated);
        let waiting = rows.iter().map(|row| f64::from(row.waiting)).collect();
        let used = rows.iter().map(|row| row.kv_cache_usage).collect();
        let (waiting, used) = (Sampled::of(waiting), Sampled::of(used));
        if part.total_cmp(&1.0).is_eq() {
            pages = (waiting.p95, used.p95);
            let tokens = served(&run.simulated);
            let tokens_per_s = tokens.input_tokens_per_s + tokens.output_tokens_per_s;
            // A group's share of its nodes: groups that share one pay for a part of it.
            let usd_per_hour = spec.candidate.usd_per_node_hour * f64::from(spec.candidate.nodes_per_group)
                / f64::from(spec.candidate.groups_per_node);
            usd_per_million = (tokens_per_s > 0.0).then(|| usd_per_hour / 3600.0 / tokens_per_s * 1e6);
        }
        points.push(KneePoint {
            requests_per_s: planned * capacity * part,
            ttft_p95_ms,
            tpot_p95_ms,
            num_requests_waiting: waiting.mean,
            kv_cache_usage_perc: used.mean,
            slo_met: run.limited_by.is_none(),
        });
    }
    let knee = Knee {
        points,
        max_requests_per_s_at_slo: planned * capacity,
        limited_by: lowest_failing.map_or_else(|| "not found".to_owned(), |(_, limit)| limit),
        page_num_requests_waiting: pages.0,
        page_kv_cache_usage_perc: pages.1,
    };
    Ok((knee, usd_per_million))
}

/// The samples between the warm-up and the last arrival.
fn steady_rows(simulated: &Simulated) -> Vec<&TimelineRow> {
    let metrics = &simulated.metrics;
    let last = metrics.arrivals().map_or(SimTime::ZERO, |(_, last)| last);
    let rows = metrics.timeline().iter();
    rows.filter(|row| row.at >= metrics.setup().warmup && row.at <= last).collect()
}

/// What samples say.
struct Sampled {
    mean: f64,
    p95: f64,
}

impl Sampled {
    fn of(mut values: Vec<f64>) -> Self {
        if values.is_empty() {
            return Self { mean: 0.0, p95: 0.0 };
        }
        values.sort_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let rank = (values.len() as f64 * 0.95).ceil() as usize;
        Self { mean, p95: values[rank.max(1) - 1] }
    }
}
