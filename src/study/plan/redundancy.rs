//! The planned peak when a group is missing, and when a node dies in it.

use rayon::prelude::*;

use super::{
    candidates::Spec,
    figures::p95s,
    fleet::{Ground, NoRun},
    incident::all_ready,
};
use crate::report::plan::{FaultAtPeak, OneDown, Redundancy};
use crate::scenario::{EventArgs, FailArgs};
use crate::simulation::Options;
use crate::units::SimDuration;

/// Beyond the need.
const SPARES: [u32; 3] = [0, 1, 2];
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
    SPARES.into_par_iter().map(of).collect()
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
