//! `events.jsonl` and `steps.jsonl`. Times have 9 decimals, which a float would not keep.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::decimal::exact_seconds;
use super::groups::Groups;
use super::rows::simulated;
use crate::metrics::{Event, PlacementResult, StepLine};

/// Writes a line a change, in the order of placements and time.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_events(mut out: impl Write, results: &[PlacementResult]) -> io::Result<()> {
    for (placement, simulated) in simulated(results) {
        let mut events: Vec<&Event> = simulated.metrics.events().iter().collect();
        events.sort_by_key(|event| event.at);
        for event in events {
            let mut line = Map::new();
            line.insert("placement".to_owned(), placement.into());
            line.insert("kind".to_owned(), event.kind.into());
            line.insert("object".to_owned(), event.object.as_str().into());
            line.extend(event.fields.clone());
            write_line(&mut out, &format!("\"t_s\":{}", exact_seconds(event.at)), line)?;
        }
    }
    out.flush()
}

/// Writes a line a dispatched batch, in the order of placements and polls; lines are counted per group.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_steps(mut out: impl Write, results: &[PlacementResult]) -> io::Result<()> {
    for (placement, simulated) in simulated(results) {
        let groups = Groups::of(&simulated.deployments);
        let mut steps: Vec<&StepLine> = simulated.metrics.steps().iter().collect();
        steps.sort_by_key(|step| (step.polled, step.group));
        let mut counted = vec![0_u64; simulated.metrics.setup().groups];
        for step in steps {
            let (deployment, group) = groups.name(step.group);
            let mut line = Map::new();
            line.insert("placement".to_owned(), placement.into());
            line.insert("deployment".to_owned(), deployment.into());
            line.insert("group".to_owned(), group.into());
            line.insert("step".to_owned(), counted[step.group].into());
            let scheduled = step.scheduled.iter().map(|(name, tokens)| (name.clone(), Value::from(*tokens)));
            line.insert("scheduled".to_owned(), Value::Object(scheduled.collect()));
            line.insert("preempted".to_owned(), step.preempted.clone().into());
            line.insert("finished".to_owned(), step.finished.clone().into());
            line.insert("running".to_owned(), step.running.into());
            line.insert("waiting".to_owned(), step.waiting.into());
            line.insert("free_blocks".to_owned(), step.free_blocks.into());
            counted[step.group] += 1;
            let (polled, ended) = (exact_seconds(step.polled), exact_seconds(step.ended));
            write_line(&mut out, &format!("\"t_s\":{polled},\"end_s\":{ended}"), line)?;
        }
    }
    out.flush()
}

/// One JSON object on one line: `times` in front, then `rest`, which is never empty.
fn write_line(out: &mut impl Write, times: &str, rest: Map<String, Value>) -> io::Result<()> {
    let rest = Value::Object(rest).to_string();
    writeln!(out, "{{{times},{}", &rest[1..])
}
