//! Where a run is written down: what happened to requests and groups, as metrics understand it.

use serde_json::{Map, Value};

use super::{
    calls::{Call, Calls},
    steps::Step,
};
use crate::engine::{EngineState, EngineStats, Finished, Gap};
use crate::kubernetes::ClusterEvent;
use crate::metrics::{
    Event, FinishReason, Outcome, PlacementMetrics, RequestRecord, ServerState, StepLine, TimelineRow,
};
use crate::request::RequestId;
use crate::units::{SimDuration, SimTime};

/// What is written besides metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keep {
    /// Rows of the timeline.
    pub(super) timeline: bool,
    /// Changes a client can see.
    pub(super) events: bool,
}

/// Everything one run leaves behind.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) metrics: PlacementMetrics,
    keep: Keep,
    warmup: SimTime,
    /// Tokens put out by each group, and how many those were at the sample before.
    tokens: Vec<(u64, u64)>,
    last_sample: SimTime,
    last_event: SimTime,
}

impl Book {
    pub(super) fn new(metrics: PlacementMetrics, keep: Keep) -> Self {
        Self {
            warmup: metrics.setup().warmup,
            tokens: vec![(0, 0); metrics.setup().groups],
            metrics,
            keep,
            last_sample: SimTime::ZERO,
            last_event: SimTime::ZERO,
        }
    }

    /// When the latest request arrived or ended.
    pub(super) fn last_event(&self) -> SimTime {
        self.last_event
    }

    pub(super) fn arrived(&mut self, call: &Call) {
        self.last_event = self.last_event.max(call.wanted);
        self.metrics.arrived(call.workload, call.wanted);
    }

    /// Whose gaps a request's are counted with: its workload's, or nobody's if it belongs to the warm-up.
    pub(super) fn class(&self, workload: usize, wanted: SimTime) -> u16 {
        let workloads = self.metrics.setup().workloads.len();
        let class = if wanted < self.warmup { workload + workloads } else { workload };
        u16::try_from(class).expect("a scenario has fewer workloads than that")
    }

    /// Gaps between tokens that group `group` put out.
    pub(super) fn gaps(&mut self, group: usize, gaps: &mut Vec<Gap>) {
        let workloads = self.metrics.setup().workloads.len();
        for Gap { gap, count, class, .. } in gaps.drain(..) {
            self.tokens[group].0 += u64::from(count);
            if let Some(servers) = &mut self.metrics.servers {
                servers.gap(group, gap, count);
            }
            let workload = usize::from(class);
            if workload < workloads {
                self.metrics.gap(workload, gap, count);
            }
        }
    }

    pub(super) fn first_token(&mut self, group: usize, call: &Call, at: SimTime) {
        self.tokens[group].0 += 1;
        if let Some(servers) = &mut self.metrics.servers {
            servers.first_token(group, at - call.queued, call.input_tokens);
        }
    }

    /// An engine let go of a request that its client had given up.
    pub(super) fn let_go(&mut self, group: usize) {
        if let Some(servers) = &mut self.metrics.servers {
            servers.aborted(group);
        }
    }

    pub(super) fn retried(&mut self, call: &Call, now: SimTime) {
        self.request_event("request_retried", call, now);
    }

    /// `received`: tokens of an answer that did not come to its end.
    pub(super) fn ended(
        &mut self,
        call: &Call,
        outcome: Outcome,
        end: SimTime,
        finished: Option<&Finished>,
        received: u32,
    ) {
        match outcome {
            Outcome::Completed | Outcome::Unfinished => {}
            Outcome::Rejected => self.request_event("request_rejected", call, end),
            Outcome::Failed | Outcome::TimedOut => self.request_event("request_failed", call, end),
        }
        self.last_event = self.last_event.max(end);
        let record = RequestRecord {
            name: call.name.clone(),
            workload: call.workload,
            group: call.group,
            wanted: call.wanted,
            first_sent: call.first_sent,
            queued: call.queued,
            scheduled: call.scheduled,
            first_token: call.first_token,
            end,
            input_tokens: call.input_tokens,
            output_tokens: finished.map_or(received, |finished| finished.output_tokens),
            cached_tokens: finished.map_or(0, |finished| finished.cached_tokens),
            preemptions: finished.map_or(0, |finished| finished.preemptions),
            attempts: call.attempts,
            outcome,
        };
        if outcome == Outcome::Completed {
            self.served(call, &record);
        }
        self.metrics.request(record);
    }

    fn served(&mut self, call: &Call, record: &RequestRecord) {
        let (Some(servers), Some(group)) = (&mut self.metrics.servers, record.group) else { return };
        // An answer that the model ends with the last token it may have counts as cut (see `Request::output_tokens`).
        let limit = call.length_limit(servers.max_model_len(group));
        let reason = if call.output_tokens < limit { FinishReason::Stop } else { FinishReason::Length };
        servers.finished(group, reason, record);
    }

    /// A new engine serves in a group.
    pub(super) fn server_starts(&mut self, group: usize) {
        if let Some(servers) = &mut self.metrics.servers {
            servers.started(group);
        }
    }

    /// Prometheus reads what the server of a group shows.
    pub(super) fn read_server(
        &mut self,
        group: usize,
        at: SimTime,
        state: &EngineState,
        stats: &EngineStats,
    ) {
        let state = ServerState {
            running: state.running,
            waiting: state.waiting,
            kv_cache_usage: state.kv_cache_usage(),
            preemptions: stats.preemptions,
            prefix_queries: stats.prefix_queries,
            prefix_hits: stats.prefix_hits,
        };
        if let Some(servers) = &mut self.metrics.servers {
            servers.read(group, at, state);
        }
    }

    /// When to read the servers for the last time, if the run ends at `end`: never if that was done already.
    pub(super) fn last_reading(&self, end: SimTime) -> Option<SimTime> {
        let before = self.metrics.servers.as_ref()?.last_reading();
        // A database of milliseconds holds one sample in each.
        let next = before.map_or(SimTime::ZERO, |before| before + SimDuration::from_millis(1));
        before.is_none_or(|before| before < end).then_some(end.max(next))
    }

    fn request_event(&mut self, kind: &'static str, call: &Call, at: SimTime) {
        if self.keep.events {
            let mut fields = Map::new();
            fields.insert("attempts".to_owned(), Value::from(call.attempts));
            let object = call.name.to_string();
            self.metrics.event(Event { at, kind, object, fields });
        }
    }

    /// Something about the cluster.
    pub(super) fn cluster_event(&mut self, event: ClusterEvent) {
        if self.keep.events {
            let ClusterEvent { at, kind, object, fields } = event;
            self.metrics.event(Event { at, kind, object, fields });
        }
    }

    /// `state` is what the group's engine holds, if it has one.
    pub(super) fn sample(&mut self, group: usize, at: SimTime, state: Option<&EngineState>, ready: bool) {
        if !self.keep.timeline {
            return;
        }
        let (now, before) = &mut self.tokens[group];
        let tokens = std::mem::replace(before, *now).abs_diff(*now);
        let elapsed = (at - self.last_sample).as_secs_f64();
        self.metrics.sample(TimelineRow {
            at,
            group,
            running: state.map_or(0, |state| state.running),
            waiting: state.map_or(0, |state| state.waiting),
            kv_cache_usage: state.map_or(0.0, EngineState::kv_cache_usage),
            tokens_per_s: if elapsed > 0.0 { tokens as f64 / elapsed } else { 0.0 },
            ready,
        });
    }

    /// All groups were sampled at `at`.
    pub(super) fn sampled(&mut self, at: SimTime) {
        self.last_sample = at;
    }

    pub(super) fn steps(&mut self, group: usize, steps: Vec<Step>, calls: &Calls) {
        let names = |ids: &[RequestId]| ids.iter().map(|id| calls.name(*id)).collect();
        for step in steps {
            let Step { detail, state, .. } = &step;
            self.metrics.step(StepLine {
                polled: step.polled,
                ended: step.ended,
                group,
                scheduled: detail.scheduled.iter().map(|(id, tokens)| (calls.name(*id), *tokens)).collect(),
                preempted: names(&detail.preempted),
                finished: names(&step.finished),
                batch_size: step.batch_size,
                tokens: step.tokens,
                prefill_tokens: step.prefill_tokens,
                running: state.running,
                waiting: state.waiting,
                free_blocks: state.free_blocks,
                spans: step.spans,
            });
        }
    }
}
