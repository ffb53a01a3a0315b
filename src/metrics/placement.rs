//! The accumulator a simulation of one placement fills.

use std::borrow::Cow;

use crate::units::{SimDuration, SimTime};

use super::{
    ClassMetrics, Distribution, Event, GoodputArgs, RequestRecord, Seconds, ServerLog, SloArgs, StepLine,
    TimelineRow,
};

/// How many rows of `requests.csv` are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepRows {
    /// Every request.
    All,
    /// No request.
    #[default]
    None,
    /// The first so many that ended.
    First(usize),
}

/// One class of traffic, as far as metrics care.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadSetup {
    /// Its name.
    pub name: String,
    /// Its own slo; its requests are held against the scenario's without one.
    pub slo: Option<SloArgs>,
    /// Whether its client limits the number of open requests, so that they may wait there.
    pub client_queue: bool,
}

/// What to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsSetup {
    /// The classes of traffic, in file order.
    pub workloads: Vec<WorkloadSetup>,
    /// The scenario's slo.
    pub slo: Option<SloArgs>,
    /// Requests that arrive before it are left out of every metric.
    pub warmup: SimTime,
    /// Groups of all deployments together.
    pub groups: usize,
    /// Rows to keep.
    pub keep_rows: KeepRows,
}

/// Everything measured in a run of one placement. Every method takes constant time.
#[derive(Clone, Debug)]
pub struct PlacementMetrics {
    setup: MetricsSetup,
    goodput: Vec<GoodputArgs>,
    classes: Vec<ClassMetrics>,
    /// Gaps of all classes together; with a single class they are kept there.
    itl: Distribution,
    seconds: Seconds,
    first_arrival: Option<SimTime>,
    last_arrival: SimTime,
    rows: Vec<RequestRecord>,
    timeline: Vec<TimelineRow>,
    events: Vec<Event>,
    steps: Vec<StepLine>,
    /// What servers count of themselves, where somebody reads it.
    pub servers: Option<ServerLog>,
}

impl PlacementMetrics {
    /// Nothing measured yet.
    pub fn new(setup: MetricsSetup) -> Self {
        let slos = setup.workloads.iter().map(|workload| workload.slo.or(setup.slo).unwrap_or_default());
        Self {
            goodput: slos.map(|slo| slo.goodput()).collect(),
            classes: vec![ClassMetrics::default(); setup.workloads.len()],
            setup,
            itl: Distribution::default(),
            seconds: Seconds::default(),
            first_arrival: None,
            last_arrival: SimTime::ZERO,
            rows: Vec::new(),
            timeline: Vec::new(),
            events: Vec::new(),
            steps: Vec::new(),
            servers: None,
        }
    }

    /// A client wants to send a request.
    pub fn arrived(&mut self, workload: usize, at: SimTime) {
        if at >= self.setup.warmup {
            self.classes[workload].requests.arrived += 1;
            self.first_arrival = Some(self.first_arrival.map_or(at, |first| first.min(at)));
            self.last_arrival = self.last_arrival.max(at);
            self.seconds.arrived(at);
        }
    }

    /// A request ended, or the run did before it. Rows are kept of warm-up requests too.
    pub fn request(&mut self, record: RequestRecord) {
        if record.wanted >= self.setup.warmup {
            let workload = record.workload;
            self.classes[workload].request(&record, &self.goodput[workload]);
            self.seconds.request(&record);
        }
        let keep = match self.setup.keep_rows {
            KeepRows::All => true,
            KeepRows::None => false,
            KeepRows::First(rows) => self.rows.len() < rows,
        };
        if keep {
            self.rows.push(record);
        }
    }

    /// `count` requests of one class received a token each, `gap` after the one before. The caller leaves requests of the
    /// warm-up out.
    pub fn gap(&mut self, workload: usize, gap: SimDuration, count: u32) {
        self.classes[workload].latency.itl.record_n(gap, count);
        if self.classes.len() > 1 {
            self.itl.record_n(gap, count);
        }
    }

    /// A sample of a group's state.
    pub fn sample(&mut self, row: TimelineRow) {
        self.timeline.push(row);
    }

    /// Something changed.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// A batch was dispatched, and its result applied.
    pub fn step(&mut self, line: StepLine) {
        self.steps.push(line);
    }

    /// What was to be measured.
    pub fn setup(&self) -> &MetricsSetup {
        &self.setup
    }

    /// One class by its index.
    pub fn class(&self, workload: usize) -> &ClassMetrics {
        &self.classes[workload]
    }

    /// All classes together.
    pub fn overall(&self) -> Cow<'_, ClassMetrics> {
        if let [class] = self.classes.as_slice() {
            return Cow::Borrowed(class);
        }
        let mut overall = ClassMetrics::default();
        self.classes.iter().for_each(|class| overall.merge_requests(class));
        overall.latency.itl = self.itl.clone();
        Cow::Owned(overall)
    }

    /// The run by seconds, warm-up requests left out.
    pub fn seconds(&self) -> &Seconds {
        &self.seconds
    }

    /// First and last arrival after the warm-up.
    pub fn arrivals(&self) -> Option<(SimTime, SimTime)> {
        self.first_arrival.map(|first| (first, self.last_arrival))
    }

    /// The kept requests, in the order in which they were recorded.
    pub fn rows(&self) -> &[RequestRecord] {
        &self.rows
    }

    /// The samples, in the order of time.
    pub fn timeline(&self) -> &[TimelineRow] {
        &self.timeline
    }

    /// The changes, as recorded.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The dispatched batches, as recorded.
    pub fn steps(&self) -> &[StepLine] {
        &self.steps
    }
}
