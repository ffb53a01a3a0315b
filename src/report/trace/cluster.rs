//! The cluster of one placement: nodes and pods with their states, what happens to them, what clients notice.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::{Value, json};

use super::{
    TraceWindow,
    event::{Trace, Track},
    request,
};
use crate::metrics::{Event, Simulated};
use crate::units::SimTime;

/// What an event does to the state of its object.
enum Change {
    /// It is in that state from now on.
    To(&'static str),
    /// It is no more.
    Gone,
    /// It stays as it is.
    None,
}

/// A state and since when.
type State = (&'static str, SimTime);

pub(super) fn write(
    trace: &mut Trace<impl Write>,
    process: u32,
    placement: &str,
    simulated: &Simulated,
    window: TraceWindow,
) -> io::Result<()> {
    let metrics = &simulated.metrics;
    let mut events: Vec<&Event> = metrics.events().iter().collect();
    events.sort_by_key(|event| event.at);
    trace.process(process, &format!("{placement} cluster"))?;
    let mut threads = BTreeMap::new();
    for (thread, (title, name)) in (1..).zip(titles(&events)) {
        let track = Track { process, thread };
        trace.thread(track, &title)?;
        threads.insert(name, (track, None));
    }
    for event in &events {
        let (track, state) = threads.get_mut(owner(event)).expect("every owner of an event has a track");
        move_on(trace, *track, state, event, window)?;
    }
    for (track, state) in threads.values() {
        if let Some(state) = state {
            write_state(trace, *track, *state, simulated.end, window)?;
        }
    }
    let nowhere = metrics.rows().iter().filter(|row| row.group.is_none());
    nowhere.filter(|row| window.shows(row.wanted, row.end)).try_for_each(|row| {
        request::write(trace, process, placement, &metrics.setup().workloads[row.workload].name, row)
    })
}

/// On whose track an event stands: requests share one.
fn owner(event: &Event) -> &str {
    if event.kind.starts_with("request_") { "clients" } else { &event.object }
}

/// Nodes, pods, what else there is, and clients, each kind in the order of their first events: what each is called on its
/// track and in events.
fn titles<'a>(events: &[&'a Event]) -> Vec<(String, &'a str)> {
    let mut ranks: BTreeMap<&str, (u8, usize)> = BTreeMap::new();
    for (order, event) in events.iter().enumerate() {
        let rank = match event.kind.split('_').next() {
            Some("node") => 0,
            Some("pod") => 1,
            Some("request") => 3,
            _ => 2,
        };
        let (known, _) = ranks.entry(owner(event)).or_insert((rank, order));
        *known = rank.min(*known);
    }
    let mut found: Vec<_> = ranks.into_iter().collect();
    found.sort_by_key(|(_, place)| *place);
    let title = |(name, (rank, _)): (&'a str, (u8, usize))| match rank {
        0 => (format!("node {name}"), name),
        1 => (format!("pod {name}"), name),
        _ => (name.to_owned(), name),
    };
    found.into_iter().map(title).collect()
}

/// A change of state ends the state before; everything else is marked.
fn move_on(
    trace: &mut Trace<impl Write>,
    track: Track,
    state: &mut Option<State>,
    event: &Event,
    window: TraceWindow,
) -> io::Result<()> {
    let next = match change(event, state.map(|(name, _)| name)) {
        Change::To(name) => Some((name, event.at)),
        Change::Gone => None,
        Change::None if !window.shows(event.at, event.at) => return Ok(()),
        Change::None => {
            let mut args = event.fields.clone();
            if event.object != owner(event) {
                args.insert("object".to_owned(), event.object.as_str().into());
            }
            return trace.instant(track, event.at, event.kind, Value::Object(args));
        }
    };
    if let Some(before) = std::mem::replace(state, next) {
        write_state(trace, track, before, event.at, window)?;
    }
    Ok(())
}

fn write_state(
    trace: &mut Trace<impl Write>,
    track: Track,
    (name, since): State,
    end: SimTime,
    window: TraceWindow,
) -> io::Result<()> {
    if since < end && window.shows(since, end) {
        trace.slice(track, (since, end), ("state", name), json!({}))?;
    }
    Ok(())
}

/// What an event does to an object in state `now`. A pod that ends does nothing else; one that is ready stays so while its
/// group starts.
fn change(event: &Event, now: Option<&str>) -> Change {
    match event.kind {
        "node_removed" | "pod_deleted" => Change::Gone,
        "pod_created" => Change::To("pending"),
        _ if now == Some("terminating") => Change::None,
        "node_provisioned" => Change::To("provisioning"),
        "node_ready" | "pod_ready" => Change::To("ready"),
        "node_not_ready" | "pod_unready" => Change::To("not ready"),
        // With a field it tells what of the node is mended.
        "node_repaired" if event.fields.is_empty() => Change::To("ready"),
        "pod_scheduled" => Change::To("scheduled"),
        "pod_restarting" => Change::To("restarting"),
        "pod_deleting" => Change::To("terminating"),
        kind if now != Some("ready") => start_stage(kind).map_or(Change::None, Change::To),
        _ => Change::None,
    }
}

/// The state that a pod on its way up is in.
fn start_stage(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "pod_pulling" => "pulling",
        "pod_started" => "started",
        "pod_initialising" => "initialising",
        "pod_loading" => "loading",
        "pod_compiling" => "compiling",
        "pod_capturing" => "capturing",
        "pod_serving" => "serving",
        _ => return None,
    })
}
