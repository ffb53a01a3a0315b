//! The planned peak when a node is missing with its groups, and when one dies in it; what too few spare groups leave.

use rayon::prelude::*;

use super::{
    candidates::Spec,
    figures::p95s,
    fleet::{Ground, NoRun},
    uptime::Uptime,
};
use crate::report::plan::{FaultAtPeak, OneDown, Redundancy};
use crate::scenario::{EventArgs, FailArgs};
use crate::simulation::Options;
use crate::units::SimDuration;

/// Beyond the need, each as many groups as a node holds.
const SPARES: [u32; 3] = [0, 1, 2];
/// Traffic goes on for so long after a node has died.
const AFTER_FAULT: SimDuration = SimDuration::from_secs(3_600);

/// As many groups as needed, what one node and two hold more, and what was chosen; each with a node away and with one that dies.
pub(super) fn redundancy(
    ground: &Ground<'_>,
    spec: &Spec,
    (groups, chosen): (u32, u32),
    uptime: Option<Uptime>,
) -> Result<Vec<Redundancy>, NoRun> {
    let per_node = spec.candidate.groups_per_node;
    let mut spares = SPARES.map(|nodes| nodes * per_node).to_vec();
    spares.push(chosen);
    spares.sort_unstable();
    spares.dedup();
    let of = |spare: u32| {
        let all = groups + spare;
        let groups_lost = per_node.min(all);
        let one_down = match all - groups_lost {
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
            availability: uptime.map(|uptime| uptime.ready(groups, all, per_node)),
            groups_lost_with_a_node: groups_lost,
            one_down,
            fault: fault(ground, spec, all)?,
        })
    };
    spares.into_par_iter().map(of).collect()
}

/// The availability that a fleet of groups and spare groups reaches, in a sentence, where it is below the slo.
pub(super) fn too_seldom(
    ground: &Ground<'_>,
    spec: &Spec,
    (groups, spare): (u32, u32),
    uptime: Uptime,
) -> Option<String> {
    let target = ground.availability?;
    let per_node = spec.candidate.groups_per_node;
    let (all, percent) = (groups + spare, |part: f64| format!("{:.4} %", part * 100.0));
    let ready = uptime.ready(groups, all, per_node);
    let why = if per_node > 1 && all <= per_node {
        let up = percent(uptime.of_one_node());
        format!(": all share one node, and no fleet on it is ready more often than the node is up, {up}")
    } else if per_node > 1 {
        format!(": one node takes {} of them with it", per_node.min(all))
    } else {
        String::new()
    };
    (ready < target).then(|| {
        format!(
            "{groups} of {all} groups are ready {} of the time, as a bound, below {}{why}",
            percent(ready),
            percent(target)
        )
    })
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
