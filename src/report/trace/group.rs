//! The engine of one group: its steps stage by stage, its queues, its requests and their way through the steps.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::json;

use super::{
    TraceWindow,
    event::{Flow, Trace, Track},
    request,
};
use crate::metrics::{RequestRecord, Simulated, StepLine, TimelineRow};

/// Thread of the engine core; the stages follow.
const CORE: u32 = 1;

/// What is seen of a group.
pub(super) struct Seen<'a> {
    /// With their numbers in steps.jsonl.
    steps: Vec<(usize, &'a StepLine)>,
    rows: Vec<&'a RequestRecord>,
    samples: Vec<&'a TimelineRow>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(simulated: &'a Simulated, group: usize, window: TraceWindow) -> Self {
        let metrics = &simulated.metrics;
        let mut steps: Vec<&StepLine> = metrics.steps().iter().filter(|step| step.group == group).collect();
        steps.sort_by_key(|step| step.polled);
        let steps = steps.into_iter().enumerate();
        let rows = metrics.rows().iter().filter(|row| row.group == Some(group));
        let mut rows: Vec<_> = rows.filter(|row| window.shows(row.wanted, row.end)).collect();
        rows.sort_by(|a, b| (a.wanted, &a.name).cmp(&(b.wanted, &b.name)));
        let samples = metrics.timeline().iter().filter(|row| row.group == group);
        Self {
            steps: steps.filter(|(_, step)| window.shows(step.polled, step.ended)).collect(),
            rows,
            samples: samples.filter(|row| window.shows(row.at, row.at)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.rows.is_empty() && self.samples.is_empty()
    }

    pub(super) fn write(
        &self,
        trace: &mut Trace<impl Write>,
        process: u32,
        title: &str,
        placement: &str,
        simulated: &Simulated,
    ) -> io::Result<()> {
        trace.process(process, title)?;
        trace.thread(Track { process, thread: CORE }, "engine core")?;
        let stages = self.steps.first().map_or(0, |(_, step)| step.spans.len() - 1) as u32;
        for stage in 0..stages {
            trace.thread(stage_track(process, stage), &format!("stage {stage}"))?;
        }
        for row in &self.samples {
            let requests = json!({"running": row.running, "waiting": row.waiting});
            trace.counter(process, row.at, "requests", requests)?;
            trace.counter(process, row.at, "kv_cache_usage", json!({"part": row.kv_cache_usage}))?;
        }
        for (number, step) in &self.steps {
            write_step(trace, process, *number, step)?;
        }
        let workloads = &simulated.metrics.setup().workloads;
        for row in &self.rows {
            request::write(trace, process, placement, &workloads[row.workload].name, row)?;
        }
        self.write_flows(trace, process, placement)
    }

    /// An arrow a request: from its first step on the first stage, by way of the step that had its first token, to its last
    /// step on the last stage.
    fn write_flows(&self, trace: &mut Trace<impl Write>, process: u32, placement: &str) -> io::Result<()> {
        let way = |row| Way { row, steps: None, first_token: None };
        let mut ways: BTreeMap<String, Way<'_>> =
            self.rows.iter().map(|row| (row.name.to_string(), way(*row))).collect();
        for (index, (_, step)) in self.steps.iter().enumerate() {
            for (name, _) in &step.scheduled {
                if let Some(way) = ways.get_mut(name) {
                    way.passes(index, step);
                }
            }
        }
        for row in &self.rows {
            let way = &ways[&row.name.to_string()];
            let Some((first, last)) = way.steps else { continue };
            let spans = |step: usize| &self.steps[step].1.spans;
            let last_stage = spans(first).len() as u32 - 2;
            if first == last && last_stage == 0 {
                continue;
            }
            let id = request::id(placement, row);
            let mut arrow = |flow, step: usize, stage: u32| {
                let (start, _) = spans(step)[stage as usize + 1];
                trace.flow(flow, stage_track(process, stage), start, &id)
            };
            arrow(Flow::Begins, first, 0)?;
            if let Some(step) = way.first_token.filter(|step| *step != first && *step != last) {
                arrow(Flow::Passes, step, last_stage)?;
            }
            arrow(Flow::Ends, last, last_stage)?;
        }
        Ok(())
    }
}

fn stage_track(process: u32, stage: u32) -> Track {
    Track { process, thread: CORE + 1 + stage }
}

/// The engine core schedules, each stage computes; what the batch holds stands on the first of them.
fn write_step(trace: &mut Trace<impl Write>, process: u32, number: usize, step: &StepLine) -> io::Result<()> {
    let batch = json!({
        "step": number,
        "batch_size": step.batch_size,
        "tokens": step.tokens,
        "prefill_tokens": step.prefill_tokens,
        "preempted": step.preempted.len(),
        "running": step.running,
        "waiting": step.waiting,
        "free_blocks": step.free_blocks,
    });
    let (core, stages) = step.spans.split_first().expect("a step is scheduled before it is computed");
    let track = Track { process, thread: CORE };
    trace.slice(track, *core, ("step", "schedule"), json!({"step": number}))?;
    (0..).zip(stages).try_for_each(|(stage, span)| {
        let args = if stage == 0 { batch.clone() } else { json!({"step": number}) };
        trace.slice(stage_track(process, stage), *span, ("step", "step"), args)
    })
}

/// The steps that a request's last attempt was in.
struct Way<'a> {
    row: &'a RequestRecord,
    /// First and last.
    steps: Option<(usize, usize)>,
    first_token: Option<usize>,
}

impl Way<'_> {
    fn passes(&mut self, index: usize, step: &StepLine) {
        if step.polled < self.row.queued {
            return;
        }
        let first = self.steps.map_or(index, |(first, _)| first);
        self.steps = Some((first, index));
        if self.row.first_token == Some(step.ended) {
            self.first_token.get_or_insert(index);
        }
    }
}
