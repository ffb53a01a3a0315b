//! From a cluster's books to what results say: node hours, money, availability.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::slot::Ended;
use crate::kubernetes::{Account, Cause, NodeHours, Start, StartStage};
use crate::metrics::{Availability, CauseFigures, CostInputs, NodeTime, Spread, StartFigures};
use crate::scenario::ResolvedPlacement;
use crate::units::{SimDuration, SimTime};

fn ns(time: SimDuration) -> u128 {
    u128::from(time.as_nanos())
}

/// What the cost of a run is worked out from.
pub(super) fn cost_inputs(
    placement: &ResolvedPlacement,
    account: &Account,
    ended: &[Vec<Ended>],
    end: SimTime,
) -> CostInputs {
    let mut node_time = NodeTime::default();
    let serving = serving(placement, account.hours(), ended);
    for (hours, serving) in account.hours().iter().zip(serving) {
        node_time.serving += ns(serving);
        node_time.idle += ns(hours.up - serving);
        node_time.starting += ns(hours.starting);
        node_time.down += ns(hours.down);
        node_time.spare += ns(hours.spare);
    }
    let mut usd_total = 0.0;
    let mut whole = true;
    let mut nodes = account.hours();
    for (pool, spec) in placement.pools.iter().zip(&placement.cluster.pools) {
        let (ours, others) = nodes.split_at(spec.slots() as usize);
        nodes = others;
        let paid: u128 = ours.iter().map(|hours| ns(hours.paid())).sum();
        whole &= paid == ns(end - SimTime::ZERO) * u128::from(pool.nodes);
        usd_total += pool.price.usd_per_hour * paid as f64 / 1e9 / 3600.0;
    }
    let usd_per_hour = placement.usd_per_hour();
    let usages = || ended.iter().flatten().map(|engine| &engine.usage);
    let prices = placement.pools.iter().map(|pool| &pool.price);
    CostInputs {
        nodes: placement.nodes(),
        gpus: placement.gpus(),
        usd_per_hour,
        // The same sum, without the rounding of its parts.
        usd_total: if whole {
            usd_per_hour * (end - SimTime::ZERO).as_secs_f64() / 3600.0
        } else {
            usd_total
        },
        price_date: prices.clone().map(|price| price.date.clone()).min().unwrap_or_default(),
        price_source: prices.map(|price| price.source.clone()).next().unwrap_or_default(),
        prefill: usages().map(|usage| usage.prefill).sum(),
        decode: usages().map(|usage| usage.decode).sum(),
        node_time,
    }
}

/// Time in which each node's engines had requests.
///
/// A node that groups share is serving while any of them is; the longest of them is what is known without a clock. Groups
/// that fill a node follow one another on it.
fn serving(placement: &ResolvedPlacement, hours: &[NodeHours], ended: &[Vec<Ended>]) -> Vec<SimDuration> {
    let mut sums = vec![SimDuration::ZERO; hours.len()];
    let mut first = 0;
    for (deployment, spec) in placement.deployments.iter().zip(&placement.cluster.deployments) {
        let shared = 2 * spec.gpus_per_pod <= placement.cluster.pools[spec.pool].gpus;
        for slot in &ended[first..first + deployment.slots as usize] {
            let mut ours = BTreeMap::<usize, SimDuration>::new();
            for engine in slot {
                let mut nodes = engine.nodes.clone();
                nodes.dedup();
                for node in nodes {
                    *ours.entry(node).or_default() += engine.usage.serving;
                }
            }
            for (node, time) in ours {
                sums[node] = if shared { sums[node].max(time) } else { sums[node] + time };
            }
        }
        first += deployment.slots as usize;
    }
    sums.into_iter().zip(hours).map(|(serving, hours)| serving.min(hours.up)).collect()
}

/// How long a placement could serve; `drains` are the times its backlogs took [s].
pub(super) fn availability(account: &Account, drains: &[f64]) -> Availability {
    let mut by_cause: BTreeMap<String, CauseFigures> = BTreeMap::new();
    for (cause, count) in account.faults() {
        by_cause.entry(cause.name().to_owned()).or_default().faults = *count as f64;
    }
    let downtimes = account.downtimes();
    for downtime in &downtimes {
        // Before the first group was ready, or while none is wanted.
        let nothing_failed = if downtime.from == SimTime::ZERO { "start" } else { "scaled_to_zero" };
        let cause = downtime.cause.map_or(nothing_failed, Cause::name);
        by_cause.entry(cause.to_owned()).or_default().downtime_s +=
            (downtime.to - downtime.from).as_secs_f64();
    }
    let recovered = |start: &Start| start.recovery.map(|recovery| recovery.cause);
    let mut by_recovery: BTreeMap<_, Vec<&Start>> = BTreeMap::new();
    for start in account.starts() {
        by_recovery.entry(recovered(start)).or_default().push(start);
    }
    let mut all = Vec::new();
    let mut starts = None;
    for (cause, group) in by_recovery {
        let times: Vec<f64> = group.iter().map(|start| time_of(start).as_secs_f64()).collect();
        let time = Spread::of(&times).expect("a cause with recoveries");
        let stages_s = stages(&group);
        if let Some(cause) = cause {
            let figures = by_cause.entry(cause.name().to_owned()).or_default();
            figures.recoveries = group.len() as f64;
            figures.time_to_recover = Some(time);
            figures.stages_s = stages_s;
            all.extend(times);
        } else {
            starts = Some(StartFigures { count: group.len() as f64, time, stages_s });
        }
    }
    let down: SimDuration = downtimes.iter().map(|downtime| downtime.to - downtime.from).sum();
    let span = account.end().as_secs_f64();
    Availability {
        fraction: if span > 0.0 { 1.0 - down.as_secs_f64() / span } else { 1.0 },
        fraction_interval: None,
        capacity_fraction: account.capacity_fraction(),
        group_restarts: account.group_restarts() as f64,
        downtime_s: down.as_secs_f64(),
        mean_time_to_recover_s: Spread::of(&all).map(|spread| spread.mean_s),
        by_cause,
        starts,
        backlog_drain: Spread::of(drains),
    }
}

/// From the fault, or from the first pod, to ready.
fn time_of(start: &Start) -> SimDuration {
    let boot: SimDuration = start.stages.iter().copied().sum();
    start.recovery.map_or(start.retries + boot, |recovery| start.ready - recovery.fault)
}

/// Mean length of each stage [s].
fn stages(starts: &[&Start]) -> Map<String, Value> {
    let mut stages = Map::new();
    let mut mean = |name: &str, length: &dyn Fn(&Start) -> Option<SimDuration>| {
        let lengths: Vec<f64> =
            starts.iter().filter_map(|start| length(start)).map(SimDuration::as_secs_f64).collect();
        if let Some(Spread { mean_s, .. }) = Spread::of(&lengths) {
            stages.insert(name.to_owned(), mean_s.into());
        }
    };
    mean("detection", &|start| start.recovery.map(|recovery| recovery.detection));
    mean("termination", &|start| start.recovery.map(|recovery| recovery.termination));
    if starts.iter().any(|start| start.retries > SimDuration::ZERO) {
        mean("retries", &|start| Some(start.retries));
    }
    for stage in StartStage::ALL {
        mean(stage.name(), &|start| Some(start.stages[stage as usize]));
    }
    stages
}
